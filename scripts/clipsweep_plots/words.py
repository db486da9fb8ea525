"""What the reports say in words: differences, chances, noise and where a run diverged."""

from . import style
from .paired import NEEDED_PAIRS
from .result_folder import BadEvent, Clip, Run
from .summary import ArmSummary, Comparison, NoiseFloor, PairedDifference, Share

NO_VERDICT = "no verdict"
LEAST_P_VALUE = 0.001
STANDARD_ERRORS = 1.96  # of a mean: in 19 of 20 sweeps it lies within so many


def at_rate(clip: Clip, learning_rate: float) -> str:
    return f"{clip.label} at learning rate {rate(learning_rate)}"


def arm_name(arm: ArmSummary) -> str:
    return at_rate(arm.clip, arm.learning_rate)


def rate(value: float) -> str:
    return style.number(value, 6)


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def p_value(value: float | None) -> str:
    if value is not None and value < LEAST_P_VALUE:
        return f"<{LEAST_P_VALUE:g}"
    return style.number(value, 2)


def mean_and_sd(arm: ArmSummary) -> str:
    """Print an arm's final test accuracy in percent."""
    accuracy = arm.measures["final_test_accuracy"]
    if accuracy.sd is None:
        return style.percent(accuracy.mean)
    return f"{style.percent(accuracy.mean)} ± {style.percent(accuracy.sd)}"


def interval(difference: PairedDifference, show=style.points) -> str:
    """Print a 95 % interval, or why there is none."""
    if difference.interval is None:
        return why_no_interval(difference)
    low, high = difference.interval
    return f"{show(low)} to {show(high)}"


def why_no_interval(difference: PairedDifference) -> str:
    return f"fewer than {NEEDED_PAIRS} pairs" if difference.n < NEEDED_PAIRS else "no interval"


def share_interval(share: Share | None) -> str:
    if share is None:
        return ""
    low, high = share.interval
    return f"{100 * low:.0f} to {100 * high:.0f} %"


def better_of(difference: PairedDifference) -> str:
    return f"{difference.better} of {difference.n}" if difference.n else "–"


def verdict_of(arm: ArmSummary, comparison: Comparison | None) -> str:
    """Say in two words what a comparison came to, or why there is no verdict."""
    if arm.perturbed:
        return "noise floor"
    if comparison is None:
        return "baseline" if arm.clip.is_baseline else "no baseline"
    return comparison.verdict or NO_VERDICT


def describe_noise(floor: NoiseFloor) -> str:
    """Say how far rounding alone moves a baseline, and what that means for a difference."""
    if floor.median_absolute_difference is None:
        return f"{arm_name(floor.baseline)}: no seed ended both ways, so nothing can be said."
    text = (
        f"{arm_name(floor.baseline)}: rounding alone moves the final test accuracy of a run by "
        f"{100 * floor.median_absolute_difference:.1f} points (median of "
        f"{plural(floor.n, 'seed')}), up to {100 * floor.max_absolute_difference:.1f}."
    )
    return text if floor.sd is None else f"{text} {_noise_of_means(floor)}"


def _noise_of_means(floor: NoiseFloor) -> str:
    reach = STANDARD_ERRORS * floor.sd / floor.n**0.5
    return (
        f"The mean over {plural(floor.n, 'seed')} it moves by up to {100 * reach:.1f} points in 19 "
        "of 20 sweeps. The intervals of the arms hold this chaos already; a difference between "
        "two single runs of this size says nothing."
    )


def describe_divergence(run: Run) -> str:
    """Say in words where and how a run diverged."""
    event = run.first_bad_event
    if event is None:
        return f"diverged within its {run.steps:,} steps; its log names no place"
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
    return ", ".join(f"{count:,} {what}" for count, what in counts if count) or "no element counted"
