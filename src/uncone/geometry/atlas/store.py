"""The files of an atlas: what a survey writes and a page reads.

    output_dir/
      results.json                  one row per number, see below
      definitions.json              {metric: one sentence with formula and source}
      atlas/
        index.json                  {"corpus": {"name", "limit", "window_words"}, "encoders": {name: {"dimension",
                                    "layers", "removals", "occurrences", "types", "windows"}}}
        ENCODER/
          sample.json               the points of the views: same occurrences in every layer and under every removal
          LAYER/REMOVAL/points.npy  (m, 3) float32, coordinates of those points on the first three components
          LAYER/REMOVAL/curves.json everything that is drawn for one layer under one removal

Rows of results.json have task "geometry", the layer as `subset` ("static", "words", "0" … "12"), the removal's name
("none" for raw vectors), the metric, its value, a 95 % interval where the measure is sampled (null where it is exact),
`n` vectors, `seed`, and no p-values.

sample.json, with m ≤ 3000 points; all lists but `sentences` and `groups` have m entries:

    token            the piece as text
    type             its index in the vocabulary
    log10_frequency  of the type in running text; null if unknown
    group            index into `groups`; null for a word in no group
    sentence         index into `sentences`; null for the rows of a static table, which stand in no text
    span             [start, end] of the token in its sentence, in characters; both 0 for a token that the sentence
                     does not show, such as [CLS]; null likewise
    sentences        the windows of text that the points stand in
    groups           the word groups asked for, [[monday, tuesday], [one, two]]

curves.json:

    eigenvalues            up to 100 leading eigenvalues of the covariance, descending
    explained_variance     share of the variance along each of them
    cumulative_variance    running sum of those shares
    point_variance         share of the variance along each of the three axes of points.npy
    lid, lid_cosine        {"edges": (b + 1), "counts": (b)} histogram of local dimensions
    silhouette             {"K": [2, …], "value": [mean silhouette for each K], "se": [standard errors]}
    cluster                (m) cluster of each point, under K* clusters; all 0 if K* = 1
    neighbours             {"point": (m, k), "cosine": (m, k)} the nearest points of other types, by cosine in all
                           dimensions; k is 6, or less where there are fewer types
    frequency_correlation  {"pearson": (10), "spearman": (10), "pearson_se", "spearman_se"} of leading components
    bands                  list of {"low", "high", "count", "norm_mean", "norm_std", "mean_cosine"} by frequency: the
                           band holds tokens of log10 frequency in [low, high); mean_cosine is null below 2 tokens
    rogue                  list of {"dimension", "contribution", "share"}: the coordinates that carry most of the mean
                           cosine; over all coordinates, contributions sum to the mean cosine, shares to 1
    weights                (k) removal weights w of the leading components; null without a removal, or without weights

Numbers that do not exist (a correlation with unknown frequencies) are null, never NaN.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from uncone.support.files import whole, write
from uncone.support.wording import typed

FOLDER = "atlas"


@dataclass(frozen=True)
class Sample:
    """The points of the views of one encoder; see the description of sample.json."""

    token: list[str]
    type: list[int]
    log10_frequency: list[float | None]
    group: list[int | None]
    sentence: list[int | None]
    span: Sequence[tuple[int, int] | list[int] | None]
    sentences: list[str]
    groups: list[list[str]]

    def __len__(self) -> int:
        return len(self.token)


class AtlasStore:
    """Reads and writes the `atlas` folder of a run, which holds results.json: the files described above."""

    def __init__(self, output_dir: str | Path):
        self.output_dir = Path(output_dir)
        self.folder = self.output_dir / FOLDER

    def write_index(self, corpus: Mapping[str, Any], encoders: Mapping[str, Mapping[str, Any]]) -> None:
        """Write index.json: what the corpus was, and for each encoder its dimension, layers and removals, in order."""
        _write_json(self.folder / "index.json", {"corpus": corpus, "encoders": encoders})

    def write_sample(self, encoder: str, sample: Sample) -> None:
        """Write the points that the views of an encoder share."""
        _write_json(self.folder / encoder / "sample.json", asdict(sample))

    def write_map(self, encoder: str, layer: str, removal: str, points: Any, curves: Mapping[str, Any]) -> None:
        """Write one layer under one removal: points (m, 3) and curves."""
        folder = self._map(encoder, layer, removal)
        with whole(folder / "points.npy") as aside:
            np.save(aside, np.asarray(points, dtype=np.float32), allow_pickle=False)
        _write_json(folder / "curves.json", curves)

    def write_definitions(self, definitions: Mapping[str, str]) -> None:
        """Write definitions.json: a sentence for each metric."""
        _write_json(self.output_dir / "definitions.json", definitions)

    def index(self) -> dict[str, Any]:
        """Corpus and encoders, as written."""
        return self._read(self.folder / "index.json")

    def maps(self) -> Iterable[tuple[str, str, str]]:
        """Encoder, layer and removal of every map, in the order in which they were measured."""
        for encoder, entry in self.index()["encoders"].items():
            for layer in entry["layers"]:
                for removal in entry["removals"]:
                    if self._map(encoder, layer, removal).is_dir():  # a saved removal belongs to one layer only
                        yield encoder, layer, removal

    def sample(self, encoder: str) -> Sample:
        """The points that the views of an encoder share."""
        return Sample(**self._read(self.folder / encoder / "sample.json"))

    def points(self, encoder: str, layer: str, removal: str) -> np.ndarray:
        """Coordinates (m, 3) float32 on the first three principal components."""
        return np.load(self._map(encoder, layer, removal) / "points.npy", allow_pickle=False)

    def curves(self, encoder: str, layer: str, removal: str) -> dict[str, Any]:
        """The content of curves.json."""
        return self._read(self._map(encoder, layer, removal) / "curves.json")

    def definitions(self) -> dict[str, str]:
        """A sentence for each metric."""
        return self._read(self.output_dir / "definitions.json")

    def _map(self, encoder: str, layer: str, removal: str) -> Path:
        return self.folder / encoder / layer / removal

    def _read(self, path: Path) -> dict[str, Any]:
        if not path.is_file():
            raise ValueError(
                f"no {path.name} in {path.parent.resolve()}: this is no finished run of {typed('analyze')}"
            )
        content: dict[str, Any] = json.loads(path.read_text())
        return content


def _write_json(path: Path, content: Any) -> None:
    write(path, json.dumps(plain(content), allow_nan=False))


def plain(value: Any) -> Any:
    """JSON values with numbers rounded to six digits, and NaN and infinity as null."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
