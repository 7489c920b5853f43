// The rotatable view of one layer: tokens on the three leading principal components.

const GROUP_COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d1f", "#000000"];
const GROUP_SYMBOLS = ["circle", "diamond", "square", "cross", "x"]; // told apart by shape as well
const SNIPPET = 60; // characters of the sentence on each side of the token
const LINE = 42; // characters of a line of hover text

/** Text for a plotly label, which reads a few tags: with none left to read. */
function escapeText(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** The sentence of a point cut in three, before, token and after; null for a row of a table. */
function inSentence(sample, index) {
  if (sample.sentence[index] === null) return null;
  const text = sample.sentences[sample.sentence[index]];
  const [start, end] = sample.span[index];
  return [text.slice(0, start), text.slice(start, end), text.slice(end)];
}

/** Hover text of a point: the token, and where it stands in its sentence, in short lines. */
function hoverText(sample, index) {
  const lines = [`<b>${escapeText(sample.token[index])}</b>`];
  const parts = inSentence(sample, index);
  if (parts) {
    const [before, token, after] = parts;
    const left = before.length > SNIPPET ? `…${before.slice(-SNIPPET)}` : before;
    const right = after.length > SNIPPET ? `${after.slice(0, SNIPPET)}…` : after;
    const marked = `${left}\u0001${token}\u0002${right}`;
    for (const line of marked.match(new RegExp(`.{1,${LINE}}(\\s|$)|.{1,${LINE}}`, "gsu"))) {
      lines.push(escapeText(line.trimEnd()).replace("\u0001", "<b>").replace("\u0002", "</b>"));
    }
  }
  return lines.join("<br>");
}

/** The points by colour: one trace for a scale, or one for each cluster or word group. */
function cloudTraces() {
  const { xyz, curves } = mapNow();
  const sample = encoderNow().sample;
  sample.hover ??= sample.token.map((_, index) => hoverText(sample, index));
  const trace = (indices, name, marker) => ({
    type: "scatter3d", mode: "markers", name, showlegend: Boolean(name), customdata: indices,
    x: indices.map((index) => xyz[0][index]), y: indices.map((index) => xyz[1][index]), z: indices.map((index) => xyz[2][index]),
    text: indices.map((index) => sample.hover[index]), hovertemplate: "%{text}<extra></extra>",
    marker: { size: 3.5, opacity: 0.85, line: { width: 0 }, ...marker },
  });
  const where = (test) => sample.token.flatMap((_, index) => (test(index) ? [index] : []));
  const look = (index) => ({ color: GROUP_COLOURS[index % GROUP_COLOURS.length], symbol: GROUP_SYMBOLS[index % GROUP_SYMBOLS.length] });

  if (state.colouring === "frequency") {
    const known = where((index) => sample.log10_frequency[index] !== null);
    const unknown = where((index) => sample.log10_frequency[index] === null);
    const bar = { title: { text: "log₁₀ frequency", side: "top" }, orientation: "h", thickness: 10, len: 0.6, y: 0, yanchor: "top", outlinewidth: 0 };
    const scale = { color: known.map((index) => sample.log10_frequency[index]), colorscale: "Cividis", showscale: true, colorbar: bar };
    return [trace(known, "", scale), ...(unknown.length ? [trace(unknown, "unknown", { color: "#b9c2cc" })] : [])];
  }
  if (state.colouring === "cluster") {
    return [...new Set(curves.cluster)].sort((a, b) => a - b)
      .map((cluster) => trace(where((index) => curves.cluster[index] === cluster), `cluster ${cluster + 1}`, look(cluster)));
  }
  const others = trace(where((index) => sample.group[index] === null), "other words", { color: "#c5ccd4", size: 2.5, opacity: 0.45 });
  const groups = sample.groups.map((words, group) => trace(
    where((index) => sample.group[index] === group), escapeText(`${words.slice(0, 3).join(", ")}${words.length > 3 ? ", …" : ""}`), { size: 4.5, ...look(group) },
  ));
  return [others, ...groups];
}

const CLOUD_DEFINITIONS = {
  frequency: "Colour: log₁₀ of the frequency of the token's type in running text; grey where it is unknown.",
  cluster: "Colour and shape: k-means clusters of the layer's vectors, K* of them; a single one if there are none to speak of.",
  group: "Colour and shape: the word groups asked for.",
};

function drawCloud() {
  const { curves } = mapNow();
  const axis = (number) => {
    const share = curves.point_variance?.[number];
    const text = `PC ${number + 1}${share === undefined ? "" : ` (${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %)`}`;
    return { title: { text, font: { size: 13 } }, showticklabels: false, showspikes: false, gridcolor: "#e3e7ec", zerolinecolor: "#c3cbd4", showbackground: false };
  };
  byId("cloud-definition").textContent = "Centred vectors on the three leading principal components of the layer, after the removal if one is chosen; "
    + `in brackets the share of the variance along each. The points are a uniform sample, the same tokens in every view. ${CLOUD_DEFINITIONS[state.colouring]}`;
  byId("reading").textContent = "Touch a dot to read it in its sentence.";
  Plotly.react("cloud", cloudTraces(), {
    margin: { l: 0, r: 0, t: 0, b: 0 }, font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: "#1d2733" },
    paper_bgcolor: "rgba(0,0,0,0)", uirevision: "kept", hovermode: "closest",
    scene: { xaxis: axis(0), yaxis: axis(1), zaxis: axis(2), aspectmode: "auto", camera: { eye: { x: 1.35, y: 1.35, z: 0.75 }, center: { x: 0, y: 0, z: -0.12 } }, dragmode: "orbit" },
    hoverlabel: { bgcolor: "#ffffff", bordercolor: "#8a95a1", font: { color: "#1d2733", size: 13 }, align: "left" },
    legend: { orientation: "h", y: 0, yanchor: "top", x: 0, itemsizing: "constant" },
  }, { displaylogo: false, displayModeBar: false, responsive: true });
  const cloud = byId("cloud");
  if (!cloud.dataset.listening) {
    cloud.dataset.listening = "true";
    for (const event of ["plotly_hover", "plotly_click"]) cloud.on(event, ({ points }) => read(points[0].customdata));
  }
}

/** Show a point in its sentence below the view, where there is room for all of it. */
function read(index) {
  const sample = encoderNow().sample;
  const parts = inSentence(sample, index);
  const frequency = sample.log10_frequency[index];
  const facts = [sample.token[index], frequency === null ? "frequency unknown" : `log₁₀ frequency ${frequency.toFixed(2).replace("-", "−")}`,
    `cluster ${mapNow().curves.cluster[index] + 1}`];
  const sentence = parts ? [parts[0], make("mark", {}, parts[1]), parts[2]] : [make("mark", {}, sample.token[index])];
  byId("reading").replaceChildren(...sentence, make("small", {}, facts.join(" · ")));
}
