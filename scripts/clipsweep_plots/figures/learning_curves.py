"""Training loss and solved tasks over the steps; accuracy on the test and validation sets over epochs."""

from collections.abc import Callable

import numpy as np
from clipsweep_results.result_folder import Arm, Results

from ..drawing.curves import (
    CurveKind,
    Curves,
    curves_of,
    draw_curves,
    limit_to_plan,
    limit_to_point,
    lines_note,
    accuracies,
)
from ..drawing.findings import (
    ACCURACY,
    TRAIN_LOSS,
    many_arms_note,
    spread_title,
    verdict_title,
    why_no_verdict,
)
from ..drawing.layout import NamedFigure, NotDrawn, NotMeasured
from ..drawing.norm_axis import limit_norms
from ..drawing.panel_page import PanelPage
from ..drawing.sources import Sources
from ..drawing.style import number, percent
from ..drawing.value_axis import needs_log

# A loss that explodes would flatten all others, so the axis ends at this multiple of the first loss.
LOSS_HEADROOM = 1.6
MAX_DECADES = 6  # above the first loss, on a log axis


def draw_training_loss(sources: Sources) -> list[NamedFigure]:
    """Draw the training loss against the step, smoothed by windows."""
    results = sources.results
    if not any(np.isfinite(run.curve.mean_loss).any() for run in results.runs):
        raise NotDrawn("no training loss is finite")
    low, high, is_log = _loss_limits(results)
    diverged = any(run.diverged for run in results.runs)
    kind = CurveKind(
        stem="training_loss",
        title=verdict_title(sources, TRAIN_LOSS) or _last_loss_title(sources),
        caption=_loss_caption(sources, high),
        alt="Training loss against step, a bold mean over the seeds for each arm",
        x_label="step",
        y_label="training loss",
        curves=lambda arm: curves_of(arm, results.grid.centers, lambda run: run.curve.mean_loss),
        highest=high,
        marks_divergence=diverged,
    )

    def limit(results: Results, page: PanelPage) -> None:
        limit_to_plan(results, page)
        for _, axes in page.pairs():
            if is_log:
                limit_norms(axes, "y", low, high)
            else:
                axes.set_ylim(low, high)

    return draw_curves(sources, sources.distinct_arms, kind, limit)


def _loss_caption(sources: Sources, high: float) -> str:
    runs = sources.results.runs
    width = sources.results.grid.width
    sentences = [
        lines_note(sources, sources.distinct_arms),
        f"Each point is the mean of {width} steps." if width > 1 else "",
        "The title compares the last epoch." if verdict_title(sources, TRAIN_LOSS) else "",
        many_arms_note(sources, TRAIN_LOSS),
        why_no_verdict(sources),
        sources.identical_note.strip(),
    ]
    if any(run.diverged for run in runs):
        sentences.append(
            "×: a run diverged; beyond it the mean covers the remaining runs. An arm with such runs has "
            "a thin line for each seed instead of a band."
        )
    if any((run.curve.mean_loss > high).any() for run in runs):
        sentences.append(f"Losses above {high:.2g} are cut off.")
    return " ".join(filter(None, sentences))


def _loss_limits(results: Results) -> tuple[float, float, bool]:
    """Return the limits of the loss axis, and whether it has a log scale.

    A linear axis ends slightly above the first losses, or at the highest mean.
    """
    losses = [run.curve.mean_loss[np.isfinite(run.curve.mean_loss)] for run in results.runs]
    losses = [loss for loss in losses if loss.size]
    lowest = min(loss.min() for loss in losses)
    highest = max(loss.max() for loss in losses)
    first = float(np.median([loss[0] for loss in losses]))
    if needs_log(np.array([lowest, highest])):
        return lowest / 1.3, min(1.3 * highest, first * 10.0**MAX_DECADES), True
    top = min(highest, LOSS_HEADROOM * first)
    room = 0.05 * max(top - lowest, 1e-6)
    return max(0.0, lowest - room), top + room, False


def _last_loss_title(sources: Sources) -> str:
    found = _ends_of_arms(sources, "final_train_loss", number)
    return f"The training loss of the last epoch is {found}" if found else "Training loss over the steps"


def _last_accuracy_title(sources: Sources) -> str:
    found = _ends_of_arms(sources, "final_test_accuracy", lambda share: f"{percent(share)} %")
    return f"The test accuracy after the last epoch is {found}" if found else "Test accuracy over the epochs"


def _ends_of_arms(sources: Sources, measure: str, show: Callable[[float], str]) -> str:
    """Write the lowest and the highest mean of an arm; empty if no arm has one."""
    arms = sources.summary.arms if sources.summary else []
    means = {arm.label: arm.measures[measure].mean for arm in arms if not arm.perturbed}
    means = {label: mean for label, mean in means.items() if mean is not None}
    if not means:
        return ""
    low, high = min(means, key=means.get), max(means, key=means.get)
    if show(means[low]) == show(means[high]):
        return show(means[low])
    return f"{show(means[low])} ({low}) to {show(means[high])} ({high})"


def draw_test_accuracy(sources: Sources) -> list[NamedFigure]:
    """Draw the test accuracy after every epoch, against the step."""
    sources.require_evaluations()
    plan, chance = sources.results.plan, sources.chance
    steps = np.arange(1, plan.epochs + 1) * plan.steps_per_epoch
    findings = [verdict_title(sources, ACCURACY), spread_title(sources)]
    kind = CurveKind(
        stem="test_accuracy",
        title="; ".join(filter(None, findings)) or _last_accuracy_title(sources),
        caption=_accuracy_caption(sources),
        alt="Test accuracy against step, a bold mean over the seeds for each arm",
        x_label="step",
        y_label="test accuracy (%)",
        curves=lambda arm: curves_of(arm, steps, lambda run: accuracies(run, steps.size, chance.of(run.spec.clip.setup))),
    )
    return draw_curves(sources, sources.distinct_arms, kind, _limit_accuracy)


def draw_validation_accuracy(sources: Sources) -> list[NamedFigure]:
    """Draw the accuracy on the validation set, by which the best arms are chosen."""
    validation = sources.summary and sources.summary.validation
    if not validation:
        raise NotMeasured("the sweep has no validation set (--validation-share)")
    sources.require_evaluations()
    plan, chance = sources.results.plan, validation.chance_accuracy
    steps = np.arange(1, plan.epochs + 1) * plan.steps_per_epoch
    sentences = [
        f"Measured after every epoch on {validation.samples:,} samples, by which the best arms are "
        "chosen; the test set judges them.",
        lines_note(sources, sources.distinct_arms),
        sources.identical_note.strip(),
    ]
    if any(run.diverged for run in sources.results.runs):
        phrase = sources.results.diverged_phrase
        sentences.append(f"After a run {phrase} it counts as chance level, {100 * chance:.4g} %.")
    kind = CurveKind(
        stem="validation_accuracy",
        title=_validation_title(sources),
        caption=" ".join(filter(None, sentences)),
        alt="Validation accuracy against step, a bold mean over the seeds for each arm",
        x_label="step",
        y_label="validation accuracy (%)",
        curves=lambda arm: curves_of(
            arm, steps, lambda run: accuracies(run, steps.size, chance, "validation_accuracy")
        ),
    )
    return draw_curves(sources, sources.distinct_arms, kind, _limit_accuracy)


def _validation_title(sources: Sources) -> str:
    """Name the arm of the highest late validation accuracy."""
    means = {
        arm.label: arm.late_validation_accuracy.mean
        for arm in sources.summary.arms
        if arm.late_validation_accuracy and arm.late_validation_accuracy.mean is not None
    }
    if not means:
        return "Validation accuracy over the epochs"
    best = max(means, key=means.get)
    return f"Late validation accuracy is highest with {best}: {100 * means[best]:.1f} %"


def _accuracy_caption(sources: Sources) -> str:
    sentences = [
        "Measured after every epoch.",
        lines_note(sources, sources.distinct_arms),
        many_arms_note(sources, ACCURACY),
        why_no_verdict(sources),
        sources.identical_note.strip(),
    ]
    if any(run.diverged for run in sources.results.runs):
        sentences.append(
            "The chance level is unknown, so the line of a diverged run ends early."
            if not sources.chance.is_known
            else f"After a run {sources.results.diverged_phrase} it counts as chance level, "
            f"{sources.chance.percent}."
        )
    return " ".join(filter(None, sentences))


def _limit_accuracy(results: Results, page: PanelPage) -> None:
    if results.plan.epochs == 1:
        limit_to_point(results.plan.planned_steps, page)
    else:
        limit_to_plan(results, page)
    for _, axes in page.pairs():
        low, high = axes.get_ylim()
        axes.set_ylim(max(low, 0), min(high, 100))


def draw_success(sources: Sources) -> list[NamedFigure]:
    """Draw a step function per arm: it rises where a run is first evaluated as solved."""
    runs = sources.results.runs
    solved = [run for run in runs if run.solved_at_step is not None]
    if not solved:
        raise NotDrawn("no run has solved its task, or the task cannot be solved")
    kind = CurveKind(
        stem="success",
        title=f"{len(solved)} of {len(runs)} runs solve the task{_most_successful(sources)}",
        caption="Share of the seeds of an arm that have solved the task in some evaluation so far. A "
        "run that solves it may lose it again: the tables say how many still solve it at the end.",
        alt="Share of seeds that have solved the task against step, one line per arm",
        x_label="step",
        y_label="seeds that solved the task (%)",
        curves=lambda arm: success_share(arm, sources.results.plan.planned_steps),
        bands=False,
        drawstyle="steps-post",
    )
    return draw_curves(sources, sources.arms, kind, _limit_shares)


def _most_successful(sources: Sources) -> str:
    """Name the arms in which every run solves the task, if they are few."""
    shares = {arm: sum(run.solved_at_step is not None for run in arm.runs) for arm in sources.arms}
    highest = max(shares[arm] / len(arm.runs) for arm in shares)
    best = [arm for arm in shares if shares[arm] / len(arm.runs) == highest]
    if len(best) > 2:
        return f"; {len(best)} arms in {100 * highest:.0f} % of their seeds"
    names = " and ".join(arm.label for arm in best)
    return f"; most often {names} ({100 * highest:.0f} %)"


def success_share(arm: Arm, planned_steps: int) -> Curves:
    """Return the percentage of the arm's runs that have solved the task by each step."""
    times = [run.solved_at_step for run in arm.runs if run.solved_at_step is not None]
    steps = np.array(sorted({0, planned_steps, *times}))
    shares = [100 * sum(time <= step for time in times) / len(arm.runs) for step in steps]
    return Curves(steps, np.array(shares)[:, np.newaxis])


def _limit_shares(results, page: PanelPage) -> None:
    limit_to_plan(results, page)
    for _, axes in page.pairs():
        axes.set_ylim(0, 104)
        axes.set_yticks([0, 25, 50, 75, 100])
