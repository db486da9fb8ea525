"""Statistics over seeds at each point; and 95 % intervals of their mean, the bands of curves."""

import math
from collections.abc import Callable

import numpy as np

NORMAL_QUANTILE = 1.959964  # of 0.975
MAX_SIGNS = 4096


def over_seeds(statistic: Callable[..., np.ndarray], values: np.ndarray) -> np.ndarray:
    """Return NumPy's `nanmean`, `nanmedian` or `nanmax` of each row of `values` [points, seeds].

    NaN for a row without any measured value, for which these functions would warn.
    """
    result = np.full(len(values), np.nan)
    rows = ~np.isnan(values).all(axis=1)
    result[rows] = statistic(values[rows], axis=1)
    return result


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


def wilson_interval(count: int, n: int) -> tuple[float, float]:
    """Return both ends of Wilson's 95 % interval (1927) of a share of `n`, 0 to 1."""
    z = NORMAL_QUANTILE
    share = count / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(middle - half, 0.0), min(middle + half, 1.0)


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


def simultaneous_band(values: np.ndarray, min_seeds: int) -> tuple[np.ndarray, np.ndarray]:
    """Return both ends of a 95 % band of the mean of `values` [points, seeds] at all points at once.

    Sup-t: the mean plus and minus c standard errors, where c is the 0.95 quantile of the largest
    |t| of all points when each seed's residuals change their sign at random (the wild bootstrap,
    Liu, 1988; bands of this kind: Montiel Olea and Plagborg-Møller, 2019). Never narrower than
    mean_band. Only seeds that are measured at every point count; NaN for fewer than `min_seeds`.
    """
    points = np.isfinite(values).any(axis=1)
    whole = values[:, np.isfinite(values[points]).all(axis=0)][points]
    low, high = np.full(len(values), np.nan), np.full(len(values), np.nan)
    n = whole.shape[1]
    if not whole.size or n < min_seeds:
        return low, high
    mean = whole.mean(axis=1)
    error = whole.std(axis=1, ddof=1) / np.sqrt(n)
    factor = max(_largest_t(whole - mean[:, np.newaxis]), float(student_quantile(n - 1)))
    low[points], high[points] = mean - factor * error, mean + factor * error
    return low, high


def _largest_t(residuals: np.ndarray) -> float:
    """Return the 0.95 quantile of the largest |t| over the points under random signs of seeds."""
    varied = residuals[np.abs(residuals).max(axis=1) > 0]
    n = residuals.shape[1]
    if not varied.size:
        return 0.0
    signs = _signs(n)
    means = signs @ varied.T / n
    squares = (varied**2).sum(axis=1) / n
    errors = np.sqrt(np.maximum(squares - means**2, 1e-12 * squares) / (n - 1))
    return float(np.quantile(np.abs(means / errors).max(axis=1), 0.95))


def _signs(n: int) -> np.ndarray:
    """Return every way to sign n seeds up to a common sign, or 4,096 random ones, [ways, n]."""
    if 2 ** (n - 1) <= MAX_SIGNS:
        bits = (np.arange(2 ** (n - 1))[:, np.newaxis] >> np.arange(n)) & 1
        return 1.0 - 2.0 * bits
    return np.random.default_rng(0).choice([-1.0, 1.0], size=(MAX_SIGNS, n))
