"""Correlations, agreement of labels, and how sure one may be of them.

Statistics take `gold` (n,), what people said, and `predicted` (n,) or (S, n), what one or S systems said of the same
items.
"""

from uncone.tasks.statistics.correlation import (
    LOWER_IS_BETTER,
    accuracy,
    average_ranks,
    macro_f1,
    matthews,
    pearson,
    point,
    spearman,
    spearman_each,
)
from uncone.tasks.statistics.multiple import holm
from uncone.tasks.statistics.resampling import (
    Difference,
    Interval,
    bootstrap,
    difference,
    paired_bootstrap,
    percentile_interval,
)

__all__ = [
    "LOWER_IS_BETTER",
    "Difference",
    "Interval",
    "accuracy",
    "average_ranks",
    "bootstrap",
    "difference",
    "holm",
    "macro_f1",
    "matthews",
    "paired_bootstrap",
    "pearson",
    "percentile_interval",
    "point",
    "spearman",
    "spearman_each",
]
