"""Judged accuracy and training loss over the threshold, with the baseline as a band."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from clipsweep_results.result_folder import Arm, Run
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..drawing.bands import mean_band
from ..drawing.findings import ACCURACY, TRAIN_LOSS, Claim, filling, filling_note
from ..drawing.layout import FigureText, NamedFigure, NotDrawn, draw_pages, paged
from ..drawing.norm_axis import limit_norms
from ..drawing.panel_page import PageText, first_row_keys, open_page
from ..drawing.panels import Panel, Row, by_setup, grid_rows, learning_rates, place_title
from ..drawing.setting_axis import Scale
from ..drawing.sources import Sources
from ..drawing.style import (
    INK,
    MODE_DASHES,
    MODE_MARKERS,
    OTHER_MODE_DASHES,
    OTHER_MODE_MARKER,
    clip_color,
    element_id,
    filled_mark,
    number,
    sentence_case,
)
from ..drawing.value_axis import limit_losses, limit_percent

BASELINE_BAND = {"color": INK, "alpha": 0.14, "linewidth": 0, "zorder": 1}


@dataclass(frozen=True)
class Measure:
    """What is drawn over the threshold."""

    stem: str
    claim: Claim
    name: Callable[[Sources], str]
    label: Callable[[Sources], str]
    value: Callable[[Sources, Run], float | None]
    limit: Callable[[Axes, np.ndarray], None]
    best: Callable  # max or min
    show: Callable[[float], str]


def _percent_of(sources: Sources, run: Run) -> float | None:
    accuracy = sources.judged_accuracy(run)
    return None if accuracy is None else 100 * accuracy


ACCURACY_MEASURE = Measure(
    "accuracy_by_threshold",
    ACCURACY,
    lambda sources: sources.constants.judged_name,
    lambda sources: f"{sources.constants.judged_name} (%)",
    _percent_of,
    limit_percent,
    max,
    lambda value: f"{value:.1f} %",
)
LOSS_MEASURE = Measure(
    "loss_by_threshold",
    TRAIN_LOSS,
    lambda sources: "training loss of the last epoch",
    lambda sources: "training loss of the last epoch",
    lambda sources, run: run.final_train_loss,
    limit_losses,
    min,
    lambda value: number(value),
)


def draw_accuracy_by_threshold(sources: Sources) -> list[NamedFigure]:
    return _draw(sources, ACCURACY_MEASURE)


def draw_loss_by_threshold(sources: Sources) -> list[NamedFigure]:
    return _draw(sources, LOSS_MEASURE)


def _draw(sources: Sources, measure: Measure) -> list[NamedFigure]:
    """Draw a panel per learning rate (and a row per setup), with a line per mode."""
    arms = [arm for arm in sources.arms if has_threshold(arm) or arm.clip.is_baseline]
    thresholds = {}
    for arm in filter(has_threshold, arms):
        thresholds.setdefault(arm.clip.mode, set()).add(arm.clip.threshold)
    if not any(len(values) > 1 for values in thresholds.values()):
        raise NotDrawn("no mode has several thresholds")
    if not any(_values(sources, arm, measure).size for arm in arms):
        raise NotDrawn(f"no run has a {measure.name(sources)}")
    text = FigureText(measure.stem, _title(sources, measure), _caption(sources, measure))
    pages = paged(_rows(arms, sources))
    return draw_pages(text, pages, partial(_draw_page, sources, measure))


def has_threshold(arm: Arm) -> bool:
    """Return whether an arm has a place on a log axis of thresholds."""
    threshold = arm.clip.threshold
    return threshold is not None and 0 < threshold < np.inf and not arm.clip.details


def _rows(arms: list[Arm], sources: Sources) -> list[Row]:
    panels = {
        (setup, rate): Panel(
            place_title(setup, rate),
            tuple(arm for arm in members if arm.learning_rate == rate),
        )
        for setup, members in by_setup(arms).items()
        for rate in learning_rates(members)
    }
    return grid_rows(panels, learning_rates(arms), sources.sheet)


def _values(sources: Sources, arm: Arm, measure: Measure) -> np.ndarray:
    values = [measure.value(sources, run) for run in arm.runs]
    return np.array([value for value in values if value is not None], dtype=float)


def _title(sources: Sources, measure: Measure) -> str:
    """Name the best mean with clipping and the best without, each at its own learning rate."""
    name = measure.name(sources)
    means = {arm: _values(sources, arm, measure) for arm in sources.arms}
    means = {arm: float(values.mean()) for arm, values in means.items() if values.size}
    clipping = {arm: mean for arm, mean in means.items() if has_threshold(arm)}
    if not clipping or len(by_setup(sources.arms)) > 1:
        return f"{name.capitalize()} by threshold"
    best = measure.best(clipping, key=lambda arm: clipping[arm])
    title = f"{name.capitalize()} is {measure.show(clipping[best])} with {best.label}"
    plain = {arm: mean for arm, mean in means.items() if arm.clip.is_baseline}
    if not plain:
        return title
    baseline = measure.best(plain, key=lambda arm: plain[arm])
    where = f" (lr {baseline.learning_rate:g})" if len(plain) > 1 else ""
    return f"{title}, {'at best ' if where else ''}{measure.show(plain[baseline])} without clipping{where}"


def _caption(sources: Sources, measure: Measure) -> str:
    caption = (
        "Mean over the seeds with its 95 % interval, modes side by side. Grey: the mean without "
        f"clipping at the same learning rate, with its interval. {filling_note(sources)}"
    )
    if any(run.diverged for run in sources.results.runs):
        caption += f" ×: an arm with runs that {sources.results.diverged_phrase}"
        caption += (
            "; they count as chance level."
            if measure is ACCURACY_MEASURE
            else "; they have no loss."
        )
    return caption


def _draw_page(
    sources: Sources, measure: Measure, rows: list[Row], text: FigureText
) -> tuple[Figure, str]:
    words = PageText(text.title, text.caption, "threshold", measure.label(sources))
    arms = [arm for row in rows for panel in row if panel for arm in panel.arms]
    page = open_page(sources.sheet, rows, words, first_row_keys(rows, _key(arms)))
    thresholds = [arm.clip.threshold for arm in arms if has_threshold(arm)]
    modes = dict.fromkeys(arm.clip.mode for arm in arms if has_threshold(arm))
    scale = Scale(thresholds, len(modes), is_log=True)
    means = [values.mean() for arm in arms if (values := _values(sources, arm, measure)).size]
    for panel, axes in page.pairs():
        limit_norms(axes, "x", min(thresholds) / 1.5, max(thresholds) * 1.5)
        measure.limit(axes, np.array(means))
        for arm in panel.arms:
            if arm.clip.is_baseline:
                _draw_baseline(axes, arm, _values(sources, arm, measure), sources)
        for place, mode in enumerate(modes):
            members = [arm for arm in panel.arms if has_threshold(arm) and arm.clip.mode == mode]
            x = {arm: scale.beside(arm.clip.threshold, place) for arm in members}
            _draw_mode(axes, x, sources, measure)
    shown = "; ".join(panel.title for panel, _ in page.pairs())
    alt = f"{measure.label(sources)} against threshold, one line per mode. Panels: {shown}."
    return page.figure, sentence_case(alt)


def _draw_baseline(axes: Axes, arm: Arm, values: np.ndarray, sources: Sources) -> None:
    if not values.size:
        return
    low, high = (end[0] for end in mean_band(values[np.newaxis], sources.constants.min_pairs))
    if np.isfinite(low):
        gid = element_id("band", arm.clip, arm.learning_rate)
        axes.axhspan(low, high, gid=gid, **BASELINE_BAND)
    gid = element_id("baseline", arm.clip, arm.learning_rate)
    axes.axhline(values.mean(), color=INK, linewidth=1, zorder=2, gid=gid)


def _draw_mode(axes: Axes, x: dict[Arm, float], sources: Sources, measure: Measure) -> None:
    """Draw the line of one mode; `x` has the place of each arm, next to those of other modes."""
    points = [(arm, _values(sources, arm, measure)) for arm in x]
    points = sorted(
        ((arm, values) for arm, values in points if values.size),
        key=lambda point: point[0].clip.threshold,
    )
    if not points:
        return
    mode = points[0][0].clip.mode
    color = clip_color(points[0][0].clip)
    axes.plot(
        [x[arm] for arm, _ in points],
        [values.mean() for _, values in points],
        color=color,
        linestyle=MODE_DASHES.get(mode, OTHER_MODE_DASHES),
        linewidth=1.3,
        zorder=3,
        gid=element_id(f"line_{mode}", points[0][0].clip, points[0][0].learning_rate),
    )
    for arm, values in points:
        low, high = (end[0] for end in mean_band(values[np.newaxis], sources.constants.min_pairs))
        axes.vlines(x[arm], low, high, color=color, linewidth=0.9, zorder=3)
        axes.plot(
            x[arm],
            values.mean(),
            zorder=4,
            gid=element_id("point", arm.clip, arm.learning_rate),
            **_mark(mode, color, filling(sources, arm, measure.claim)),
        )
        if arm.diverged_count:
            axes.plot(
                x[arm],
                0.05,
                transform=axes.get_xaxis_transform(),
                marker="x",
                markersize=4,
                color=color,
                gid=element_id("diverged", arm.clip, arm.learning_rate),
            )


def _mark(mode: str, color: object, fill: str) -> dict:
    return {
        "marker": MODE_MARKERS.get(mode, OTHER_MODE_MARKER),
        "markersize": 5,
        **filled_mark(color, fill),
    }


def _key(arms: list[Arm]) -> list[Line2D | Patch]:
    modes = {arm.clip.mode: clip_color(arm.clip) for arm in arms if has_threshold(arm)}
    handles: list[Line2D | Patch] = [
        Line2D(
            [],
            [],
            label=mode,
            linestyle=MODE_DASHES.get(mode, OTHER_MODE_DASHES),
            linewidth=1.3,
            **_mark(mode, color, "full"),
        )
        for mode, color in modes.items()
    ]
    if any(arm.clip.is_baseline for arm in arms):
        handles.append(Line2D([], [], color=INK, linewidth=1, label="no clipping"))
    return handles
