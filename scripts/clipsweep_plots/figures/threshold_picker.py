"""The threshold picker: which share of the baseline's steps a threshold would clip, by mode."""

from collections.abc import Iterable
from functools import partial

import numpy as np
from clipsweep_results.result_folder import Arm
from clipsweep_results.summary import WHAT_IF_KEYS
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from ..drawing.exceedance import Exceedance, exceedance
from ..drawing.layout import FigureText, NamedFigure, NotDrawn, draw_pages, paged
from ..drawing.norm_axis import limit_norms
from ..drawing.panel_page import PageText, first_row_keys, open_page
from ..drawing.panels import Panel, Row, grid_rows, learning_rates, place_title, wrap_panels
from ..drawing.sources import Sources
from ..drawing.style import (
    LABEL_BOX,
    LINE_SPACING,
    MODE_COLORS,
    MODE_DASHES,
    MODE_MARKERS,
    MUTED,
    darker,
    element_id,
    number,
    text_width,
)

STEM = "threshold_picker"
MAX_COLUMNS = 3
MARKED_SHARES = (0.5, 0.1, 0.01)
MIN_STEPS = 10  # of an arm, so that one step in ten is a step
LOWEST_SHARE = 0.001
MAX_DECADES = 8  # above the median norm
MAX_NAMED_RANGE = 100  # a title names no thresholds that differ by a larger factor
# What each mode compares with its threshold, as a histogram of a run's steps.
COUNTS = {
    "value": lambda curve: curve.element_counts,
    "global-norm": lambda curve: curve.norm_counts,
    "tensor-norm": lambda curve: curve.tensor_counts,
}
Curves = dict[str, Exceedance]


def draw_threshold_picker(sources: Sources) -> list[NamedFigure]:
    """Draw one panel per arm without clipping, with a curve for each mode."""
    found = {arm: clipped_shares(sources, arm) for arm in sources.arms if arm.clip.is_baseline}
    found = {
        arm: kept
        for arm, curves in found.items()
        if (kept := {mode: curve for mode, curve in curves.items() if curve.count >= MIN_STEPS})
    }
    if not found:
        raise NotDrawn(f"no arm without clipping has {MIN_STEPS} steps with a finite gradient")
    text = FigureText(STEM, _title(found), _caption(sources, found))
    pages = paged(_rows(sources, list(found)))
    return draw_pages(text, pages, partial(_draw_page, sources, found))


def _rows(sources: Sources, arms: list[Arm]) -> list[Row]:
    """Make a panel per arm: a row per setup if its learning rates fit in it."""
    sheet, rates = sources.sheet, learning_rates(arms)
    columns = 1 if sheet.is_narrow else min(sheet.max_columns, MAX_COLUMNS)  # room for the numbers
    places = [(arm.clip.setup, arm.learning_rate) for arm in arms]
    panels = {
        place: Panel(place_title(*place), (arm,)) for place, arm in zip(places, arms, strict=True)
    }
    if len(sources.setups) > 1 and len(rates) <= columns:
        return grid_rows(panels, rates, sources.sheet)
    return wrap_panels(list(panels.values()), columns)


def clipped_shares(sources: Sources, arm: Arm) -> Curves:
    """Return the share of the arm's steps above each threshold, by mode.

    From every step if every step was logged, otherwise from the counts of the summary, which has
    them for fewer thresholds.
    """
    if sources.results.plan.log_every > 1:
        return _shares_of_summary(sources, arm)
    curves = {}
    for mode, counts_of in COUNTS.items():
        counts = [counts_of(run.curve) for run in arm.runs]
        counts = [each for each in counts if each.size]
        curves[mode] = exceedance(np.sum(counts, axis=0)) if counts else None
    return {mode: curve for mode, curve in curves.items() if curve}


def _shares_of_summary(sources: Sources, arm: Arm) -> Curves:
    for entry in sources.summary.what_if if sources.summary else []:
        if (entry.baseline.clip, entry.baseline.learning_rate) == (arm.clip, arm.learning_rate):
            thresholds = np.array(entry.thresholds)
            shares = {mode: np.array(entry.shares[mode]) for mode in WHAT_IF_KEYS}
            steps = sum(run.steps for run in arm.runs)
            return {
                mode: Exceedance(thresholds, share, steps)
                for mode, share in shares.items()
                if thresholds.size > 1 and share.any()
            }
    return {}


def _title(found: dict[Arm, Curves]) -> str:
    """Name the threshold that clips a tenth of the steps, over the learning rates."""
    values = [
        curves["global-norm"].value_at(0.1) for curves in found.values() if "global-norm" in curves
    ]
    values = [value for value in values if value is not None]
    if not values:
        return "Share of steps that a threshold would clip"
    if max(values) > MAX_NAMED_RANGE * min(values):
        return f"The threshold that clips one step in ten depends on the {_differing(list(found))}"
    low, high = number(min(values), 2), number(max(values), 2)
    amount = low if low == high else f"{low} to {high}"
    where = "" if low == high else f", depending on the {_differing(list(found))}"
    return f"A global norm of {amount} would clip one step in ten{where}"


def _differing(arms: list[Arm]) -> str:
    return "learning rate" if len(learning_rates(arms)) > 1 else "setup"


def _caption(sources: Sources, found: dict[Arm, Curves]) -> str:
    caption = (
        "Of the runs without clipping: the share of steps on which a threshold would act, up to the "
        "largest norm. Marks and numbers: the thresholds that clip 50, 10 and 1 % of "
        "the steps. A clipped run takes another path, so its own shares differ."
    )
    shown = [curve for curves in found.values() for curve in curves.values()]
    if (largest := max(curve.largest for curve in shown)) > _end(shown):
        caption += f" Norms up to {number(largest, 2)} are cut off."
    if sources.results.plan.log_every > 1:
        caption += " The thresholds are those of summary.json, because not every step was logged."
    return caption


def _draw_page(
    sources: Sources, found: dict[Arm, Curves], rows: list[Row], text: FigureText
) -> tuple[Figure, str]:
    words = PageText(text.title, text.caption, "threshold", "share of steps clipped (%)")
    modes = dict.fromkeys(mode for curves in found.values() for mode in curves)
    page = open_page(sources.sheet, rows, words, first_row_keys(rows, _key(modes)))
    shown = [curve for panel, _ in page.pairs() for curve in found[panel.arms[0]].values()]
    for panel, axes in page.pairs():
        _limit(axes, shown)
        for mode, curve in found[panel.arms[0]].items():
            _draw_curve(axes, panel.arms[0], mode, curve)
        _write_thresholds(axes, found[panel.arms[0]], sources.sheet.text.small)
    parts = [
        f"{panel.title}: " + ", ".join(_label(mode, c) for mode, c in found[panel.arms[0]].items())
        for panel, _ in page.pairs()
    ]
    alt = f"Share of clipped steps against threshold on log axes. {'; '.join(parts)}."
    return page.figure, alt


def _limit(axes: Axes, shown: list[Exceedance]) -> None:
    lowest = min(curve.value_at(0.99) or curve.values[0] for curve in shown)
    limit_norms(axes, "x", lowest / 1.5, _end(shown) * 4)
    axes.set_yscale("log")
    axes.set_ylim(70 * LOWEST_SHARE, 130)
    axes.yaxis.set_major_locator(FixedLocator([0.1, 1, 10, 100]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")


def _end(shown: list[Exceedance]) -> float:
    """Return the largest norm, or the end of the axis where some norms explode."""
    medians = [curve.value_at(0.5) or float(curve.values[0]) for curve in shown]
    largest = max(curve.largest for curve in shown)
    return min(largest, float(np.median(medians)) * 10.0**MAX_DECADES)


def _draw_curve(axes: Axes, arm: Arm, mode: str, curve: Exceedance) -> None:
    visible = curve.shares > 0
    axes.plot(
        curve.values[visible],
        100 * curve.shares[visible],
        color=MODE_COLORS[mode],
        linestyle=MODE_DASHES[mode],
        linewidth=1.5,
        gid=element_id(f"would-clip_{mode}", arm.clip, arm.learning_rate),
    )
    marks = [(_marked_value(curve, share), 100 * share) for share in MARKED_SHARES]
    marks = [(value, share) for value, share in marks if value is not None]
    if marks:
        axes.plot(
            *zip(*marks, strict=True),
            linestyle="",
            gid=element_id(f"marks_{mode}", arm.clip, arm.learning_rate),
            **_mark(mode),
        )


def _mark(mode: str) -> dict:
    return {
        "marker": MODE_MARKERS[mode],
        "color": MODE_COLORS[mode],
        "markersize": 5,
        "markeredgecolor": "white",
        "markeredgewidth": 0.6,
    }


def _write_thresholds(axes: Axes, curves: Curves, points: float) -> None:
    """Write the marked thresholds of each mode into the corner where the curves leave room."""
    lines = [(MUTED, "50 | 10 | 1 %")]
    lines += [(darker(MODE_COLORS[mode]), _thresholds(curve)) for mode, curve in curves.items()]
    width = max(text_width(words, points) for _, words in lines)
    height = len(lines) * LINE_SPACING * points / 72
    is_above = _is_upper_right_free(axes, curves, width, height)
    for place, (color, words) in enumerate(lines):
        below = place if is_above else place - len(lines) - 0.4
        axes.annotate(
            words,
            (1, 1) if is_above else (0, 0),
            xycoords="axes fraction",
            xytext=(-2 if is_above else 4, -(1 + below * LINE_SPACING) * points),
            textcoords="offset points",
            ha="right" if is_above else "left",
            va="center",
            fontsize=points,
            color=color,
            bbox=LABEL_BOX,
        )


def _is_upper_right_free(axes: Axes, curves: Curves, width: float, height: float) -> bool:
    """Return whether fewer points are in the upper right corner than in the lower left one."""
    inches = axes.get_position().size * axes.figure.get_size_inches()
    x_share, y_share = width / inches[0], height / inches[1]
    to_axes = axes.transData - axes.transAxes
    upper_right = lower_left = 0
    for curve in curves.values():
        visible = curve.shares > 0
        x, y = to_axes.transform(
            np.column_stack([curve.values[visible], 100 * curve.shares[visible]])
        ).T
        upper_right += np.sum((x > 1 - x_share) & (x < 1) & (y > 1 - y_share))
        lower_left += np.sum((x < x_share) & (y < y_share))
    return bool(upper_right <= lower_left)


def _key(modes: Iterable[str]) -> list[Line2D]:
    return [
        Line2D([], [], linestyle=MODE_DASHES[mode], linewidth=1.5, label=mode, **_mark(mode))
        for mode in modes
    ]


def _thresholds(curve: Exceedance) -> str:
    return " | ".join(number(_marked_value(curve, share), 2) for share in MARKED_SHARES)


def _marked_value(curve: Exceedance, share: float) -> float | None:
    """Return the threshold that clips this share; None if that is less than a step."""
    return curve.value_at(share) if share * curve.count >= 1 else None


def _label(mode: str, curve: Exceedance) -> str:
    return f"{mode} {_thresholds(curve)}"
