// One layer: its flat figures, and its cloud of tokens.

/** A line or bar for each removal that this layer was measured under and `traceOf` has something to draw for. */
function perRemoval(traceOf) {
  const shown = removals.filter((removal) => removal in mapsNow());
  return shown.flatMap((removal) => {
    const trace = traceOf(mapsNow()[removal].curves, removalColour(removal), removal);
    return trace ? [{ name: removalName(removal), showlegend: shown.length > 1, ...trace }] : [];
  });
}

const level = (y) => ({ type: "line", xref: "paper", x0: 0, x1: 1, y0: y, y1: y, line: { color: "#8a95a1", width: 1, dash: "dot" } });
const LOGARITHMIC = { type: "log", tickvals: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] };
const ranks = (values) => values.map((_, index) => index + 1);
const allCurves = () => DATA.encoders.flatMap((encoder) => Object.values(encoder.maps).flatMap((maps) => Object.values(maps).map((map) => map.curves)));

const LAYER_FIGURES = [
  {
    id: "variance", title: "Explained variance",
    text: "How much of the spread the leading components hold together. A steep start means a narrow cloud. Grey: the other layers.",
    definition: "Running sum of λ₁ … λ_k over the sum of all λ, the eigenvalues of the covariance of the layer's vectors, descending. The dotted line marks the share 0.8 of the effective dimension d(0.8).",
    exists: (curves) => curves.cumulative_variance?.length,
    plot(id) {
      const others = layersOf(encoderNow()).filter((layer) => layer !== state.layer && state.removal in encoderNow().maps[layer]);
      const grey = others.map((layer) => {
        const values = encoderNow().maps[layer][state.removal].curves.cumulative_variance;
        return { x: ranks(values), y: values, mode: "lines", line: { color: "#d3d9e0", width: 1 }, showlegend: false,
          hovertemplate: `layer ${layer}, first %{x}: %{y:.1%}<extra></extra>` };
      });
      const own = perRemoval(({ cumulative_variance: values }, color, removal) => ({
        x: ranks(values), y: values, mode: "lines", line: { color, width: 2.5, dash: removal === RAW ? "solid" : "dash" },
        hovertemplate: "first %{x}: %{y:.1%}<extra></extra>",
      }));
      draw(id, [...grey, ...own], { shapes: [level(0.8)], xaxis: { ...LOGARITHMIC, title: { text: "components" } }, yaxis: { range: [0, 1.02], tickformat: ".0%" } });
    },
  },
  {
    id: "frequency", title: "Frequency against a component",
    text: "Each dot is a token. A slope means that the component says how common a word is rather than what it means. Drawn is the one of the three leading components that follows frequency most.",
    definition: "Abscissa: log₁₀ of the frequency of the token's type in running text. Ordinate: coordinate of the token on the principal component of the layer's vectors; its sign has no meaning. r: Pearson correlation, over the points that are shown here.",
    exists: (curves) => curves.frequency_correlation?.pearson?.some((r) => r !== null),
    plot(id) {
      const { xyz } = mapNow();
      const sample = encoderNow().sample;
      const known = sample.log10_frequency.flatMap((value, index) => (value === null ? [] : [index]));
      const x = known.map((index) => sample.log10_frequency[index]);
      const r = xyz.map((values) => pearson(x, known.map((index) => values[index])));
      const axis = r.reduce((best, value, index) => (Math.abs(value) > Math.abs(r[best]) ? index : best), 0);
      draw(id, [{
        x, y: known.map((index) => xyz[axis][index]), text: known.map((index) => escapeText(sample.token[index])), mode: "markers",
        marker: { size: 5, opacity: 0.45, color: removalColour(state.removal), line: { width: 0 } },
        hovertemplate: "<b>%{text}</b><br>log₁₀ frequency %{x:.2f}<extra></extra>", showlegend: false,
      }], {
        xaxis: { title: { text: "log₁₀ frequency" } }, yaxis: { title: { text: `component ${axis + 1}` } },
        annotations: [{ text: `r = ${r[axis].toFixed(2).replace("-", "−")}`, xref: "paper", yref: "paper", x: 1, y: 1, yanchor: "bottom", showarrow: false, font: { size: 15 } }],
        margin: { l: 8, r: 10, t: 28, b: 8 },
      });
    },
  },
  {
    id: "correlation", title: "Which components follow frequency",
    text: "A tall bar is a component that mostly tells common from rare words. Up or down does not matter.",
    definition: "Pearson correlation, over the sampled vectors, of log frequency with the projection on each leading principal component of the covariance of all vectors of the layer. Whiskers: one standard error.",
    exists: (curves) => curves.frequency_correlation?.pearson?.some((r) => r !== null),
    plot(id) {
      draw(id, perRemoval(({ frequency_correlation: { pearson: r, pearson_se: se } }, color) => ({
        type: "bar", x: ranks(r), y: r, marker: { color }, error_y: se && { array: se, thickness: 1, width: 2, color: "#1d2733" },
        hovertemplate: "component %{x}: r = %{y:.3f}<extra></extra>",
      })), { xaxis: { dtick: 1, title: { text: "component" } }, yaxis: { range: [-1, 1], tickformat: ".1f" } });
    },
  },
  {
    id: "lid", title: "Local intrinsic dimension",
    text: "In how many directions the neighbourhood of a token spreads: far fewer than the space has. Dotted: neighbours by cosine.",
    definition: "Histogram over points p of LID(p) = −[(1/k) Σ ln(r_i / r_k)]⁻¹ with r_1 ≤ … ≤ r_k the distances to the k nearest neighbours; Euclidean distance, and the chord between unit vectors (cosine).",
    exists: (curves) => curves.lid,
    plot(id) {
      const stairs = (histogram, trace) => histogram && {
        x: [histogram.edges[0], ...histogram.edges], y: [0, ...histogram.counts, 0], mode: "lines", ...trace,
        hovertemplate: "from %{x:.1f}: %{y} points<extra></extra>",
      };
      draw(id, [
        ...perRemoval(({ lid }, color, removal) => stairs(lid, {
          fill: "tozeroy", fillcolor: `${color}26`, line: { color, width: 2, shape: "hv", dash: removal === RAW ? "solid" : "dash" },
        })),
        ...perRemoval(({ lid_cosine: lid }, color, removal) => stairs(lid, {
          name: `${removalName(removal)}, cosine`, line: { color, width: 1.5, shape: "hv", dash: "dot" }, showlegend: true,
        })),
      ], { xaxis: { title: { text: "LID" } }, yaxis: { rangemode: "tozero", title: { text: "points" } } });
    },
  },
  {
    id: "silhouette", title: "Are there clusters?",
    text: "How well k-means separates the tokens into K clusters. The peak gives the number of clusters; below the dotted line there are none to speak of.",
    definition: "Mean over points of the silhouette (b − a) / max(a, b), with a the mean Euclidean distance to the point's own cluster and b that to the nearest other one. MMS is its maximum over K, K* where it is reached; K* = 1 if MMS < 0.1. Whiskers: one standard error.",
    exists: (curves) => curves.silhouette,
    plot(id) {
      draw(id, perRemoval(({ silhouette }, color, removal) => silhouette && {
        x: silhouette.K, y: silhouette.value, error_y: silhouette.se && { array: silhouette.se, thickness: 1, width: 2 },
        mode: "lines+markers", line: { color, width: 2, dash: removal === RAW ? "solid" : "dash" }, marker: { color, size: 7, symbol: MARKERS[removals.indexOf(removal) % MARKERS.length] },
        hovertemplate: "K = %{x}: %{y:.3f}<extra></extra>",
      }), { shapes: [level(0.1)], xaxis: { title: { text: "K" } }, yaxis: { rangemode: "tozero" } });
    },
  },
  {
    id: "weights", title: "Weight profile of the removal",
    text: "How much of each component the removal takes away: 1 all of it, 0 nothing; below 0 it makes it stronger.",
    definition: "Removal weights w_i of e′ = (e − c)(I − U diag(w) Uᵀ), by component in order of variance; the gain of a component is 1 − w_i.",
    exists: (curves) => curves.weights?.length,
    plot(id) {
      draw(id, perRemoval(({ weights }, color) => weights && {
        x: ranks(weights), y: weights, mode: "lines+markers", line: { color, width: 1.5 }, marker: { color, size: 5 }, showlegend: true,
        hovertemplate: "component %{x}: w = %{y:.3f}<extra></extra>",
      }), { shapes: [level(0), level(1)], xaxis: { ...LOGARITHMIC, title: { text: "component" } }, yaxis: { rangemode: "tozero", title: { text: "w" } } });
    },
  },
  {
    id: "norms", title: "Length by frequency",
    text: "Mean length of the vectors of words in each band of frequency, rare to common. Whiskers: one standard deviation.",
    definition: "Mean and standard deviation of ‖e‖ over the vectors whose type has a log₁₀ frequency in the band.",
    exists: (curves) => curves.bands?.length,
    plot(id) {
      draw(id, perRemoval(({ bands }, color, removal) => bandTrace(bands, "norm_mean", color, removal, "norm_std")),
        { xaxis: { type: "category", title: { text: "log₁₀ frequency" } }, yaxis: { rangemode: "tozero" } });
    },
  },
  {
    id: "cosines", title: "Crowding by frequency",
    text: "Mean cosine between vectors of the same band of frequency: common words huddle where the line rises.",
    definition: "Mean cosine over all pairs of distinct vectors whose types have a log₁₀ frequency in the band.",
    exists: (curves) => curves.bands?.some((band) => band.mean_cosine !== null),
    plot(id) {
      draw(id, perRemoval(({ bands }, color, removal) => bandTrace(bands, "mean_cosine", color, removal)),
        { xaxis: { type: "category", title: { text: "log₁₀ frequency" } }, yaxis: { rangemode: "tozero" } });
    },
  },
  {
    id: "rogue", title: "Rogue dimensions",
    text: "The coordinates that carry most of the mean cosine. One bar near 100 % means that a single number makes all vectors look alike.",
    definition: "Share of coordinate i in the mean cosine over pairs: the mean of x̂_i ŷ_i over pairs of distinct unit vectors, divided by the sum of these means over all coordinates.",
    exists: (curves) => curves.rogue?.length,
    plot(id) {
      const { rogue } = mapNow().curves;
      draw(id, [{
        type: "bar", x: rogue.map((entry) => String(entry.dimension)), y: rogue.map((entry) => entry.share), marker: { color: removalColour(state.removal) },
        hovertemplate: "coordinate %{x}: %{y:.1%} of the mean cosine<extra></extra>", showlegend: false,
      }], { xaxis: { type: "category", title: { text: "coordinate" } }, yaxis: { tickformat: ".0%" } });
    },
  },
];

/** Means by band of frequency, from rare to common; the first band is open below. */
function bandTrace(bands, key, color, removal, spread) {
  const shown = bands.filter((band) => band[key] !== null);
  return shown.length && {
    x: shown.map((band) => (band === bands[0] ? `below ${band.high}` : `${band.low} to ${band.high}`).replaceAll("-", "−")), y: shown.map((band) => band[key]), customdata: shown.map((band) => band.count),
    error_y: spread && { array: shown.map((band) => band[spread]), thickness: 1, width: 2 },
    mode: "lines+markers", line: { color, width: 2, dash: removal === RAW ? "solid" : "dash" }, marker: { color, size: 7, symbol: MARKERS[removals.indexOf(removal) % MARKERS.length] },
    hovertemplate: "%{y:.3f} over %{customdata:,} vectors<extra></extra>",
  };
}

/** Pearson correlation of two lists; 0 where one is constant. */
function pearson(a, b) {
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((value, index) => {
    ab += (value - ma) * (b[index] - mb);
    aa += (value - ma) ** 2;
    bb += (b[index] - mb) ** 2;
  });
  return aa && bb ? ab / Math.sqrt(aa * bb) : 0;
}

function makeLayerCards() {
  for (const figure of LAYER_FIGURES) {
    if (allCurves().some(figure.exists)) figure.card = card(byId("layer-figures"), figure.id, figure.title, figure.text, figure.definition);
  }
}

function drawLayer() {
  for (const { card: shown, id, exists, plot } of LAYER_FIGURES) {
    if (!shown) continue;
    shown.hidden = !Object.values(mapsNow()).some((map) => exists(map.curves));
    if (!shown.hidden) plot(id);
  }
}
