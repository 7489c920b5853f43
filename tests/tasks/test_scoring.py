import json
import time
import zlib
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from uncone.data import DataUnavailable
from uncone.tasks import Average, Prediction, Row, Sts, comparison, evaluate, statistics
from uncone.tasks.scoring import score

from .test_statistics import difference

GENERATOR = np.random.default_rng(0)
GOLD = {"a": GENERATOR.normal(size=80), "b": GENERATOR.normal(size=20)}
NOISE = {name: {subset: GENERATOR.normal(size=len(x)) for subset, x in GOLD.items()} for name in ("none", "x", "y")}
LOUDNESS = {"none": 2.0, "x": 0.5, "y": 2.0}


def predictions(name):
    return [
        Prediction(subset, gold, gold + LOUDNESS[name] * NOISE[name][subset], ("spearman", "pearson"))
        for subset, gold in GOLD.items()
    ]


class Toy:
    """A task whose systems are names."""

    name, use = "toy", "labels"

    def predict(self, vectors):
        return predictions(vectors)

    def averages(self):
        return (Average("mean", ("a", "b")), Average("wmean", ("a", "b"), "size"))


class Named(str):
    """A system of an encoder."""

    encoder = SimpleNamespace(name="e", layers="1+12", convention="mean")


def by_key(rows):
    return {(row.removal, row.subset, row.metric): row for row in rows}


def test_rows_follow_the_schema_and_go_through_json():
    rows, not_run = evaluate(
        [Toy()],
        {"none": Named("none"), "x": Named("x")},
        seed=3,
        reference="none",
    )
    assert not not_run
    assert [Row.from_json(json.loads(json.dumps(row.to_json()))) for row in rows] == rows
    assert {(row.encoder, row.layers, row.pooling, row.seed) for row in rows} == {("e", "1+12", "mean", 3)}
    assert len(rows) == 4 * 2 * 2  # subsets, metrics, systems
    for row in rows:
        is_gain = row.removal == "x"
        assert all((getattr(row, key) is not None) == is_gain for key in ("gain", "gain_low", "p_value", "p_holm"))
        assert row.p_best is not None
        assert row.candidate is None
    assert all(row.low <= row.value <= row.high for row in rows)


def test_values_intervals_and_gains_are_those_of_the_statistics():
    rows, _ = score("toy", {name: predictions(name) for name in ("none", "x")}, reference="none", resamples=200, seed=1)
    found = by_key(rows)
    none, x = predictions("none")[0], predictions("x")[0]
    assert found["x", "a", "spearman"].value == statistics.point("spearman", x.gold, x.predicted)
    gain = found["x", "a", "spearman"]
    assert gain.gain == gain.value - found["none", "a", "spearman"].value > 0.2
    assert gain.p_value == 2 / 201
    draws = {"resamples": 200, "seed": [1, zlib.crc32(b"toy/a")]}
    oracle = difference("spearman", x.gold, x.predicted, none.predicted, **draws)
    assert (gain.gain_low, gain.gain_high) == (oracle.gain_low, oracle.gain_high)


def test_averages_resample_their_parts_independently():
    found = by_key(evaluate([Toy()], {"none": "none", "y": "y"}, reference="none")[0])
    a, b = found["y", "a", "spearman"], found["y", "b", "spearman"]
    mean, wmean = found["y", "mean", "spearman"], found["y", "wmean", "spearman"]
    assert mean.value == pytest.approx((a.value + b.value) / 2)
    assert wmean.value == pytest.approx(0.8 * a.value + 0.2 * b.value)
    assert mean.n == 100

    def half_width(row):
        return (row.high - row.low) / 2

    # variances of independent parts add up
    assert half_width(mean) == pytest.approx(np.hypot(half_width(a), half_width(b)) / 2, rel=0.15)
    assert found["y", "mean", "spearman"].p_value > 0.05  # y is as noisy as the reference


def test_p_values_are_corrected_for_the_systems_compared():
    systems = ("none", "x", "y")
    rows, _ = score("toy", {name: predictions(name) for name in systems}, reference="none", resamples=400)
    found = by_key(rows)
    draws = {"resamples": 400, "seed": [0, zlib.crc32(b"toy/b")]}
    of = {name: predictions(name)[1].predicted for name in systems}

    def p_value(one, other):
        return difference("pearson", GOLD["b"], of[one], of[other], **draws).p_value

    best = max(systems, key=lambda name: found[name, "b", "pearson"].value)
    assert best == "x"
    gains = comparison.holm({"x": p_value("x", "none"), "y": p_value("y", "none")})
    assert [found[name, "b", "pearson"].p_holm for name in ("x", "y")] == [*gains.values()]
    to_best = comparison.holm({"none": p_value("none", "x"), "y": p_value("y", "x")})
    assert [found[name, "b", "pearson"].p_best for name in ("none", "y")] == [*to_best.values()]
    assert found["x", "b", "pearson"].p_best == 1.0
    x, y = (found[name, "b", "pearson"] for name in ("x", "y"))
    assert x.p_holm == min(1, 2 * x.p_value) < 0.05 < y.p_holm == y.p_value


def test_of_equal_systems_none_is_clearly_best():
    """Without a correction, one of thirty would be called better than the reference in most trials."""
    generator = np.random.default_rng(3)
    corrected, uncorrected = 0, 0
    for trial in range(25):
        gold = generator.normal(size=60)
        systems = {
            f"s{i}": [Prediction("all", gold, gold + generator.normal(size=60), ("pearson",))] for i in range(30)
        }
        rows, _ = score("toy", systems, reference="s0", resamples=1500, seed=trial)
        gains = [row for row in rows if row.gain is not None]
        uncorrected += any(row.p_value < 0.05 for row in gains)
        corrected += any(row.p_holm < 0.05 for row in gains)
    assert uncorrected > 8
    assert corrected <= 4  # expected 1.25 at most; 5 or more has probability 0.008


def test_too_few_resamples_for_so_many_systems_are_warned_of(caplog):
    systems = {name: name for name in ("none", "x", "y")}
    evaluate([Toy()], systems, resamples=79)
    assert caplog.messages == [
        "with resamples=79 no difference can be significant among 3 removals: set resamples=80 or more"
    ]
    caplog.clear()
    evaluate([Toy()], systems, resamples=80)
    assert not caplog.messages


def test_an_average_is_of_the_metrics_that_all_its_parts_have():
    parts = [Prediction("all", GOLD["a"], GOLD["a"] ** 2, ("alignment",)), *predictions("x")]
    rows, _ = score("toy", {"x": parts}, Toy().averages(), resamples=20)
    assert {row.metric for row in rows if row.subset == "mean"} == {"spearman", "pearson"}
    alignment = by_key(rows)["x", "all", "alignment"]
    assert alignment.value == pytest.approx(np.mean(GOLD["a"] ** 2))


def test_of_distances_the_lowest_is_best():
    gold = np.arange(50.0)
    systems = {name: [Prediction("all", gold, gold * scale, ("uniformity",))] for name, scale in (("a", 1), ("b", 0.1))}
    rows, _ = score("toy", systems, reference="a", resamples=100)
    assert {row.removal: row.p_best for row in rows if row.metric == "uniformity"} == {"a": 2 / 101, "b": 1.0}


def test_rows_do_not_depend_on_the_other_systems_and_tasks():
    class Other(Toy):
        name = "other"

    alone = by_key(evaluate([Toy()], {"x": "x"})[0])
    among = [row for row in evaluate([Other(), Toy()], {"none": "none", "y": "y", "x": "x"})[0] if row.task == "toy"]
    compared = [replace(row, p_best=None) for row in among if row.removal == "x"]  # that one is about the others
    assert by_key(compared) == {key: replace(row, p_best=None) for key, row in alone.items()}
    assert {row.p_best for row in alone.values()} == {None}
    other_seed = by_key(evaluate([Toy()], {"x": "x"}, seed=1)[0])
    key = ("x", "a", "spearman")
    assert other_seed[key].value == alone[key].value
    assert other_seed[key].low != alone[key].low


@pytest.mark.parametrize(("bad", "why"), [(7.0, "predicted is constant"), (np.nan, "predicted holds NaN or infinity")])
def test_what_is_undefined_is_reported_and_the_rest_is_scored(bad, why):
    broken = predictions("x")
    broken[0] = Prediction("a", GOLD["a"], np.full(80, bad), ("spearman", "pearson"))
    rows, not_run = score("toy", {"none": predictions("none"), "x": broken}, Toy().averages(), reference="none")
    found = by_key(rows)
    assert found["x", "b", "spearman"].gain is not None
    assert ("none", "mean", "spearman") in found
    assert not [key for key in found if key[0] == "x" and key[1] in ("a", "mean", "wmean")]
    assert [(line.removal, line.subset) for line in not_run] == [("x", "a"), ("x", "a")]
    assert not_run[0].why.startswith(f"spearman: {why}")


def test_a_broken_reference_leaves_values_without_gains():
    broken = [Prediction("a", GOLD["a"], np.zeros(80), ("spearman",))]
    working = [Prediction("a", GOLD["a"], GOLD["a"], ("spearman",))]
    rows, _ = score("toy", {"none": broken, "x": working}, reference="none")
    assert [(row.metric, row.gain) for row in rows] == [("spearman", None)]


def test_missing_data_is_reported_and_the_rest_runs():
    class Missing(Toy):
        name = "missing"

        def predict(self, vectors):
            raise DataUnavailable("not found: sts/none.tsv")

    rows, not_run = evaluate([Missing(), Toy()], {"none": "none", "x": "x"}, progress=True)
    assert {row.task for row in rows} == {"toy"}
    assert not_run == [("missing", "not found: sts/none.tsv", None, None)]


def test_errors():
    with pytest.raises(ValueError, match="no systems to evaluate"):
        evaluate([Toy()], {})
    with pytest.raises(ValueError, match="the reference 'raw' is not among the systems none, x"):
        evaluate([Toy()], {"none": "none", "x": "x"}, reference="raw")
    with pytest.raises(ValueError, match="tasks need distinct names, got toy, toy"):
        evaluate([Toy(), Toy()], {"none": "none"})


@pytest.mark.parametrize("covered", [None, np.arange(80) != 3, np.arange(80) != 4])
def test_systems_must_cover_the_same_items(covered):
    rows = slice(None) if covered is None else covered
    system = Prediction("a", GOLD["a"][rows], GOLD["a"][rows], ("spearman",), covered)
    first = Prediction("a", GOLD["a"][1:], GOLD["a"][1:], ("spearman",), np.arange(80) > 0)
    with pytest.raises(ValueError, match=r"toy/a: 'x' was scored on other items than 'none'; evaluate .* one by one"):
        score("toy", {"none": [first], "x": [system]})


def test_ten_systems_are_cheap():
    gold = GENERATOR.normal(size=5000)
    systems = {f"s{i}": [Prediction("all", gold, gold + GENERATOR.normal(size=5000), ("spearman",))] for i in range(10)}
    start = time.perf_counter()
    score("toy", systems, reference="s0")
    assert time.perf_counter() - start < 20  # about 2 s on one thread of an idle machine


def test_evaluate_runs_a_real_task(glove):
    halves = glove.transformed(lambda table: table[:, :25])
    rows, _ = evaluate([Sts("lee")], {"none": glove, "half": halves}, reference="none", resamples=100)
    assert by_key(rows)["half", "all", "spearman"].n == 1225
