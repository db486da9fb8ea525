"""Phrases of both reports: differences, shares, noise, and where a run diverged."""

from clipsweep_results.constants import Constants
from clipsweep_results.result_folder import BadEvent, Run
from clipsweep_results.summary import (
    JUDGED,
    ArmSummary,
    Comparison,
    NoiseFloor,
    PairedDifference,
    Share,
)

from ..drawing import style

NO_VERDICT = "no verdict"
MIN_P_VALUE = 0.001  # smaller p values are printed as below this one
STANDARD_ERRORS = 1.96  # in 19 of 20 sweeps a mean is within this many of the true mean


def rate(value: float) -> str:
    return style.number(value, 6)


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def p_value(value: float | None) -> str:
    if value is not None and value < MIN_P_VALUE:
        return f"<{MIN_P_VALUE:g}"
    return style.number(value, 2)


def mean_and_sd(arm: ArmSummary) -> str:
    """Format an arm's judged accuracy in percent."""
    accuracy = arm.measures[JUDGED]
    if accuracy.sd is None:
        return style.percent(accuracy.mean)
    return f"{style.percent(accuracy.mean)} ± {style.percent(accuracy.sd)}"


def interval(difference: PairedDifference, constants: Constants, show=style.points) -> str:
    """Format a 95 % interval, or say why there is none."""
    if difference.interval is None:
        too_few = difference.n < constants.min_pairs
        return f"fewer than {constants.min_pairs} pairs" if too_few else "no interval"
    low, high = difference.interval
    return f"{show(low)} to {show(high)}"


def share_interval(share: Share | None) -> str:
    if share is None:
        return ""
    low, high = share.interval
    return f"{100 * low:.0f} to {100 * high:.0f} %"


def better_count(difference: PairedDifference) -> str:
    return f"{difference.better} of {difference.n}" if difference.n else "–"


def verdict_phrase(arm: ArmSummary, comparison: Comparison | None) -> str:
    """Return the verdict of a comparison, or why there is none."""
    if arm.perturbed:
        return "noise floor"
    if comparison is None:
        return "baseline" if arm.clip.is_baseline else "no baseline"
    return comparison.verdict or NO_VERDICT


def describe_noise(floor: NoiseFloor, accuracy: str) -> str:
    """Say how far rounding noise alone moves a baseline, and what that means for a difference.

    `accuracy` names the judged measure: `late test accuracy`.
    """
    if floor.median_absolute_difference is None:
        return f"{floor.baseline.label}: unknown, because no seed has both runs."
    text = (
        f"{floor.baseline.label}: rounding noise alone moves the {accuracy} of a run by "
        f"{100 * floor.median_absolute_difference:.1f} points (median of "
        f"{plural(floor.n, 'seed')}), up to {100 * floor.max_absolute_difference:.1f}."
    )
    return text if floor.sd is None else f"{text} {_noise_of_means(floor)}"


def _noise_of_means(floor: NoiseFloor) -> str:
    reach = STANDARD_ERRORS * floor.sd / floor.n**0.5
    return (
        f"It moves the mean over {plural(floor.n, 'seed')} by up to {100 * reach:.1f} points in 19 "
        "of 20 sweeps. The arms' intervals already include this noise; a difference of this size "
        "between two single runs is no evidence."
    )


def describe_divergence(run: Run) -> str:
    """Say where and how a run diverged."""
    event = run.first_bad_event
    if run.stalled_steps:
        return (
            f"stalled: its last {run.stalled_steps:,} of {run.steps:,} steps were all skipped, "
            "because of a value that was not finite"
        )
    if event is None:
        return f"diverged within its {run.steps:,} steps; its log has no event that says where"
    return (
        f"{'NaN' if event.kind == 'nan' else 'Inf'} in the {event.phase}{_place(event)} at step "
        f"{event.step:,} (epoch {event.epoch}): {_bad_values(event)}; {event.action}"
    )


def _place(event: BadEvent) -> str:
    if event.tensor is None:
        return ""
    return f", first at {event.tensor}" + ("" if event.index is None else f"[{event.index}]")


def _bad_values(event: BadEvent) -> str:
    counts = ((event.nan, "NaN"), (event.positive_inf, "+Inf"), (event.negative_inf, "−Inf"))
    return ", ".join(f"{count:,} {name}" for count, name in counts if count) or "no count"
