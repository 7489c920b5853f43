// Measures over depth: one small chart each, encoders overlaid, raw against corrected.

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
