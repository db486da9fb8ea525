"""What the probes predict of each arm, against the difference that was measured.

The criterion is that of linear regression by SGD: it may be wrong about networks, and here one
sees how often.
"""

from functools import partial

from clipsweep_results.summary import JUDGED, ArmProbe, Comparison
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from ..drawing.layout import FigureText, NamedFigure, NotDrawn, NotMeasured, draw_pages, paged
from ..drawing.panel_page import PageText, first_row_keys, open_page
from ..drawing.panels import Panel, wrap_panels
from ..drawing.sources import Sources
from ..drawing.style import MODE_MARKERS, MUTED, OTHER_MODE_MARKER, clip_color, element_id, number
from .probe_noise import StepPanel, shown_steps

STEM = "probe_predictions"
CAPTION = (
    "Each mark is an arm whose clipping acts there. Right of 1: by the criterion of Marshall et al. (2024), μ² / ν, "
    "clipping should help at these weights; left of 1: hurt. Above 0: its {accuracy} is higher than "
    "without clipping at the same learning rate. Bars: 95 % intervals. The criterion assumes linear "
    "regression by SGD, each side at its own best learning rate."
)
MIN_RANGE = 1.25  # of the criterion, on both sides of 1
AGREEMENTS = {"helps": "better", "hurts": "worse"}


def draw_probe_predictions(sources: Sources) -> list[NamedFigure]:
    """Draw a panel per probe; arms whose clipping does not act have no mark."""
    points = _points(sources)
    if not any(comparison.arm.probes for comparison in sources.comparisons):
        raise NotMeasured("no arm with a baseline has probes (--probe-at)")
    if not points:
        raise NotDrawn("no arm that clips has a prediction from a probe, a baseline and a difference")
    steps = shown_steps(sorted({probe.step for _, probe in points}))
    panels = [StepPanel(f"after step {step:,}", (), step) for step in steps]
    rows = wrap_panels(panels, min(sources.sheet.max_columns, 3))
    caption = CAPTION.format(accuracy=sources.constants.judged_name)
    text = FigureText(STEM, _title(points, steps[-1]), caption)
    return draw_pages(text, paged(rows), partial(_draw_page, sources, points))


def _points(sources: Sources) -> list[tuple[Comparison, ArmProbe]]:
    return [
        (comparison, probe)
        for comparison in sources.comparisons
        for probe in comparison.arm.probes
        if probe.comparison
        and probe.prediction != "inactive"
        and comparison.measures[JUDGED].mean_difference is not None
    ]


def _title(points: list[tuple[Comparison, ArmProbe]], step: int) -> str:
    last = [
        (probe.prediction, comparison.verdict) for comparison, probe in points if probe.step == step
    ]
    made = [(prediction, verdict) for prediction, verdict in last if prediction in AGREEMENTS]
    when = f"After step {step:,} the criterion"
    if not made:
        return f"{when} predicts neither help nor harm for any of {len(last)} arms"
    confirmed = sum(AGREEMENTS[prediction] == verdict for prediction, verdict in made)
    helps = sum(prediction == "helps" for prediction, _ in made)
    arms = f"{len(last)} {'arm' if len(last) == 1 else 'arms'}"
    predicted = f"{when} predicts that clipping helps in {helps} and hurts in {len(made) - helps} of {arms}"
    if len(made) == 1:
        return f"{predicted}; the verdict {'confirms it' if confirmed else 'does not confirm it'}"
    return f"{predicted}; verdicts confirm {confirmed or 'none'} of these {len(made)}"


def _draw_page(
    sources: Sources, points: list[tuple[Comparison, ArmProbe]], rows: list, text: FigureText
) -> tuple[Figure, str]:
    modes = list(dict.fromkeys(comparison.arm.clip for comparison, _ in points))
    key = [Line2D([], [], label=mode, **_look(clip)) for mode, clip in {c.mode: c for c in modes}.items()]
    words = PageText(
        text.title,
        text.caption,
        "criterion μ² / ν (above 1: clipping should help)",
        f"difference in {sources.constants.judged_name} (points)",
    )
    page = open_page(sources.sheet, rows, words, first_row_keys(rows, key))
    ends = [end for _, probe in points for end in (*probe.comparison.interval, probe.comparison.value)]
    low, high = min(*ends, 1 / MIN_RANGE), max(*ends, MIN_RANGE)
    for panel, axes in page.pairs():
        _draw_panel(axes, panel, points, low, high)
    shown = "; ".join(
        f"{comparison.arm.label} after step {probe.step:,}: {number(probe.comparison.value)}, "
        f"{probe.prediction}, measured {comparison.verdict or 'without verdict'}"
        for comparison, probe in points
    )
    return page.figure, f"Criterion against measured difference. {shown}."


def _look(clip) -> dict:
    return {
        "linestyle": "",
        "marker": MODE_MARKERS.get(clip.mode, OTHER_MODE_MARKER),
        "color": clip_color(clip),
        "markersize": 5.5,
    }


def _draw_panel(
    axes: Axes, panel: Panel, points: list[tuple[Comparison, ArmProbe]], low: float, high: float
) -> None:
    axes.axhline(0, color=MUTED, linewidth=0.9, zorder=1)
    axes.axvline(1, color=MUTED, linewidth=0.9, zorder=1)
    _limit_criterion(axes, low, high)
    for comparison, probe in points:
        if probe.step != panel.step:
            continue
        difference = comparison.measures[JUDGED]
        x, y = probe.comparison.value, 100 * difference.mean_difference
        color = clip_color(comparison.arm.clip)
        axes.hlines(y, *probe.comparison.interval, color=color, linewidth=1, alpha=0.6)
        if difference.interval:
            axes.vlines(x, *(100 * end for end in difference.interval), color=color, linewidth=1, alpha=0.6)
        gid = element_id(f"prediction-{probe.step}", comparison.arm.clip, comparison.arm.learning_rate)
        axes.plot(x, y, gid=gid, **_look(comparison.arm.clip))


def _limit_criterion(axes: Axes, low: float, high: float) -> None:
    axes.set_xscale("log")
    axes.set_xlim(low / 1.1, high * 1.1)
    ticks = [0.01, 0.1, 0.25, 0.5, 0.8, 1, 1.25, 2, 4, 10, 100]
    inside = [tick for tick in ticks if low / 1.1 <= tick <= high * 1.1]
    if len(inside) > 6:
        inside = [tick for tick in inside if tick in (0.01, 0.1, 0.5, 1, 2, 10, 100)]
    axes.xaxis.set_major_locator(FixedLocator(inside))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _=0: f"{value:g}")
    axes.tick_params(labelbottom=True)
    axes.margins(y=0.1)
