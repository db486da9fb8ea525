"""Paired differences with the baseline as forest plots: judged accuracy and training loss."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from clipsweep_results.result_folder import Run
from clipsweep_results.seed_differences import seed_differences
from clipsweep_results.summary import Comparison, PairedDifference
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..drawing.curves import tick_count
from ..drawing.findings import (
    ACCURACY,
    MAX_NAMED,
    TRAIN_LOSS,
    Claim,
    comparison_filling,
    filling_note,
    many_arms_note,
    verdict_title,
)
from ..drawing.layout import FigureText, NamedFigure, NotDrawn, draw_pages
from ..drawing.row_chart import ChartRow, RowChart, chart_pages, group_rows, open_row_chart
from ..drawing.sources import Sources
from ..drawing.style import INK, clip_color, element_id, filled_mark, signed

CAPTION = (
    "Arm minus the run without clipping of the same seed and learning rate. Dots: single seeds. "
    "Diamond: mean. Bar: its 95 % interval."
)
# The axis ends at this multiple of the median that rows need, so a wide interval flattens no other.
MAX_REACHES = 4
# Dots of one row alternate in height, or equal differences would hide each other.
HEIGHTS = 3


@dataclass(frozen=True)
class PairedMeasure:
    """A measure whose differences are drawn."""

    stem: str
    claim: Claim
    what: str
    unit: str
    scale: float
    places: int
    min_reach: float
    value: Callable[[Sources, Run], float | None]

    def name(self, sources: Sources) -> str:
        """The measure in words; the judged accuracy depends on the version."""
        return self.what or sources.constants.judged_name

    def show(self, value: float | None) -> str:
        if value is not None and abs(value * self.scale) >= 1e4:
            return f"{value * self.scale:+.1e}".replace("-", "−")
        return signed(None if value is None else value * self.scale, self.places)


ACCURACY_MEASURE = PairedMeasure(
    "paired_difference",
    ACCURACY,
    "",
    "percentage points",
    100,
    1,
    1.0,
    lambda sources, run: sources.judged_accuracy(run),
)
LOSS_MEASURE = PairedMeasure(
    "paired_loss",
    TRAIN_LOSS,
    "training loss of the last epoch",
    "lower is better",
    1,
    3,
    0.01,
    lambda sources, run: run.final_train_loss,
)


def draw_paired_differences(sources: Sources) -> list[NamedFigure]:
    return _draw(sources, ACCURACY_MEASURE)


def draw_paired_losses(sources: Sources) -> list[NamedFigure]:
    return _draw(sources, LOSS_MEASURE)


def _draw(sources: Sources, measure: PairedMeasure) -> list[NamedFigure]:
    if sources.summary is None:
        raise NotDrawn("it needs summary.json, which compares the arms")
    if not sources.summary.comparisons:
        raise NotDrawn("no arm has a baseline to compare with")
    comparisons = _compared(sources, measure)
    if not comparisons:
        raise NotDrawn(f"no pair of runs has a {measure.name(sources)}, or all pairs are identical")
    rows = group_rows(
        comparisons,
        lambda comparison: comparison.arm,
        lambda comparison: ChartRow(
            comparison.arm.clip.without_setup.label, _result(comparison, measure)
        ),
    )
    reach = _reach(sources, measure)
    title, caption = _title(sources, measure), _caption(sources, measure, reach)
    text = FigureText(measure.stem, title, caption)
    return draw_pages(text, chart_pages(rows), partial(_draw_page, sources, measure, reach))


def _compared(sources: Sources, measure: PairedMeasure) -> list[Comparison]:
    """Return the comparisons that have pairs, without those of identical runs."""
    return [
        comparison
        for comparison in sources.summary.comparisons
        if comparison.verdict != "identical"
        and comparison.measures[measure.claim.measure].mean_difference is not None
    ]


def _draw_page(
    sources: Sources,
    measure: PairedMeasure,
    reach: float,
    rows: list[tuple[ChartRow, Comparison | None]],
    text: FigureText,
) -> tuple[Figure, str]:
    comparisons = [comparison for _, comparison in rows]
    x_label = f"difference in {measure.name(sources)} ({measure.unit})"
    chart = open_row_chart(sources.sheet, [row for row, _ in rows], text, x_label)
    _draw_rows(chart, sources, measure, comparisons, reach)
    shown = "; ".join(f"{c.arm.label}: {_result(c, measure)}" for c in comparisons if c)
    return chart.figure, f"Paired differences in {measure.name(sources)} ({measure.unit}). {shown}."


def _title(sources: Sources, measure: PairedMeasure) -> str:
    """State the differences of a few arms, or count the verdicts of many."""
    verdict = verdict_title(sources, measure.claim)
    if verdict is None or len(sources.comparisons) > MAX_NAMED:
        return verdict or f"Difference in {measure.name(sources)} to no clipping, paired by seed"
    parts = []
    for comparison in sources.comparisons:
        difference = comparison.measures[measure.claim.measure]
        unit = " points" if measure is ACCURACY_MEASURE else ""
        name = comparison.arm.clip.label
        if len({c.arm.learning_rate for c in sources.comparisons}) > 1:
            name = comparison.arm.label
        parts.append(
            f"{name} {measure.show(difference.mean_difference)}{unit} "
            f"({difference.verdict or 'no verdict'})"
        )
    return f"Difference in {measure.claim.noun} to no clipping: {', '.join(parts)}"


def _caption(sources: Sources, measure: PairedMeasure, reach: float) -> str:
    comparisons = _compared(sources, measure)
    differences = [comparison.measures[measure.claim.measure] for comparison in comparisons]
    sentences = [CAPTION, filling_note(sources), many_arms_note(sources, measure.claim)]
    if any(difference.interval is None for difference in differences):
        sentences.append(f"Fewer than {sources.constants.min_pairs} pairs give no interval.")
    if any(abs(end) > reach for difference in differences for end in _ends(difference, measure)):
        sentences.append("Arrow: extends beyond the axis; see the numbers at right.")
    if measure is LOSS_MEASURE:
        sentences.append("Only pairs in which both runs completed.")
    sentences.append(sources.identical_note.strip())
    return " ".join(filter(None, sentences))


def _result(comparison: Comparison, measure: PairedMeasure) -> str:
    difference = comparison.measures[measure.claim.measure]
    if difference.mean_difference is None:
        return "no pairs"
    text = measure.show(difference.mean_difference)
    if difference.interval:
        low, high = difference.interval
        text += f" [{measure.show(low)}, {measure.show(high)}]"
    return f"{text}  {difference.verdict}" if difference.verdict else text


def _ends(difference: PairedDifference, measure: PairedMeasure) -> list[float]:
    """Return the values of a row: mean and interval, on the axis's scale."""
    if difference.mean_difference is None:
        return []
    values = [difference.mean_difference, *(difference.interval or ())]
    return [measure.scale * value for value in values]


def _reach(sources: Sources, measure: PairedMeasure) -> float:
    """Choose the end of the axis: far enough for all rows, unless one is extreme."""
    needed = [
        np.abs(
            [
                *_ends(comparison.measures[measure.claim.measure], measure),
                *_seeds(sources, comparison, measure),
            ]
        ).max(initial=0)
        for comparison in _compared(sources, measure)
    ]
    middle = float(np.median([reach for reach in needed if reach > 0] or [0.0]))
    farthest, limit = max(needed), MAX_REACHES * middle
    return max(farthest if farthest <= 2 * limit else limit, measure.min_reach)


def _seeds(sources: Sources, comparison: Comparison, measure: PairedMeasure) -> np.ndarray:
    """Return the seeds' differences on the axis's scale."""
    differences = seed_differences(
        sources.results, comparison, lambda run: measure.value(sources, run)
    )
    return measure.scale * np.array(differences)


def _draw_rows(
    chart: RowChart,
    sources: Sources,
    measure: PairedMeasure,
    comparisons: list[Comparison | None],
    reach: float,
) -> None:
    chart.axes.axvline(0, color=INK, linewidth=0.9, zorder=1)
    for center, comparison in zip(chart.centers, comparisons, strict=True):
        if comparison is None:
            continue
        _draw_seeds(chart, center, comparison, _seeds(sources, comparison, measure), reach)
        level = sources.constants.significance_level
        fill = comparison_filling(comparison, measure.claim, level)
        _draw_difference(chart.axes, center, comparison, measure, reach, fill)
    chart.axes.set_xlim(-1.06 * reach, 1.06 * reach)
    max_intervals = 5 if sources.sheet.is_narrow else 8
    chart.axes.locator_params(axis="x", nbins=min(max_intervals, tick_count(chart.axes)))


def _draw_seeds(
    chart: RowChart, center: float, comparison: Comparison, values: np.ndarray, reach: float
) -> None:
    heights = center + chart.strip * 0.24 * (np.arange(values.size) % HEIGHTS - 1)
    within = np.abs(values) <= reach
    arm = comparison.arm
    for marker, chosen in (("o", within), ("<", values < -reach), (">", values > reach)):
        if chosen.any():
            chart.axes.plot(
                np.clip(values, -reach, reach)[chosen],
                heights[chosen],
                linestyle="",
                marker=marker,
                markersize=3.4,
                color=clip_color(arm.clip),
                alpha=0.4,
                markeredgewidth=0,
                zorder=2,
                gid=element_id("seeds" if marker == "o" else "far", arm.clip, arm.learning_rate),
            )


def _draw_difference(
    axes: Axes,
    center: float,
    comparison: Comparison,
    measure: PairedMeasure,
    reach: float,
    fill: str,
) -> None:
    difference = comparison.measures[measure.claim.measure]
    ends = _ends(difference, measure)
    if not ends:
        return
    arm = comparison.arm
    mean, *interval = ends
    if interval:
        low, high = np.clip(interval, -reach, reach)
        axes.plot([low, high], [center, center], color=INK, linewidth=1.6, zorder=3)
    for end in ends:
        if abs(end) > reach:
            _draw_arrow(axes, center, np.sign(end) * reach, arm)
    if abs(mean) <= reach:
        style = filled_mark(clip_color(arm.clip), fill) | {"markeredgecolor": INK}
        axes.plot(
            mean,
            center,
            marker="D",
            markersize=5.5,
            zorder=4,
            gid=element_id("difference", arm.clip, arm.learning_rate),
            **style,
        )


def _draw_arrow(axes: Axes, center: float, edge: float, arm) -> None:
    axes.plot(
        edge,
        center,
        marker=">" if edge > 0 else "<",
        markersize=6,
        color=INK,
        markeredgewidth=0,
        zorder=4,
        gid=element_id("beyond", arm.clip, arm.learning_rate),
    )
