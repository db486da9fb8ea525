"""What a reader must know before the numbers: what is missing, damaged or cannot be said."""

from collections import Counter

from .result_folder import Results
from .summary import Summary
from .words import plural

ENDED = ("completed", "diverged")
MOST_NAMED = 3


def count_states(results: Results) -> Counter[str]:
    """Count the planned runs by outcome; a run that is not drawn by why it is not."""
    states = Counter("diverged" if run.diverged else "completed" for run in results.runs)
    states.update(run.state for run in results.left_out)
    return states


def urgent_notes(results: Results, summary: Summary | None) -> list[str]:
    """Say what stands above the answer: an unfinished sweep, values without verdicts."""
    notes = [_note_unfinished(results), _note_no_baseline(summary) if summary else None]
    return [note for note in notes if note]


def further_notes(results: Results, summary: Summary | None) -> list[str]:
    """Say what stands below it: runs that are left out for good, and arms with few seeds."""
    notes = [
        _note_failed(results),
        _note_damaged(summary),
        _note_unreadable(results, summary),
        _note_few_seeds(summary),
    ]
    return [note for note in notes if note]


def _note_unfinished(results: Results) -> str | None:
    states = count_states(results)
    waiting = {state: states[state] for state in ("unfinished", "interrupted") if states[state]}
    if not waiting:
        return None
    count, planned = sum(waiting.values()), len(results.plan.runs)
    reasons = ", ".join(f"{count} {state}" for state, count in waiting.items())
    return (
        f"This sweep is unfinished: {count} of {plural(planned, 'planned run')} "
        f"{_have(count)} no outcome yet ({reasons}). All numbers are of the runs that have "
        "one; the same clipsweep sweep command trains the rest."
    )


def _note_no_baseline(summary: Summary) -> str | None:
    """Say why nothing, or not every arm, is compared."""
    clipping = [arm for arm in summary.arms if not arm.clip.is_baseline and not arm.perturbed]
    alone = [arm for arm in clipping if arm.name not in summary.comparison_of]
    if not clipping:
        return "Every arm is without clipping: there is nothing to compare, only values to read."
    if not alone:
        return None
    missing = (
        "no run of mode none at the same learning rate and with all else equal; "
        "add none to the modes and run the sweep again"
    )
    if len(alone) == len(clipping):
        return f"No baseline: the sweep has {missing}. So there are values without verdicts."
    return f"{plural(len(alone), 'arm')} of {len(clipping)} cannot be compared: {missing}."


def _note_failed(results: Results) -> str | None:
    failed = [run for run in results.left_out if run.state == "failed"]
    if not failed:
        return None
    return (
        f"{plural(len(failed), 'run')} failed by an error of the program or machine and "
        f"{_are(len(failed))} left out of every number: {_name([run.id for run in failed])}."
    )


def _note_damaged(summary: Summary | None) -> str | None:
    """Name the runs that summarize could not read."""
    damaged = summary.damaged_runs if summary else []
    if not damaged:
        return None
    return (
        f"{plural(len(damaged), 'run')} {_are(len(damaged))} left out of every number because of "
        f"damaged logs: {_name([f'{run.id} ({run.reason})' for run in damaged])}."
    )


def _note_unreadable(results: Results, summary: Summary | None) -> str | None:
    """Name the runs that the figures lack though the summary has them: it reads no steps."""
    told = {run.id for run in summary.damaged_runs} if summary else set()
    unreadable = [
        run for run in results.left_out if run.state == "unreadable" and run.id not in told
    ]
    if not unreadable:
        return None
    count = len(unreadable)
    return (
        f"{plural(count, 'run')} {_are(count)} in no figure because of damaged logs, though the "
        f"tables may count {'it' if count == 1 else 'them'}: "
        f"{_name([f'{run.id} ({run.reason})' for run in unreadable])}."
    )


def _note_few_seeds(summary: Summary | None) -> str | None:
    comparisons = summary.comparisons if summary else []
    silent = sum(comparison.verdict is None for comparison in comparisons)
    if not silent:
        return None
    return (
        f"{silent} of {plural(len(comparisons), 'comparison')} {_have(silent)} fewer than 5 pairs "
        "of seeds, or none to compare: values, not verdicts. More seeds bring the verdicts."
    )


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _have(count: int) -> str:
    return "has" if count == 1 else "have"


def _name(things: list[str]) -> str:
    """List a few things and count the others."""
    more = len(things) - MOST_NAMED
    named = "; ".join(things[:MOST_NAMED])
    return f"{named}; and {more} more, listed below" if more > 0 else named
