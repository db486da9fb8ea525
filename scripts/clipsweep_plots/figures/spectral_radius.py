"""The spectral radius of the recurrent weights over the epochs."""

from functools import partial

import numpy as np
from clipsweep_results.result_folder import Arm, Epoch, Gates
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ..drawing.curves import FEW_POINTS, open_epoch_page
from ..drawing.gates import gate_label, gate_look, gate_names, gate_table, mean_over_seeds
from ..drawing.layout import FigureText, NamedFigure, NotDrawn, draw_pages, paged
from ..drawing.panel_page import PageText
from ..drawing.panels import Row, arm_names, choose_arms, chosen_note, named_arm_rows
from ..drawing.sources import Sources
from ..drawing.style import INK, decimal, element_id, number

STEM = "spectral_radius"
MAX_PANELS = 24
# Larger radii are cut off, because an exploding run would flatten all others.
MAX_RADIUS = 10.0

# By recurrent matrix and gate: the mean over the seeds per epoch.
Radii = dict[tuple[str, str], np.ndarray]


def draw_spectral_radius(sources: Sources) -> list[NamedFigure]:
    """Draw one panel per arm: a line for each gate's recurrent matrix, and a line at 1."""
    epochs = sources.results.plan.epochs
    found = {arm: _radii(arm, epochs) for arm in sources.distinct_arms}
    measured = {arm: radii for arm, radii in found.items() if radii}
    if not measured:
        raise NotDrawn("no spectral radius logged")
    arms = choose_arms(list(measured), MAX_PANELS, sources.mean_accuracy)
    pages = paged(named_arm_rows(arm_names(arms), sources.sheet))
    text = FigureText(STEM, _title(measured), _caption(arms, measured))
    return draw_pages(text, pages, partial(_draw_page, sources, measured))


def _radii(arm: Arm, epochs: int) -> Radii:
    every_epoch = (epoch for run in arm.runs for epoch in run.epochs)
    matrices = sorted({matrix for epoch in every_epoch for matrix in epoch.spectral_radii})
    radii = {}
    for matrix in matrices:

        def read(epoch: Epoch, matrix: str = matrix) -> Gates:
            return epoch.spectral_radii.get(matrix, {})

        gates = gate_names(arm, read)
        means = mean_over_seeds(gate_table(arm, gates, epochs, read))
        radii |= {(matrix, gate): means[:, place] for place, gate in enumerate(gates)}
    return {name: values for name, values in radii.items() if np.isfinite(values).any()}


def _draw_page(
    sources: Sources, measured: dict[Arm, Radii], rows: list[Row], text: FigureText
) -> tuple[Figure, str]:
    words = PageText(text.title, text.caption, "epoch", "spectral radius")
    page = open_epoch_page(sources, rows, words, _key(rows, measured), margin=0.4)
    epochs = sources.results.plan.epochs
    low, high = _limits(measured)
    for panel, axes in page.pairs():
        _draw_arm(axes, panel.arms[0], measured[panel.arms[0]], epochs)
        axes.set_ylim(low, high)
    shown = "; ".join(_describe(panel.arms[0], measured) for panel, _ in page.pairs())
    alt = f"Spectral radius against epoch, with a line at 1; first and last values: {shown}."
    return page.figure, alt


def _ends(values: np.ndarray) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    return float(finite[0]), float(finite[-1])


def _describe(arm: Arm, measured: dict[Arm, Radii]) -> str:
    parts = []
    for (matrix, gate), values in measured[arm].items():
        first, last = _ends(values)
        parts.append(f"{matrix} {gate} {decimal(first, 2)} to {decimal(last, 2)}")
    return f"{arm.label}: {', '.join(parts)}"


def _title(measured: dict[Arm, Radii]) -> str:
    ends = [_ends(values) for radii in measured.values() for values in radii.values()]
    last = [end for _, end in ends]
    low, high = number(min(last)), number(max(last))
    spread = f"at {low}" if low == high else f"between {low} and {high}"
    title = f"The spectral radius of the recurrent weights ends {spread}"
    above = sum(end > 1 for end in last)
    return title if len(last) == 1 else f"{title}; {above} of {len(last)} lines are above 1"


def _caption(arms: list[Arm], measured: dict[Arm, Radii]) -> str:
    sentences = [
        "The largest absolute eigenvalue of each gate's recurrent matrix after every epoch, as mean "
        "over the seeds. Grey line: 1. In a linear recurrence, gradients vanish below 1 and "
        "explode above 1.",
        chosen_note(arms, len(measured)),
    ]
    if any((values > MAX_RADIUS).any() for arm in arms for values in measured[arm].values()):
        sentences.append(f"Radii above {MAX_RADIUS:g} are cut off.")
    return " ".join(filter(None, sentences))


def _limits(measured: dict[Arm, Radii]) -> tuple[float, float]:
    values = np.concatenate([values for radii in measured.values() for values in radii.values()])
    values = np.append(values[np.isfinite(values)], 1.0)
    low, high = float(values.min()), min(float(values.max()), MAX_RADIUS)
    room = 0.08 * max(high - low, 0.1)
    return max(low - room, 0), high + room


def _draw_arm(axes: Axes, arm: Arm, radii: Radii, epochs: int) -> None:
    axes.axhline(1, color=INK, linewidth=1.2, alpha=0.55, zorder=2)
    for (matrix, gate), values in radii.items():
        axes.plot(
            np.arange(1, epochs + 1),
            values,
            zorder=3,
            gid=element_id(f"radius-{matrix}-{gate}", arm.clip, arm.learning_rate),
            **_style(gate, epochs),
        )


def _style(gate: str, epochs: int) -> dict:
    look = gate_look(gate)
    return {
        "color": look.color,
        "linestyle": look.dashes,
        "linewidth": 1.5,
        "marker": look.marker,
        "markersize": 4,
        "markeredgecolor": "white",
        "markeredgewidth": 0.4,
        "markevery": 1 if epochs <= FEW_POINTS else max(1, epochs // 8),
    }


def _key(rows: list[Row], measured: dict[Arm, Radii]) -> list[Line2D]:
    arms = [panel.arms[0] for row in rows for panel in row if panel]
    gates = dict.fromkeys(gate for arm in arms for _, gate in measured[arm])
    return [Line2D([], [], label=gate_label(gate), **_style(gate, 1)) for gate in gates]
