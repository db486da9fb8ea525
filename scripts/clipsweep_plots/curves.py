"""Curves over the steps: training loss, test accuracy and the share of clipped steps."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from .layout import (
    COLUMN_GAP,
    LEGEND_WIDTH,
    MOST_LINES,
    NamedFigure,
    Panel,
    PanelPage,
    Row,
    curve_rows,
    open_page,
    page_stem,
    page_title,
    paged,
)
from .result_folder import Arm, Clip, Results, Run
from .style import MUTED, LineLook, element_id, line_looks

# Faint lines of more runs than this are drawn as pixels: as vectors they would make huge files.
MOST_VECTOR_RUNS = 60
# Lines of so few points show each of them.
FEW_POINTS = 12
SIDE_STEP = 0.13
# A loss that explodes would flatten all others: the axis ends at this multiple of the first loss.
LOSS_HEADROOM = 1.6


@dataclass(frozen=True)
class CurveKind:
    """What one kind of curve shows and where its numbers come from."""

    stem: str
    title: str
    caption: str
    alt: str
    x_label: str
    y_label: str
    frame: Callable[[Arm], pd.DataFrame]  # index: x; a column for each seed
    marks_up_to: float | None = None  # where a run diverged: no higher than this; None is no marks


def draw_training_loss(results: Results) -> list[NamedFigure]:
    """Draw the training loss against the step, smoothed by windows."""
    width = results.grid.width
    low, high = _loss_limits(results)
    diverged = any(run.diverged for run in results.runs)
    kind = CurveKind(
        stem="training_loss",
        title="Training loss of every run, step by step",
        caption=_loss_caption(results, high),
        alt="Training loss against step, one line for each seed and a bold mean for each arm",
        x_label="step",
        y_label=f"training loss (mean of {width} steps)" if width > 1 else "training loss",
        frame=lambda arm: _frame(arm, results.grid.centers, lambda run: run.curve.mean_loss),
        marks_up_to=high if diverged else None,
    )

    def limit(results: Results, page: PanelPage) -> None:
        _limit_to_plan(results, page)
        for panel, axes in page.pairs():
            axes.set_ylim(low, high)
            _note_if_empty(panel, axes, high)

    return _draw(results, results.arms, kind, limit)


def _note_if_empty(panel: Panel, axes: Axes, high: float) -> None:
    """Say so where all losses of a panel lie above the axis."""
    losses = np.concatenate([run.curve.mean_loss for arm in panel.arms for run in arm.runs])
    if not (losses <= high).any():
        words = (
            f"all losses are\nabove {high:.2g}" if np.isfinite(losses).any() else "no finite loss"
        )
        axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", va="center", color=MUTED)


def _loss_caption(results: Results, high: float) -> str:
    caption = "Faint: one seed. Bold: mean over the seeds."
    if results.grid.width > 1:
        caption += f" Each point is the mean of {results.grid.width} steps."
    if any(run.diverged for run in results.runs):
        caption += " × is where a run diverged; from there the mean is over the runs that go on."
    if any((run.curve.mean_loss > high).any() for run in results.runs):
        caption += f" Losses above {high:.2g} are cut off."
    return caption


def draw_test_accuracy(results: Results, chance_accuracy: float | None) -> list[NamedFigure]:
    """Draw the test accuracy after every epoch, against the step."""
    steps = _epoch_numbers(results) * results.plan.steps_per_epoch
    caption = "Measured after every epoch. Faint: one seed. Bold: mean over the seeds."
    if any(run.diverged for run in results.runs):
        caption += (
            " Without summary.json the chance level is unknown: a diverged run ends early."
            if chance_accuracy is None
            else f" From where it diverged a run counts as chance, {100 * chance_accuracy:g} %."
        )
    kind = CurveKind(
        stem="test_accuracy",
        title="Test accuracy of every run, epoch by epoch",
        caption=caption,
        alt="Test accuracy against step, one line for each seed and a bold mean for each arm",
        x_label="step",
        y_label="test accuracy (%)",
        frame=lambda arm: _frame(
            arm, steps, lambda run: _accuracies(run, steps.size, chance_accuracy)
        ),
    )
    return _draw(results, results.arms, kind, _limit_accuracy)


def draw_clipped_share(results: Results) -> list[NamedFigure]:
    """Draw the share of steps in each epoch on which clipping acted; empty if no arm clips."""
    epochs = _epoch_numbers(results)
    kind = CurveKind(
        stem="clipped_share",
        title="Share of the steps on which clipping acted, by epoch",
        caption="Faint: one seed. Bold: mean over the seeds. Whole epochs only.",
        alt="Share of clipped steps against epoch, a line for each seed, a bold mean for each arm",
        x_label="epoch",
        y_label="clipped steps (%)",
        frame=lambda arm: _frame(arm, epochs, lambda run: _clipped_shares(run, epochs.size)),
    )
    clipping = [arm for arm in results.arms if not arm.clip.is_baseline]
    return _draw(results, clipping, kind, _limit_share)


def _epoch_numbers(results: Results) -> np.ndarray:
    return np.arange(1, results.plan.epochs + 1)


def _frame(arm: Arm, index: np.ndarray, values: Callable[[Run], np.ndarray]) -> pd.DataFrame:
    return pd.DataFrame({run.spec.seed: values(run) for run in arm.runs}, index=index)


def _accuracies(run: Run, epochs: int, chance_accuracy: float | None) -> np.ndarray:
    """Return the test accuracy in percent after each epoch, [epochs]."""
    fill = 100 * chance_accuracy if run.diverged and chance_accuracy is not None else np.nan
    values = np.full(epochs, fill)
    for epoch in run.epochs:
        if epoch.test_accuracy is not None and 1 <= epoch.number <= epochs:
            values[epoch.number - 1] = 100 * epoch.test_accuracy
    return values


def _clipped_shares(run: Run, epochs: int) -> np.ndarray:
    """Return the clipped share in percent in each epoch, [epochs]."""
    values = np.full(epochs, np.nan)
    for epoch in run.epochs:
        if epoch.clipped_share is not None and 1 <= epoch.number <= epochs:
            values[epoch.number - 1] = 100 * epoch.clipped_share
    return values


def _draw(
    results: Results, arms: list[Arm], kind: CurveKind, limit: Callable[[Results, PanelPage], None]
) -> list[NamedFigure]:
    return list(_pages(results, arms, kind, limit)) if arms else []


def _pages(results: Results, arms: list[Arm], kind: CurveKind, limit) -> Iterator[NamedFigure]:
    looks = line_looks(list(dict.fromkeys(arm.clip for arm in results.arms)))
    pages = paged(curve_rows(arms))
    for number, rows in enumerate(pages, start=1):
        title = page_title(kind.title, number, len(pages))
        shared = all(len(_clips_of(row)) <= MOST_LINES for row in rows)  # one legend for the row
        page = open_page(
            rows,
            title,
            kind.caption,
            kind.x_label,
            kind.y_label,
            LEGEND_WIDTH,
            COLUMN_GAP if shared else LEGEND_WIDTH + COLUMN_GAP,
        )
        for panel, axes in page.pairs():
            _draw_panel(axes, panel, kind, looks, len(results.runs) > MOST_VECTOR_RUNS)
        limit(results, page)
        _add_legends(page, looks, shared)
        shown = "; ".join(arm.label for panel, _ in page.pairs() for arm in panel.arms)
        yield NamedFigure(
            page_stem(kind.stem, number, len(pages)),
            title,
            kind.caption,
            f"{kind.alt}. Arms: {shown}.",
            page.figure,
        )


def _draw_panel(
    axes: Axes, panel: Panel, kind: CurveKind, looks: dict[Clip, LineLook], rasterized: bool
) -> None:
    for place, arm in enumerate(panel.arms):
        frame = kind.frame(arm)
        if len(frame) == 1:  # single points side by side, not on top of each other
            frame.index = frame.index * (1 + SIDE_STEP * (place - (len(panel.arms) - 1) / 2))
        _draw_arm(axes, arm, frame, kind, looks[arm.clip], rasterized)


def _draw_arm(
    axes: Axes, arm: Arm, frame: pd.DataFrame, kind: CurveKind, look: LineLook, rasterized: bool
) -> None:
    few_points = len(frame) <= FEW_POINTS
    if len(arm.runs) > 1:
        axes.plot(
            frame.index,
            frame.to_numpy(),
            color=look.color,
            linewidth=0.6,
            alpha=0.28,
            rasterized=rasterized,
            marker="o" if few_points else "",
            markersize=4.5 if len(frame) == 1 else 1.6,
            markeredgewidth=0,
            zorder=2,
        )
    marker = look.point_marker if few_points else look.marker
    axes.plot(
        frame.index,
        frame.mean(axis=1),
        color=look.color,
        linestyle=look.dashes,
        linewidth=1.9,
        marker=marker,
        markersize=5.5,
        markevery=1 if few_points else max(1, len(frame) // 8),
        markeredgecolor="white",
        markeredgewidth=0.5,
        zorder=3,
        gid=element_id("mean", arm.clip, arm.learning_rate),
    )
    if kind.marks_up_to is not None:
        _mark_divergences(axes, arm, frame, look, kind.marks_up_to)


def _mark_divergences(
    axes: Axes, arm: Arm, frame: pd.DataFrame, look: LineLook, highest: float
) -> None:
    """Mark where each run diverged, at its last measured value but within the axis."""
    last = [
        (run.divergence_step, min(frame[run.spec.seed].dropna().iloc[-1], highest))
        for run in arm.runs
        if run.diverged and frame[run.spec.seed].notna().any()
    ]
    if last:
        axes.plot(
            *zip(*last, strict=True),
            linestyle="",
            marker="x",
            color=look.color,
            markersize=5,
            markeredgewidth=1.3,
            clip_on=False,
            zorder=4,
            gid=element_id("diverged", arm.clip, arm.learning_rate),
        )


def _limit_to_plan(results: Results, page: PanelPage) -> None:
    for _, axes in page.pairs():
        axes.set_xlim(0, results.plan.planned_steps * 1.02)
        axes.locator_params(axis="x", nbins=6 if len(page.rows[0]) < 3 else 4)


def _loss_limits(results: Results) -> tuple[float, float]:
    """Return the loss axis: up to a little above where training began, or to the highest mean."""
    losses = [run.curve.mean_loss[np.isfinite(run.curve.mean_loss)] for run in results.runs]
    losses = [loss for loss in losses if loss.size]
    if not losses:
        return 0.0, 1.0
    lowest = min(loss.min() for loss in losses)
    highest = max(loss.max() for loss in losses)
    top = min(highest, LOSS_HEADROOM * np.median([loss[0] for loss in losses]))
    room = 0.05 * max(top - lowest, 1e-6)
    return max(0.0, lowest - room), top + room


def _limit_accuracy(results: Results, page: PanelPage) -> None:
    if results.plan.epochs == 1:
        _limit_to_point(results.plan.planned_steps, page)
    else:
        _limit_to_plan(results, page)


def _limit_share(results: Results, page: PanelPage) -> None:
    for _, axes in page.pairs():
        axes.set_ylim(-3, 103)
        axes.set_xlim(0.6, results.plan.epochs + 0.4)
        axes.xaxis.get_major_locator().set_params(
            integer=True, nbins=10 if len(page.rows[0]) < 3 else 5
        )
    if results.plan.epochs == 1:
        _limit_to_point(1, page)


def _limit_to_point(x: float, page: PanelPage) -> None:
    for _, axes in page.pairs():
        axes.set_xlim(0.5 * x, 1.5 * x)
        axes.set_xticks([x])


def _clips_of(row: Row) -> list[Clip]:
    return list(dict.fromkeys(clip for panel in row if panel for clip in panel.clips))


def _add_legends(page: PanelPage, looks: dict[Clip, LineLook], shared: bool) -> None:
    """Put a legend beside each panel, or one beside each row whose lines the row above lacks."""
    above: list[Clip] = []
    for row, axes_row in zip(page.rows, page.axes, strict=True):
        panels = [(panel, axes) for panel, axes in zip(row, axes_row, strict=True) if panel]
        if not shared:
            for panel, axes in panels:
                _add_legend(axes, panel.clips, looks)
        elif (clips := _clips_of(row)) != above:
            _add_legend(panels[-1][1], clips, looks)
            above = clips


def _add_legend(axes: Axes, clips: list[Clip], looks: dict[Clip, LineLook]) -> None:
    few_points = max(len(line.get_xdata()) for line in axes.get_lines()) <= FEW_POINTS
    handles = [
        Line2D(
            [],
            [],
            color=look.color,
            linestyle=look.dashes,
            linewidth=1.9,
            markersize=5.5,
            marker=look.point_marker if few_points else look.marker,
            markeredgecolor="white",
            markeredgewidth=0.5,
            label=clip.label,
        )
        for clip, look in ((clip, looks[clip]) for clip in clips)
    ]
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.02, 1.03))
