"""Correlations, agreement of labels, and how sure one may be of them.

Statistics take `gold` (n,), what people said, and `predicted` (n,) or (S, n), what one or S systems said of the same
items.
"""

from uncone.tasks.statistics.kernels import LOWER_IS_BETTER, STATISTICS, macro_spearman, point
from uncone.tasks.statistics.resampling import Difference, Estimate, bootstrap, holm

__all__ = [
    "LOWER_IS_BETTER",
    "STATISTICS",
    "Difference",
    "Estimate",
    "bootstrap",
    "holm",
    "macro_spearman",
    "point",
]
