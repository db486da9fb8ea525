"""The raw gradient norm of each arm on a log axis, with its threshold; NaN and Inf at the top."""

from functools import partial

import numpy as np
from clipsweep_results.result_folder import Arm, Results
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..drawing.bands import over_seeds
from ..drawing.curves import limit_to_plan
from ..drawing.layout import FigureText, NamedFigure, NotDrawn, draw_pages, paged
from ..drawing.norm_axis import (
    has_drawn_threshold,
    limit_norms,
    norm_limits,
    threshold_keys,
    threshold_line,
    threshold_note,
)
from ..drawing.panel_page import PageText, first_row_keys, open_page
from ..drawing.panels import Row, arm_rows, choose_arms, chosen_note
from ..drawing.sources import Sources
from ..drawing.style import INK, MUTED, clip_color, edge_mark, element_id, number

MAX_PANELS = 24
# The modes whose threshold limits each element, which is drawn next to the norm.
ELEMENT_MODES = ("value",)
ELEMENT_LINE = {"color": MUTED, "linewidth": 1.2, "linestyle": (0, (1.2, 1.2)), "zorder": 3}
# Marks on the top edge: marker and name in the key.
NONFINITE_MARKS = {"nan": ("x", "NaN"), "inf": ("^", "Inf")}


def draw_gradient_norm(sources: Sources) -> list[NamedFigure]:
    """Draw one panel per arm: the median over seeds bold, the largest norms faint."""
    results = sources.results
    if not any(np.isfinite(run.curve.norm_median).any() for run in results.runs):
        raise NotDrawn("no gradient norm is finite")
    limits = norm_limits(results)
    arms = choose_arms(sources.distinct_arms, MAX_PANELS, sources.mean_accuracy)
    text = FigureText("gradient_norm", _title(results), _caption(sources, limits, arms))
    pages = paged(arm_rows(arms, sources.sheet))
    return draw_pages(text, pages, partial(_draw_page, sources, limits))


def _draw_page(
    sources: Sources, limits: tuple[float, float], rows: list[Row], text: FigureText
) -> tuple[Figure, str]:
    min_seeds = sources.constants.min_pairs
    words = PageText(text.title, text.caption, "step", "raw gradient norm")
    page = open_page(sources.sheet, rows, words, first_row_keys(rows, _key(rows, min_seeds)))
    limit_to_plan(sources.results, page)
    for panel, axes in page.pairs():
        limit_norms(axes, "y", *limits)
        _draw_arm(axes, panel.arms[0], sources.results, min_seeds)
    shown = "; ".join(panel.title for panel, _ in page.pairs())
    alt = (
        "Raw gradient norm against step on a log axis with the clipping threshold as a line; "
        f"one panel for each arm: {shown}."
    )
    return page.figure, alt


def _title(results: Results) -> str:
    medians = [run.norm_quantiles["median"] for run in results.runs]
    medians = [value for value in medians if value is not None]
    largest = [run.norm_quantiles["max"] for run in results.runs]
    largest = [value for value in largest if value is not None]
    if not medians:
        return "No gradient norm is finite"
    title = (
        f"The median gradient norm is {number(float(np.median(medians)))}, "
        f"the largest {number(max(largest))}"
    )
    bad = sum(bool(run.event_steps["nan"] or run.event_steps["inf"]) for run in results.runs)
    return f"{title}; {bad} of {len(results.runs)} runs reach NaN or Inf" if bad else title


def _caption(sources: Sources, limits: tuple[float, float], arms: list[Arm]) -> str:
    results, min_seeds = sources.results, sources.constants.min_pairs
    windows = f" within {results.grid.width} steps" if results.grid.width > 1 else ""
    caption = f"Norms before clipping. Bold: median over seeds{' and steps' if windows else ''}."
    if any(len(arm.runs) >= min_seeds for arm in results.arms):
        caption += f" Shaded: up to the largest norm of any seed{windows}."
    if any(len(arm.runs) < min_seeds for arm in results.arms):
        caption += f" Thin: the largest norm of each seed{windows}."
    caption += threshold_note(arms) + sources.identical_note
    caption += f" {chosen_note(arms, len(sources.distinct_arms))}".rstrip()
    cut = sum(int(np.nansum(run.curve.norm_max > limits[1])) for run in results.runs)
    if cut:
        caption += f" {cut:,} values above {limits[1]:.0e} are cut off."
    return caption


def _draw_arm(axes: Axes, arm: Arm, results: Results, min_seeds: int) -> None:
    middle = over_seeds(np.nanmedian, _by_seed(arm, "norm_median"))
    _draw_largest(axes, arm, results.grid.centers, middle, min_seeds)
    is_point = np.isfinite(middle).sum() < 2  # a single point makes no line
    axes.plot(
        results.grid.centers,
        middle,
        color=clip_color(arm.clip),
        linewidth=1.6,
        marker="o" if is_point else "",
        markersize=3,
        zorder=3,
        gid=element_id("median", arm.clip, arm.learning_rate),
    )
    if arm.clip.mode in ELEMENT_MODES:
        _draw_largest_element(axes, arm, results.grid.centers)
    if has_drawn_threshold(arm):
        axes.axhline(
            arm.clip.threshold,
            gid=element_id("threshold", arm.clip, arm.learning_rate),
            **threshold_line(arm),
        )
    _mark_nonfinite(axes, arm)


def _by_seed(arm: Arm, curve: str) -> np.ndarray:
    """Return a curve of each run of an arm, [windows, seeds]."""
    return np.stack([getattr(run.curve, curve) for run in arm.runs], axis=1)


def _draw_largest_element(axes: Axes, arm: Arm, centers: np.ndarray) -> None:
    """Draw what the threshold of each element limits: the largest absolute value."""
    axes.plot(
        centers,
        over_seeds(np.nanmedian, _by_seed(arm, "largest_element")),
        gid=element_id("largest-element", arm.clip, arm.learning_rate),
        **ELEMENT_LINE,
    )


def _draw_largest(
    axes: Axes, arm: Arm, centers: np.ndarray, middle: np.ndarray, min_seeds: int
) -> None:
    """Shade up to the largest norm of all seeds, or draw the largest norms of a few seeds."""
    color = clip_color(arm.clip)
    if len(arm.runs) < min_seeds:
        for run in arm.runs:
            axes.plot(centers, run.curve.norm_max, color=color, linewidth=0.6, alpha=0.45, zorder=2)
        return
    largest = over_seeds(np.nanmax, _by_seed(arm, "norm_max"))
    axes.fill_between(
        centers,
        middle,
        largest,
        color=color,
        alpha=0.3,
        linewidth=0,
        zorder=2,
        gid=element_id("largest", arm.clip, arm.learning_rate),
    )


def _mark_nonfinite(axes: Axes, arm: Arm) -> None:
    """Mark NaN and Inf on the top edge: of the norm, once per window, and of each such event."""
    for kind, (marker, _) in NONFINITE_MARKS.items():
        at = _nonfinite_steps(arm, kind)
        if at.size:
            axes.plot(
                at,
                np.full(at.shape, 0.95),
                transform=axes.get_xaxis_transform(),
                clip_on=False,
                zorder=5,
                gid=element_id(kind, arm.clip, arm.learning_rate),
                **edge_mark(marker),
            )


def _nonfinite_steps(arm: Arm, kind: str) -> np.ndarray:
    """Return the steps to mark; the loss or the update can be bad while the norm is finite."""
    in_norms = [getattr(run.curve, f"first_{kind}_step") for run in arm.runs]
    events = [run.event_steps[kind] for run in arm.runs]
    steps = np.concatenate([*in_norms, *(np.array(steps, dtype=float) for steps in events)])
    return np.unique(steps[np.isfinite(steps)])


def _key(rows: list[Row], min_seeds: int) -> list[Line2D | Patch]:
    """Explain the lines, shades and marks that the page has."""
    arms = [panel.arms[0] for row in rows for panel in row if panel]
    handles = [Line2D([], [], color=INK, linewidth=1.6, label="median")]
    if any(len(arm.runs) >= min_seeds for arm in arms):
        handles.append(Patch(color=INK, alpha=0.3, linewidth=0, label="up to the largest norm"))
    if any(len(arm.runs) < min_seeds for arm in arms):
        handles.append(Line2D([], [], color=INK, linewidth=0.6, alpha=0.5, label="largest norm"))
    if any(arm.clip.mode in ELEMENT_MODES for arm in arms):
        handles.append(Line2D([], [], label="largest element", **ELEMENT_LINE))
    handles += threshold_keys(arms)
    for kind, (marker, label) in NONFINITE_MARKS.items():
        if any(_nonfinite_steps(arm, kind).size for arm in arms):
            handles.append(Line2D([], [], label=label, **edge_mark(marker)))
    return handles
