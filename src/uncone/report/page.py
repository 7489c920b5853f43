"""The page of an analysis: one HTML file, with its data and plotly inside, that opens without a network.

A page shows text of strangers. Its template escapes all of it, in the data too, where no tag can end or begin; scripts
put it into the document as text only, and a content security policy keeps the page from fetching anything.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import resources
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from uncone.geometry.atlas.store import AtlasStore, Sample
from uncone.geometry.measures import MEASURES
from uncone.report.narrow import about_corpus, conclusion
from uncone.runs.reading import read_results
from uncone.support.files import write
from uncone.support.wording import typed
from uncone.tasks.row import GEOMETRY

PAGE = "report.html"
POINTS = 120_000  # over all views, about 10 MB with their neighbours; more views have fewer points each
LABELS = 3  # tokens that name a cluster


_ASSETS = resources.files("uncone.report") / "assets"
_TEMPLATES = Environment(loader=PackageLoader("uncone.report", "assets"), autoescape=True, undefined=StrictUndefined)
_TEMPLATES.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "allow_nan": False, "separators": (",", ":")}
_TEMPLATES.globals |= {
    "asset": lambda name: Markup(_ASSETS.joinpath(name).read_text(encoding="utf-8")),
    "plotly": lambda: Markup(get_plotlyjs()),
}


def write_page(folder: str | Path) -> Path:
    """Write report.html into the output folder of an analysis; returns its path.

    Raises:
        ValueError: if it lacks results.json, definitions.json or atlas/ (see `uncone.geometry.atlas.store`).
    """
    folder = Path(folder)
    path = folder / PAGE
    write(path, rendered("atlas.html", page_contents(folder)))
    return path


def rendered(template: str, contents: Mapping[str, Any], data: Mapping[str, Any] | None = None) -> str:
    """A page in the frame of all pages: a template among the assets, and what it shows.

    Args:
        template: its name.
        contents: its variables.
        data: what its scripts read as `DATA`; None for all of the contents.
    """
    made = f"Made with uncone {version('uncone')}. This file holds all it shows and opens without a network."
    return _TEMPLATES.get_template(template).render(contents, made=made, data=contents if data is None else data)


def page_contents(folder: Path) -> dict[str, Any]:
    """What the page embeds: the numbers as they stand in results.json, and the views."""
    geometry = [row for row in read_results(folder) if row.task == GEOMETRY]
    store = AtlasStore(folder)
    index = store.index()
    maps = list(store.maps())
    if not maps:
        raise ValueError(f"the atlas in {folder.resolve()} maps no layer: run {typed('analyze')} again")
    points = max(1, POINTS // len(maps))
    return {
        "title": f"The geometry of {' and '.join(index['encoders'])}",
        "conclusions": [conclusion(geometry, name, entry["dimension"]) for name, entry in index["encoders"].items()],
        "lead": _lead(index),
        "command": typed("analyze"),
        "rows": [row.to_json() for row in geometry],
        "definitions": store.definitions(),
        "measures": [asdict(measure) for measure in MEASURES.values() if measure.over_depth],
        "encoders": [_encoder(store, name, entry, maps, points) for name, entry in index["encoders"].items()],
    }


def browser_span(text: str, span: tuple[int, int]) -> tuple[int, int]:
    """Where a token stands in its text as a browser counts: characters beyond the first 65 536 of Unicode count twice.

    Example:
        >>> browser_span("🐟 fish", (2, 6))
        (3, 7)
    """
    start, end = (len(text[:place].encode("utf-16-le")) // 2 for place in span)
    return start, end


def cluster_labels(tokens: Sequence[str], clusters: Sequence[int]) -> list[list[str]]:
    """For each cluster the tokens (m,) that set it apart, those with the largest Σ log-likelihood ratio first.

    A token's part of the G² statistic (Dunning 1993), n ln(n / expected), is large where it is both frequent and over-
    represented in its cluster.

    Example:
        >>> cluster_labels(["the", "the", "cat", "the", "dog"], [0, 0, 1, 0, 1])
        [['the'], ['cat', 'dog']]
    """
    sizes, counts, together = Counter(clusters), Counter(tokens), Counter(zip(clusters, tokens, strict=True))
    labels: list[list[str]] = []
    for cluster in range(max(clusters) + 1):
        ratio = {
            token: n * math.log(n * len(tokens) / (counts[token] * sizes[cluster]))
            for (where, token), n in together.items()
            if where == cluster
        }
        apart = [token for token in ratio if ratio[token] > 0]
        labels.append(sorted(apart, key=lambda token: (-ratio[token], token))[:LABELS])
    return labels


def _encoder(
    store: AtlasStore, name: str, entry: dict[str, Any], maps: Sequence[tuple[str, str, str]], points: int
) -> dict[str, Any]:
    """One encoder: its sample, and for each layer and removal the coordinates of the sample and the curves."""
    sample = store.sample(name)
    shown = np.unique(np.linspace(0, len(sample) - 1, min(points, len(sample))).astype(int)).tolist()
    order = [*shown, *sorted(set(range(len(sample))) - set(shown))]  # of which all have a name, to be a neighbour's
    place = {old: new for new, old in enumerate(order)}
    layers: dict[str, Any] = {}
    for _, layer, removal in (where for where in maps if where[0] == name):
        coordinates = store.points(name, layer, removal)[shown]  # (m, 3)
        curves = store.curves(name, layer, removal)
        labels = cluster_labels(sample.token, curves["cluster"])
        curves["cluster"] = [curves["cluster"][i] for i in shown]
        point, cosine = (curves["neighbours"][key] for key in ("point", "cosine"))
        curves["neighbours"] = {
            "point": [[place[old] for old in point[i]] for i in shown],
            "cosine": [cosine[i] for i in shown],
        }
        xyz = [[float(f"{value:.4g}") for value in axis] for axis in coordinates.T.tolist()]
        layers.setdefault(layer, {})[removal] = {"xyz": xyz, "curves": curves, "clusters": labels}
    return {"name": name, "layers": entry["layers"], "sample": _shown(sample, shown, order), "maps": layers}


def _shown(sample: Sample, shown: Sequence[int], order: Sequence[int]) -> dict[str, Any]:
    """The points (m) that are shown, with only the sentences that they stand in; tokens in the order of all points."""
    used = sorted({sentence for i in shown if (sentence := sample.sentence[i]) is not None})
    new: dict[int | None, int | None] = {None: None, **{old: index for index, old in enumerate(used)}}
    return {
        "token": [sample.token[i] for i in order],
        "log10_frequency": [sample.log10_frequency[i] for i in shown],
        "group": [sample.group[i] for i in shown],
        "groups": sample.groups,
        "sentence": [new[sample.sentence[i]] for i in shown],
        "span": [_span(sample, i) for i in shown],
        "sentences": [sample.sentences[old] for old in used],
    }


def _span(sample: Sample, i: int) -> tuple[int, int] | None:
    sentence, span = sample.sentence[i], sample.span[i]
    if sentence is None or span is None:
        return None
    return browser_span(sample.sentences[sentence], (span[0], span[1]))


def _lead(index: dict[str, Any]) -> str:
    """What was measured, in a sentence or two."""
    encoders = []
    for name, entry in index["encoders"].items():
        count = len(entry["layers"])
        over = f"{entry['occurrences']:,} vectors of {entry['types']:,} types"
        encoders.append(f"{name}: {count} layer{'s' * (count != 1)} of {entry['dimension']} dimensions, {over}")
    return f"{'; '.join(encoders)}. {about_corpus(index)}"
