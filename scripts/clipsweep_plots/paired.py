"""Paired differences in final test accuracy: each arm minus the baseline, seed by seed."""

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .layout import NamedFigure, add_axes, add_header, header_height, page_stem, page_title
from .result_folder import Arm, Clip, Results
from .style import INK, element_id, mode_color, points
from .summary import Comparison, PairedDifference, Summary

TITLE = "Final test accuracy against no clipping, paired by seed"
CAPTION = (
    "Faint dots: the arm minus the run without clipping at the same seed and learning rate. "
    "Diamond: mean. Bar: 95 % interval of the mean. "
)
NEEDED_PAIRS = 5
ROWS_PER_PAGE = 24
ROW_HEIGHT = 0.34
LABEL_WIDTH, PLOT_WIDTH, RESULT_WIDTH = 1.85, 3.9, 2.6
FOOT = 0.62


def draw_paired_differences(results: Results, summary: Summary) -> list[NamedFigure]:
    """Draw every comparison as a row: seeds, mean, interval, and the numbers beside it."""
    return list(_pages(results, summary))


def _pages(results: Results, summary: Summary) -> Iterator[NamedFigure]:
    arms = {(arm.clip, arm.learning_rate): arm for arm in results.arms}
    comparisons = summary.comparisons
    pages = -(-len(comparisons) // ROWS_PER_PAGE)
    for number in range(1, pages + 1):
        shown = comparisons[(number - 1) * ROWS_PER_PAGE : number * ROWS_PER_PAGE]
        title = page_title(TITLE, number, pages)
        caption = CAPTION + _interval_note(shown)
        seeds = [
            _seed_differences(arms, comparison, summary.chance_accuracy) for comparison in shown
        ]
        alt = "; ".join(
            f"{label(c)}: {result_text(c.measures['final_test_accuracy'])}" for c in shown
        )
        yield NamedFigure(
            page_stem("paired_difference", number, pages),
            title,
            caption.strip(),
            f"Paired differences in percentage points. {alt}.",
            _draw(shown, seeds, title, caption),
        )


def _interval_note(comparisons: list[Comparison]) -> str:
    differences = [comparison.measures["final_test_accuracy"] for comparison in comparisons]
    if all(difference.interval for difference in differences):
        return ""
    return f"Fewer than {NEEDED_PAIRS} pairs give no interval."


def label(comparison: Comparison) -> str:
    return f"{comparison.arm.clip.label}, lr {comparison.arm.learning_rate:g}"


def result_text(difference: PairedDifference) -> str:
    """Say a paired difference of accuracies in words and numbers."""
    if difference.mean_difference is None:
        return "no pairs"
    mean = f"{points(difference.mean_difference)} points"
    if difference.interval:
        low, high = difference.interval
        mean += f" [{points(low)}, {points(high)}]"
    return f"{mean}, better in {difference.better} of {difference.n}"


def _seed_differences(
    arms: dict[tuple[Clip, float], Arm], comparison: Comparison, chance_accuracy: float
) -> list[float]:
    """Return arm minus baseline in points for every seed that both have."""
    rate = comparison.arm.learning_rate
    arm = arms.get((comparison.arm.clip, rate))
    baseline = arms.get((comparison.baseline.clip, rate))
    if arm is None or baseline is None:
        return []
    reference = _by_seed(baseline, chance_accuracy)
    return [
        100 * (accuracy - reference[seed])
        for seed, accuracy in _by_seed(arm, chance_accuracy).items()
        if seed in reference
    ]


def _by_seed(arm: Arm, chance_accuracy: float) -> dict[int, float]:
    values = {run.spec.seed: run.final_accuracy(chance_accuracy) for run in arm.runs}
    return {seed: value for seed, value in values.items() if value is not None}


def _draw(
    comparisons: list[Comparison], seeds: list[list[float]], title: str, caption: str
) -> Figure:
    width = LABEL_WIDTH + PLOT_WIDTH + RESULT_WIDTH
    top = header_height(caption, width) + 0.1
    plot_height = max(len(comparisons), 1) * ROW_HEIGHT + 0.1
    figure = Figure(figsize=(width, top + plot_height + FOOT))
    add_header(figure, title, caption)
    axes = add_axes(figure, LABEL_WIDTH, top, PLOT_WIDTH, plot_height)
    axes.axvline(0, color=INK, linewidth=1, zorder=1)
    for row, (comparison, differences) in enumerate(zip(comparisons, seeds, strict=True)):
        _draw_row(axes, row, comparison, differences)
    axes.set_ylim(len(comparisons) - 0.4, -0.6)
    axes.set_yticks(range(len(comparisons)), [label(comparison) for comparison in comparisons])
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.grid(axis="y", visible=False)
    axes.spines["left"].set_visible(False)
    axes.margins(x=0.06)
    axes.set_xlabel("difference in final test accuracy (percentage points)")
    return figure


def _draw_row(axes: Axes, row: int, comparison: Comparison, differences: list[float]) -> None:
    color = mode_color(comparison.arm.clip.mode)
    difference = comparison.measures["final_test_accuracy"]
    # Equal heights would hide equal differences: seeds take turns within the row.
    heights = row + 0.13 * (np.arange(len(differences)) % 3 - 1)
    axes.plot(
        differences,
        heights,
        linestyle="",
        marker="o",
        markersize=4,
        color=color,
        alpha=0.4,
        markeredgewidth=0,
        zorder=2,
    )
    if difference.mean_difference is None:
        return
    if difference.interval:
        axes.plot(100 * np.array(difference.interval), [row, row], color=INK, linewidth=2, zorder=3)
    axes.plot(
        100 * difference.mean_difference,
        row,
        marker="D",
        markersize=6.5,
        color=color,
        markeredgecolor=INK,
        markeredgewidth=0.9,
        zorder=4,
        gid=element_id("difference", comparison.arm.clip, comparison.arm.learning_rate),
    )
    axes.text(
        1.03,
        row,
        result_text(difference).replace(" points", ""),
        va="center",
        fontsize=8,
        color=INK,
        transform=axes.get_yaxis_transform(),
    )
