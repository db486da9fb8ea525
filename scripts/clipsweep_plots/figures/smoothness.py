"""How fast the gradient changes: local smoothness over the gradient norm, and sharpness over the steps.

Zhang, He, Sra and Jadbabaie (2020) plot the first to show that smoothness grows with the norm where
training clips. The second shows the edge of stability (Cohen et al., 2021): gradient descent on a
quadratic diverges where its sharpness exceeds 2 / step size.
"""

from collections.abc import Callable
from functools import partial

import matplotlib
import numpy as np
from clipsweep_results.result_folder import Arm, Run
from clipsweep_results.summary import SmoothnessFit
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..drawing.layout import FigureText, NamedFigure, NotMeasured, draw_pages, paged
from ..drawing.norm_axis import limit_norms
from ..drawing.panel_page import PageText, first_row_keys, open_page
from ..drawing.panels import Row, arm_names, choose_arms, chosen_note, named_arm_rows
from ..drawing.sources import Sources
from ..drawing.style import INK, element_id, number, percent, signed

MAX_PANELS = 12
NOT_MEASURED = "no run measured it (--smoothness-every)"
# Light for early steps, dark for late ones.
STEP_COLORS = matplotlib.colormaps["cividis_r"]
ROOM = 1.6  # factor between the outermost points and the edges
MAX_DECADES = 9  # of an axis; further points are drawn on its edge
SHARPNESS_COLOR = "#0072B2"
LIMIT_DASHES = (0, (5, 1.5))
BAND = (0.1, 0.9)
MAX_WINDOWS = 25  # of steps, over which a curve has its quantiles


def draw_smoothness(sources: Sources) -> list[NamedFigure]:
    """Draw a point for each measured step, one panel per arm, with the line fitted to them."""
    arms = _measured_arms(sources, lambda run: run.curve.measured.smoothness)
    fits = {arm: _fit(sources, arm) for arm in arms}
    chosen = choose_arms(arms, MAX_PANELS, sources.mean_accuracy)
    text = FigureText("smoothness", _smoothness_title(fits), _smoothness_caption(sources, arms, chosen))
    titles = {arm: _smoothness_panel(name, fits[arm]) for arm, name in arm_names(chosen).items()}
    pages = paged(named_arm_rows(titles, sources.sheet))
    limits = (
        _limits([_points(arm)[1] for arm in chosen]),
        _limits([_points(arm)[2] for arm in chosen]),
    )
    return draw_pages(text, pages, partial(_draw_smoothness_page, sources, fits, limits))


def draw_sharpness(sources: Sources) -> list[NamedFigure]:
    """Draw the sharpness of the batches over the steps, with 2 / (learning rate x clip scale)."""
    arms = _measured_arms(sources, lambda run: run.curve.measured.sharpness)
    chosen = choose_arms(arms, MAX_PANELS, sources.mean_accuracy)
    text = FigureText("sharpness", _sharpness_title(arms), _sharpness_caption(sources, arms, chosen))
    titles = {arm: _sharpness_panel(name, arm) for arm, name in arm_names(chosen).items()}
    pages = paged(named_arm_rows(titles, sources.sheet))
    limits = _limits([values for arm in chosen for values in _sharpness(arm)[1:]])
    return draw_pages(text, pages, partial(_draw_sharpness_page, sources, limits))


def _measured_arms(sources: Sources, values: Callable[[Run], np.ndarray]) -> list[Arm]:
    """Return the arms of which some number can be on a log axis."""
    arms = [
        arm
        for arm in sources.distinct_arms
        if not arm.clip.perturbed and any((values(run) > 0).any() for run in arm.runs)
    ]
    if not arms:
        raise NotMeasured(NOT_MEASURED)
    return arms


def _joined(arm: Arm, name: str) -> np.ndarray:
    return np.concatenate([getattr(run.curve.measured, name) for run in arm.runs])


def _limits(values: list[np.ndarray]) -> tuple[float, float]:
    """Return the limits of a log axis, around the middle if the values span too many decades."""
    known = np.concatenate(values)
    known = known[np.isfinite(known) & (known > 0)]
    middle, half = float(np.median(known)), 10 ** (MAX_DECADES / 2)
    return max(known.min(), middle / half) / ROOM, min(known.max(), middle * half) * ROOM


# ---- Smoothness over the norm


def _points(arm: Arm) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return step, norm and smoothness of all measured steps that have a logarithm."""
    step, norm, smoothness = (_joined(arm, name) for name in ("step", "norm", "smoothness"))
    kept = np.isfinite(norm) & (norm > 0) & (smoothness > 0)
    return step[kept], norm[kept], smoothness[kept]


def _fit(sources: Sources, arm: Arm) -> SmoothnessFit | None:
    summaries = sources.summary.arms if sources.summary else []
    found = (each for each in summaries if (each.clip, each.learning_rate) == (arm.clip, arm.learning_rate))
    return next((each.smoothness for each in found), None)


def _smoothness_panel(name: str, fit: SmoothnessFit | None) -> str:
    if fit is None or fit.slope is None:
        return name
    return f"{name}\nr = {_r(fit)}, slope {signed(fit.slope, 2)}"


def _r(fit: SmoothnessFit) -> str:
    return "undefined" if fit.correlation is None else signed(fit.correlation, 2)


def _smoothness_title(fits: dict[Arm, SmoothnessFit | None]) -> str:
    """State the highest correlation with and without clipping, of arms whose line rises or falls.

    A line may be flat to two decimals although its points correlate: then the norm says nothing
    about smoothness that matters.
    """
    known = {arm: fit for arm, fit in fits.items() if fit and fit.correlation is not None}
    sloped = {arm: fit for arm, fit in known.items() if round(fit.slope, 2) != 0}
    parts = []
    for words, is_baseline in (("with clipping", False), ("without", True)):
        arms = [arm for arm in sloped if arm.clip.is_baseline == is_baseline]
        if arms:
            best = max(arms, key=lambda arm: sloped[arm].correlation)
            slope = signed(sloped[best].slope, 2)
            parts.append(f"{_r(sloped[best])} {words} ({best.label}, slope {slope})")
    if not parts:
        flat = "Local smoothness does not change with the gradient norm: slope 0.00"
        return flat if known else "Local smoothness by gradient norm"
    highest = "Highest correlation" if len(known) > len(parts) else "Correlation"
    return f"{highest} of local smoothness and gradient norm: {', '.join(parts)}"


def _smoothness_caption(sources: Sources, arms: list[Arm], chosen: list[Arm]) -> str:
    return (
        "One point per measured step of all seeds, light early and dark late in training. Local "
        "smoothness is the change of the batch's gradient over the first half of the step, divided "
        "by the length of that half; the norm is that of the raw gradient. Line: least squares of "
        "the logarithms; r is their correlation. If the loss were smooth in the usual sense, the "
        f"points would not rise.{sources.identical_note} {chosen_note(chosen, len(arms))}"
    ).strip()


def _draw_smoothness_page(
    sources: Sources,
    fits: dict[Arm, SmoothnessFit | None],
    limits: tuple[tuple[float, float], tuple[float, float]],
    rows: list[Row],
    text: FigureText,
) -> tuple[Figure, str]:
    words = PageText(text.title, text.caption, "raw gradient norm", "local smoothness")
    page = open_page(sources.sheet, rows, words, [[[] for _ in row] for row in rows])
    steps = Normalize(1, max(sources.results.plan.planned_steps, 2))
    shown = []
    for panel, axes in page.pairs():
        arm = panel.arms[0]
        limit_norms(axes, "x", *limits[0])
        limit_norms(axes, "y", *limits[1])
        step, norm, smoothness = _points(arm)
        order = np.random.default_rng(0).permutation(len(step))  # no seed covers the others
        axes.scatter(
            np.clip(norm, *limits[0])[order],
            np.clip(smoothness, *limits[1])[order],
            c=steps(step[order]),
            cmap=STEP_COLORS,
            vmin=-0.2,
            vmax=1,
            s=5,
            linewidths=0,
            alpha=0.8,
            rasterized=True,
            gid=element_id("points", arm.clip, arm.learning_rate),
        )
        _draw_fit(axes, fits[arm], norm)
        shown.append(f"{arm.label}: {_smoothness_panel(f'{len(step)} points', fits[arm])}")
    alt = f"Local smoothness against gradient norm on log axes. {'; '.join(shown)}."
    return page.figure, alt.replace("\n", ", ")


def _draw_fit(axes: Axes, fit: SmoothnessFit | None, norm: np.ndarray) -> None:
    if fit is None or fit.slope is None or not norm.size:
        return
    ends = np.array([norm.min(), norm.max()])
    line = 10**fit.intercept * ends**fit.slope
    axes.plot(ends, line, color=INK, linewidth=1.2, zorder=4, gid="fit")


# ---- Sharpness over the steps


def _sharpness(arm: Arm) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return step, sharpness and 2 / (learning rate x clip scale) of all measured steps."""
    step, rate, sharpness = (_joined(arm, name) for name in ("step", "rate", "sharpness"))
    with np.errstate(divide="ignore", invalid="ignore"):
        return step, sharpness, 2 / rate


def _share_above(arm: Arm) -> float | None:
    """Return the share of measured steps whose sharpness exceeds the limit."""
    _, sharpness, limit = _sharpness(arm)
    known = np.isfinite(sharpness) & ~np.isnan(limit)
    return float((sharpness[known] > limit[known]).mean()) if known.any() else None


def _sharpness_panel(name: str, arm: Arm) -> str:
    share = _share_above(arm)
    return name if share is None else f"{name}\nabove the limit: {percent(share)} % of steps"


def _sharpness_title(arms: list[Arm]) -> str:
    shares = {arm: share for arm in arms if (share := _share_above(arm)) is not None}
    if not shares:
        return "Sharpness of the batches over the steps"
    most = max(shares, key=shares.get)
    return (
        f"The batch's sharpness exceeds 2 / (learning rate × clip scale) on up to "
        f"{percent(shares[most])} % of the measured steps ({most.label})"
    )


def _sharpness_caption(sources: Sources, arms: list[Arm], chosen: list[Arm]) -> str:
    hidden = np.concatenate([_sharpness(arm)[1] for arm in chosen])
    negative = float((hidden[np.isfinite(hidden)] <= 0).mean())
    note = f" Negative values ({percent(negative)} %) are at the lower edge." if negative else ""
    return (
        "Sharpness g'Hg / g'g of the batch along its gradient. Line: median over all seeds and the "
        f"measured steps of a window; band: from {100 * BAND[0]:g} % to {100 * BAND[1]:g} % of them. Dashed: the median of 2 / (learning "
        "rate × clip scale); above it a step of gradient descent overshoots the "
        f"minimum along the gradient by more than the distance to it.{note}{sources.identical_note} {chosen_note(chosen, len(arms))}"
    ).strip()


def _draw_sharpness_page(
    sources: Sources, limits: tuple[float, float], rows: list[Row], text: FigureText
) -> tuple[Figure, str]:
    words = PageText(text.title, text.caption, "step", "sharpness of the batch")
    keys = [
        Line2D([], [], color=SHARPNESS_COLOR, linewidth=1.3, label="sharpness"),
        Line2D([], [], color=INK, linewidth=1.2, linestyle=LIMIT_DASHES, label="2 / (rate × scale)"),
    ]
    page = open_page(sources.sheet, rows, words, first_row_keys(rows, keys))
    shown = []
    for panel, axes in page.pairs():
        arm = panel.arms[0]
        axes.set_xlim(0, sources.results.plan.planned_steps * 1.02)
        limit_norms(axes, "y", *limits)
        step, sharpness, limit = _sharpness(arm)
        places, values = _in_windows(step, sharpness, (*BAND, 0.5))
        low, high, median = np.where(values > 0, values, limits[0])  # negative: at the lower edge
        axes.fill_between(places, low, high, color=SHARPNESS_COLOR, alpha=0.25, linewidth=0)
        gid = element_id("sharpness", arm.clip, arm.learning_rate)
        axes.plot(places, median, color=SHARPNESS_COLOR, linewidth=1.1, gid=gid)
        places, (limits_of_steps,) = _in_windows(step, limit, (0.5,))
        axes.plot(places, limits_of_steps, color=INK, linewidth=1.2, linestyle=LIMIT_DASHES)
        share = _share_above(arm)
        middle = np.nanmedian(sharpness) if np.isfinite(sharpness).any() else None
        shown.append(f"{arm.label}: median {number(middle)}, above the limit on {percent(share)} %")
    alt = f"Sharpness of the batch against step on a log axis. {'; '.join(shown)}."
    return page.figure, alt


def _in_windows(
    steps: np.ndarray, values: np.ndarray, probabilities: tuple[float, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the middle of each window of steps, and the quantiles of the values in it."""
    known = np.isfinite(values)
    steps, values = steps[known], values[known]
    parts = np.array_split(np.unique(steps), MAX_WINDOWS)
    parts = [part for part in parts if part.size]
    places = np.array([part.mean() for part in parts])
    quantiles = [np.quantile(values[np.isin(steps, part)], probabilities) for part in parts]
    return places, np.array(quantiles).reshape(len(parts), len(probabilities)).T
