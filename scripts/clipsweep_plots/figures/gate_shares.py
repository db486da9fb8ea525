"""Each gate's share of the squared gradient norm, per epoch."""

from functools import partial

import numpy as np
from clipsweep_results.result_folder import Arm, Epoch, Gates
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ..drawing.curves import open_epoch_page
from ..drawing.gates import gate_label, gate_look, gate_names, gate_table, mean_over_seeds
from ..drawing.layout import FigureText, NamedFigure, NotDrawn, draw_pages, paged
from ..drawing.panel_page import PageText
from ..drawing.panels import Row, arm_names, choose_arms, chosen_note, named_arm_rows
from ..drawing.sources import Sources
from ..drawing.style import INK, decimal, element_id

STEM = "gate_shares"
MAX_PANELS = 24
MAX_EPOCHS_WITH_GAPS = 30  # more bars have no gap between them
MIN_NAMED_SHARE = 7.0  # percent; a smaller part of a bar has no room for its gate's letter
LETTER_BOX = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.8}


def draw_gate_shares(sources: Sources) -> list[NamedFigure]:
    """Draw one panel per arm with gates: stacked bars of the shares, as means over its seeds."""
    epochs = sources.results.plan.epochs
    gated = {arm: _shares(arm, epochs) for arm in sources.distinct_arms if gate_names(arm, _norms)}
    gated = {arm: shares for arm, shares in gated.items() if np.isfinite(shares).any()}
    if not gated:
        raise NotDrawn("no gate norms logged (cells without gates, or logs from an older version)")
    arms = choose_arms(list(gated), MAX_PANELS, sources.mean_accuracy)
    names = {arm: f"{name}\n{_numbers(arm, gated)}" for arm, name in arm_names(arms).items()}
    text = FigureText(STEM, _title(gated), _caption(arms, gated))
    pages = paged(named_arm_rows(names, sources.sheet))
    return draw_pages(text, pages, partial(_draw_page, sources, gated))


def _norms(epoch: Epoch) -> Gates:
    return epoch.gate_norms


def _shares(arm: Arm, epochs: int) -> np.ndarray:
    """Return the mean share of each gate in percent, [epochs, gates]; NaN if unknown."""
    squares = gate_table(arm, gate_names(arm, _norms), epochs, _norms) ** 2
    whole = squares.sum(axis=2, keepdims=True)
    known = np.isfinite(whole) & (whole > 0)
    return mean_over_seeds(np.where(known, 100 * squares / np.where(known, whole, 1), np.nan))


def _overall(arm: Arm, gated: dict[Arm, np.ndarray]) -> dict[str, float]:
    """Return each gate's share over all epochs."""
    shares = gated[arm]
    means = shares[np.isfinite(shares).all(axis=1)].mean(axis=0)
    return dict(zip(gate_names(arm, _norms), means, strict=True))


def _numbers(arm: Arm, gated: dict[Arm, np.ndarray]) -> str:
    shares = (f"{gate} {decimal(share, 0)}" for gate, share in _overall(arm, gated).items())
    return f"{' · '.join(shares)} %"


def _draw_page(
    sources: Sources, gated: dict[Arm, np.ndarray], rows: list[Row], text: FigureText
) -> tuple[Figure, str]:
    words = PageText(text.title, text.caption, "epoch", "share of the squared norm (%)")
    page = open_epoch_page(sources, rows, words, _key(rows), margin=0.55)
    for panel, axes in page.pairs():
        _draw_arm(axes, panel.arms[0], gated[panel.arms[0]], sources.sheet.text.small)
        axes.set_ylim(0, 100)
        axes.grid(False)
    shown = "; ".join(panel.title.replace("\n", ": ") for panel, _ in page.pairs())
    alt = (
        "Stacked bars of each gate's share of the squared gradient norm against epoch; one panel "
        f"per arm, with the mean over all epochs: {shown}."
    )
    return page.figure, alt


def _title(gated: dict[Arm, np.ndarray]) -> str:
    """Name the gate with the largest share in each arm, and the range of that share."""
    largest: dict[str, list[float]] = {}
    for arm in gated:
        shares = _overall(arm, gated)
        gate = max(shares, key=shares.get)
        largest.setdefault(gate, []).append(shares[gate])
    if len(largest) == 1:
        [(gate, shares)] = largest.items()
        return (
            f"The {_name(gate)} contributes most to the gradient: {_range(shares)} % of the "
            "squared norm"
        )
    parts = [
        f"{_name(gate)} in {_arms(len(shares))} ({_range(shares)} %)"
        for gate, shares in largest.items()
    ]
    return f"Largest contributor to the squared gradient norm: {', '.join(parts)}"


def _name(gate: str) -> str:
    return f"{gate_look(gate).name or 'gate'} {gate}"


def _arms(count: int) -> str:
    return "1 arm" if count == 1 else f"{count} arms"


def _range(shares: list[float]) -> str:
    low, high = decimal(min(shares), 0), decimal(max(shares), 0)
    return low if low == high else f"{low} to {high}"


def _caption(arms: list[Arm], gated: dict[Arm, np.ndarray]) -> str:
    sentences = [
        "From the raw gradient norm over the rows of each gate in the recurrent weights and "
        "biases, as means over each epoch and over the seeds. Above each panel: the mean over all "
        "epochs.",
        chosen_note(arms, len(gated)),
    ]
    if any(np.isnan(gated[arm]).any() for arm in arms):
        sentences.append("No bar: the epoch was not finished, or a norm is not finite.")
    return " ".join(filter(None, sentences))


def _draw_arm(axes: Axes, arm: Arm, shares: np.ndarray, points: float) -> None:
    epochs = np.arange(1, len(shares) + 1)
    bottom = np.zeros(len(shares))
    known = np.flatnonzero(np.isfinite(shares).all(axis=1))
    for gate, share in zip(gate_names(arm, _norms), shares.T, strict=True):
        look = gate_look(gate)
        axes.bar(
            epochs[known],
            share[known],
            bottom=bottom[known],
            width=0.86 if len(shares) <= MAX_EPOCHS_WITH_GAPS else 1,
            **_fill(look),
        )[0].set_gid(element_id(f"share-{gate}", arm.clip, arm.learning_rate))
        last = known[-1]
        if share[last] >= MIN_NAMED_SHARE:
            axes.text(
                epochs[last],
                bottom[last] + share[last] / 2,
                gate,
                ha="center",
                va="center",
                fontsize=points,
                color=INK,
                bbox=LETTER_BOX,
            )
        bottom = bottom + np.nan_to_num(share)


def _fill(look) -> dict:
    return {
        "facecolor": look.color,
        "edgecolor": "white",
        "linewidth": 0.4,
        "hatch": look.hatch,
    }


def _key(rows: list[Row]) -> list[Patch]:
    """Name the gates in their order in a bar, from the top."""
    arms = [panel.arms[0] for row in rows for panel in row if panel]
    gates = dict.fromkeys(gate for arm in arms for gate in reversed(gate_names(arm, _norms)))
    return [Patch(label=gate_label(gate), **_fill(gate_look(gate))) for gate in gates]
