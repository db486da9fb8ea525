"""Which share of the norms is above a value, from histograms of the norms, and their tail."""

from dataclasses import dataclass

import numpy as np
from clipsweep_results.step_windows import NORM_BIN_EDGES

# The tail index is of this share of the largest norms, and needs this many of them.
TAIL_SHARE = 0.05
MIN_TAIL = 30


@dataclass(frozen=True)
class Exceedance:
    """The share of norms at or above each value, 0 to 1, and how many norms there are."""

    values: np.ndarray
    shares: np.ndarray
    count: int

    @property
    def largest(self) -> float:
        """The upper end of the last bin that has a norm, where the share is 0."""
        return float(self.values[-1])

    def value_at(self, share: float) -> float | None:
        """Return the value that this share of the norms exceeds; None if it is never so low."""
        below = np.flatnonzero(self.shares <= share)
        if not below.size or below[0] == 0:
            return None
        last = below[0]
        high, low = self.shares[last - 1], self.shares[last]
        part = (high - share) / (high - low)
        first, second = np.log(self.values[last - 1]), np.log(self.values[last])
        return float(np.exp(first + part * (second - first)))


def exceedance(counts: np.ndarray) -> Exceedance | None:
    """Return the exceedance of a histogram over NORM_BIN_EDGES; None if no norm is above 0."""
    total = int(counts.sum())
    filled = np.flatnonzero(counts[1:]) + 1  # the first bin has the norms that are 0
    if not filled.size:
        return None
    span = slice(filled[0], filled[-1] + 2)
    above = np.append(np.cumsum(counts[::-1])[::-1], 0)
    return Exceedance(NORM_BIN_EDGES[span], above[span] / total, total)


def tail_index(counts: np.ndarray) -> float | None:
    """Return Hill's estimate of the tail index of a histogram over NORM_BIN_EDGES.

    If the share of norms above x falls as x^-a, this is a. Hill (1975), over the largest 5 % of the
    norms, each at the middle of its bin; None for fewer than 30 of them or if all are in one bin.
    """
    largest = np.cumsum(counts[::-1])
    total = int(largest[-1])
    wanted = TAIL_SHARE * total
    first = int(np.searchsorted(largest, wanted)) if total else 0
    size = int(largest[first]) if total else 0
    if size < MIN_TAIL:
        return None
    logs = np.log(np.sqrt(NORM_BIN_EDGES[1:] * NORM_BIN_EDGES[:-1]))[::-1][: first + 1]
    start = np.log(NORM_BIN_EDGES[:-1])[::-1][first]  # the lower end of the last bin
    excess = float((counts[::-1][: first + 1] * (logs - start)).sum())
    return size / excess if first > 0 else None
