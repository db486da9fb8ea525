"""The share of steps whose raw gradient norm exceeds a value, on log axes, with its tail index.

On log axes a power law is a straight line, and its slope is the tail index: a small one means that
huge gradients are to be expected, however long the training has gone well.
"""

from functools import partial

import numpy as np
from clipsweep_results.result_folder import Arm
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from ..drawing.curves import row_keys
from ..drawing.exceedance import Exceedance, exceedance, tail_index
from ..drawing.layout import FigureText, NamedFigure, NotDrawn, draw_pages, paged
from ..drawing.norm_axis import limit_norms
from ..drawing.panel_page import PageText, open_page
from ..drawing.panels import Row, curve_rows
from ..drawing.sources import Sources
from ..drawing.style import INK, LABEL_BOX, LineLook, decade, element_id, line_looks, number

STEM = "gradient_norm_survival"
MAX_DECADES = 12  # of norms


def draw_norm_survival(sources: Sources) -> list[NamedFigure]:
    """Draw one curve per arm; panels are learning rates, and modes if there are many arms."""
    curves = {arm: exceedance(_counts(arm)) for arm in sources.arms}
    curves = {arm: curve for arm, curve in curves.items() if curve}
    if not curves:
        raise NotDrawn("no gradient norm is finite and above 0")
    tails = {arm: tail_index(_counts(arm)) for arm in curves}
    text = FigureText(STEM, _title(tails), _caption(sources))
    pages = paged(curve_rows(list(curves), sources.sheet))
    return draw_pages(text, pages, partial(_draw_page, sources, curves, tails))


def _counts(arm: Arm) -> np.ndarray:
    return np.sum([run.curve.norm_counts for run in arm.runs], axis=0)


def _title(tails: dict[Arm, float | None]) -> str:
    known = {arm: tail for arm, tail in tails.items() if tail is not None}
    if not known:
        return "How often the gradient norm exceeds a value"
    baselines = {arm: tail for arm, tail in known.items() if arm.clip.is_baseline}
    heaviest = min(baselines or known, key=lambda arm: known[arm])
    return (
        f"The heaviest tail{' without clipping' if baselines else ''} has index "
        f"{number(known[heaviest], 2)} ({heaviest.label})"
    )


def _caption(sources: Sources) -> str:
    logged = "logged steps" if sources.results.plan.log_every > 1 else "steps"
    return (
        f"Share of the {logged} of all seeds whose norm before clipping exceeds a value. The tail "
        "index is the slope a of a tail that falls as the norm to the power -a (Hill, 1975, over the "
        "largest 5 % of the norms): below 2 the norms have no variance, below 1 no mean."
    )


def _draw_page(
    sources: Sources,
    curves: dict[Arm, Exceedance],
    tails: dict[Arm, float | None],
    rows: list[Row],
    text: FigureText,
) -> tuple[Figure, str]:
    looks = line_looks(list(dict.fromkeys(arm.clip for arm in sources.arms)))
    words = PageText(text.title, text.caption, "raw gradient norm", "share of steps above (%)")
    keys = row_keys(rows, lambda clip: Line2D([], [], label=clip.label, **_style(looks[clip])))
    page = open_page(sources.sheet, rows, words, keys)
    low, high = _norm_limits(curves)
    fewest = min(1 / curve.count for curve in curves.values())
    for panel, axes in page.pairs():
        limit_norms(axes, "x", low, high)
        _limit_shares(axes, fewest)
        for arm in panel.arms:
            _draw_arm(axes, arm, curves[arm], looks[arm.clip.without_setup])
        _write_tails(axes, [tails[arm] for arm in panel.arms], sources.sheet.text.small)
    shown = "; ".join(
        f"{arm.label}: tail index {number(tails[arm], 2)}"
        for panel, _ in page.pairs()
        for arm in panel.arms
    )
    return page.figure, f"Share of steps above a gradient norm, on log axes. {shown}."


def _norm_limits(curves: dict[Arm, Exceedance]) -> tuple[float, float]:
    """Return the limits of the norms: what 95 % of the steps exceed, and the largest or 12 decades
    above the median."""
    medians = [curve.value_at(0.5) or float(curve.values[0]) for curve in curves.values()]
    lows = [curve.value_at(0.95) or float(curve.values[0]) for curve in curves.values()]
    high = max(curve.largest for curve in curves.values())
    top = float(np.median(medians)) * 10.0**MAX_DECADES
    return min(lows) / 1.2, min(high, top) * 2


def _limit_shares(axes: Axes, fewest: float) -> None:
    axes.set_yscale("log")
    axes.set_ylim(100 * fewest / 1.5, 150)
    lowest = int(np.ceil(np.log10(100 * fewest / 1.5)))
    axes.yaxis.set_major_locator(FixedLocator([10.0**k for k in range(lowest, 3)]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(decade)


def _draw_arm(axes: Axes, arm: Arm, curve: Exceedance, look: LineLook) -> None:
    visible = curve.shares > 0
    axes.plot(
        curve.values[visible],
        100 * curve.shares[visible],
        markevery=max(1, int(visible.sum()) // 6),
        gid=element_id("survival", arm.clip, arm.learning_rate),
        **_style(look),
    )


def _style(look: LineLook) -> dict:
    return {
        "color": look.color,
        "linestyle": look.dashes,
        "linewidth": 1.4,
        "marker": look.marker,
        "markersize": 4,
        "markeredgecolor": "white",
        "markeredgewidth": 0.4,
    }


def _write_tails(axes: Axes, tails: list[float | None], points: float) -> None:
    """Write the tail indices of a panel's arms, as a range if they are several."""
    known = [tail for tail in tails if tail is not None]
    if not known:
        return
    low, high = number(min(known), 2), number(max(known), 2)
    axes.text(
        0.97,
        0.95,
        f"a = {low}" if low == high else f"a = {low} to {high}",
        transform=axes.transAxes,
        ha="right",
        va="top",
        fontsize=points,
        color=INK,
        bbox=LABEL_BOX,
    )
