"""The raw gradient norm of each arm on a log axis: threshold as a line, NaN and Inf at the top."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from .curves import MOST_VECTOR_RUNS
from .layout import NamedFigure, Panel, PanelPage, arm_rows, open_page, page_stem, page_title, paged
from .result_folder import Arm, Results
from .style import INK, THRESHOLD_COLOR, element_id, mode_color

TITLE = "Raw gradient norm, before clipping, of every run"
NORM_THRESHOLD = ("threshold (norm)", (0, (5, 1.5)))
# How a mode's threshold is drawn, if it has a place on an axis of norms. Where it is not of the
# plotted norm, its line says what it limits, in other dashes.
DRAWN_THRESHOLDS = {
    "global-norm": NORM_THRESHOLD,
    "scale": NORM_THRESHOLD,
    "random-step": NORM_THRESHOLD,
    "value": ("threshold (each element)", (0, (1.2, 1.2))),
    "tensor-norm": ("threshold (each tensor)", (0, (4, 1.2, 1.2, 1.2))),
}
# On the top edge: marker and what the key calls it.
NONFINITE_MARKS = {"nan": ("x", "NaN"), "inf": ("^", "Inf")}
# Norms further above the median are cut off, or an exploding run would flatten all others.
MOST_DECADES_ABOVE_MEDIAN = 5
KEY_WIDTH = 2.1


def draw_gradient_norm(results: Results) -> list[NamedFigure]:
    """Draw one panel an arm: median over the seeds bold, each seed's largest norms faint."""
    return list(_pages(results))


def _pages(results: Results) -> Iterator[NamedFigure]:
    pages = paged(arm_rows(results.arms))
    limits = _norm_limits(results)
    caption = _caption(results, limits)
    for number, rows in enumerate(pages, start=1):
        title = page_title(TITLE, number, len(pages))
        page = open_page(rows, title, caption, "step", "raw gradient norm", KEY_WIDTH)
        _draw_page(results, page, limits)
        shown = "; ".join(panel.title for panel, _ in page.pairs())
        alt = (
            "Raw gradient norm against step on a log axis with the clipping threshold as a line; "
            f"one panel for each arm: {shown}."
        )
        yield NamedFigure(
            page_stem("gradient_norm", number, len(pages)), title, caption, alt, page.figure
        )


def _caption(results: Results, limits: tuple[float, float]) -> str:
    windows = f" within {results.grid.width} steps" if results.grid.width > 1 else ""
    caption = f"Faint: one seed, the largest norm{windows}. Bold: the median over seeds and steps."
    modes = {arm.clip.mode for arm in results.arms}
    if "value" in modes:
        caption += " The threshold of value limits each element, not the norm that is drawn."
    if "tensor-norm" in modes:
        caption += " That of tensor-norm limits the norm of each parameter tensor."
    cut = sum(int(np.nansum(run.curve.norm_max > limits[1])) for run in results.runs)
    if cut:
        caption += f" {cut:,} values above {limits[1]:.0e} are cut off."
    return caption


def _norm_limits(results: Results) -> tuple[float, float]:
    """Choose the axis limits that all panels share, in whole and half decades."""
    medians = np.concatenate([run.curve.norm_median for run in results.runs])
    largest = np.concatenate([run.curve.norm_max for run in results.runs])
    medians, largest = medians[medians > 0], largest[largest > 0]  # also drops NaN
    thresholds = [arm.clip.threshold for arm in results.arms if _has_drawn_threshold(arm)]
    if medians.size == 0:
        return 1e-2, 1e2
    middle = float(np.median(medians))
    low = max(min([float(medians.min()), *thresholds]), middle * 1e-5)
    high = min(max([float(largest.max()), *thresholds]), middle * 10.0**MOST_DECADES_ABOVE_MEDIAN)
    return low / 1.8, max(high, low) * 2.5


def _draw_page(results: Results, page: PanelPage, limits: tuple[float, float]) -> None:
    rasterized = len(results.runs) > MOST_VECTOR_RUNS
    for panel, axes in page.pairs():
        axes.set_yscale("log")
        axes.set_ylim(*limits)
        axes.set_xlim(0, results.plan.planned_steps * 1.02)
        axes.xaxis.get_major_locator().set_params(nbins=6 if len(page.rows[0]) < 3 else 4)
        axes.minorticks_off()
        _draw_norms(axes, panel, results, rasterized)
        _draw_threshold(axes, panel.arms[0])
        _mark_nonfinite(axes, panel.arms[0])
    _add_key(page)


def _draw_norms(axes: Axes, panel: Panel, results: Results, rasterized: bool) -> None:
    arm = panel.arms[0]
    color = mode_color(arm.clip.mode)
    centers = results.grid.centers
    largest = np.stack([run.curve.norm_max for run in arm.runs], axis=1)  # [W, seeds]
    medians = pd.DataFrame(
        {run.spec.seed: run.curve.norm_median for run in arm.runs}, index=centers
    )
    axes.plot(
        centers, largest, color=color, linewidth=0.6, alpha=0.35, rasterized=rasterized, zorder=2
    )
    middle = medians.median(axis=1)
    lone = middle.notna().sum() < 2  # one point makes no line
    axes.plot(
        centers,
        middle,
        color=color,
        linewidth=1.8,
        marker="o" if lone else "",
        markersize=3,
        zorder=3,
        gid=element_id("median", arm.clip, arm.learning_rate),
    )


def _has_drawn_threshold(arm: Arm) -> bool:
    threshold = arm.clip.threshold
    return arm.clip.mode in DRAWN_THRESHOLDS and threshold is not None and 0 < threshold < np.inf


def _draw_threshold(axes: Axes, arm: Arm) -> None:
    if not _has_drawn_threshold(arm):
        return
    _, dashes = DRAWN_THRESHOLDS[arm.clip.mode]
    axes.axhline(
        arm.clip.threshold,
        color=THRESHOLD_COLOR,
        linewidth=1.2,
        linestyle=dashes,
        zorder=4,
        gid=element_id("threshold", arm.clip, arm.learning_rate),
    )


def _mark_nonfinite(axes: Axes, arm: Arm) -> None:
    """Mark NaN and Inf on the top edge: of the norm, once a window, and where a run turned bad."""
    for kind, (marker, _) in NONFINITE_MARKS.items():
        at = _nonfinite_steps(arm, kind)
        if at.size:
            axes.plot(
                at,
                np.ones_like(at),
                transform=axes.get_xaxis_transform(),
                clip_on=False,
                zorder=5,
                gid=element_id(kind, arm.clip, arm.learning_rate),
                **_edge_marker(marker),
            )


def _nonfinite_steps(arm: Arm, kind: str) -> np.ndarray:
    """Return the steps to mark: the loss or the update may be bad where the norm is not."""
    in_norms = [getattr(run.curve, f"first_{kind}_step") for run in arm.runs]
    events = [run.first_bad_event for run in arm.runs]
    turned_bad = [event.step for event in events if event and event.kind == kind]
    steps = np.concatenate([*in_norms, np.array(turned_bad, dtype=float)])
    return np.unique(steps[np.isfinite(steps)])


def _edge_marker(marker: str) -> dict:
    return {
        "linestyle": "",
        "marker": marker,
        "color": INK,
        "markersize": 5.5,
        "markeredgewidth": 1.3,
        "markerfacecolor": "white",
    }


def _add_key(page: PanelPage) -> None:
    """Explain the lines beside the first row, threshold lines only if the page has one."""
    arms = [panel.arms[0] for panel, _ in page.pairs()]
    handles = [
        Line2D([], [], color=INK, linewidth=1.8, label="median"),
        Line2D([], [], color=INK, linewidth=0.6, alpha=0.5, label="largest, each seed"),
    ]
    for mode in dict.fromkeys(arm.clip.mode for arm in arms if _has_drawn_threshold(arm)):
        meaning, dashes = DRAWN_THRESHOLDS[mode]
        handles.append(
            Line2D([], [], color=THRESHOLD_COLOR, linewidth=1.2, linestyle=dashes, label=meaning)
        )
    for kind, (marker, label) in NONFINITE_MARKS.items():
        if any(_nonfinite_steps(arm, kind).size for arm in arms):
            handles.append(Line2D([], [], label=label, **_edge_marker(marker)))
    unique = {handle.get_label(): handle for handle in handles}
    last = [axes for axes in page.axes[0] if axes is not None][-1]
    last.legend(
        handles=list(unique.values()),
        loc="upper left",
        bbox_to_anchor=(1.02, 1.03),
        handlelength=2.4,
    )
