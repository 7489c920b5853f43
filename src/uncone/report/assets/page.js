// State, controls and the table of numbers. The figures are in depth.js, layer.js and cloud.js.

const ENCODER_COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"]; // Okabe and Ito
const REMOVAL_COLOURS = ["#3a4653", "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00"];
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash"];
const MARKERS = ["circle", "diamond-open", "square-open", "cross-open", "x-open"];
const RAW = "none";

const removals = [...new Set(DATA.encoders.flatMap((encoder) => Object.values(encoder.maps).flatMap(Object.keys)))];
const state = { encoder: 0, layer: "", removal: RAW, colouring: "frequency" };

const encoderNow = () => DATA.encoders[state.encoder];
const mapsNow = () => encoderNow().maps[state.layer]; // by removal
const mapNow = () => mapsNow()[state.removal];
const layersOf = (encoder) => encoder.layers.filter((layer) => layer in encoder.maps);
const removalName = (removal) => (removal === RAW ? "raw" : removal);
const removalColour = (removal) => REMOVAL_COLOURS[removals.indexOf(removal) % REMOVAL_COLOURS.length];

/** One table per encoder and removal: a row per measure, a column per layer, each cell with the unrounded number. */
function drawTables() {
  for (const encoder of DATA.encoders) {
    for (const removal of removals) {
      const rows = DATA.rows.filter((row) => row.encoder === encoder.name && row.removal === removal);
      if (!rows.length) continue;
      const layers = encoder.layers.filter((layer) => rows.some((row) => row.subset === layer));
      const cells = new Map(rows.map((row) => [`${row.metric} ${row.subset}`, row]));
      const body = make("tbody");
      for (const metric of new Set(rows.map((row) => row.metric))) {
        const name = make("th", { scope: "row" });
        const definition = DATA.definitions[metric];
        name.append(definition ? make("details", {}, make("summary", {}, metric), make("p", {}, definition)) : metric);
        body.append(make("tr", {}, name, ...layers.map((layer) => tableCell(cells.get(`${metric} ${layer}`)))));
      }
      const head = make("tr", {}, make("th", { scope: "col" }, "layer"), ...layers.map((layer) => make("th", { scope: "col" }, layer)));
      const table = make("table", {}, make("caption", {}, `${encoder.name}, ${removalName(removal)}`), make("thead", {}, head), body);
      byId("tables").append(make("div", { class: "wide-table", tabindex: "0" }, table));
    }
  }
  byId("download").href = URL.createObjectURL(new Blob([JSON.stringify(DATA.rows, null, 1)], { type: "application/json" }));
}

function tableCell(row) {
  if (!row) return make("td", {}, "");
  const interval = row.low === null ? "" : `, 95 % interval ${row.low} to ${row.high}`;
  return make("td", {
    "data-encoder": row.encoder, "data-removal": row.removal, "data-layer": row.subset, "data-metric": row.metric,
    "data-value": row.value, title: `${row.value}${interval}${row.n === null ? "" : `, n = ${row.n}`}`,
  }, readable(row.value));
}

/** Bring the controls in line with the state, and the state in line with what there is. */
function settle() {
  const layers = layersOf(encoderNow());
  if (!layers.includes(state.layer)) state.layer = layers[Math.floor(layers.length / 2)];
  const available = removals.filter((removal) => removal in mapsNow());
  if (!available.includes(state.removal)) state.removal = available[0];
  offer(byId("encoder"), DATA.encoders.map((encoder, index) => [String(index), encoder.name]), String(state.encoder));
  offer(byId("removal"), available.map((removal) => [removal, removalName(removal)]), state.removal);
  const slider = byId("slider");
  slider.max = layers.length - 1;
  slider.value = layers.indexOf(state.layer);
  slider.setAttribute("aria-valuetext", `layer ${state.layer}`);
  byId("slider-control").hidden = layers.length < 2;
  byId("layer-name").textContent = state.layer;
  if (!hasGroups() && state.colouring === "group") state.colouring = "frequency";
  for (const button of byId("colouring").children) {
    button.setAttribute("aria-pressed", String(button.dataset.colouring === state.colouring));
    if (button.dataset.colouring === "group") button.hidden = !hasGroups();
  }
}

const hasGroups = () => encoderNow().sample.group.some((group) => group !== null);

function update(change) {
  Object.assign(state, change);
  settle();
  drawCloud();
  drawLayer();
}

function start() {
  document.title = DATA.title;
  byId("title").textContent = DATA.title;
  byId("lead").textContent = DATA.lead;
  byId("made").textContent = DATA.made;
  byId("encoder").addEventListener("change", (event) => update({ encoder: Number(event.target.value) }));
  byId("removal").addEventListener("change", (event) => update({ removal: event.target.value }));
  byId("slider").addEventListener("input", (event) => update({ layer: layersOf(encoderNow())[Number(event.target.value)] }));
  byId("colouring").addEventListener("click", (event) => {
    const colouring = event.target.dataset.colouring;
    if (colouring) update({ colouring });
  });
  drawDepth();
  makeLayerCards();
  update({});
  drawTables();
  document.body.dataset.ready = "true";
}
