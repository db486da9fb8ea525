"""Accuracies that may differ from setup to setup: chance level, and the target to be reached."""

from dataclasses import dataclass, field

from .setups import Setup, parse_axes, parse_setups
from .values import to_float


@dataclass(frozen=True)
class Levels:
    """An accuracy from 0 to 1 by setup; `overall` where a setup has none, None if unknown."""

    overall: float | None = None
    by_setup: dict[Setup, float] = field(default_factory=dict)

    def of(self, setup: Setup) -> float | None:
        return self.by_setup.get(setup, self.overall)

    @property
    def is_known(self) -> bool:
        return self.overall is not None

    @property
    def percent(self) -> str:
        """Return the level for a sentence: `10 %`, or `25.4 to 50 %` if it depends on the setup."""
        levels = set(self.by_setup.values()) or {self.overall}
        low, high = f"{100 * min(levels):.4g}", f"{100 * max(levels):.4g}"
        return f"{low} %" if low == high else f"{low} to {high} %"


def parse_levels(document: dict, key: str) -> Levels:
    """Read an accuracy of summary.json and, where the sweep has several setups, of each of them."""
    entries = document.get("setups", [])
    axes = parse_axes(document.get("axes", []), document["arms"])
    levels = [to_float(entry[key]) for entry in entries]
    by_setup = dict(zip(parse_setups(entries, axes), levels, strict=True))
    return Levels(to_float(document[key]), by_setup)
