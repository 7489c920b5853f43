"""What a score means: cosines of random pairs of texts, and the threshold above which few of them lie.

In a narrow cone all cosines are high, and a correction moves all of them, so that a cosine says little until it is
held against those of texts that have nothing to do with each other. Pairs drawn at random from a corpus are that, but
for a few. Texts of another sort have other cosines: the corpus has to be like the texts that are compared.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch

from uncone.support.arrays import Array, matrix, unit_blocks
from uncone.support.files import reading, write
from uncone.support.sampling import draw

if TYPE_CHECKING:
    from uncone.removal.vectors import Vectors

CALIBRATION = "calibration.json"
RATES = (0.01, 0.001)  # of random pairs that the thresholds shown let through
# Drawn from a corpus: of their eight million pairs, the threshold of .1 % lets eight thousand through. As pairs share
# texts, the thresholds of a packaged input table then let 1 % ± .08 and .1 % ± .013 of all random pairs through.
TEXTS = 4000
FEWEST_TEXTS = 100  # of whose 4950 pairs, it lets five through

_TAIL = np.concatenate([np.arange(1, 10) * 1e-4, np.arange(1, 10) * 1e-3])
_BELOW = np.concatenate([[0], _TAIL, np.arange(1, 100) * 1e-2, 1 - _TAIL[::-1], [1]])  # finer where thresholds lie


@dataclass(frozen=True, eq=False)
class Calibration:
    """How the cosines of random pairs of texts are distributed.

    Attributes:
        texts: how many there were, all pairs of which were taken.
        cosine: (137,) quantiles of the cosines, rising.
        errors: standard error of `threshold(rate)` for each of `RATES`, in units of the cosine. Pairs share texts, so
            that it is far larger than of as many independent ones (Hoeffding 1948: of a mean h of pairs, twice the
            deviation of the texts' own means over √n).
        corpus: where the texts are from.

    Example:
        >>> calibration = Calibration.of(np.random.default_rng(0).standard_normal((500, 20)))
        >>> round(calibration.threshold(0.01), 1), round(calibration.percentile(0.0))
        (0.5, 50)
    """

    texts: int
    cosine: np.ndarray
    errors: tuple[float, ...]
    corpus: str = ""

    def __post_init__(self) -> None:
        fits = self.cosine.shape == _BELOW.shape and np.isfinite(self.cosine).all() and len(self.errors) == len(RATES)
        if not fits or (np.diff(self.cosine) < 0).any():
            raise ValueError(f"a calibration has {len(_BELOW)} rising quantiles and {len(RATES)} errors, got another")

    @classmethod
    def of(cls, X: Array, corpus: str = "") -> Self:
        """From all pairs of distinct rows of `X` (n, d), one for each text; none is zero, n ≥ 100.

        It takes O(n²) memory, 150 MB for 4000 texts: draw some where there are more (see `sample`).
        """
        units = torch.cat([block.float() for block in unit_blocks(matrix(X, minimum_rows=FEWEST_TEXTS))])
        cosines = (units @ units.T).cpu().numpy()
        n = len(cosines)
        quantiles = np.quantile(cosines[np.tri(n, k=-1, dtype=bool)].clip(-1, 1), _BELOW)
        errors = []
        for rate in RATES:
            above = cosines > np.interp(1 - rate, _BELOW, quantiles)
            np.fill_diagonal(above, False)
            error = 2 * above.sum(1).std(ddof=1) / (n - 1) / np.sqrt(n)  # of the rate
            ends = np.interp([1 - rate - error, 1 - rate + error], _BELOW, quantiles)
            errors.append(float(np.diff(ends)[0]) / 2)
        return cls(n, quantiles, tuple(errors), corpus)

    @classmethod
    def sample(cls, vectors: Vectors, texts: Iterable[str], corpus: str = "", seed: int = 0) -> Self:
        """From the vectors, corrected as they are, of 4000 texts drawn from a corpus with a seed, or of all if fewer.

        Equal texts count once, and those of which the encoder knows no piece not at all. A ValueError if fewer than 100
        are left.
        """
        drawn = list(dict.fromkeys(draw(texts, TEXTS, seed)))
        known = [text for text, is_known in zip(drawn, vectors.readable(drawn), strict=True) if is_known]
        if len(known) < FEWEST_TEXTS:
            raise ValueError(
                f"a threshold needs {FEWEST_TEXTS} different texts or more, {corpus or 'the corpus'} has {len(known)}: "
                "name another corpus"
            )
        return cls.of(vectors.sentences(known), corpus)

    def threshold(self, rate: float) -> float:
        """The cosine that a share of random pairs exceeds, such as 0.01; from 0.0001 to 1."""
        if not 1e-4 <= rate <= 1:
            raise ValueError(f"the rate of random pairs above a threshold lies between 0.0001 and 1, got {rate}")
        return float(np.interp(1 - rate, _BELOW, self.cosine))

    def percentile(self, score: float | np.ndarray) -> Any:
        """How many of 100 random pairs have a lower cosine than a score, or than each of an array of them."""
        return 100 * np.interp(score, self.cosine, _BELOW)

    def to_json(self) -> dict[str, Any]:
        """Plain values: the thresholds by name, and the quantiles to interpolate a percentile from."""
        thresholds = {
            f"{100 * rate:g}%": {"cosine": round(self.threshold(rate), 6), "standard_error": round(error, 6)}
            for rate, error in zip(RATES, self.errors, strict=True)
        }
        told = {"corpus": self.corpus, "texts": self.texts, "thresholds": thresholds}
        return told | {"percent": np.round(100 * _BELOW, 2).tolist(), "cosine": np.round(self.cosine, 6).tolist()}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """What `to_json` told; a ValueError or KeyError for anything else."""
        errors = tuple(float(each["standard_error"]) for each in found["thresholds"].values())
        return cls(int(found["texts"]), np.array(found["cosine"], dtype=float), errors, str(found["corpus"]))


def write_calibrations(folder: Path, calibrations: Mapping[str, Calibration]) -> None:
    """Write calibration.json into a folder, if there are any: by removal, raw vectors under "none"."""
    told = {removal: each.to_json() for removal, each in calibrations.items()}
    if told:
        write(folder / CALIBRATION, json.dumps(told, indent=1))


def read_calibrations(folder: str | Path) -> dict[str, Calibration]:
    """The calibrations in the folder of a run or an export, by removal.

    A ValueError if it has none, or the file does not hold them.
    """
    path = Path(folder) / CALIBRATION
    with reading(path.resolve(), "calibrations"):
        found = json.loads(path.read_text(encoding="utf-8"))
        return {str(removal): Calibration.from_json(each) for removal, each in found.items()}
