"""The gates of recurrent cells: names and looks, and an arm's means over its seeds."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from clipsweep_results.result_folder import Arm, Epoch, Gates


@dataclass(frozen=True)
class GateLook:
    """The name of a gate and its look: a colour, and hatch, dashes and marker for black and white."""

    name: str
    color: str
    hatch: str
    dashes: object
    marker: str


# In the order of the cells' tensors, with the names that the program prints. Colours are from Okabe
# and Ito.
GATE_LOOKS = {
    "i": GateLook("input gate", "#0072B2", "", "-", "o"),
    "f": GateLook("forget gate", "#E69F00", "////", (0, (4.5, 1.6)), "s"),
    "g": GateLook("cell candidate", "#009E73", "", (0, (7, 1.5, 1.3, 1.5)), "^"),
    "o": GateLook("output gate", "#CC79A7", "....", (0, (1.3, 1.3)), "D"),
    "r": GateLook("reset gate", "#56B4E9", "....", "-", "o"),
    "z": GateLook("update gate", "#D55E00", "", (0, (4.5, 1.6)), "s"),
    "n": GateLook("candidate", "#882255", "////", (0, (7, 1.5, 1.3, 1.5)), "^"),
    "h": GateLook("hidden state", "#000000", "", "-", "o"),
}
OTHER_GATE = GateLook("", "#6E6E6E", "xx", (0, (3, 1.3)), "v")


def gate_look(gate: str) -> GateLook:
    return GATE_LOOKS.get(gate, OTHER_GATE)


def gate_label(gate: str) -> str:
    """Name a gate by its letter and its name: f, forget gate."""
    return ", ".join(filter(None, (gate, gate_look(gate).name)))


def gate_names(arm: Arm, read: Callable[[Epoch], Gates]) -> list[str]:
    """Return the gates that an arm's epochs have values for, in the order of its cell."""
    found = {gate for run in arm.runs for epoch in run.epochs for gate in read(epoch)}
    known = [gate for gate in GATE_LOOKS if gate in found]
    return known + sorted(found - set(known))


def gate_table(
    arm: Arm, gates: list[str], epochs: int, read: Callable[[Epoch], Gates]
) -> np.ndarray:
    """Return each seed's values by epoch and gate, [seeds, epochs, gates]; NaN where not measured."""
    table = np.full((len(arm.runs), epochs, len(gates)), np.nan)
    for row, run in enumerate(arm.runs):
        for epoch in run.epochs:
            if 1 <= epoch.number <= epochs:
                values = read(epoch)
                table[row, epoch.number - 1] = [
                    np.nan if values.get(gate) is None else values[gate] for gate in gates
                ]
    return table


def mean_over_seeds(table: np.ndarray) -> np.ndarray:
    """Return the mean over the seeds that have a finite value, [epochs, gates]."""
    finite = np.isfinite(table)
    count = finite.sum(axis=0)
    total = np.where(finite, table, 0).sum(axis=0)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
