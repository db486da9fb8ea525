"""Paired differences with the baseline as forest plots: final test accuracy and training loss."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from .curves import tick_count
from .findings import ACCURACY, MOST_NAMED, TRAIN_LOSS, Claim, many_arms_note, verdict_title
from .layout import NamedFigure, NotDrawn, page_stem, page_title
from .result_folder import Arm, Run
from .row_chart import ChartRow, RowChart, chart_pages, group_rows, open_row_chart
from .sources import NEEDED_SEEDS, Sources
from .style import INK, clip_color, element_id, signed
from .summary import Comparison, PairedDifference

NEEDED_PAIRS = NEEDED_SEEDS
CAPTION = (
    "Arm minus the run without clipping at the same seed and learning rate. Dots: single seeds. "
    "Diamond: mean, filled where the verdict is better or worse. Bar: its 95 % interval."
)
# The axis ends at this multiple of what half of the rows need: one wild interval flattens no other.
MOST_REACHES = 4
# Dots of one row take turns in height, or equal differences would hide each other.
TURNS = 3


@dataclass(frozen=True)
class PairedMeasure:
    """A measure whose differences are drawn."""

    stem: str
    claim: Claim
    what: str
    unit: str
    scale: float
    places: int
    least_reach: float
    value: Callable[[Run, float], float | None]  # of a run and the chance accuracy

    def show(self, value: float | None) -> str:
        if value is not None and abs(value * self.scale) >= 1e4:
            return f"{value * self.scale:+.1e}".replace("-", "−")
        return signed(None if value is None else value * self.scale, self.places)


ACCURACY_MEASURE = PairedMeasure(
    "paired_difference",
    ACCURACY,
    "final test accuracy",
    "percentage points",
    100,
    1,
    1.0,
    lambda run, chance: run.final_accuracy(chance),
)
LOSS_MEASURE = PairedMeasure(
    "paired_loss",
    TRAIN_LOSS,
    "training loss of the last epoch",
    "lower is better",
    1,
    3,
    0.01,
    lambda run, chance: run.final_train_loss,
)


def draw_paired_differences(sources: Sources) -> list[NamedFigure]:
    return _draw(sources, ACCURACY_MEASURE)


def draw_paired_losses(sources: Sources) -> list[NamedFigure]:
    return _draw(sources, LOSS_MEASURE)


def _draw(sources: Sources, measure: PairedMeasure) -> list[NamedFigure]:
    if sources.summary is None:
        raise NotDrawn("no summary.json says how the arms compare")
    comparisons = sources.summary.comparisons
    if not comparisons:
        raise NotDrawn("no arm has a baseline to be compared with")
    rows = group_rows(
        comparisons,
        lambda comparison: comparison.arm,
        lambda comparison: ChartRow(
            comparison.arm.clip.without_model.label, _result(comparison, measure)
        ),
    )
    pages = chart_pages(rows)
    reach = _reach(sources, measure)
    return [
        _draw_page(sources, measure, page, reach, number, len(pages))
        for number, page in enumerate(pages, start=1)
    ]


def _draw_page(
    sources: Sources,
    measure: PairedMeasure,
    rows: list[tuple[ChartRow, Comparison | None]],
    reach: float,
    number: int,
    pages: int,
) -> NamedFigure:
    shown = [comparison for _, comparison in rows if comparison]
    title = page_title(_title(sources, measure), number, pages)
    caption = _caption(sources, measure, shown, reach)
    chart = open_row_chart(
        sources.sheet,
        [row for row, _ in rows],
        title,
        caption,
        f"difference in {measure.what} ({measure.unit})",
    )
    _draw_rows(chart, sources, measure, [comparison for _, comparison in rows], reach)
    alt = "; ".join(f"{label(c)}: {_result(c, measure)}" for c in shown)
    return NamedFigure(
        page_stem(measure.stem, number, pages),
        title,
        caption,
        f"Paired differences in {measure.what} ({measure.unit}). {alt}.",
        chart.figure,
    )


def _title(sources: Sources, measure: PairedMeasure) -> str:
    """Give the numbers of a few arms, or count those of many."""
    verdict = verdict_title(sources, measure.claim)
    if verdict is None or len(sources.comparisons) > MOST_NAMED:
        return verdict or f"{measure.what.capitalize()} against no clipping, paired by seed"
    parts = []
    for comparison in sources.comparisons:
        difference = comparison.measures[measure.claim.measure]
        unit = " points" if measure is ACCURACY_MEASURE else ""
        name = comparison.arm.clip.label
        if len({c.arm.learning_rate for c in sources.comparisons}) > 1:
            name = label(comparison)
        parts.append(
            f"{name} {measure.show(difference.mean_difference)}{unit} "
            f"({difference.verdict or 'no verdict'})"
        )
    return f"{measure.claim.noun.capitalize()} against no clipping: {', '.join(parts)}"


def _caption(
    sources: Sources, measure: PairedMeasure, shown: list[Comparison], reach: float
) -> str:
    differences = [comparison.measures[measure.claim.measure] for comparison in shown]
    sentences = [CAPTION, many_arms_note(sources, measure.claim)]
    if any(difference.interval is None for difference in differences):
        sentences.append(f"Fewer than {NEEDED_PAIRS} pairs give no interval.")
    if any(abs(end) > reach for difference in differences for end in _ends(difference, measure)):
        sentences.append("Arrow: it goes on beyond the axis, the numbers say how far.")
    if measure is LOSS_MEASURE:
        sentences.append("Pairs of which both runs completed.")
    return " ".join(filter(None, sentences))


def label(comparison: Comparison) -> str:
    return f"{comparison.arm.clip.label}, lr {comparison.arm.learning_rate:g}"


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
    """Return what a row needs of the axis: mean and interval, on the axis's scale."""
    if difference.mean_difference is None:
        return []
    values = [difference.mean_difference, *(difference.interval or ())]
    return [measure.scale * value for value in values]


def _reach(sources: Sources, measure: PairedMeasure) -> float:
    """Choose how far the axis goes from 0: as all rows need it, unless one is out of measure."""
    needed = [
        np.abs(
            [
                *_ends(comparison.measures[measure.claim.measure], measure),
                *_seeds(sources, comparison, measure),
            ]
        ).max(initial=0)
        for comparison in sources.summary.comparisons
    ]
    middle = float(np.median([reach for reach in needed if reach > 0] or [0.0]))
    farthest, most = max(needed), MOST_REACHES * middle
    return max(farthest if farthest <= 2 * most else most, measure.least_reach)


def _seeds(sources: Sources, comparison: Comparison, measure: PairedMeasure) -> np.ndarray:
    """Return the seeds' differences on the axis's scale."""
    chance = sources.summary.chance_accuracy
    differences = seed_differences(sources, comparison, lambda run: measure.value(run, chance))
    return measure.scale * np.array(differences)


def seed_values(arm: Arm, value: Callable[[Run], float | None]) -> dict[int, float]:
    """Return the value of each run that has one, by its seed."""
    values = {run.spec.seed: value(run) for run in arm.runs}
    return {seed: found for seed, found in values.items() if found is not None}


def seed_differences(
    sources: Sources, comparison: Comparison, value: Callable[[Run], float | None]
) -> list[float]:
    """Return arm minus baseline for every seed that both have."""
    arms = {(arm.clip, arm.learning_rate): arm for arm in sources.arms}
    rate = comparison.arm.learning_rate
    arm = arms.get((comparison.arm.clip, rate))
    baseline = arms.get((comparison.baseline.clip, rate))
    if arm is None or baseline is None:
        return []
    reference = seed_values(baseline, value)
    return [
        found - reference[seed]
        for seed, found in seed_values(arm, value).items()
        if seed in reference
    ]


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
        _draw_difference(chart.axes, center, comparison, measure, reach)
    chart.axes.set_xlim(-1.06 * reach, 1.06 * reach)
    most = 5 if sources.sheet.is_narrow else 8
    chart.axes.locator_params(axis="x", nbins=min(most, tick_count(chart.axes)))


def _draw_seeds(
    chart: RowChart, center: float, comparison: Comparison, values: np.ndarray, reach: float
) -> None:
    heights = center + chart.strip * 0.24 * (np.arange(values.size) % TURNS - 1)
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
    axes: Axes, center: float, comparison: Comparison, measure: PairedMeasure, reach: float
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
        seen = difference.verdict in ("better", "worse")
        axes.plot(
            mean,
            center,
            marker="D",
            markersize=5.5,
            color=clip_color(arm.clip) if seen else "white",
            markeredgecolor=INK,
            markeredgewidth=0.9,
            zorder=4,
            gid=element_id("difference", arm.clip, arm.learning_rate),
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
