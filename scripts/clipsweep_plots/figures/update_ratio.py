"""The norm of each update divided by that of the weights, on a log axis: how far a step moves them.

With Adam and other optimizers that divide by the gradient's size, this says what clipping does to a
step; the norm of the gradient does not.
"""

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
from ..drawing.norm_axis import limit_norms
from ..drawing.panel_page import PageText, first_row_keys, open_page
from ..drawing.panels import Row, arm_rows, choose_arms, chosen_note
from ..drawing.sources import Sources
from ..drawing.style import INK, MUTED, clip_color, element_id, number

STEM = "update_ratio"
MAX_PANELS = 24
SHARE = " of their norm"
MAX_TIMES = 1000  # a title names no larger multiple, and no share below MIN_SHARE
MIN_SHARE = 1e-4
MAX_DECADES = 6  # on either side of the median ratio
BASELINE_LINE = {"color": INK, "linewidth": 0.9, "linestyle": (0, (4, 1.6)), "zorder": 4}


def draw_update_ratio(sources: Sources) -> list[NamedFigure]:
    """Draw one panel per arm: the median over seeds bold, with the range of the seeds."""
    ratios = {arm: _by_seed(arm) for arm in sources.arms}
    typical = {arm: float(np.nanmedian(r)) for arm, r in ratios.items() if _known(r).size}
    if not typical:
        raise NotDrawn("no step has the norms of its update and of the weights")
    arms = choose_arms(sources.distinct_arms, MAX_PANELS, sources.mean_accuracy)
    limits = _limits(np.concatenate([_known(found) for found in ratios.values()]))
    text = FigureText(STEM, _title(typical), _caption(sources, arms, limits))
    pages = paged(arm_rows(arms, sources.sheet))
    return draw_pages(text, pages, partial(_draw_page, sources, limits))


def _by_seed(arm: Arm) -> np.ndarray:
    """Return the ratio of each run, [windows, seeds]."""
    return np.stack([run.curve.update_ratio for run in arm.runs], axis=1)


def _known(ratios: np.ndarray) -> np.ndarray:
    return ratios[np.isfinite(ratios) & (ratios > 0)]


def _limits(known: np.ndarray) -> tuple[float, float]:
    if not known.size:  # no update moves the weights
        return 1e-8, 1.0
    middle = float(np.median(known))
    low = max(float(known.min()), middle / 10.0**MAX_DECADES)
    high = min(float(known.max()), middle * 10.0**MAX_DECADES)
    return low / 1.8, high * 1.8


def _title(typical: dict[Arm, float]) -> str:
    """Name the arms of the smallest and of the largest median ratio."""
    least, most = min(typical, key=typical.get), max(typical, key=typical.get)
    low, high = _distance(typical[least]), _distance(typical[most])
    if len(typical) == 1:
        return f"A step moves the weights by {high} ({most.label})"
    if low == high:
        return f"A step moves the weights by {high} in every arm"
    if low.endswith(SHARE) and high.endswith(SHARE):
        low, high = low.removesuffix(SHARE), high.removesuffix(SHARE)
        return f"A step moves the weights by {low} ({least.label}) to {high} ({most.label}){SHARE}"
    return f"A step moves the weights by {low} ({least.label}) up to {high} ({most.label})"


def _distance(ratio: float) -> str:
    """Say how far a step goes: as a share of the weights' norm or, if it explodes, a multiple."""
    if ratio >= MAX_TIMES:
        return f"more than {MAX_TIMES:,} times their norm"
    if ratio >= 1:
        return f"{number(ratio, 2) if ratio < 10 else f'{ratio:,.0f}'} times their norm"
    if ratio < MIN_SHARE:
        return f"less than {number(100 * MIN_SHARE)} %{SHARE}"
    return f"{min(float(f'{100 * ratio:.2g}'), 99):g} %{SHARE}"


def _caption(sources: Sources, arms: list[Arm], limits: tuple[float, float]) -> str:
    grid, min_seeds = sources.results.grid, sources.constants.min_pairs
    windows = f", of windows of {grid.width} steps" if grid.width > 1 else ""
    sentences = [
        f"Norm of the update divided by the norm of the weights: medians{windows}. Bold: median over "
        "the seeds.",
        "Shaded: the range of the seeds."
        if any(len(arm.runs) >= min_seeds for arm in arms)
        else "Thin: single seeds.",
        "Dashed: without clipping, of the same learning rate." if _has_baselines(arms) else "",
        sources.identical_note.strip(),
        chosen_note(arms, len(sources.distinct_arms)),
    ]
    ratios = np.concatenate([run.curve.update_ratio for run in sources.results.runs])
    if cut := int(np.sum((ratios < limits[0]) | (ratios > limits[1]))):
        sentences.append(f"{cut:,} values outside the axis are cut off.")
    return " ".join(filter(None, sentences))


def _has_baselines(arms: list[Arm]) -> bool:
    return any(arm.clip.is_baseline for arm in arms) and not all(a.clip.is_baseline for a in arms)


def _draw_page(
    sources: Sources, limits: tuple[float, float], rows: list[Row], text: FigureText
) -> tuple[Figure, str]:
    words = PageText(text.title, text.caption, "step", "norm of update / norm of weights")
    page = open_page(sources.sheet, rows, words, first_row_keys(rows, _key(sources, rows)))
    limit_to_plan(sources.results, page)
    baselines = {(a.clip.setup, a.learning_rate): a for a in sources.arms if a.clip.is_baseline}
    for panel, axes in page.pairs():
        arm = panel.arms[0]
        limit_norms(axes, "y", *limits)
        _note_if_empty(axes, arm, limits[0])
        _draw_arm(axes, arm, sources.results, sources.constants.min_pairs)
        baseline = baselines.get((arm.clip.setup, arm.learning_rate))
        if baseline not in (None, arm):
            _draw_baseline(axes, arm, baseline, sources.results)
    shown = "; ".join(panel.title for panel, _ in page.pairs())
    alt = f"Norm of the update divided by that of the weights against step; panels: {shown}."
    return page.figure, alt


def _note_if_empty(axes: Axes, arm: Arm, low: float) -> None:
    """Write a note in a panel that is empty: no step was taken, or its weights exploded."""
    ratios = _by_seed(arm)
    if not (ratios >= low).any():
        is_measured = np.isfinite(ratios).any()
        words = f"all below {low:.0e}".replace("-", "−") if is_measured else "no step was taken"
        axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color=MUTED)


def _draw_arm(axes: Axes, arm: Arm, results: Results, min_seeds: int) -> None:
    ratios, centers, color = _by_seed(arm), results.grid.centers, clip_color(arm.clip)
    if len(arm.runs) < min_seeds:
        axes.plot(centers, ratios, color=color, linewidth=0.6, alpha=0.45, zorder=2)
    else:
        low, high = (over_seeds(end, ratios) for end in (np.nanmin, np.nanmax))
        gid = element_id("range", arm.clip, arm.learning_rate)
        axes.fill_between(
            centers, low, high, color=color, alpha=0.3, linewidth=0, zorder=2, gid=gid
        )
    middle = over_seeds(np.nanmedian, ratios)
    axes.plot(
        centers,
        middle,
        color=color,
        linewidth=1.6,
        marker="o" if np.isfinite(middle).sum() < 2 else "",  # a single point makes no line
        markersize=3,
        zorder=3,
        gid=element_id("median", arm.clip, arm.learning_rate),
    )


def _draw_baseline(axes: Axes, arm: Arm, baseline: Arm, results: Results) -> None:
    axes.plot(
        results.grid.centers,
        over_seeds(np.nanmedian, _by_seed(baseline)),
        gid=element_id("baseline", arm.clip, arm.learning_rate),
        **BASELINE_LINE,
    )


def _key(sources: Sources, rows: list[Row]) -> list[Line2D | Patch]:
    arms = [panel.arms[0] for row in rows for panel in row if panel]
    min_seeds = sources.constants.min_pairs
    handles: list[Line2D | Patch] = [Line2D([], [], color=INK, linewidth=1.6, label="median")]
    if any(len(arm.runs) >= min_seeds for arm in arms):
        handles.append(Patch(color=INK, alpha=0.3, linewidth=0, label="range of the seeds"))
    if any(len(arm.runs) < min_seeds for arm in arms):
        handles.append(Line2D([], [], color=INK, linewidth=0.6, alpha=0.5, label="single seeds"))
    if not all(arm.clip.is_baseline for arm in arms):
        handles.append(Line2D([], [], label="without clipping", **BASELINE_LINE))
    return handles
