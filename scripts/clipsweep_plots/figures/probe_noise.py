"""The noise of the gradient at fixed weights, compared with that of a Gaussian, for each arm and probe.

Noise that a Gaussian could have made ends where the line ends. Counts beyond it are a heavy tail.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from clipsweep_results.probes import BINS_PER_DECADE, NoiseHistogram, Probe
from clipsweep_results.result_folder import Arm
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullLocator

from ..drawing.layout import FigureText, NamedFigure, NotDrawn, NotMeasured, draw_pages, paged
from ..drawing.norm_axis import limit_norms
from ..drawing.panel_page import PageText, first_row_keys, open_page
from ..drawing.panels import Panel, choose_arms, chosen_note, wrap_panels
from ..drawing.sources import Sources
from ..drawing.style import INK, LABEL_BOX, clip_color, darker, decade, element_id, number

STEM = "probe_noise"
MAX_ARMS = 8
MAX_STEPS = 3
MIN_SHARE = 0.2  # of one batch: the lowest expected number that is drawn
CAPTION = (
    "Bars: batches of all seeds by the norm of their gradient's noise, g - mean g, at the weights "
    "after the step. Line: the same for Gaussian noise with the same variance in each seed and as "
    "many effective dimensions. a: tail index (Hill) with its 95 % interval; below 2 the "
    "variance of the noise is infinite."
)


@dataclass(frozen=True)
class StepPanel(Panel):
    """One arm at one probe."""

    step: int = 0


@dataclass(frozen=True)
class PooledHistogram:
    """The histograms of an arm's runs, added up; `edges` has one number more than the others."""

    edges: np.ndarray
    counts: np.ndarray
    gaussian: np.ndarray


def draw_probe_noise(sources: Sources) -> list[NamedFigure]:
    """Draw a row per arm and a column per probe, at most the first, the middle and the last."""
    arms = [arm for arm in sources.arms if not arm.clip.perturbed and probe_steps([arm])]
    if not arms:
        raise NotMeasured("the sweep has no probes (--probe-at)")
    chosen = choose_arms(arms, MAX_ARMS, sources.mean_accuracy)
    steps = shown_steps(probe_steps(arms))
    rows = [[_panel(arm, step) for step in steps] for arm in chosen]
    rows = [row for row in rows if any(row)]
    if not rows:
        raise NotDrawn("no probe has a gradient with noise")
    if len(steps) == 1:
        rows = wrap_panels([row[0] for row in rows], sources.sheet.max_columns)
    else:
        rows = [part for row in rows for part in _fitting(row, sources.sheet.max_grid_columns)]
    note = chosen_note(chosen, len(arms))
    text = FigureText(STEM, _title(sources, arms, steps[-1]), f"{CAPTION} {note}".strip())
    return draw_pages(text, paged(rows), partial(_draw_page, sources))


def _fitting(row: list, columns: int) -> list[list]:
    """Break a row of panels if they do not fit side by side."""
    if len(row) <= columns:
        return [row]
    return wrap_panels([panel for panel in row if panel], columns)


def probe_steps(arms: list[Arm]) -> list[int]:
    return sorted({probe.step for arm in arms for run in arm.runs for probe in run.probes})


def shown_steps(steps: list[int]) -> list[int]:
    """Return the first, the middle and the last of many steps."""
    return steps if len(steps) <= MAX_STEPS else [steps[0], steps[len(steps) // 2], steps[-1]]


def probes_at(arm: Arm, step: int) -> list[Probe]:
    return [probe for run in arm.runs for probe in run.probes if probe.step == step]


def _panel(arm: Arm, step: int) -> StepPanel | None:
    if not pooled_histogram(probes_at(arm, step)):
        return None
    return StepPanel(f"{arm.label}, after step {step:,}", (arm,), step)


def pooled_histogram(probes: list[Probe]) -> PooledHistogram | None:
    """Add up the histograms of probes, bin by bin; None without any."""
    histograms = [probe.histogram for probe in probes if probe.histogram]
    if not histograms:
        return None
    first = min(histogram.first_bin for histogram in histograms)
    last = max(histogram.first_bin + len(histogram.counts) for histogram in histograms)
    counts, gaussian = np.zeros(last - first), np.zeros(last - first)
    for histogram in histograms:
        place = _places(histogram, first)
        counts[place] += histogram.counts
        gaussian[place] += histogram.gaussian
    return PooledHistogram(10 ** (np.arange(first, last + 1) / BINS_PER_DECADE), counts, gaussian)


def _places(histogram: NoiseHistogram, first: int) -> slice:
    begin = histogram.first_bin - first
    return slice(begin, begin + len(histogram.counts))


def _tail(sources: Sources, arm: Arm, step: int) -> str:
    """Return the tail index of an arm with its interval, as summary.json has it; empty if it has none."""
    for summary in sources.summary.arms if sources.summary else []:
        if (summary.clip, summary.learning_rate) != (arm.clip, arm.learning_rate):
            continue
        for probe in summary.probes:
            if probe.step == step and probe.noise_tail_index:
                low, high = probe.noise_tail_index.interval
                index = number(probe.noise_tail_index.value, 2)
                return f"a = {index} [{number(low, 2)}, {number(high, 2)}]"
    return ""


def _title(sources: Sources, arms: list[Arm], step: int) -> str:
    known = [
        (probe.noise_tail_index, summary)
        for summary in (sources.summary.arms if sources.summary else [])
        for probe in summary.probes
        if probe.step == step and probe.noise_tail_index and not summary.perturbed
    ]
    if not known:
        return "The noise of the gradient at fixed weights, and Gaussian noise"
    heavy = sum(index.interval[1] < 2 for index, _ in known)
    if heavy:
        return f"After step {step:,} the noise of {heavy} of {len(known)} arms has infinite variance"
    index, summary = min(known, key=lambda item: item[0].value)
    return (
        f"After step {step:,} no arm's noise has a tail index clearly below 2; the lowest is "
        f"{number(index.value, 2)} ({summary.label})"
    )


def _draw_page(sources: Sources, rows: list, text: FigureText) -> tuple[Figure, str]:
    panels = [panel for row in rows for panel in row if panel]
    histograms = {panel: pooled_histogram(probes_at(panel.arms[0], panel.step)) for panel in panels}
    words = PageText(text.title, text.caption, "norm of the noise", "batches")
    key = [
        Patch(facecolor="#b8b8b8", label="measured"),
        Line2D([], [], color=INK, linewidth=1.3, label="Gaussian"),
    ]
    page = open_page(sources.sheet, rows, words, first_row_keys(rows, key))
    low = min(histogram.edges[0] for histogram in histograms.values())
    high = max(histogram.edges[-1] for histogram in histograms.values())
    most = max(histogram.counts.max() for histogram in histograms.values())
    for panel, axes in page.pairs():
        limit_norms(axes, "x", low, high)
        _limit_counts(axes, float(most))
        _draw_histogram(axes, panel, histograms[panel])
        _write(axes, _tail(sources, panel.arms[0], panel.step), sources.sheet.text.small)
    shown = "; ".join(f"{p.title}: {_tail(sources, p.arms[0], p.step) or 'no tail index'}" for p in panels)
    return page.figure, f"Histograms of the norm of gradient noise on log axes. {shown}."


def _limit_counts(axes: Axes, most: float) -> None:
    axes.set_yscale("log")
    axes.set_ylim(MIN_SHARE, most * 4)
    highest = int(np.floor(np.log10(most * 4)))
    axes.yaxis.set_major_locator(FixedLocator([10.0**k for k in range(highest + 1)]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(decade)


def _draw_histogram(axes: Axes, panel: StepPanel, histogram: PooledHistogram) -> None:
    [arm] = panel.arms
    shown = histogram.counts > 0
    axes.bar(
        histogram.edges[:-1][shown],
        histogram.counts[shown] - MIN_SHARE,
        np.diff(histogram.edges)[shown],
        bottom=MIN_SHARE,
        align="edge",
        color=clip_color(arm.clip) if arm.clip.mode != "none" else "#6E6E6E",
        alpha=0.45,
        linewidth=0,
    )
    axes.stairs(
        np.maximum(histogram.gaussian, MIN_SHARE / 2),
        histogram.edges,
        color=darker(INK),
        linewidth=1.3,
        gid=element_id(f"gaussian-{panel.step}", arm.clip, arm.learning_rate),
    )


def _write(axes: Axes, text: str, points: float) -> None:
    if text:
        axes.text(
            0.97,
            0.96,
            text,
            transform=axes.transAxes,
            ha="right",
            va="top",
            fontsize=points,
            bbox=LABEL_BOX,
        )
