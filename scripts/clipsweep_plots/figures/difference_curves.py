"""The paired difference in test accuracy over the steps: arm minus baseline, with two bands."""

import warnings
from functools import partial

import numpy as np
from clipsweep_results.result_folder import Arm
from clipsweep_results.summary import Comparison
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..drawing.bands import mean_band, simultaneous_band
from ..drawing.curves import limit_to_plan, accuracies
from ..drawing.layout import FigureText, NamedFigure, NotDrawn, draw_pages, paged
from ..drawing.panel_page import PageText, first_row_keys, open_page
from ..drawing.panels import Panel, Row, arm_names, arm_rows, wrap_panels
from ..drawing.sources import Sources
from ..drawing.style import INK, clip_color, element_id, signed

STEM = "difference_curves"
MAX_PANELS = 12
POINTWISE, SIMULTANEOUS = 0.32, 0.14  # opacity


def draw_difference_curves(sources: Sources) -> list[NamedFigure]:
    """Draw one panel per arm; in large sweeps only the best arm of each mode."""
    if sources.results.plan.epochs < 2:
        raise NotDrawn("the runs have only one epoch")
    sources.require_evaluations()
    pairs = _pairs(sources)
    if not pairs:
        raise NotDrawn("no arm has a baseline to compare with")
    differences = {arm: paired_differences(sources, arm, base) for arm, base in pairs.items()}
    differences = {arm: found for arm, found in differences.items() if np.isfinite(found).any()}
    if not differences:
        raise NotDrawn("no pair of runs has a test accuracy")
    text = FigureText(STEM, _title(sources, differences), _caption(sources, len(pairs)))
    pages = paged(_rows(sources, list(differences), len(pairs)))
    return draw_pages(text, pages, partial(_draw_page, sources, differences))


def _rows(sources: Sources, arms: list[Arm], pairs: int) -> list[Row]:
    """Arrange all arms as a grid; the best arms of the modes one after another."""
    if pairs == len(sources.distinct_comparisons):
        return arm_rows(arms, sources.sheet)
    names = arm_names(arms)
    panels = [Panel(names[arm], (arm,)) for arm in arms]
    return wrap_panels(panels, min(sources.sheet.max_columns, 3))


def _pairs(sources: Sources) -> dict[Arm, Arm]:
    """Return the arms to draw with their baselines."""
    arms = {(arm.clip, arm.learning_rate): arm for arm in sources.arms}
    comparisons = sources.distinct_comparisons
    if len(comparisons) > MAX_PANELS:
        best = {mode.best_arm.name for mode in sources.summary.modes if mode.best_arm}
        comparisons = [each for each in comparisons if each.arm.name in best]
    found = {
        arms.get((each.arm.clip, each.arm.learning_rate)): _baseline(each, arms)
        for each in comparisons
    }
    return {arm: base for arm, base in found.items() if arm and base}


def _baseline(comparison: Comparison, arms: dict) -> Arm | None:
    return arms.get((comparison.baseline.clip, comparison.baseline.learning_rate))


def paired_differences(sources: Sources, arm: Arm, baseline: Arm) -> np.ndarray:
    """Return arm minus baseline in points after each epoch, [epochs, pairs]."""
    epochs, chance = sources.results.plan.epochs, sources.chance.of(arm.clip.setup)
    reference = {run.spec.seed: accuracies(run, epochs, chance) for run in baseline.runs}
    columns = [
        accuracies(run, epochs, chance) - reference[run.spec.seed]
        for run in arm.runs
        if run.spec.seed in reference
    ]
    return np.stack(columns, axis=1) if columns else np.full((epochs, 0), np.nan)


def _title(sources: Sources, differences: dict[Arm, np.ndarray]) -> str:
    """Count the arms whose simultaneous band leaves zero at some time."""
    min_pairs = sources.constants.min_pairs_for_verdict
    bands = [simultaneous_band(values, min_pairs) for values in differences.values()]
    bands = [(low, high) for low, high in bands if np.isfinite(low).any()]
    if not bands:
        return _last_title(differences)
    above = sum(bool((low > 0).any()) for low, _ in bands)
    below = sum(bool((high < 0).any()) for _, high in bands)
    if not above and not below:
        return "At no time does an arm differ detectably from no clipping in test accuracy"
    parts = [f"above no clipping with {above} of {len(bands)} arms"] * bool(above)
    parts += [f"below it with {below}" if above else f"below no clipping with {below} of {len(bands)} arms"] * bool(below)
    return f"At some step the test accuracy is {' and '.join(parts)}"


def _last_title(differences: dict[Arm, np.ndarray]) -> str:
    """State the differences after the last epoch, of which there are no verdicts."""
    last = [float(np.nanmean(values[-1])) for values in differences.values() if np.isfinite(values[-1]).any()]
    if not last:
        return "Test accuracy over the steps, minus that of the runs without clipping"
    ends = " to ".join(dict.fromkeys(signed(end, 1) for end in (min(last), max(last))))
    return (
        f"After the last epoch the test accuracy differs by {ends} points from no clipping; too few seeds "
        "for verdicts"
    )


def _caption(sources: Sources, shown: int) -> str:
    caption = (
        "Arm minus the run without clipping of the same seed and learning rate, after every epoch; "
        "mean over the seeds. Dark band: its 95 % interval at each step (Student's t). Light band: "
        "holds for all steps at once (sup-t)."
    )
    caption += sources.identical_note
    count = len(sources.distinct_comparisons)
    if shown < count:
        caption += f" Shown: the best arm of each mode, {shown} of {count}."
    if any(run.diverged for run in sources.results.runs):
        caption += f" Runs that {sources.results.diverged_phrase} count as chance level."
    return caption


def _draw_page(
    sources: Sources, differences: dict[Arm, np.ndarray], rows: list[Row], text: FigureText
) -> tuple[Figure, str]:
    words = PageText(text.title, text.caption, "step", "difference in test accuracy (points)")
    page = open_page(sources.sheet, rows, words, first_row_keys(rows, _key()))
    limit_to_plan(sources.results, page)
    for panel, axes in page.pairs():
        _draw_panel(axes, panel.arms[0], differences[panel.arms[0]], sources)
    first = next(axes for _, axes in page.pairs())
    first.set_ylim(*_limits(list(differences.values()), sources))
    shown = "; ".join(panel.title for panel, _ in page.pairs())
    return page.figure, f"Paired difference in test accuracy against step. Arms: {shown}."


def _limits(differences: list[np.ndarray], sources: Sources) -> tuple[float, float]:
    """Return limits that contain zero, every mean and, unless one is extreme, every band."""
    means = np.concatenate([_mean(values) for values in differences])
    ends = [end for values in differences for end in mean_band(values, sources.constants.min_pairs)]
    reach = max(3 * float(np.nanmax(np.abs(means))), 1.0)
    known = np.concatenate([means, *ends, [0.0]])
    known = np.clip(known[np.isfinite(known)], -reach, reach)
    room = 0.1 * max(float(np.ptp(known)), 1.0)
    return float(known.min()) - room, float(known.max()) + room


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over the seeds, NaN where no pair has a value."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmean(values, axis=1)


def _draw_panel(axes: Axes, arm: Arm, values: np.ndarray, sources: Sources) -> None:
    plan, constants = sources.results.plan, sources.constants
    steps = np.arange(1, plan.epochs + 1) * plan.steps_per_epoch
    color = clip_color(arm.clip)
    bands = (
        ("simultaneous", simultaneous_band(values, constants.min_pairs_for_verdict), SIMULTANEOUS),
        ("pointwise", mean_band(values, constants.min_pairs), POINTWISE),
    )
    for name, (low, high), opacity in bands:
        if np.isfinite(low).any():
            axes.fill_between(
                steps,
                low,
                high,
                color=color,
                alpha=opacity,
                linewidth=0,
                gid=element_id(name, arm.clip, arm.learning_rate),
            )
    axes.axhline(0, color=INK, linewidth=0.9)
    axes.plot(
        steps,
        _mean(values),
        color=color,
        linewidth=1.7,
        marker="o",
        markersize=3,
        gid=element_id("difference", arm.clip, arm.learning_rate),
    )


def _key() -> list[Line2D | Patch]:
    return [
        Line2D([], [], color=INK, linewidth=1.7, marker="o", markersize=3, label="mean"),
        Patch(color=INK, alpha=POINTWISE + SIMULTANEOUS, linewidth=0, label="at each step"),
        Patch(color=INK, alpha=SIMULTANEOUS, linewidth=0, label="at all steps"),
    ]
