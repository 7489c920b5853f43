// For pages without plotly: figures are SVG made here, drawn again when the width changes.

const SVG = "http://www.w3.org/2000/svg";

/** An element of a drawing. */
function shape(parent, tag, attributes = {}, text = "") {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text) node.textContent = text;
  parent.append(node);
  return node;
}

/** Round steps of an axis between two values. */
function ticks(low, high, wanted) {
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => power * factor >= rough);
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high + 1e-9; i += 1) found.push(i * step);
  return found;
}

/** A table; cells are text, or nodes. Names in the first column may break after an underscore. */
function table(caption, heads, rows, textColumns) {
  for (const row of rows) row[0] = row[0].replaceAll("_", "_\u200b");
  const cell = (tag, content, i) => make(i === 0 ? "th" : tag, { ...(i === 0 ? { scope: tag === "th" ? "col" : "row", class: "text" } : {}), ...(textColumns.includes(i) ? { class: "text" } : {}) }, content);
  const head = make("tr", {}, ...heads.map((text, i) => cell("th", text, i)));
  const body = make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((content, i) => cell("td", content, i)))));
  return make("table", {}, make("caption", {}, caption), make("thead", {}, head), body);
}

/** Cosines of random pairs as a histogram, from their quantiles: the share between two cosines is what lies below one and not the other. */
function drawCosines(host, calibration, colour, low, high) {
  const width = Math.max(240, host.clientWidth), height = 170, left = 8, right = 38, top = 22, bottom = height - 24, bins = 50;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("height", height);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", "Histogram of the cosines of random pairs; its thresholds stand in the table below");
  const { cosine, percent } = calibration;
  const below = (value) => {
    const i = cosine.findIndex((each) => each > value);
    if (i <= 0) return i < 0 ? 100 : 0;
    return percent[i - 1] + ((percent[i] - percent[i - 1]) * (value - cosine[i - 1])) / (cosine[i] - cosine[i - 1]);
  };
  const edges = Array.from({ length: bins + 1 }, (_, i) => low + ((high - low) * i) / bins);
  const shares = edges.slice(1).map((edge, i) => below(edge) - below(edges[i]));
  const most = Math.max(...shares);
  const x = (value) => left + ((value - low) / (high - low)) * (width - left - right);
  shares.forEach((share, i) => {
    const tall = (share / most) * (bottom - top);
    const bar = shape(svg, "rect", { x: x(edges[i]), y: bottom - tall, width: (width - left - right) / bins, height: tall, fill: colour, "data-share": share });
    shape(bar, "title", {}, `${share.toFixed(2)} % from ${readable(edges[i])} to ${readable(edges[i + 1])}`);
  });
  Object.entries(calibration.thresholds).forEach(([name, { cosine: at }], i) => {
    shape(svg, "line", { x1: x(at), x2: x(at), y1: top, y2: bottom, stroke: "#1d2733", "stroke-dasharray": "3 3" });
    shape(svg, "text", { x: x(at), y: 14, "text-anchor": i ? "start" : "end", class: "soft" }, name);
  });
  for (const tick of ticks(low, high, 5)) shape(svg, "text", { x: x(tick), y: height - 6, "text-anchor": "middle", class: "soft" }, `${+tick.toPrecision(3)}`.replace("-", "−"));
  host.replaceChildren(svg);
}

/** The histograms of raw vectors and of corrected ones on one axis, each in a card of its own. */
function drawPair(host, calibrations, nameOf) {
  const removals = Object.keys(calibrations);
  const ends = removals.flatMap((removal) => [calibrations[removal].cosine[0], calibrations[removal].cosine.at(-1)]);
  host.replaceChildren(...removals.map((removal) => make("figure", { class: "card" }, make("h3", {}, nameOf(removal)), make("div", { id: `cosines-${removal}` }))));
  for (const removal of removals) drawCosines(byId(`cosines-${removal}`), calibrations[removal], removal === "none" ? "#5b6775" : "#009e73", Math.min(...ends), Math.max(...ends));
}
