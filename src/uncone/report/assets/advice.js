// What both pages share that draw their own SVG is in plain.js.

const MEASURED = [...new Set(DATA.rows.filter((row) => row.removal === "chosen" && row.use === row.task).map((row) => row.task))];
const DECIDES = DATA.decides.length > 1 ? "both" : DATA.decides[0];
const COLOURS = { words: "#0072b2", sentences: "#d55e00", both: "#1d2733" };
const KINDS = Object.fromEntries([...MEASURED, ...(DECIDES === "both" ? ["both"] : [])].map((kind) => {
  const name = kind === "both" ? "mean of both" : kind;
  return [kind, { name: kind === DECIDES ? `${name}, which decides` : name, colour: COLOURS[kind] ?? "#009e73" }];
}));
const SURE = 0.05;
let shownLayer = DATA.layers.at(-1).layer;

const signed = (value) => `${value >= 0 ? "+" : "−"}${Math.abs(100 * value).toFixed(1)}`;
const points = (value) => (100 * value).toFixed(1);

/** The row of a layer, a removal and a kind of pairs. */
const rowOf = (layers, removal, task) => DATA.rows.find((row) => row.layers === layers && row.removal === removal && row.task === task && row.subset === "macro");

/** The gain of a row, sure if it is so after correction, where there was one; "as raw" where raw vectors are chosen. */
function gainText(row) {
  if (!row || row.gain === null) return "–";
  if (row.gain === 0 && row.gain_low === 0 && row.gain_high === 0) return "as raw";
  const sign = (row.p_holm ?? row.p_value) >= SURE ? "≈" : row.gain > 0 ? "▲" : "▼";
  return `${sign} ${signed(row.gain)} [${signed(row.gain_low)}, ${signed(row.gain_high)}]`;
}

/** Gains of a removal on each kind, to read. */
const gainTexts = (layers, removal) => Object.keys(KINDS).map((kind) => gainText(rowOf(layers, removal, kind)));

function marker(parent, kind, x, y) {
  const fill = KINDS[kind].colour;
  if (kind === "words") return shape(parent, "circle", { cx: x, cy: y, r: 5, fill });
  if (kind === "sentences") return shape(parent, "rect", { x: x - 4.5, y: y - 4.5, width: 9, height: 9, fill });
  return shape(parent, "path", { d: `M${x - 7} ${y} L${x} ${y - 7} L${x + 7} ${y} L${x} ${y + 7} Z`, fill });
}

/** Gains of all layers with their intervals, one row a layer. */
function drawForest() {
  const host = byId("forest");
  const width = Math.max(280, host.clientWidth);
  const row = 62, top = 8, left = 76, right = 14;
  const height = top + row * DATA.layers.length + 40;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("height", height);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", "Gain over raw vectors of every layer; the numbers stand in the table below");
  const gains = DATA.layers.flatMap(({ layer }) => Object.keys(KINDS).map((kind) => rowOf(layer, "chosen", kind)));
  const low = Math.min(-0.01, ...gains.map((row) => row.gain_low)), high = Math.max(0.01, ...gains.map((row) => row.gain_high));
  const pad = 0.04 * (high - low);
  const x = (value) => left + ((value - low + pad) / (high - low + 2 * pad)) * (width - left - right);
  const bottom = top + row * DATA.layers.length;
  for (const tick of ticks(low, high, width < 420 ? 4 : 7)) {
    shape(svg, "line", { x1: x(tick), x2: x(tick), y1: top, y2: bottom, stroke: "#eceff3" });
    shape(svg, "text", { x: x(tick), y: bottom + 18, "text-anchor": "middle", class: "soft" }, Math.abs(tick) < 1e-12 ? "0" : `${tick > 0 ? "+" : "−"}${+Math.abs(100 * tick).toFixed(6)}`);
  }
  shape(svg, "text", { x: (left + width - right) / 2, y: bottom + 35, "text-anchor": "middle", class: "soft" }, "points ×100 over raw vectors of the layer");
  DATA.layers.forEach((layer, i) => {
    const y = top + row * i + row / 2;
    if (i % 2 === 0) svg.prepend(shape(svg, "rect", { x: 0, y: y - row / 2, width, height: row, fill: "#f6f7f9" }));
    shape(svg, "text", { x: 6, y: y - 2, "font-weight": 600 }, layer.layer);
    shape(svg, "text", { x: 6, y: y + 15, class: "soft" }, layer.outcome);
    Object.keys(KINDS).forEach((kind, k) => {
      const found = rowOf(layer.layer, "chosen", kind), at = y + (k - 1) * 17;
      const group = shape(svg, "g", { "data-layer": layer.layer, "data-kind": kind, "data-gain": found.gain });
      shape(group, "title", {}, `${layer.layer}, ${KINDS[kind].name}: ${gainText(found)}`);
      shape(group, "line", { x1: x(found.gain_low), x2: x(found.gain_high), y1: at, y2: at, stroke: KINDS[kind].colour, "stroke-width": kind === "both" ? 3 : 1.8 });
      marker(group, kind, x(found.gain), at);
    });
  });
  shape(svg, "line", { x1: x(0), x2: x(0), y1: top, y2: bottom, stroke: "#5b6775" });
  host.replaceChildren(svg);
}

/** One measure of the geometry from the first layer to the last, raw and after the removal that all pairs choose. */
function drawDepth(host, measure) {
  const width = Math.max(180, host.clientWidth), height = 150, left = 40, right = 10, top = 8, bottom = height - 24;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("height", height);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${measure.title} of every layer`);
  const measured = DATA.rows.filter((row) => row.task === "geometry" && row.metric === measure.name);
  const valueOf = (layers, removal) => measured.find((row) => row.layers === layers && row.removal === removal)?.value;
  const raw = DATA.layers.map(({ layer }) => valueOf(layer, "none"));
  const after = DATA.layers.map(({ layer }) => valueOf(layer, "chosen") ?? valueOf(layer, "none"));
  const low = Math.min(measure.from_zero ? 0 : Infinity, ...raw, ...after), high = Math.max(...raw, ...after, low + 1e-9);
  const x = (i) => (DATA.layers.length === 1 ? (left + width - right) / 2 : left + 8 + (i / (DATA.layers.length - 1)) * (width - left - right - 16));
  const y = (value) => bottom - ((value - low) / (high - low)) * (bottom - top);
  for (const tick of ticks(low, high, 3)) {
    shape(svg, "line", { x1: left, x2: width - right, y1: y(tick), y2: y(tick), stroke: "#eceff3" });
    shape(svg, "text", { x: left - 6, y: y(tick) + 4, "text-anchor": "end", class: "soft" }, `${+tick.toPrecision(3)}`.replace("-", "−"));
  }
  const every = Math.ceil(DATA.layers.length / Math.max(2, Math.floor((width - left) / 34)));
  DATA.layers.forEach((layer, i) => {
    if (i % every === 0) shape(svg, "text", { x: x(i), y: height - 6, "text-anchor": "middle", class: "soft" }, layer.layer);
  });
  for (const [values, look] of [[raw, { stroke: "#5b6775", fill: "#fff" }], [after, { stroke: "#009e73", fill: "#009e73" }]]) {
    shape(svg, "polyline", { points: values.map((value, i) => `${x(i)},${y(value)}`).join(" "), fill: "none", stroke: look.stroke, "stroke-width": 1.8 });
    values.forEach((value, i) => shape(shape(svg, "circle", { cx: x(i), cy: y(value), r: 3.6, stroke: look.stroke, fill: look.fill, "stroke-width": 1.8 }), "title", {}, `${DATA.layers[i].layer}: ${value.toPrecision(4)}`));
  }
  host.replaceChildren(svg);
}

function drawLegend() {
  for (const [kind, { name }] of Object.entries(KINDS)) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 44 16");
    shape(svg, "line", { x1: 2, x2: 42, y1: 8, y2: 8, stroke: KINDS[kind].colour, "stroke-width": kind === "both" ? 3 : 1.8 });
    marker(svg, kind, 22, 8);
    byId("legend").append(make("span", {}, svg, name));
  }
}

function outcomeCell(layer) {
  return make("span", { class: `outcome ${layer.outcome.split(" ")[0]}`, title: layer.meaning }, layer.outcome);
}

/** What the splits chose, one a line, to unfold. */
function choiceList(choices) {
  const found = Object.entries(choices);
  if (found.length === 1) return `${found[0][0]} ×${found[0][1]}`;
  return unfolding(`${found.length} different`, found.map(([name, count]) => `${name} ×${count}`));
}

function unfolding(summary, lines) {
  return make("details", {}, make("summary", {}, summary), make("ul", { class: "plain" }, ...lines.map((line) => make("li", {}, line))));
}

function drawNumbers() {
  const rows = DATA.layers.map((layer) => [
    layer.layer, outcomeCell(layer),
    ...MEASURED.flatMap((kind) => [points(rowOf(layer.layer, "none", kind).value), gainText(rowOf(layer.layer, "chosen", kind))]),
    ...(DECIDES === "both" ? [gainText(rowOf(layer.layer, "chosen", "both"))] : []), layer.final,
  ]);
  const heads = ["layer", "outcome", ...MEASURED.flatMap((kind) => [`${kind}, raw`, "gain"]), ...(DECIDES === "both" ? ["gain on both"] : []), "chosen in the end"];
  byId("numbers").append(table("▲ sure gain, ▼ sure loss (p < 0.05; of what decides after Holm over layers), ≈ neither", heads, rows, [1, heads.length - 1]));
}

function drawWhich() {
  const { which } = DATA;
  const lines = [["layer and removal", "chosen"], ["layer alone, raw", "layer_alone"]];
  const rows = lines.map(([name, removal], i) => [name, ...gainTexts("chosen", removal), i ? "" : choiceList(which.choices)]);
  byId("which-text").textContent = `Choosing freely among all layers, on one part of the data, and scoring the choice on another, against raw layer ${which.reference}. All pairs together choose layer ${which.layer}, ${which.final === "none" ? "raw" : which.final}.`;
  byId("which-table").append(table(`Gain over raw layer ${which.reference}`, ["chosen", ...Object.keys(KINDS), "the splits chose"], rows, [1 + Object.keys(KINDS).length]));
}

function drawMethods() {
  const layer = DATA.layers.find((each) => each.layer === shownLayer);
  for (const button of byId("layers").children) button.setAttribute("aria-pressed", button.dataset.layer === shownLayer);
  const rows = Object.entries(layer.settings).map(([method, settings]) => [
    method, ...gainTexts(shownLayer, method), settings.length === 1 ? settings[0] : unfolding(`${settings.length} different`, settings),
  ]);
  rows.unshift(["chosen freely", ...gainTexts(shownLayer, "chosen"), choiceList(layer.choices)]);
  byId("method-table").replaceChildren(table(`Layer ${layer.layer}: gain over raw vectors`, ["method", ...Object.keys(KINDS), "settings that the splits chose"], rows, [1 + Object.keys(KINDS).length]));
  const ofLayer = DATA.rows.filter((row) => row.layers === shownLayer && row.metric !== "coverage" && row.task !== "geometry" && row.task !== "both" && !KINDS[row.task]);
  const overall = (row) => ["all", "macro", "total"].includes(row.subset);
  const tasks = ofLayer.filter((row) => overall(row) || !ofLayer.some((each) => each.task === row.task && overall(each)));
  const values = tasks.filter((row) => row.removal === "none");
  const afterIt = (row) => tasks.find((each) => each.removal === "chosen" && each.task === row.task && each.subset === row.subset && each.metric === row.metric);
  const lines = values.map((row) => {
    const after = afterIt(row);
    return [`${row.task}, ${row.subset}`, row.metric, points(row.value), after ? points(after.value) : "–", gainText(after)];
  });
  byId("task-table").hidden = lines.length === 0;
  byId("task-table").replaceChildren(table(`Layer ${layer.layer}: further tasks, raw and with ${layer.final}, which they had no part in choosing`, ["task", "metric", "raw", "after", "gain"], lines, []));
}

/** Both histograms of the layer that is shown, on one axis, and the thresholds as a table. */
function drawScores() {
  const of = DATA.calibrations[shownLayer] ?? {};
  const removals = Object.keys(of);
  byId("thresholds").hidden = removals.length === 0;
  if (!removals.length) return;
  const layer = DATA.layers.find((each) => each.layer === shownLayer);
  const nameOf = (removal) => (removal === "none" ? "raw" : layer.final);
  drawPair(byId("cosines"), of, nameOf);
  const first = of[removals[0]];
  const rows = removals.map((removal) => [
    nameOf(removal), ...Object.values(of[removal].thresholds).map((each) => `${each.cosine.toFixed(3)} ±${each.standard_error.toFixed(3)}`),
  ]);
  const caption = `Layer ${shownLayer}: thresholds, ± their standard error, from all pairs of ${first.texts} texts of ${first.corpus}; texts of another sort have others`;
  byId("threshold-table").replaceChildren(table(caption, ["vectors", ...Object.keys(first.thresholds).map((name) => `threshold ${name}`)], rows, []));
}

function drawAll() {
  drawForest();
  drawScores();
  for (const measure of DATA.measures) drawDepth(byId(`depth-${measure.name}`), measure);
}

function start() {
  byId("question").textContent = `Does removal help ${DATA.encoder}?`;
  byId("verdict").textContent = DATA.verdict;
  for (const reason of DATA.reasons) byId("reasons").append(make("p", { class: "lead" }, reason));
  byId("advice").textContent = DATA.advice;
  byId("warning").textContent = DATA.warning ?? "";
  byId("warning").hidden = !DATA.warning;
  drawLegend();
  for (const measure of DATA.measures) {
    byId("geometry").append(make("figure", { class: "card" }, make("h3", {}, measure.title), make("p", {}, measure.text), make("div", { id: `depth-${measure.name}` })));
  }
  byId("legend").append(make("span", {}, "Geometry: grey raw, green after the removal that all pairs choose"));
  drawNumbers();
  drawWhich();
  for (const { layer } of DATA.layers) {
    const button = make("button", { type: "button", "data-layer": layer }, layer);
    button.addEventListener("click", () => { shownLayer = layer; drawMethods(); drawScores(); });
    byId("layers").append(button);
  }
  drawMethods();
  for (const { what, command } of DATA.commands) {
    byId("commands").append(make("div", { class: "command" }, make("p", {}, what), make("pre", { tabindex: "0" }, make("code", {}, command))));
  }
  for (const [layer, task, why] of DATA.not_run) byId("sentences").append(make("li", {}, `Not run: ${task} on layer ${layer}: ${why}`));
  for (const text of DATA.how) byId("sentences").append(make("li", {}, text));
  drawAll();
  window.addEventListener("resize", drawAll);
  document.body.dataset.ready = "true";
}
