"""Numbers of each arm over the steps: how far a step moves the weights, and the regularizer Omega.

With Adam and other optimizers that divide by the gradient's size, the norm of the update divided by
that of the weights says what clipping does to a step; the norm of the gradient does not. Omega says how
far the error is from keeping its norm on its way back through time (Pascanu et al., 2013).
"""

import numpy as np
from clipsweep_results.result_folder import Arm, Run

from ..drawing.bands import over_seeds
from ..drawing.layout import FigureText, NamedFigure, NotDrawn, NotMeasured, draw_pages, paged
from ..drawing.median_panels import MAX_PANELS, MedianPanels, in_windows, limits_of, positive
from ..drawing.panels import arm_rows, choose_arms
from ..drawing.sources import Sources
from ..drawing.style import number

SHARE = " of their norm"
MAX_TIMES = 1000  # a title names no larger multiple, and no share below MIN_SHARE
MIN_SHARE = 1e-4

# ---- The norm of the update by that of the weights


def draw_update_ratio(sources: Sources) -> list[NamedFigure]:
    """Draw one panel per arm: the median over seeds bold, with the range of the seeds."""
    ratios = {arm: in_windows(_ratio, arm) for arm in sources.arms}
    typical = {arm: float(np.nanmedian(r)) for arm, r in ratios.items() if positive(r).size}
    if not typical:
        raise NotDrawn("no step has the norms of its update and of the weights")
    arms = choose_arms(sources.distinct_arms, MAX_PANELS, sources.mean_accuracy)
    panels = MedianPanels(
        sources,
        _ratio,
        limits_of(ratios.values()),
        "norm of update / norm of weights",
        "Norm of the update divided by that of the weights",
        "no step was taken",
    )
    what = "Norm of the update divided by the norm of the weights"
    caption = panels.caption(what, arms, len(sources.distinct_arms))
    text = FigureText("update_ratio", _ratio_title(typical), caption)
    return draw_pages(text, paged(arm_rows(arms, sources.sheet)), panels.draw_page)


def _ratio(run: Run) -> np.ndarray:
    return run.curve.update_ratio


def _ratio_title(typical: dict[Arm, float]) -> str:
    """Name the arms of the smallest and of the largest median ratio."""
    least, most = min(typical, key=typical.get), max(typical, key=typical.get)
    low, high = _distance(typical[least]), _distance(typical[most])
    if len(typical) == 1:
        return f"A step moves the weights by {high} ({most.label})"
    if low == high:
        return f"A step moves the weights by {high} in every arm"
    if low.endswith(SHARE) and high.endswith(SHARE):
        low, high = low.removesuffix(SHARE), high.removesuffix(SHARE)
        return f"A step moves the weights by {low} ({least.label}) to {high} ({most.label}){SHARE}"
    return f"A step moves the weights by {low} ({least.label}) up to {high} ({most.label})"


def _distance(ratio: float) -> str:
    """Say how far a step goes: as a share of the weights' norm or, if it explodes, a multiple."""
    if ratio >= MAX_TIMES:
        return f"more than {MAX_TIMES:,} times their norm"
    if ratio >= 1:
        return f"{number(ratio, 2) if ratio < 10 else f'{ratio:,.0f}'} times their norm"
    if ratio < MIN_SHARE:
        return f"less than {number(100 * MIN_SHARE)} %{SHARE}"
    return f"{min(float(f'{100 * ratio:.2g}'), 99):g} %{SHARE}"


# ---- Omega


def draw_omega(sources: Sources) -> list[NamedFigure]:
    """Draw one panel per arm with a factor: the median over seeds bold, with the range of the seeds."""
    values = {arm: in_windows(_omega, arm) for arm in sources.arms}
    measured = [arm for arm in sources.distinct_arms if np.isfinite(values[arm]).any()]
    if not measured:
        raise NotMeasured("no run has the regularizer Omega (--omega)")
    arms = choose_arms(measured, MAX_PANELS, sources.mean_accuracy)
    panels = MedianPanels(
        sources,
        _omega,
        limits_of(values.values()),
        "Ω",
        "The regularizer Omega",
        "Ω was never finite",
    )
    what = (
        "Ω, the mean of (r − 1)², where r is the factor by which the norm of the error changes over one "
        "time step back (0: it stays, or has vanished; near 1: next to nothing comes back; above 1: it more "
        "than doubles)"
    )
    text = FigureText("omega", _omega_title(values), panels.caption(what, arms, len(measured)))
    return draw_pages(text, paged(arm_rows(arms, sources.sheet)), panels.draw_page)


def _omega(run: Run) -> np.ndarray:
    return run.curve.omega


def _omega_title(values: dict[Arm, np.ndarray]) -> str:
    """Name the arms that end with the smallest and with the largest Omega."""
    ends = {}
    for arm, found in values.items():
        if (medians := positive(over_seeds(np.nanmedian, found))).size:
            ends[arm] = medians[-1]
    if not ends:
        return "Ω is 0 or not finite in all steps"
    least, most = min(ends, key=ends.get), max(ends, key=ends.get)
    if len(ends) == 1:
        return f"Ω ends at {number(ends[most], 2)} ({most.label})"
    return (
        f"Ω ends at {number(ends[least], 2)} with {least.label}, at {number(ends[most], 2)} with {most.label}"
    )
