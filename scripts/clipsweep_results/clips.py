"""How an arm clips, read from the entries of plans, runs and summaries, and its name everywhere.

An arm's name is what a user types on the command line: `value:0.5 at lr 0.1`. In a sweep of several
setups it has the cell and the settings that vary: `gru none at lr 0.01, length 20`.
"""

from dataclasses import dataclass, replace

from .setups import Axis, Setup, parse_setups, plain_name
from .values import to_optional_float

# Keys that are present only where they differ from their default, and their names in labels.
DETAIL_NAMES = {
    "output_threshold": "output layer",
    "norm_type": "norm",
    "clip_epsilon": "epsilon",
    "agc_output": "output",
    "autoclip_window": "window",
    "median_window": "window",
    "zclip_decay": "decay",
    "zclip_warmup": "warm-up",
    "adagc_decay": "decay",
    "adagc_warmup": "warm-up",
    "adagc_warmup_norm": "warm-up norm",
    "threshold_decay": "threshold decay",
    "threshold_decay_every": "every (epochs)",
    "weight_decay": "weight decay",
    "decoupled_weight_decay": "decoupled weight decay",
    "l1": "L1",
}


@dataclass(frozen=True)
class Clip:
    """A clipping mode with its threshold: None in mode `none`, infinite where it only measures.

    `details` lists other settings of the arm that differ from their default: of the mode, and
    regularization. `setup` is empty in a sweep of one. `perturbed` marks the baseline with the last
    bit of its initial weights flipped.
    """

    mode: str
    threshold: float | None
    details: str = ""
    setup: Setup = Setup()
    perturbed: bool = False

    @property
    def pair(self) -> str:
        """The mode and threshold as --clip takes them: `value:0.5`."""
        return self.mode if self.threshold is None else f"{self.mode}:{self.threshold:g}"

    @property
    def label(self) -> str:
        """The name of the arm without its learning rate: `gru value:0.5 with L1 0.1`."""
        return self.setup.name_of(self._clipping)

    def at(self, learning_rate: float) -> str:
        """Return the name of the arm: `value:0.5 at lr 0.1`."""
        return self.setup.name_of(f"{self._clipping} at lr {learning_rate:g}")

    @property
    def _clipping(self) -> str:
        details = f" with {self.details}" if self.details else ""
        return f"{self.pair}{details}{' (perturbed)' if self.perturbed else ''}"

    @property
    def without_setup(self) -> "Clip":
        """The same clipping, for places whose title or heading already names the setup."""
        return replace(self, setup=Setup())

    @property
    def without_settings(self) -> "Clip":
        """The same clipping and cell, for tables with a column for each setting that varies."""
        return replace(self, setup=Setup(self.setup.model))

    @property
    def is_baseline(self) -> bool:
        return self.mode == "none" and not self.details and not self.perturbed


def parse_clips(entries: list[dict], axes: tuple[Axis, ...] = ()) -> list[Clip]:
    """Read how runs or arms clip, and their setups; `axes` are the settings that vary."""
    return [
        replace(_parse_clip(entry), setup=setup)
        for entry, setup in zip(entries, parse_setups(entries, axes), strict=True)
    ]


def _parse_clip(entry: dict) -> Clip:
    details = (
        f"{name} {str(entry[key]).replace('Infinity', 'inf')}"
        for key, name in DETAIL_NAMES.items()
        if key in entry
    )
    return Clip(
        plain_name(entry["mode"]),
        to_optional_float(entry["threshold"]),
        ", ".join(details),
        perturbed=bool(entry.get("perturbed", False)),
    )
