"""Clipping during training: how often it acted and how far it turned the gradient."""

import numpy as np
from clipsweep_results.result_folder import Arm, Results, Run
from matplotlib.ticker import MaxNLocator

from ..drawing.curves import (
    CurveKind,
    curves_of,
    draw_curves,
    epoch_ticks,
    limit_to_plan,
    limit_to_point,
    lines_note,
    tick_count,
)
from ..drawing.layout import NamedFigure, NotDrawn
from ..drawing.panel_page import PanelPage
from ..drawing.sources import Sources
from ..drawing.style import decimal, number

# A cosine above this is 1 within float32 rounding: the gradient kept its direction.
STRAIGHT = 1 - 1e-5
MAX_LISTED = 6
MOSTLY = 90  # percent of steps, from which on clipping is in effect another learning rate


def draw_clipped_share(sources: Sources) -> list[NamedFigure]:
    """Draw the share of steps in each epoch on which clipping acted."""
    if not sources.clipping_arms:
        raise NotDrawn("no arm clips")
    if not any(run.epochs for arm in sources.clipping_arms for run in arm.runs):
        raise NotDrawn("no run that clips has a whole epoch")
    epochs = np.arange(1, sources.results.plan.epochs + 1)
    kind = CurveKind(
        stem="clipped_share",
        title=_share_title(sources.clipping_arms, epochs.size),
        caption=f"Per epoch, only whole epochs. {lines_note(sources, sources.clipping_arms)}",
        alt="Share of clipped steps against epoch, a bold mean over the seeds for each arm",
        x_label="epoch",
        y_label="clipped steps (%)",
        curves=lambda arm: curves_of(arm, epochs, lambda run: _clipped_shares(run, epochs.size)),
    )
    return draw_curves(sources, sources.clipping_arms, kind, _limit_share)


def _share_title(arms: list[Arm], epochs: int) -> str:
    shares = {arm: [_mean(_clipped_shares(run, epochs)) for run in arm.runs] for arm in arms}
    means = {arm: _mean(np.array(values)) for arm, values in shares.items()}
    measured = {arm: mean for arm, mean in means.items() if np.isfinite(mean)}
    if not measured:
        return "Share of steps on which clipping acted"
    if not any(measured.values()):
        return "Clipping never acted"
    if len(measured) <= 2:
        parts = [f"{arm.clip.label} on {_percent(mean)} of steps" for arm, mean in measured.items()]
        return f"Clipping acted: {', '.join(parts)}"
    low, high = min(measured.values()), max(measured.values())
    if _percent(low) == _percent(high):
        return f"Clipping acted on {_percent(low)} of steps in every arm"
    never = sum(mean == 0 for mean in measured.values())
    mostly = sum(mean >= MOSTLY for mean in measured.values())
    parts = [f"on {MOSTLY} % of steps or more in {mostly} of {len(measured)} arms"] * bool(mostly)
    parts += [f"never in {never}" if mostly else f"never in {never} of {len(measured)} arms"] * bool(never)
    if parts:
        return f"Clipping acted {', '.join(parts)}"
    return f"Clipping acted on {_percent(low)} to {_percent(high)} of steps, depending on the arm"


def _percent(value: float) -> str:
    return f"{decimal(value, 0)} %" if value >= 9.95 or value == 0 else f"{number(value, 2)} %"


def _mean(values: np.ndarray) -> float:
    """Return the mean of the finite values, NaN if there are none."""
    values = values[np.isfinite(values)]
    return float(values.mean()) if values.size else np.nan


def _clipped_shares(run: Run, epochs: int) -> np.ndarray:
    """Return the clipped share of each epoch in percent, [epochs]."""
    values = np.full(epochs, np.nan)
    for epoch in run.epochs:
        if epoch.clipped_share is not None and 1 <= epoch.number <= epochs:
            values[epoch.number - 1] = 100 * epoch.clipped_share
    return values


def _limit_share(results: Results, page: PanelPage) -> None:
    for _, axes in page.pairs():
        axes.set_ylim(-3, 103)
        axes.set_xlim(0.6, results.plan.epochs + 0.4)
        axes.set_xticks(epoch_ticks(results.plan.epochs, tick_count(axes)))
    if results.plan.epochs == 1:
        limit_to_point(1, page)


def draw_cosine(sources: Sources) -> list[NamedFigure]:
    """Draw the cosine between the gradient before and after clipping, on steps that it turned."""
    turned = [arm for arm in sources.clipping_arms if _lowest_cosine(arm) < STRAIGHT]
    if not turned:
        raise NotDrawn("clipping never changed the direction of a gradient")
    results = sources.results
    kind = CurveKind(
        stem="cosine",
        title=_cosine_title(turned),
        caption=_cosine_caption(sources, turned),
        alt="Cosine between raw and clipped gradient against step, one mean for each arm",
        x_label="step",
        y_label="cosine of raw and clipped gradient",
        curves=lambda arm: curves_of(arm, results.grid.centers, lambda run: run.curve.mean_cosine),
    )
    return draw_curves(sources, turned, kind, _limit_cosine)


def _lowest_cosine(arm: Arm) -> float:
    """Return the lowest cosine of any window, infinite if there is none."""
    values = np.concatenate([run.curve.mean_cosine for run in arm.runs])
    return float(np.nanmin(values, initial=np.inf))


def _cosine_title(turned: list[Arm]) -> str:
    means = [_mean(np.concatenate([run.curve.mean_cosine for run in arm.runs])) for arm in turned]
    low, high = (decimal(round(mean, 2) + 0.0, 2) for mean in (min(means), max(means)))
    labels = {arm.clip.label for arm in turned}
    subject = labels.pop() if len(labels) == 1 else "clipping"
    cosine = low if low == high else f"{low} to {high}, depending on the arm"
    return f"When it acts, {subject} turns the gradient: mean cosine {cosine}"


def _cosine_caption(sources: Sources, turned: list[Arm]) -> str:
    width = sources.results.grid.width
    caption = "Over the steps on which clipping acted" + (
        f", mean of {width} steps. " if width > 1 else ". "
    )
    caption += lines_note(sources, turned)
    straight = [arm for arm in sources.clipping_arms if STRAIGHT <= _lowest_cosine(arm) < np.inf]
    if straight:
        clips = list(dict.fromkeys(arm.clip.label for arm in straight))
        names = clips if len(clips) <= MAX_LISTED else [f"{len(straight)} arms"]
        caption += f" Cosine always 1, so only the length changed: {', '.join(names)}."
    return caption


def _limit_cosine(results: Results, page: PanelPage) -> None:
    limit_to_plan(results, page)
    lowest = min(_lowest_cosine(arm) for panel, _ in page.pairs() for arm in panel.arms)
    for _, axes in page.pairs():
        axes.set_ylim(max(min(lowest - 0.05, 0.8), -1), 1)
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
