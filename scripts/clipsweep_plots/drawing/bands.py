"""The 95 % interval of a mean over seeds, point by point, for the bands of curves."""

import numpy as np

NORMAL_QUANTILE = 1.959964  # of 0.975


def mean_band(values: np.ndarray, min_seeds: int) -> tuple[np.ndarray, np.ndarray]:
    """Return both ends of Student's interval of the mean of each row of `values` [points, seeds].

    A row with fewer than `min_seeds` measured values has no interval: NaN.
    """
    measured = np.isfinite(values)
    counts = measured.sum(axis=1)
    enough = counts >= min_seeds
    low, high = np.full(len(values), np.nan), np.full(len(values), np.nan)
    rows = np.where(measured, values, np.nan)[enough]
    n = counts[enough]
    if rows.size:
        mean = np.nanmean(rows, axis=1)
        half = student_quantile(n - 1) * np.nanstd(rows, axis=1, ddof=1) / np.sqrt(n)
        low[enough], high[enough] = mean - half, mean + half
    return low, high


def student_quantile(degrees: np.ndarray) -> np.ndarray:
    """Return the 0.975 quantile of Student's t, within 0.3 % for 4 and more degrees of freedom.

    Abramowitz & Stegun (1964), 26.7.5.
    """
    z = NORMAL_QUANTILE
    return (
        z
        + (z**3 + z) / (4 * degrees)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * degrees**3)
    )
