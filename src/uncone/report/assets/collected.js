// The page of collected runs: tables to read and sort, heat maps over layers, parallel coordinates over settings.
// A line of DATA.lines is one system over its seeds: {settings, system, validation, cells}, with a cell for each of
// DATA.figures, null where it was not measured.

const [ENCODER, LAYERS, POOLING, REMOVAL] = [0, 1, 2, 3];
const SYSTEM_NAMES = ["encoder", "layers", "pooling", "removal"];
const RAW = "none";
const CHANGE = [[0, "#d55e00"], [0.5, "#f7f5f0"], [1, "#0072b2"]]; // colours of Okabe and Ito, which all readers tell apart
const state = { encoder: "", columns: "removal", cells: "change", figure: 0, removal: "", sort: null, descending: true };

const unique = (values) => [...new Set(values)];
const number = new Intl.Collator("en", { numeric: true });
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Layers from the input table up: static, then by number, then what is made of several. */
const byDepth = (layers) => {
  const rank = (layer) => (layer === "static" ? 0 : isNaN(layer) ? 2 : 1);
  return layers.sort((a, b) => rank(a) - rank(b) || number.compare(a, b));
};

/** A figure to read: ×100 with one decimal if it is a score. */
const scaled = (figure, value) => (figure.percent ? (100 * value).toFixed(1).replace("-", "−") : readable(value));

function cellText(figure, cell) {
  if (!cell) return "–";
  const spread = cell.std === null ? "" : ` ±${scaled(figure, cell.std)}`;
  return `${scaled(figure, cell.mean)}${spread}`;
}

function cellTitle(figure, cell) {
  const interval = cell.low === null ? "" : `, 95 % interval ${cell.low} to ${cell.high}`;
  return `${cell.mean}${cell.std === null ? "" : ` ± ${cell.std}`}, ${cell.seeds} seed${cell.seeds === 1 ? "" : "s"}${interval}`;
}

// All results -------------------------------------------------------------------------------------------------------

const columnsOfTable = () => [
  ...DATA.settings.map((name, i) => ({ name, of: (line) => line.settings[i] })),
  ...SYSTEM_NAMES.map((name, i) => ({ name, of: (line) => line.system[i] })),
  { name: "validation", of: (line) => line.validation, text: (line) => (line.validation === null ? "–" : (100 * line.validation).toFixed(1)) },
  ...DATA.figures.map((figure, i) => ({ name: figure.name, of: (line) => line.cells[i]?.mean ?? null, figure: i })),
];

function drawSystems() {
  const columns = columnsOfTable();
  const heads = columns.map(({ name }, i) => {
    const order = state.sort !== i ? "none" : state.descending ? "descending" : "ascending";
    const button = make("button", { type: "button", "data-column": i }, name);
    return make("th", { scope: "col", "aria-sort": order }, button);
  });
  byId("systems").querySelector("thead").replaceChildren(make("tr", {}, ...heads));
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const told = (line) => [...line.settings, ...line.system].join(" ").toLowerCase();
  const lines = DATA.lines.filter((line) => words.every((word) => told(line).includes(word)));
  if (state.sort !== null) {
    const { of } = columns[state.sort];
    const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : number.compare(String(a), String(b)));
    lines.sort((a, b) => {
      const [first, second] = [of(a), of(b)];
      if (first === null || second === null) return (first === null) - (second === null); // what is unknown comes last
      return compare(first, second) * (state.descending ? -1 : 1);
    });
  }
  byId("systems").querySelector("tbody").replaceChildren(...lines.map((line) => make("tr", {}, ...columns.map((column) => {
    if (column.figure === undefined) {
      const text = column.text ? column.text(line) : column.of(line);
      return make("td", column.text ? {} : { class: "text" }, text);
    }
    const [figure, cell] = [DATA.figures[column.figure], line.cells[column.figure]];
    if (!cell) return make("td", {}, "–");
    const best = cell.is_best ? { class: "best" } : {};
    return make("td", { ...best, title: cellTitle(figure, cell), "data-value": cell.mean }, cellText(figure, cell));
  }))));
}

function sortBy(column) {
  const again = state.sort === column;
  state.descending = again ? !state.descending : column >= DATA.settings.length + SYSTEM_NAMES.length;
  state.sort = column;
  drawSystems();
}

// Over layers -------------------------------------------------------------------------------------------------------

/** What the columns of the heat maps can be: removals, or the values of a setting for one removal. */
function columnChoices() {
  const settings = DATA.settings.filter((_, i) => unique(DATA.lines.map((line) => line.settings[i])).length > 1);
  return [["removal", "removals"], ...settings.map((name) => [name, `${name}, ${state.removal}`])];
}

function drawMaps() {
  const setting = DATA.settings.indexOf(state.columns);
  const change = state.cells === "change";
  const columnOf = (line) => (setting < 0 ? line.system[REMOVAL] : line.settings[setting]);
  const ofEncoder = DATA.lines.filter((line) => line.system[ENCODER] === state.encoder);
  const shown = ofEncoder.filter((line) => setting < 0 || line.system[REMOVAL] === state.removal);
  byId("maps").replaceChildren();
  for (const [index, figure] of DATA.figures.entries()) {
    const values = (lines) => lines.map((line) => line.cells[index]?.mean).filter((value) => value !== undefined);
    const measured = shown.filter((line) => line.cells[index]);
    const columns = unique(measured.map(columnOf)).filter((column) => !(change && setting < 0 && column === RAW));
    const layers = byDepth(unique(measured.map((line) => line.system[LAYERS])));
    const at = (layer, column) => shown.filter((line) => line.system[LAYERS] === layer && columnOf(line) === column);
    if (!columns.length) continue;
    const raw = Object.fromEntries(layers.map((layer) => {
      const lines = values(ofEncoder.filter((line) => line.system[LAYERS] === layer && line.system[REMOVAL] === RAW));
      return [layer, lines.length ? mean(lines) : null];
    }));
    const cells = layers.map((layer) => columns.map((column) => {
      const found = values(at(layer, column));
      return found.length ? mean(found) : null;
    }));
    const changes = cells.map((row, i) => row.map((value) => (value === null || raw[layers[i]] === null ? null : value - raw[layers[i]])));
    const numbers = change ? changes : cells;
    const sign = figure.lower ? -1 : 1; // so that blue is better
    const known = numbers.flat().filter((value) => value !== null);
    const size = Math.max(1e-9, ...known.map(Math.abs));
    const range = change ? { zmin: -size, zmax: size } : { zmin: Math.min(...known), zmax: Math.max(...known) };
    const text = numbers.map((row) => row.map((value) => (value === null ? "" : (change && value > 0 ? "+" : "") + scaled(figure, value))));
    const about = numbers.map((row, i) => row.map((_, j) => {
      const lines = at(layers[i], columns[j]).filter((line) => line.cells[index]);
      const seeds = lines.map((line) => line.cells[index].seeds).reduce((a, b) => a + b, 0);
      const spread = lines.length === 1 ? cellText(figure, lines[0].cells[index]) : `${lines.length} systems`;
      return `layer ${layers[i]}, ${columns[j]}<br>${spread}<br>${seeds} run${seeds === 1 ? "" : "s"}`;
    }));
    const id = `map-${index}`;
    const note = change ? `Change over raw${figure.percent ? ", in points" : ""}.` : figure.percent ? "×100." : "As measured.";
    const plot = card(byId("maps"), id, figure.name, note).querySelector(".plot");
    plot.parentElement.classList.add("scrolling");
    const names = widest(columns);
    const upright = names > (plot.clientWidth - 90) / columns.length;
    plot.style.minWidth = `${90 + (upright ? CELL : names) * columns.length}px`;
    plot.style.height = `${70 + 34 * layers.length + (upright ? names : 20)}px`;
    // what stands on an axis is text, not a number, and never markup
    draw(id, [{
      type: "heatmap", x: columns.map((_, j) => j), y: layers.map((_, i) => i), z: numbers, text, texttemplate: "%{text}", customdata: about,
      hovertemplate: "%{customdata}<extra></extra>", showscale: false, xgap: 2, ygap: 2, ...range,
      colorscale: change ? (sign > 0 ? CHANGE : CHANGE.map(([at_, colour], i) => [at_, CHANGE[2 - i][1]])) : [[0, "#f7f5f0"], [1, "#56b4e9"]],
    }], {
      xaxis: { ...ticks(columns), tickangle: upright ? -90 : 0, side: "top", showgrid: false, zeroline: false },
      yaxis: { ...ticks(layers), title: { text: "layer" }, autorange: "reversed", showgrid: false, zeroline: false },
    });
  }
}

/** Names on an axis; text of a setting is shown as it is. */
const plain = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const ticks = (names) => ({ tickvals: names.map((_, i) => i), ticktext: names.map(short).map(plain) });

const CELL = 40; // pixels, in which a change over raw can be read
const NAME = 28; // characters of a name on an axis
const short = (text) => (String(text).length > NAME ? `…${String(text).slice(1 - NAME)}` : String(text));
/** Pixels that the longest of some names takes on an axis. */
const widest = (names) => 8 * Math.max(...names.map((name) => short(name).length)) + 10;

// Settings and scores -----------------------------------------------------------------------------------------------

function drawParallel() {
  const figure = DATA.figures[state.figure];
  const lines = DATA.lines.filter((line) => line.system[REMOVAL] === state.removal && line.cells[state.figure]);
  const axes = [
    ...[ENCODER, LAYERS, POOLING].map((i) => ({ name: SYSTEM_NAMES[i], of: (line) => line.system[i] })),
    ...DATA.settings.map((name, i) => ({ name, of: (line) => line.settings[i] })),
  ];
  const dimensions = axes.flatMap(({ name, of }) => {
    const values = unique(lines.map(of));
    if (values.length < 2) return [];
    const sorted = name === "layers" ? byDepth(values) : values.sort(number.compare);
    const numeric = sorted.every((value) => value !== "" && !isNaN(value)) && name !== "layers";
    if (numeric) return [{ label: plain(short(name)), values: lines.map((line) => Number(of(line))) }];
    return [{ label: plain(short(name)), values: lines.map((line) => sorted.indexOf(of(line))), range: [0, sorted.length - 1], tickvals: sorted.map((_, i) => i), ticktext: sorted.map(short) }];
  });
  const scale = figure.percent ? 100 : 1;
  if (lines.length && lines.every((line) => line.validation !== null)) {
    dimensions.push({ label: "validation", values: lines.map((line) => 100 * line.validation) });
  }
  const scores = lines.map((line) => scale * line.cells[state.figure].mean);
  dimensions.push({ label: plain(figure.name), values: scores });
  byId("settings").hidden = DATA.lines.length < 2;
  const names = ({ ticktext }) => widest(ticktext ?? [""]); // which stand left of their axis, as its title does above it
  const left = Math.max(90, names(dimensions[0]));
  const apart = Math.max(130, ...dimensions.map(({ label }) => widest([label])), ...dimensions.slice(1).map((each) => names(each) + 10));
  Object.assign(byId("parallel").style, { height: "420px", minWidth: `${left + 120 + apart * (dimensions.length - 1)}px` });
  const better = figure.lower ? ["#0072b2", "#cfd6de", "#d55e00"] : ["#d55e00", "#cfd6de", "#0072b2"];
  return Plotly.react("parallel", [{
    type: "parcoords", dimensions, labelfont: { size: 13 }, tickfont: { size: 12 }, rangefont: { size: 11, color: "rgba(0,0,0,0)" },
    line: { color: scores, colorscale: better.map((colour, i) => [i / 2, colour]) },
  }], {
    margin: { l: left, r: 120, t: 50, b: 20 }, paper_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: "#1d2733" },
  }, { displayModeBar: false, responsive: true });
}

// The page ----------------------------------------------------------------------------------------------------------

function settle() {
  offer(byId("encoder"), unique(DATA.lines.map((line) => line.system[ENCODER])).map((name) => [name, name]), state.encoder);
  offer(byId("columns"), columnChoices(), state.columns);
  const hasRaw = DATA.lines.some((line) => line.system[REMOVAL] === RAW);
  offer(byId("cells"), [...(hasRaw ? [["change", "change over raw"]] : []), ["value", "value"]], state.cells);
  offer(byId("figure"), DATA.figures.map((figure, i) => [String(i), figure.name]), String(state.figure));
  offer(byId("removal"), unique(DATA.lines.map((line) => line.system[REMOVAL])).map((name) => [name, name]), state.removal);
}

function update(change) {
  Object.assign(state, change);
  settle();
  drawMaps();
  drawParallel();
}

function start() {
  for (const id of ["layers", "settings", "all"]) byId(id).hidden = !DATA.lines.length;
  if (DATA.lines.length) {
    const removals = unique(DATA.lines.map((line) => line.system[REMOVAL]));
    state.removal = removals.includes("learned") ? "learned" : removals.at(-1);
    state.encoder = DATA.lines[0].system[ENCODER];
    state.cells = removals.includes(RAW) && removals.length > 1 ? "change" : "value";
    for (const id of ["encoder", "columns", "cells", "removal"]) byId(id).addEventListener("change", (event) => update({ [id]: event.target.value }));
    byId("figure").addEventListener("change", (event) => update({ figure: Number(event.target.value) }));
    byId("search").addEventListener("input", drawSystems);
    byId("systems").addEventListener("click", (event) => {
      if (event.target.dataset.column) sortBy(Number(event.target.dataset.column));
    });
    update({});
    drawSystems();
  }
  document.body.dataset.ready = "true";
}
