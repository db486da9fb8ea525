"""How the gradient changes from the last time step to the first, in words."""

import math
from dataclasses import dataclass

import numpy as np
from clipsweep_results.profiles import Profile

from .style import number

STEADY = 2.0  # a gradient that changes by a smaller factor keeps its size
MAX_PLAIN_DECADES = 6  # larger factors are written as powers of ten


@dataclass(frozen=True)
class GradientFlow:
    """The change of one profile from the last time step to the first.

    `decades` is the growth in powers of ten: infinite at NaN and Inf, minus infinite at 0.
    """

    decades: float
    sentence: str
    brief: str

    @property
    def grows(self) -> bool:
        return self.decades > math.log10(STEADY)

    @property
    def shrinks(self) -> bool:
        return self.decades < -math.log10(STEADY)


def describe_flow(profile: Profile) -> GradientFlow:
    """Follow a profile from its last time step to its first."""
    back = profile.norms[::-1]
    bad = ~np.isfinite(back)
    if bad.any():
        first = int(bad.argmax())
        name = "NaN" if np.isnan(back[first]) else "Inf"
        return GradientFlow(math.inf, f"becomes {name} {_where(first)}", f"becomes {name}")
    if back[-1] == 0:
        nonzero = np.flatnonzero(back)
        first = int(nonzero[-1]) + 1 if nonzero.size else 0
        return GradientFlow(-math.inf, f"vanishes to exactly 0, {_where(first)}", "vanishes to 0")
    if back[0] == 0:
        return GradientFlow(0.0, "starts at 0", "starts at 0")
    decades = math.log10(back[-1]) - math.log10(back[0])
    if abs(decades) <= math.log10(STEADY):
        text = f"keeps its size ({number(10**decades, 2)}-fold)"
    else:
        text = f"{'grows' if decades > 0 else 'shrinks'} {fold(abs(decades))}-fold"
    return GradientFlow(decades, text, text)


def _where(steps_back: int) -> str:
    if steps_back == 0:
        return "at the last time step"
    return f"{steps_back:,} time step{'s' if steps_back > 1 else ''} before the last"


def fold(decades: float) -> str:
    """Format a factor of 10**decades: 3.2, 4,100, 1e12."""
    if decades >= MAX_PLAIN_DECADES:
        return f"1e{round(decades)}"
    return f"{float(f'{10**decades:.2g}'):,g}"
