"""Which gate the gradient is in: each gate's share of the squared norm, epoch by epoch."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from .curves import open_epoch_page
from .gates import gate_label, gate_look, gate_names, gate_table, mean_over_seeds
from .layout import NamedFigure, NotDrawn, page_stem, page_title, paged
from .panel_page import PageText
from .panels import Row, arm_names, named_arm_rows
from .result_folder import Arm, Epoch, Gates
from .sources import Sources
from .style import INK, decimal, element_id
from .through_time import choose_arms

STEM = "gate_shares"
MOST_PANELS = 24
APART_EPOCHS = 30  # bars of more stand without a gap
LEAST_NAMED = 7.0  # percent that a bar needs to hold its gate's letter
LETTER_BOX = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.8}


def draw_gate_shares(sources: Sources) -> list[NamedFigure]:
    """Draw one panel an arm with gates: stacked bars of the shares, the mean over its seeds."""
    epochs = sources.results.plan.epochs
    gated = {arm: _shares(arm, epochs) for arm in sources.arms if gate_names(arm, _norms)}
    gated = {arm: shares for arm, shares in gated.items() if np.isfinite(shares).any()}
    if not gated:
        raise NotDrawn("no epoch tells the norms of gates: cells without gates, or older logs")
    arms = choose_arms(list(gated), MOST_PANELS)
    names = {arm: f"{name}\n{_numbers(arm, gated)}" for arm, name in arm_names(arms).items()}
    pages = paged(named_arm_rows(names, sources.sheet))
    caption = _caption(arms, len(gated), gated)
    return [
        _draw_page(sources, page, gated, caption, number, len(pages))
        for number, page in enumerate(pages, start=1)
    ]


def _norms(epoch: Epoch) -> Gates:
    return epoch.gate_norms


def _shares(arm: Arm, epochs: int) -> np.ndarray:
    """Return the mean share of each gate in percent, [epochs, gates]; NaN where unknown."""
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
    sources: Sources,
    rows: list[Row],
    gated: dict[Arm, np.ndarray],
    caption: str,
    number: int,
    pages: int,
) -> NamedFigure:
    title = page_title(_title(gated), number, pages)
    words = PageText(title, caption, "epoch", "share of the squared norm (%)")
    page = open_epoch_page(sources, rows, words, _key(rows), margin=0.55)
    for panel, axes in page.pairs():
        _draw_arm(axes, panel.arms[0], gated[panel.arms[0]], sources.sheet.text.small)
        axes.set_ylim(0, 100)
        axes.grid(False)
    shown = "; ".join(panel.title.replace("\n", ": ") for panel, _ in page.pairs())
    alt = (
        "Stacked bars of each gate's share of the squared gradient norm against epoch; one panel "
        f"for each arm, with the mean over all epochs: {shown}."
    )
    return NamedFigure(page_stem(STEM, number, pages), title, caption, alt, page.figure)


def _title(gated: dict[Arm, np.ndarray]) -> str:
    """Name the gate of the largest share in each arm, with the range of that share."""
    largest: dict[str, list[float]] = {}
    for arm in gated:
        shares = _overall(arm, gated)
        gate = max(shares, key=shares.get)
        largest.setdefault(gate, []).append(shares[gate])
    if len(largest) == 1:
        [(gate, shares)] = largest.items()
        return (
            f"The {_name(gate)} has the largest share of the gradient: {_range(shares)} % of the "
            "squared norm"
        )
    parts = [
        f"of the {_name(gate)} in {_arms(len(shares))} ({_range(shares)} %)"
        for gate, shares in largest.items()
    ]
    return f"The largest share of the squared gradient norm is that {', '.join(parts)}"


def _name(gate: str) -> str:
    return f"{gate_look(gate).name or 'gate'} {gate}"


def _arms(count: int) -> str:
    return "1 arm" if count == 1 else f"{count} arms"


def _range(shares: list[float]) -> str:
    low, high = decimal(min(shares), 0), decimal(max(shares), 0)
    return low if low == high else f"{low} to {high}"


def _caption(arms: list[Arm], gated_arms: int, gated: dict[Arm, np.ndarray]) -> str:
    sentences = [
        "Raw norms of the gradient by the rows of the weights that each gate owns, means of an "
        "epoch and over the seeds. Above each panel: the mean over all epochs."
    ]
    if len(arms) < gated_arms:
        sentences.append(f"{len(arms)} of {gated_arms} arms, those without clipping first.")
    if any(np.isnan(gated[arm]).any() for arm in arms):
        sentences.append("No bar: the epoch was not finished, or a norm is not finite.")
    return " ".join(sentences)


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
            width=0.86 if len(shares) <= APART_EPOCHS else 1,
            **_fill(look),
        )[0].set_gid(element_id(f"share-{gate}", arm.clip, arm.learning_rate))
        last = known[-1]
        if share[last] >= LEAST_NAMED:
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
    """Name the gates from the top of a bar down, as they lie."""
    arms = [panel.arms[0] for row in rows for panel in row if panel]
    gates = dict.fromkeys(gate for arm in arms for gate in reversed(gate_names(arm, _norms)))
    return [Patch(label=gate_label(gate), **_fill(gate_look(gate))) for gate in gates]
