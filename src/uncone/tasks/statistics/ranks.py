"""Average ranks, of values and of bootstrap resamples of them."""

from __future__ import annotations

import numpy as np


class TiedGroups:
    """Items sorted once by value, so that ranks inside any resample cost O(n) and no sorting.

    Args:
        x: (n,) finite values.
    """

    def __init__(self, x: np.ndarray) -> None:
        self._order = np.argsort(x, kind="stable")  # (n,) items by value
        ordered = x[self._order]
        last = np.append(ordered[1:] != ordered[:-1], True)  # where a group of tied values ends
        self._ends = np.flatnonzero(last)
        self._group = np.empty(len(x), dtype=np.intp)  # (n,) group of each item
        self._group[self._order] = np.cumsum(last) - last

    def ranks(self, counts: np.ndarray) -> np.ndarray:
        """Average rank (n, B) of every item in each of B resamples.

        Args:
            counts: (n, B) how often each resample holds each item. The rank of an item that it does not hold means
                nothing.
        """
        up_to = np.cumsum(counts[self._order], axis=0)  # (n, B)
        if len(self._ends) < len(self._order):
            up_to = up_to[self._ends]  # (groups, B)
        # a group covers the ranks from one past the count before it to the count at its end; take their mean
        ranks = up_to + 1
        ranks[1:] += up_to[:-1]
        ranks *= 0.5
        return ranks[self._group]  # (n, B)
