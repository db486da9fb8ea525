"""What clipping makes of the mean gradient at fixed weights: its direction and its length.

Each probe tests every threshold of the sweep on the same gradients, so that one run has the whole
curve.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from clipsweep_results.clips import Clip
from clipsweep_results.probes import Probe, ProbedRule
from clipsweep_results.result_folder import Arm
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..drawing.layout import FigureText, NamedFigure, NotDrawn, NotMeasured, draw_pages, paged
from ..drawing.norm_axis import limit_norms
from ..drawing.panel_page import PageText, first_row_keys, open_page
from ..drawing.panels import wrap_panels
from ..drawing.sources import Sources
from ..drawing.style import (
    GRID_COLOR,
    MODE_COLORS,
    MODE_DASHES,
    MODE_MARKERS,
    MUTED,
    OTHER_MODE_COLOR,
    OTHER_MODE_DASHES,
    OTHER_MODE_MARKER,
    decimal,
    element_id,
)
from .probe_noise import StepPanel, probe_steps, probes_at, shown_steps

MAX_ARMS = 4
WHOSE = (
    "Each probe clips the same gradients at every threshold of the sweep, at the weights of {arms}. "
    "Marks: means over the seeds."
)


@dataclass(frozen=True)
class Quantity:
    """What a figure shows of a rule in a probe."""

    stem: str
    label: str
    caption: str
    value: Callable[[Probe, ProbedRule], float | None]
    is_log: bool


def _length(probe: Probe, rule: ProbedRule) -> float | None:
    return rule.mean_clipped_norm / probe.mean_gradient_norm if probe.mean_gradient_norm else None


DIRECTION = Quantity(
    "probe_direction",
    "cosine between mean clipped and mean gradient",
    "The cosine is 1 where clipping does not turn the mean gradient.",
    lambda _, rule: rule.cosine,
    False,
)
LENGTH = Quantity(
    "probe_length",
    "length of the mean clipped gradient / mean gradient",
    "The length is 1 where clipping leaves the mean gradient as it is; below, it is a smaller step.",
    _length,
    True,
)


def draw_probe_direction(sources: Sources) -> list[NamedFigure]:
    return _draw(sources, DIRECTION)


def draw_probe_length(sources: Sources) -> list[NamedFigure]:
    return _draw(sources, LENGTH)


def _draw(sources: Sources, quantity: Quantity) -> list[NamedFigure]:
    """Draw a row per arm without clipping and a column per probe; lines are modes."""
    arms = _probed_arms(sources)
    steps = shown_steps(probe_steps(arms))
    rows = [
        [
            StepPanel(f"{arm.label}, after step {step:,}", (arm,), step)
            if mode_curves(probes_at(arm, step), quantity.value)
            else None
            for step in steps
        ]
        for arm in arms
    ]
    rows = [row for row in rows if any(row)]
    if not rows:
        raise NotDrawn("the probes test no clipping rule: no mode with a threshold and without memory")
    if len(steps) == 1 or len(steps) > sources.sheet.max_grid_columns:
        rows = wrap_panels([panel for row in rows for panel in row if panel], sources.sheet.max_columns)
    whose = "runs without clipping" if arms[0].clip.is_baseline else "the first arms"
    caption = f"{quantity.caption} {WHOSE.format(arms=whose)}"
    text = FigureText(quantity.stem, _title(arms, steps[-1], quantity), caption)
    return draw_pages(text, paged(rows), partial(_draw_page, sources, quantity))


def _probed_arms(sources: Sources) -> list[Arm]:
    """Return the arms without clipping, or the first ones if there are none."""
    arms = [arm for arm in sources.arms if not arm.clip.perturbed and probe_steps([arm])]
    if not arms:
        raise NotMeasured("the sweep has no probes (--probe-at)")
    baselines = [arm for arm in arms if arm.clip.is_baseline]
    return (baselines or arms)[:MAX_ARMS]


def mode_curves(
    probes: list[Probe], value: Callable[[Probe, ProbedRule], float | None]
) -> dict[str, tuple[list[float], list[float]]]:
    """Return thresholds and mean values of each mode; rules with further options are left out."""
    found: dict[Clip, list[float]] = {}
    for probe in probes:
        for rule in probe.rules:
            number = value(probe, rule)
            if number is not None and not rule.clip.details:
                found.setdefault(rule.clip, []).append(number)
    curves: dict[str, tuple[list[float], list[float]]] = {}
    for clip in sorted(found, key=lambda clip: (clip.mode, clip.threshold)):
        thresholds, means = curves.setdefault(clip.mode, ([], []))
        thresholds.append(clip.threshold)
        means.append(float(np.mean(found[clip])))
    return curves


def _title(arms: list[Arm], step: int, quantity: Quantity) -> str:
    """State the smallest value of the last probe."""
    values = [
        (value, f"{mode}:{threshold:g}")
        for arm in arms
        for mode, curve in mode_curves(probes_at(arm, step), quantity.value).items()
        for threshold, value in zip(*curve, strict=True)
    ]
    if not values:
        return "What clipping makes of the mean gradient at fixed weights"
    lowest, pair = min(values)
    if quantity is DIRECTION:
        if lowest > 0.995:
            return f"After step {step:,} no threshold turns the mean gradient (cosine above 0.995)"
        return f"After step {step:,} clipping turns the mean gradient most at {pair}: cosine {decimal(lowest, 3)}"
    if lowest >= 1:
        return f"After step {step:,} no threshold shortens the mean gradient"
    return f"After step {step:,} {pair} shortens the mean gradient most, to {100 * lowest:.3g} %"


def _look(mode: str) -> dict:
    return {
        "color": MODE_COLORS.get(mode, OTHER_MODE_COLOR),
        "linestyle": MODE_DASHES.get(mode, OTHER_MODE_DASHES),
        "marker": MODE_MARKERS.get(mode, OTHER_MODE_MARKER),
        "linewidth": 1.4,
        "markersize": 4.5,
    }


def _draw_page(
    sources: Sources, quantity: Quantity, rows: list, text: FigureText
) -> tuple[Figure, str]:
    panels = [panel for row in rows for panel in row if panel]
    curves = {panel: mode_curves(probes_at(panel.arms[0], panel.step), quantity.value) for panel in panels}
    modes = sorted({mode for of_modes in curves.values() for mode in of_modes})
    key = [Line2D([], [], label=mode, **_look(mode)) for mode in modes]
    words = PageText(text.title, text.caption, "threshold", quantity.label)
    page = open_page(sources.sheet, rows, words, first_row_keys(rows, key))
    points = [curve for of_modes in curves.values() for curve in of_modes.values()]
    thresholds = [threshold for each, _ in points for threshold in each]
    values = [value for _, each in points for value in each]
    for panel, axes in page.pairs():
        limit_norms(axes, "x", min(thresholds) / 1.6, max(thresholds) * 1.6)
        _limit_values(axes, quantity, values)
        for mode, (where, what) in curves[panel].items():
            gid = element_id(f"{quantity.stem}-{mode}-{panel.step}", panel.arms[0].clip, panel.arms[0].learning_rate)
            axes.plot(where, what, gid=gid, **_look(mode))
    shown = "; ".join(
        f"{panel.title}, {mode}: "
        + ", ".join(f"{value:.3g} at {threshold:g}" for threshold, value in zip(*curve, strict=True))
        for panel in panels
        for mode, curve in curves[panel].items()
    )
    return page.figure, f"{quantity.label.capitalize()}, by threshold. {shown}."


def _limit_values(axes: Axes, quantity: Quantity, values: list[float]) -> None:
    axes.axhline(1, color=MUTED, linewidth=0.9, zorder=1)
    if quantity.is_log:
        positive = [value for value in values if value > 0] or [1.0]
        limit_norms(axes, "y", min(*positive, 1.0) / 1.6, max(*positive, 1.0) * 1.6)
        return
    low = min(*values, 0.9)
    axes.set_ylim(max(-1.02, low - 0.05 * (1 - low)), 1 + 0.06 * (1 - low))
    if low < 0:
        axes.axhline(0, color=GRID_COLOR, linewidth=0.9, zorder=1)
