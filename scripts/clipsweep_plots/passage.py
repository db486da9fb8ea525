"""What becomes of the gradient on its way from the last time step to the first, in words."""

import math
from dataclasses import dataclass

import numpy as np

from .profiles import Profile
from .style import number

STEADY = 2.0  # a gradient that changes by a smaller factor keeps its size
LARGEST_PRINTED = 6  # decades; larger factors are powers of ten


@dataclass(frozen=True)
class Passage:
    """How one profile ends: `decades` it has grown by, infinite at NaN and Inf, -infinite at 0."""

    decades: float
    words: str
    brief: str

    @property
    def grows(self) -> bool:
        return self.decades > math.log10(STEADY)

    @property
    def shrinks(self) -> bool:
        return self.decades < -math.log10(STEADY)


def describe_passage(profile: Profile) -> Passage:
    """Follow a profile from its last time step to its first."""
    back = profile.norms[::-1]
    bad = ~np.isfinite(back)
    if bad.any():
        first = int(bad.argmax())
        name = "NaN" if np.isnan(back[first]) else "Inf"
        return Passage(math.inf, f"becomes {name} {_where(first)}", f"becomes {name}")
    if back[-1] == 0:
        nonzero = np.flatnonzero(back)
        first = int(nonzero[-1]) + 1 if nonzero.size else 0
        return Passage(-math.inf, f"vanishes to exactly 0, {_where(first)}", "vanishes to 0")
    if back[0] == 0:
        return Passage(0.0, "begins at 0", "begins at 0")
    decades = math.log10(back[-1]) - math.log10(back[0])
    if abs(decades) <= math.log10(STEADY):
        words = f"keeps its size ({number(10**decades, 2)}-fold)"
    else:
        words = f"{'grows' if decades > 0 else 'shrinks'} {fold(abs(decades))}-fold"
    return Passage(decades, words, words)


def _where(back: int) -> str:
    if back == 0:
        return "at the last time step"
    return f"{back:,} time step{'s' if back > 1 else ''} before the last"


def fold(decades: float) -> str:
    """Print a factor of so many decades: 3.2, 4,100, 1e12."""
    if decades >= LARGEST_PRINTED:
        return f"1e{round(decades)}"
    return f"{float(f'{10**decades:.2g}'):,g}"
