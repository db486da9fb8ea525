"""How an arm clips, read from the entries of plans, runs and summaries, and its name everywhere.

An arm's name is what a user types on the command line: `value:0.5 at lr 0.1`, and
`gru none at lr 0.01` in a sweep of several cells.
"""

import re
from dataclasses import dataclass, replace

from .values import to_optional_float

# IDs become folder names and modes become labels: plain names only.
PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")

# Keys that are present only where they differ from their default, and their names in labels.
DETAIL_NAMES = {
    "output_threshold": "output layer",
    "norm_type": "norm",
    "clip_epsilon": "epsilon",
    "agc_output": "output",
    "zclip_decay": "decay",
    "zclip_warmup": "warm-up",
    "adagc_decay": "decay",
    "adagc_warmup": "warm-up",
    "adagc_warmup_norm": "warm-up norm",
    "weight_decay": "weight decay",
    "decoupled_weight_decay": "decoupled weight decay",
    "l1": "L1",
}

# The cell of a run whose entry names none.
DEFAULT_CELL = "lstm"


@dataclass(frozen=True)
class Clip:
    """A clipping mode with its threshold: None in mode `none`, infinite where it only measures.

    `details` lists other settings of the arm that differ from their default: of the mode, and
    regularization. `model` is the cell with its initialization in a sweep of several, otherwise
    empty. `perturbed` marks the baseline with the last bit of its initial weights flipped.
    """

    mode: str
    threshold: float | None
    details: str = ""
    model: str = ""
    perturbed: bool = False

    @property
    def pair(self) -> str:
        """The mode and threshold as --clip takes them: `value:0.5`."""
        return self.mode if self.threshold is None else f"{self.mode}:{self.threshold:g}"

    @property
    def label(self) -> str:
        """The name of the arm without its learning rate: `gru value:0.5 with L1 0.1`."""
        label = f"{self.model} {self.pair}".strip()
        if self.details:
            label += f" with {self.details}"
        return f"{label} (perturbed)" if self.perturbed else label

    def at(self, learning_rate: float) -> str:
        """Return the name of the arm: `value:0.5 at lr 0.1`."""
        return f"{self.label} at lr {learning_rate:g}"

    @property
    def without_model(self) -> "Clip":
        """The same clipping, for places whose title or heading already names the model."""
        return replace(self, model="")

    @property
    def is_baseline(self) -> bool:
        return self.mode == "none" and not self.details and not self.perturbed


def parse_clips(entries: list[dict]) -> list[Clip]:
    """Read how runs or arms clip, and their models if they have several."""
    return [
        replace(_parse_clip(entry), model=model)
        for entry, model in zip(entries, parse_models(entries), strict=True)
    ]


def parse_models(entries: list[dict]) -> list[str]:
    """Name the model of each entry; every name is empty if there is only one model."""
    models = [_parse_model(entry) for entry in entries]
    return models if len(set(models)) > 1 else [""] * len(models)


def _parse_model(entry: dict) -> str:
    """Name the cell, and the initialization if the entry has one, as --cell takes them."""
    cell = plain_name(entry["cell"]) if "cell" in entry else DEFAULT_CELL
    return f"{cell}:{_initialization(entry['init'])}" if "init" in entry else cell


def _initialization(value: object) -> str:
    """Return the name of an initialization such as gaussian:0.01."""
    if not isinstance(value, str) or not value:
        raise TypeError(f"{type(value).__name__} where the name of an initialization belongs")
    return value


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


def plain_name(value: object) -> str:
    """Return a name of letters, digits and . _ + -; raise ValueError for any other."""
    if not isinstance(value, str) or not PLAIN_NAME.fullmatch(value):
        raise ValueError(f"{str(value)[:80]!r} is not a plain name (letters, digits, . _ + -)")
    return value
