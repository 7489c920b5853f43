// The clouds of tokens, before and after a removal, with one selection in both; a word is found by typing it.

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

/** What is drawn side by side: raw vectors, and those of the removal that is chosen. */
const viewsNow = () => [...new Set([RAW, state.removal])].filter((removal) => removal in mapsNow());

/** A cluster by number, and the tokens that set it apart. */
const clusterName = ({ clusters }, cluster) => [`cluster ${cluster + 1}`, clusters[cluster].join(" · ")].filter(Boolean).join(": ");

/** The points of a cloud by colour: one trace for a scale, or one for each cluster or word group. */
function cloudTraces(map) {
  const { xyz, curves } = map;
  const sample = encoderNow().sample;
  const all = xyz[0].map((_, index) => index);
  sample.hover ??= all.map((index) => hoverText(sample, index));
  const trace = (indices, name, marker, more = {}) => ({
    type: "scatter3d", mode: "markers", name, showlegend: Boolean(name), customdata: indices,
    x: indices.map((index) => xyz[0][index]), y: indices.map((index) => xyz[1][index]), z: indices.map((index) => xyz[2][index]),
    text: indices.map((index) => sample.hover[index]), hovertemplate: "%{text}<extra></extra>",
    marker: { size: 3.5, opacity: 0.85, line: { width: 0 }, ...marker }, ...more,
  });
  const look = (index) => ({ color: GROUP_COLOURS[index % GROUP_COLOURS.length], symbol: GROUP_SYMBOLS[index % GROUP_SYMBOLS.length] });
  return [...colouredTraces(map, sample, all, trace, look), ...selectionTraces(all, trace)];
}

function colouredTraces({ curves, clusters }, sample, all, trace, look) {
  if (state.colouring === "frequency") {
    const known = all.filter((index) => sample.log10_frequency[index] !== null);
    const unknown = all.filter((index) => sample.log10_frequency[index] === null);
    const bar = { title: { text: "log₁₀ frequency", side: "top" }, orientation: "h", thickness: 10, len: 0.6, y: 0, yanchor: "top", outlinewidth: 0 };
    const scale = { color: known.map((index) => sample.log10_frequency[index]), colorscale: "Cividis", showscale: true, colorbar: bar };
    return [trace(known, "", scale), ...(unknown.length ? [trace(unknown, "unknown", { color: "#b9c2cc" })] : [])];
  }
  if (state.colouring === "cluster") {
    const members = clusters.map((_, cluster) => all.filter((index) => curves.cluster[index] === cluster));
    return members.flatMap((points, cluster) => (points.length ? [trace(points, escapeText(clusterName({ clusters }, cluster)), look(cluster))] : []));
  }
  const others = trace(all.filter((index) => sample.group[index] === null), "other words", { color: "#c5ccd4", size: 2.5, opacity: 0.45 });
  const groups = sample.groups.map((words, group) => trace(
    all.filter((index) => sample.group[index] === group), escapeText(`${words.slice(0, 3).join(", ")}${words.length > 3 ? ", …" : ""}`), { size: 4.5, ...look(group) },
  ));
  return [others, ...groups];
}

/** The same points stand out in every cloud: the one selected, the others found with it, and its nearest in each. */
function selectionTraces(all, trace) {
  if (!state.selection) return [];
  const { points, at, name } = state.selection;
  const token = escapeText(encoderNow().sample.token[points[at]]);
  const rings = viewsNow().map((removal, view) => trace(
    mapsNow()[removal].curves.neighbours.point[points[at]].filter((point) => point < all.length), `nearest, ${removalName(removal)}`,
    { size: 9 + 4 * view, symbol: ["circle-open", "square-open"][view], color: removalColour(removal), opacity: 1 },
  ));
  const found = trace(points.filter((_, index) => index !== at), escapeText(name), { size: 6, symbol: "diamond", color: "#56b4e9", opacity: 1 });
  const chosen = { mode: "markers+text", text: [token], textposition: "top center", textfont: { size: 15, color: "#000000" }, hovertemplate: "%{text}<extra></extra>" };
  return [...rings, ...(points.length > 1 ? [found] : []), trace([points[at]], "selected", { size: 9, symbol: "diamond", color: "#000000", opacity: 1 }, chosen)];
}

const CLOUD_DEFINITIONS = {
  frequency: "Colour: log₁₀ of the frequency of the token's type in running text; grey where it is unknown.",
  cluster: "Colour and shape: k-means clusters of the layer's vectors, K* of them; a single one if there are none to speak of. A cluster is named after the tokens that are most over-represented in it.",
  group: "Colour and shape: the word groups asked for.",
};

/** Title, axes and camera of a cloud; what an axis shows stands at its end, and stays in sight on a phone. */
function cloudLayout({ xyz, curves }, width) {
  const ends = xyz.map((values) => [Math.min(...values), Math.max(...values)]);
  const far = Math.max(1.1, Math.min(1.45, 500 / width)); // from so far off, all of it is in sight
  const axis = (number) => {
    const [low, high] = ends[number];
    return { title: { text: "" }, range: [low - 0.05 * (high - low), high + 0.12 * (high - low)], showticklabels: false, showspikes: false, gridcolor: "#e3e7ec", zerolinecolor: "#c3cbd4", showbackground: false };
  };
  const names = ends.map(([low, high], number) => {
    const share = curves.point_variance?.[number];
    const place = { x: 0, y: 0, z: 0, ["xyz"[number]]: high + 0.1 * (high - low) };
    const text = `PC ${number + 1}${share === undefined ? "" : ` (${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %)`}`;
    return { ...place, text, showarrow: false, font: { size: 13 }, bgcolor: "rgba(255,255,255,0.8)" };
  });
  return {
    margin: { l: 0, r: 0, t: 0, b: 0 }, font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: "#1d2733" },
    paper_bgcolor: "rgba(0,0,0,0)", uirevision: "kept", hovermode: "closest",
    scene: { xaxis: axis(0), yaxis: axis(1), zaxis: axis(2), annotations: names, aspectmode: "auto", camera: { eye: { x: 1.25 * far, y: 1.25 * far, z: 0.7 * far }, center: { x: 0, y: 0, z: -0.08 } }, dragmode: "orbit" },
    hoverlabel: { bgcolor: "#ffffff", bordercolor: "#8a95a1", font: { color: "#1d2733", size: 13 }, align: "left" },
    legend: { orientation: "h", y: 1, yanchor: "bottom", x: 0, itemsizing: "constant" },
  };
}

function drawClouds() {
  byId("cloud-definition").textContent = "Centred vectors on the three leading principal components of the layer, of raw vectors and after the removal if one is chosen; "
    + `in brackets the share of the variance along each. The points are a uniform sample, the same tokens in every view. ${CLOUD_DEFINITIONS[state.colouring]} `
    + "Nearest: among these points, by cosine in all dimensions of the space, the nearest point of each other token.";
  for (const view of [0, 1]) {
    const removal = viewsNow()[view];
    byId(`view-${view}`).hidden = removal === undefined;
    if (removal === undefined) continue;
    byId(`view-${view}`).querySelector("h4").textContent = removal === RAW ? "Before: raw" : `After ${removal}`;
    const cloud = byId(`cloud-${view}`);
    Plotly.react(cloud, cloudTraces(mapsNow()[removal]), cloudLayout(mapsNow()[removal], cloud.clientWidth), { displaylogo: false, displayModeBar: false, responsive: true });
    if (!cloud.dataset.listening) listenToCloud(cloud);
  }
  drawReading();
}

/**
 * Select the dot that is clicked or touched, but not those that a drag passes over. A mouse has picked its dot before it
 * clicks. What a finger touches is picked when it is drawn next; and once touched, plotly calls every drawing a click.
 */
function listenToCloud(cloud) {
  cloud.dataset.listening = "true";
  let [picked, wanted, press] = [null, false, null];
  const pick = ({ points }) => {
    picked = points[0].customdata;
    if (!wanted) return;
    wanted = false;
    selectPoint(picked);
  };
  cloud.on("plotly_hover", pick);
  cloud.on("plotly_click", pick);
  cloud.on("plotly_unhover", () => (picked = null));
  cloud.addEventListener("pointerdown", (event) => (press = event));
  cloud.addEventListener("click", (event) => {
    if (!press || Math.hypot(event.clientX - press.clientX, event.clientY - press.clientY) > 5) return;
    if (press.pointerType !== "mouse") wanted = true;
    else if (picked !== null) selectPoint(picked);
  });
}

// The selection -----------------------------------------------------------------------------------------------------

const bare = (token) => token.replace(/^(##|Ġ|▁)/u, "").toLowerCase();

/** The whole word that a point stands in, lower case; null where it stands in no text. */
function wordOf(sample, index) {
  const parts = inSentence(sample, index);
  if (!parts?.[1]) return null;
  const [left] = parts[0].match(/[\p{L}\p{N}]*$/u);
  const [right] = parts[2].match(/^[\p{L}\p{N}]*/u);
  return `${left}${parts[1]}${right}`.trim().toLowerCase();
}

function select(selection) {
  state.selection = selection;
  drawClouds();
}

/** Select a point, with all others of its token. */
function selectPoint(point) {
  const { token } = encoderNow().sample;
  const points = mapNow().xyz[0].flatMap((_, index) => (token[index] === token[point] ? [index] : []));
  select({ name: token[point], points, at: points.indexOf(point) });
}

const step = () => select({ ...state.selection, at: (state.selection.at + 1) % state.selection.points.length });

/** Select what is typed: points whose token, or whose word in the sentence, it is. */
function find(typed) {
  const sample = encoderNow().sample;
  const wanted = typed.trim().toLowerCase();
  sample.word ??= mapNow().xyz[0].map((_, index) => wordOf(sample, index));
  const points = sample.word.flatMap((word, index) => (wanted && (word === wanted || bare(sample.token[index]) === wanted) ? [index] : []));
  select(points.length ? { name: wanted, points, at: 0 } : null);
  if (points.length || !wanted) return;
  const begin = [...new Set(sample.token.slice(0, sample.word.length).map(bare))].filter((token) => token.startsWith(wanted));
  byId("reading").textContent = begin.length
    ? `No “${wanted}” among these points, but ${begin.slice(0, 5).join(", ")}${begin.length > 5 ? ", …" : ""}.`
    : `No “${wanted}” among these ${sample.word.length.toLocaleString("en-US")} points. ${DATA.command} 'words=[[${wanted}]]' puts its occurrences among them, where it is one token.`;
}

/** The selected point in its sentence, where there is room for all of it, and its nearest before and after. */
function drawReading() {
  const reading = byId("reading");
  const had = reading.contains(document.activeElement) && (document.activeElement.id || "reading");
  if (!state.selection) {
    reading.textContent = "Touch a dot, or type a word, to read it in its sentence and to see what is nearest to it.";
    return;
  }
  const sample = encoderNow().sample;
  const { points, at, name } = state.selection;
  const point = points[at];
  const parts = inSentence(sample, point);
  const frequency = sample.log10_frequency[point];
  const facts = [sample.token[point], frequency === null ? "frequency unknown" : `log₁₀ frequency ${frequency.toFixed(2).replace("-", "−")}`,
    clusterName(mapNow(), mapNow().curves.cluster[point])];
  const sentence = parts ? [parts[0], make("mark", {}, parts[1]), parts[2]] : [make("mark", {}, sample.token[point])];
  const next = points.length > 1 ? [make("button", { type: "button", id: "next" }, `${name}: ${at + 1} of ${points.length}, next`)] : [];
  const nearest = viewsNow().map((removal) => {
    const { point: others, cosine } = mapsNow()[removal].curves.neighbours;
    const chips = others[point].map((other, rank) => {
      const shown = other < mapNow().xyz[0].length ? { "data-point": other } : { disabled: "" };
      return make("button", { type: "button", ...shown }, sample.token[other], make("small", {}, ` ${cosine[point][rank].toFixed(2).replace("-", "−")}`));
    });
    return make("div", { class: "choices", "data-nearest": removal }, make("span", {}, `Nearest, ${removalName(removal)}`), ...chips);
  });
  reading.replaceChildren(...sentence, make("small", {}, facts.join(" · ")), make("div", { class: "choices" }, ...next), ...nearest, ...stayed(point));
  if (had) byId(had)?.focus();
}

/** How many of the nearest before are among the nearest after. */
function stayed(point) {
  const [before, after] = viewsNow().map((removal) => mapsNow()[removal].curves.neighbours.point[point].map((other) => encoderNow().sample.token[other]));
  if (!after) return [];
  return [make("small", {}, `${before.filter((token) => after.includes(token)).length} of ${before.length} stay among the nearest.`)];
}

function listenToSelection() {
  byId("word").addEventListener("input", (event) => find(event.target.value));
  byId("word").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && state.selection) step();
  });
  byId("reading").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.id === "next") step();
    else if (button) selectPoint(Number(button.dataset.point));
  });
}
