"""An analysis in miniature, with text that means harm."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from uncone.geometry.atlas.store import AtlasStore, Sample
from uncone.geometry.atlas.views import nearest_points
from uncone.runs.folder import write_results
from uncone.tasks import Row

HARM = (
    "</script><script>document.title='broken'</script> <img src=x onerror=\"document.title='broken'\"> "
    "{{data}} \u2028 & <b>"
)
WORDS = ["monday", "tuesday", "one", "two", "cone", "<b>", "the", "##s"]
LAYERS = ["0", "1", "2", "3"]
REMOVALS = ["none", "all_but_the_top"]
POINTS = 240


def row(encoder, layer, removal, metric, value, interval=False):
    ends = {"low": value - 0.01, "high": value + 0.01} if interval else {}
    where = {"encoder": encoder, "layers": layer, "pooling": "tokens", "removal": removal, "subset": layer, "seed": 0}
    return Row(**where, **ends, task="geometry", metric=metric, value=value, n=POINTS)


def span_of(word, line):
    """Where a word stands in its line; (0, 0) for one that does not."""
    start = f"Line {line} says: Monday, Tuesday, one, two, the cones, the end.".lower().find(word.removeprefix("##"))
    return (start, start + len(word.removeprefix("##"))) if start >= 0 else (0, 0)


def sample(generator, in_sentences):
    chosen = generator.integers(len(WORDS), size=POINTS)
    groups = {"monday": 0, "tuesday": 0, "one": 1, "two": 1}
    lines = [f"Line {i} says: Monday, Tuesday, one, two, the cones, the end. {HARM}" for i in range(40)]
    return Sample(
        token=[WORDS[i] for i in chosen],
        type=chosen.tolist(),
        log10_frequency=[-1.0 - float(i) / 2 if i != 5 else None for i in chosen],
        group=[groups.get(WORDS[i]) for i in chosen],
        sentence=[int(i) % len(lines) if in_sentences else None for i in range(POINTS)],
        span=[span_of(WORDS[i], int(n) % len(lines)) if in_sentences else None for n, i in enumerate(chosen)],
        sentences=lines if in_sentences else [],
        groups=[["monday", "tuesday"], ["one", "two"]],
    )


def curves(generator, types, removal, depth):
    eigenvalues = np.sort(generator.random(30))[::-1] * np.linspace(3, 0.1, 30) ** 2
    share = eigenvalues / eigenvalues.sum()
    counts, edges = np.histogram(generator.normal(8 + 2 * depth, 1.5, 500), bins=20)
    cosine_counts, cosine_edges = np.histogram(generator.normal(7 + 2 * depth, 1.2, 500), bins=20)
    r = generator.uniform(-0.6, 0.6, 10)
    return {
        "eigenvalues": eigenvalues.tolist(),
        "explained_variance": share.tolist(),
        "cumulative_variance": share.cumsum().tolist(),
        "point_variance": share[:3].tolist(),
        "lid": {"edges": edges.tolist(), "counts": counts.tolist()},
        "lid_cosine": {"edges": cosine_edges.tolist(), "counts": cosine_counts.tolist()},
        "silhouette": {"K": list(range(2, 8)), "value": (generator.random(6) * 0.3).tolist(), "se": [0.01] * 6},
        "cluster": (np.arange(POINTS) % 3).tolist(),
        "neighbours": nearest_points(torch.from_numpy(generator.normal(size=(POINTS, 30))), types),
        "frequency_correlation": {
            **{"pearson": r.tolist(), "spearman": (r * 0.9).tolist()},
            **{"pearson_se": [0.02] * 10, "spearman_se": [0.02] * 10},
        },
        "bands": [
            {"low": low, "high": low + 1.0, "count": 80, "norm_mean": 9 + low, "norm_std": 0.4, "mean_cosine": 0.3}
            for low in (-5.0, -4.0, -3.0)
        ],
        "rogue": [{"dimension": d, "contribution": c, "share": c / 0.4} for d, c in ((17, 0.3), (3, 0.05))],
        "weights": np.linspace(1, 0, 8).tolist() if removal != "none" else None,
    }


@pytest.fixture(scope="session")
def analysis(tmp_path_factory):
    """The output folder of an analysis of a four-layer encoder, raw and corrected, and of a table."""
    folder = tmp_path_factory.mktemp("analysis")
    generator = np.random.default_rng(0)
    store = AtlasStore(folder)
    encoders = {
        "tiny": {
            "dimension": 30,
            "layers": LAYERS,
            "removals": REMOVALS,
            "occurrences": 59890,
            "types": 8,
            "windows": 1234,
        },
        "table": {
            "dimension": 30,
            "layers": ["words"],
            "removals": ["none"],
            "occurrences": 8,
            "types": 8,
            "windows": 0,
        },
    }
    store.write_index({"name": HARM, "limit": 1000, "window_words": 64}, encoders)
    store.write_definitions({metric: f"what {metric} is {HARM}" for metric in ("mean_cosine", "lid", "mms", "n_odd")})
    rows = []
    for encoder, entry in encoders.items():
        points_of = sample(generator, in_sentences=encoder == "tiny")
        store.write_sample(encoder, points_of)
        types = np.array(points_of.type)
        frequency = np.array([np.nan if f is None else f for f in points_of.log10_frequency])
        for depth, layer in enumerate(entry["layers"]):
            for removal in entry["removals"]:
                points = generator.normal(size=(POINTS, 3))
                points[:, 1] += np.nan_to_num(frequency)
                store.write_map(encoder, layer, removal, points, curves(generator, types, removal, depth))
                rows += [
                    row(encoder, layer, removal, metric, float(generator.random() * scale), interval=metric == "lid")
                    for metric, scale in (("mean_cosine", 0.4), ("lid", 16), ("mms", 1e-5), ("n_odd", 1e9))
                ]
                rows.append(row(encoder, layer, removal, "clusters", 3))
                rows.append(row(encoder, layer, removal, "frequency_pearson", math.nan))
    write_results(folder, [*rows, replace(row("tiny", "3", "none", "spearman", 0.7), task="sts")])
    return folder


@pytest.fixture(scope="session")
def page(analysis):
    from uncone.report.page import write_page

    return Path(write_page(analysis))
