"use strict";
// What every page is made with: its data, elements, tables and flat figures.

const DATA = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);

/** A number to read: four digits, a true minus sign, a dash for null. */
function readable(value) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  if (value === 0 || (Number.isInteger(value) && size < 1e7)) return value.toLocaleString("en-US").replace("-", "−");
  const text = size < 1e-3 || size >= 1e7 ? value.toExponential(2) : value.toPrecision(4);
  return text.replaceAll("-", "−");
}

/** An element with text and attributes; text is never read as HTML. */
function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** A card with title, explanation, empty plot and definition. */
function card(parent, id, title, text, definition) {
  const figure = make("figure", { class: "card" }, make("h3", {}, title), make("p", {}, text), make("div", { class: "plot", id }));
  if (definition) figure.append(make("details", {}, make("summary", {}, "Definition"), make("p", {}, definition)));
  parent.append(figure);
  return figure;
}

const AXIS = { gridcolor: "#eceff3", linecolor: "#b9c2cc", zerolinecolor: "#cfd6de", tickcolor: "#b9c2cc", automargin: true, exponentformat: "power" };

/** Draw or redraw a flat figure in place; the page scrolls under a finger, so figures do not pan. */
function draw(id, traces, layout = {}) {
  const { xaxis, yaxis, ...rest } = layout;
  for (const axis of [xaxis, yaxis]) if (axis?.title) axis.title = { font: { size: 13 }, standoff: 6, ...axis.title };
  return Plotly.react(id, traces, {
    margin: { l: 8, r: 10, t: 8, b: 8 }, font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: "#1d2733" },
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", dragmode: false, hovermode: "closest",
    hoverlabel: { bgcolor: "#ffffff", bordercolor: "#b9c2cc", font: { color: "#1d2733" }, align: "left" },
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
    ...rest, xaxis: { ...AXIS, fixedrange: true, ...xaxis }, yaxis: { ...AXIS, fixedrange: true, ...yaxis },
  }, { displayModeBar: false, responsive: true });
}

/** Fill a select and keep the choice if it is still there. */
function offer(select, options, chosen) {
  select.replaceChildren(...options.map(([value, text]) => make("option", { value }, text)));
  select.value = chosen;
  select.parentElement.hidden = options.length < 2;
}
