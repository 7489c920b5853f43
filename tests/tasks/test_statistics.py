import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from uncone.tasks import comparison, statistics
from uncone.tasks.statistics import point


def correlated(generator, n, rho):
    gold = generator.normal(size=n)
    return gold, rho * gold + np.sqrt(1 - rho**2) * generator.normal(size=n)


@pytest.mark.parametrize("decimals", [0, 1, 8])  # many ties, some, none
def test_correlations_equal_scipy(decimals):
    generator = np.random.default_rng(decimals)
    for n in (2, 5, 400):
        gold, predicted = (np.round(x, decimals) for x in correlated(generator, n, 0.5))
        gold[0], predicted[0] = 9, -9  # never constant
        assert point("pearson", gold, predicted) == pytest.approx(stats.pearsonr(gold, predicted)[0], abs=1e-12)
        assert point("spearman", gold, predicted) == pytest.approx(stats.spearmanr(gold, predicted)[0], abs=1e-12)


@pytest.mark.parametrize("scale", [1e-8, 1e8])
def test_pearson_survives_a_large_offset(scale):
    gold, predicted = correlated(np.random.default_rng(0), 100, 0.7)
    offset = predicted * scale + 1e4 * scale
    assert point("pearson", gold, offset) == pytest.approx(stats.pearsonr(gold, predicted)[0], abs=1e-10)


def interval(replicates):
    return comparison.Estimate(0.0, replicates).interval


def difference(statistic, gold, system, reference, **options):
    """A system against a reference, on the same resamples."""
    systems = np.stack([system, reference])
    replicates = statistics.bootstrap(statistic, gold, systems, **options)
    own, other = (comparison.Estimate(point(statistic, gold, systems[s]), replicates[s]) for s in range(2))
    return own.minus(other)


STATISTIC_NAMES = ["pearson", "spearman", "accuracy", "macro_f1", "matthews", "mean", "uniformity"]


@pytest.mark.parametrize("statistic", STATISTIC_NAMES)
@pytest.mark.parametrize("block", [1, 100, 1 << 17])
def test_bootstrap_equals_the_statistic_of_each_resample(statistic, block, monkeypatch):
    generator = np.random.default_rng(1)
    gold = np.round(generator.normal(size=40))  # ties, and repeated items make more
    systems = np.round(generator.normal(size=(3, 40)) + gold)
    monkeypatch.setattr("uncone.tasks.statistics._BLOCK", block)
    replicates = statistics.bootstrap(statistic, gold, systems, resamples=20, seed=5)

    # the same draws, statistic by statistic
    size = min(20, max(1, block // 40))
    draws = np.random.default_rng(5)
    rows = np.concatenate([draws.integers(0, 40, size=(min(size, 20 - i), 40)) for i in range(0, 20, size)])
    oracle = {
        "pearson": lambda x, y: stats.pearsonr(x, y)[0],
        "spearman": lambda x, y: stats.spearmanr(x, y)[0],
        "accuracy": lambda x, y: np.mean(x == y),
        "macro_f1": lambda x, y: metrics.f1_score(x, y, average="macro"),
        "matthews": metrics.matthews_corrcoef,
        "mean": lambda x, y: y.mean(),
        "uniformity": lambda _, y: np.mean(y),
    }[statistic]
    expected = [[oracle(gold[r], system[r]) for r in rows] for system in systems]
    np.testing.assert_allclose(replicates, expected, atol=1e-12)


@pytest.mark.filterwarnings("ignore:A single label was found:UserWarning")
@pytest.mark.parametrize("n", [2, 7, 500])
@pytest.mark.parametrize("classes", [2, 3, 6])
def test_agreement_of_labels_equals_scikit_learn(n, classes):
    generator = np.random.default_rng(n + classes)
    gold = generator.integers(classes, size=n)
    for predicted in (
        np.where(generator.random(n) < 0.6, gold, generator.integers(classes, size=n)),  # mostly right
        generator.integers(classes + 1, size=n),  # by chance, with a class that does not occur
        np.full(n, gold[0]),  # always the same
        np.full(n, classes),
    ):
        assert point("accuracy", gold, predicted) == pytest.approx(metrics.accuracy_score(gold, predicted))
        expected = metrics.f1_score(gold, predicted, average="macro")
        assert point("macro_f1", gold, predicted) == pytest.approx(expected, abs=1e-12)
        expected = metrics.matthews_corrcoef(gold, predicted)
        assert point("matthews", gold, predicted) == pytest.approx(expected, abs=1e-12)


def test_bootstrap_is_seeded():
    gold, predicted = correlated(np.random.default_rng(0), 50, 0.5)
    one, same, other = (statistics.bootstrap("spearman", gold, predicted, resamples=50, seed=s) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_a_constant_resample_is_undefined_and_left_out():
    gold, predicted = np.array([1.0, 2, 3]), np.array([1.0, 3, 2])
    for statistic in ("pearson", "spearman"):
        replicates = statistics.bootstrap(statistic, gold, predicted, resamples=500)
        assert 0 < np.isnan(replicates).mean() < 0.3  # one item drawn three times: 1/9
        low, high = interval(replicates[0])
        assert -1 <= low < high <= 1


@pytest.mark.parametrize("statistic", ["pearson", "spearman"])
def test_intervals_cover_the_planted_correlation(statistic):
    rho = 0.6
    truth = rho if statistic == "pearson" else 6 / np.pi * np.arcsin(rho / 2)
    generator = np.random.default_rng(0)
    covered = []
    for trial in range(300):
        replicates = statistics.bootstrap(statistic, *correlated(generator, 150, rho), resamples=400, seed=trial)
        low, high = interval(replicates[0])
        covered.append(low <= truth <= high)
    assert 0.91 <= np.mean(covered) <= 0.98  # 0.95, less some bias at n = 150, within four standard errors


def test_paired_test_of_equally_good_systems_errs_as_often_as_it_says():
    generator = np.random.default_rng(1)
    p_values = []
    for trial in range(400):
        gold = generator.normal(size=150)
        system, reference = gold + generator.normal(size=(2, 150))
        p_values.append(difference("spearman", gold, system, reference, resamples=400, seed=trial).p_value)
    assert 0.02 <= np.mean(np.array(p_values) < 0.05) <= 0.09
    assert 0.4 <= np.mean(np.array(p_values) < 0.5) <= 0.6


def test_paired_test_finds_a_difference_that_separate_intervals_hide():
    generator = np.random.default_rng(2)
    gold = generator.normal(size=300)
    shared = gold + generator.normal(size=300)
    better, worse = shared, shared + 0.3 * generator.normal(size=300)
    gain = difference("pearson", gold, better, worse, resamples=1000)
    assert gain.gain_low > 0
    assert gain.p_value < 0.01
    intervals = [interval(statistics.bootstrap("pearson", gold, system)[0]) for system in (better, worse)]
    assert intervals[0][0] < intervals[1][1]


def test_paired_test_is_antisymmetric_and_equal_systems_get_one():
    gold, system = correlated(np.random.default_rng(3), 80, 0.4)
    reference = system + np.random.default_rng(4).normal(size=80)
    there = difference("spearman", gold, system, reference)
    back = difference("spearman", gold, reference, system)
    assert there.gain == -back.gain
    assert (there.gain_low, there.gain_high) == pytest.approx((-back.gain_high, -back.gain_low))
    assert there.p_value == back.p_value
    assert difference("spearman", gold, system, system) == (0.0, 0.0, 0.0, 1.0)


def holm(p_values):
    return np.array(list(comparison.holm(dict(enumerate(p_values))).values()))


def steps_down(p_values, alpha):
    """Which hypotheses Holm's procedure rejects at level alpha, step by step as it is defined."""
    rejected = np.zeros(len(p_values), dtype=bool)
    for step, i in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[i] > alpha / (len(p_values) - step):
            break
        rejected[i] = True
    return rejected


def test_holm_adjusts_to_the_least_level_that_rejects():
    generator = np.random.default_rng(0)
    for m in (1, 2, 7, 40):
        for _ in range(20):
            p_values = np.round(generator.uniform(size=m) ** 3 + 1e-3, 3)  # small ones, and ties
            adjusted = holm(p_values)
            for alpha in {*adjusted[adjusted < 1]}:
                np.testing.assert_array_equal(steps_down(p_values, alpha * (1 + 1e-9)), adjusted <= alpha)
                assert not steps_down(p_values, alpha * (1 - 1e-9))[adjusted == alpha].any()
            assert not steps_down(p_values, 1 - 1e-9)[adjusted == 1].any()


def test_holm_equals_worked_examples():
    # the usual four hypotheses: at 0.05 the fourth and the first are rejected, the others not
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])
    # what R's p.adjust(1:5 / 100, "holm") gives
    np.testing.assert_allclose(holm(np.arange(1, 6) / 100), [0.05, 0.08, 0.09, 0.09, 0.09])
    np.testing.assert_allclose(holm(np.array([0.4, 0.6, 0.2])), [0.8, 0.8, 0.6])
    assert holm([0.03]).tolist() == [0.03]
    assert holm([]).tolist() == []


def test_means_and_their_intervals():
    generator = np.random.default_rng(0)
    x = generator.normal(2.0, 3.0, size=400)
    assert point("alignment", np.zeros(400), x) == pytest.approx(x.mean())
    low, high = interval(statistics.bootstrap("alignment", np.zeros(400), x)[0])
    assert (high - low) / 2 == pytest.approx(1.96 * x.std() / 20, rel=0.1)


def test_accuracy_of_one_has_a_sharp_interval():
    replicates = statistics.bootstrap("accuracy", np.arange(9), np.arange(9), resamples=10)
    assert interval(replicates[0]) == (1.0, 1.0)


VARIED = np.array([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: point("spearman", VARIED, np.full(3, 2.5)), r"predicted is constant \(2.5\)"),
        (lambda: point("pearson", np.zeros(3), VARIED), "gold is constant"),
        (
            lambda: point("spearman", VARIED, np.array([1, np.nan, 2])),
            "predicted holds NaN or infinity, first in row 1",
        ),
        (lambda: point("accuracy", np.array([1, 2, np.inf]), VARIED), "gold holds NaN or infinity, first in row 2"),
        (lambda: point("pearson", VARIED, VARIED[:2]), r"do not fit: shapes \(3,\) and \(1, 2\)"),
        (lambda: point("pearson", VARIED[:1], VARIED[:1]), "at least two items, got 1"),
        (lambda: point("accuracy", VARIED[:0], VARIED[:0]), "at least one item"),
        (lambda: point("matthews", VARIED[:0], VARIED[:0]), "matthews needs at least one item"),
        (lambda: point("kendall", VARIED, VARIED), "unknown statistic 'kendall': choose one of pearson"),
        (lambda: point("pearson", VARIED, np.eye(3)), "one system, shape .* got 3 systems"),
        (lambda: statistics.bootstrap("pearson", VARIED, VARIED, resamples=0), "at least 1, got 0"),
        (lambda: interval(np.full(3, np.nan)), "undefined on every resample"),
        (lambda: point("alignment", VARIED[:0], VARIED[:0]), "alignment needs at least one item"),
        (lambda: holm([0.1, 1.2]), "numbers from 0 to 1, got 1.2"),
        (lambda: holm([np.nan]), "numbers from 0 to 1, got nan"),
        (lambda: comparison.Estimate(1, VARIED).minus(comparison.Estimate(0, VARIED[:2])), "use one bootstrap"),
    ],
)
def test_errors_name_what_is_wrong(call, message):
    with pytest.raises(ValueError, match=message):
        call()
