// The page of an analysis: state, controls, measures over depth, the table of numbers. One layer is in layer.js, its clouds in cloud.js.

const ENCODER_COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"]; // Okabe and Ito
const REMOVAL_COLOURS = ["#3a4653", "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00"];
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash"];
const MARKERS = ["circle", "diamond-open", "square-open", "cross-open", "x-open"];
const RAW = "none";

const removals = [...new Set(DATA.encoders.flatMap((encoder) => Object.values(encoder.maps).flatMap(Object.keys)))];
const state = { encoder: 0, layer: "", removal: removals.at(-1), colouring: "frequency", selection: null };

const encoderNow = () => DATA.encoders[state.encoder];
const mapsNow = () => encoderNow().maps[state.layer]; // by removal
const mapNow = () => mapsNow()[state.removal];
const layersOf = (encoder) => encoder.layers.filter((layer) => layer in encoder.maps);
const removalName = (removal) => (removal === RAW ? "raw" : removal);
const removalColour = (removal) => REMOVAL_COLOURS[removals.indexOf(removal) % REMOVAL_COLOURS.length];

// Measures over depth: one small chart each, encoders overlaid, raw against corrected ----------------------------

/** All layer names of the report: named layers first, then by number. */
function allLayers() {
  const names = [...new Set(DATA.encoders.flatMap((encoder) => encoder.layers))];
  return [...names.filter((name) => isNaN(name)), ...names.filter((name) => !isNaN(name)).sort((a, b) => a - b)];
}

function drawLegend() {
  for (const [index, encoder] of DATA.encoders.entries()) {
    for (const [number, removal] of removals.entries()) {
      const shown = DATA.rows.some((row) => row.encoder === encoder.name && row.removal === removal);
      if (!shown) continue;
      const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
      svg.setAttribute("width", "40");
      svg.setAttribute("height", "10");
      svg.setAttribute("aria-hidden", "true");
      const dash = ["none", "8 5", "2 4", "8 3 2 3", "14 5"][number % DASHES.length];
      const drawn = { x1: 0, x2: 40, y1: 5, y2: 5, stroke: encoderColour(index), "stroke-width": 3, "stroke-dasharray": dash };
      for (const [name, value] of Object.entries(drawn)) line.setAttribute(name, value);
      svg.append(line);
      byId("legend").append(make("span", {}, svg, `${encoder.name}, ${removalName(removal)}`));
    }
  }
}

const encoderColour = (index) => ENCODER_COLOURS[index % ENCODER_COLOURS.length];

function drawDepth() {
  drawLegend();
  const layers = allLayers();
  for (const measure of DATA.measures) {
    const rows = DATA.rows.filter((row) => row.metric === measure.name && row.value !== null);
    if (!rows.length) continue;
    const id = `depth-${measure.name}`;
    card(byId("measures"), id, measure.title, measure.text, DATA.definitions[measure.name]);
    const traces = DATA.encoders.flatMap((encoder, index) => removals.flatMap((removal, number) => {
      const own = encoder.layers
        .map((layer) => rows.find((row) => row.encoder === encoder.name && row.removal === removal && row.subset === layer))
        .filter((row) => row);
      return own.length ? [depthTrace(encoder, index, removal, number, own, layers)] : [];
    }));
    draw(id, traces, {
      showlegend: false,
      xaxis: { type: "category", categoryorder: "array", categoryarray: layers, title: { text: "layer" } },
      yaxis: { rangemode: measure.from_zero ? "tozero" : "normal", nticks: 6, ...wholeTicks(rows) },
    });
  }
}

/** Ticks at whole numbers, for a measure that has no others. */
function wholeTicks(rows) {
  const largest = Math.max(...rows.map((row) => row.value));
  return rows.every((row) => Number.isInteger(row.value)) && largest <= 20 ? { dtick: Math.ceil(largest / 5) } : {};
}

/** The line of one encoder under one removal; a level line for an encoder of a single layer beside deeper ones. */
function depthTrace(encoder, index, removal, number, rows, layers) {
  const colour = encoderColour(index);
  const level = rows.length === 1 && encoder.layers.length === 1 && layers.length > 1;
  const sampled = !level && rows.some((row) => row.low !== null);
  return {
    x: level ? layers : rows.map((row) => row.subset),
    y: level ? layers.map(() => rows[0].value) : rows.map((row) => row.value),
    error_y: sampled
      ? { array: rows.map((row) => row.high - row.value), arrayminus: rows.map((row) => row.value - row.low), thickness: 1, width: 2 }
      : undefined,
    mode: level ? "lines" : "lines+markers", name: `${encoder.name}, ${removalName(removal)}`,
    line: { color: colour, dash: DASHES[number % DASHES.length], width: level ? 1.5 : 2 },
    marker: { color: colour, size: 7, symbol: MARKERS[number % MARKERS.length] },
    hovertemplate: `%{fullData.name}<br>layer ${level ? rows[0].subset : "%{x}"}: <b>%{y:.4~g}</b><extra></extra>`,
  };
}

// All numbers -------------------------------------------------------------------------------------------------------

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

// The page ----------------------------------------------------------------------------------------------------------

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
  if ("encoder" in change) state.selection = null; // whose points are those of an encoder
  settle();
  drawClouds();
  drawLayer();
}

function start() {
  byId("encoder").addEventListener("change", (event) => update({ encoder: Number(event.target.value) }));
  byId("removal").addEventListener("change", (event) => update({ removal: event.target.value }));
  byId("slider").addEventListener("input", (event) => update({ layer: layersOf(encoderNow())[Number(event.target.value)] }));
  byId("colouring").addEventListener("click", (event) => {
    const colouring = event.target.dataset.colouring;
    if (colouring) update({ colouring });
  });
  listenToSelection();
  drawDepth();
  makeLayerCards();
  update({});
  drawTables();
  document.body.dataset.ready = "true";
}
