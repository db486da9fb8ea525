"""Notes on the limits of the numbers: missing runs, damaged logs, too few seeds."""

from collections import Counter

from clipsweep_results.result_folder import Results
from clipsweep_results.summary import Best, Summary

from .phrases import plural

MAX_NAMED = 3
# Their test set is a sample of the user's data.
TASKS_WITH_DATA = ("fashion-mnist", "fashion-mnist-pixels", "sequences", "text")


def count_states(results: Results) -> Counter[str]:
    """Count the planned runs by outcome, or by state if they are left out."""
    states = Counter("diverged" if run.diverged else "completed" for run in results.runs)
    states.update(run.state for run in results.left_out)
    return states


def urgent_notes(results: Results, summary: Summary | None) -> list[str]:
    """Return the notes above the answer: an unfinished sweep, values without verdicts."""
    notes = [_note_unfinished(results), _note_no_baseline(summary) if summary else None]
    return [note for note in notes if note]


def further_notes(results: Results, summary: Summary | None) -> list[str]:
    """Return the notes below the answer: runs that are left out, and arms with few seeds."""
    notes = [
        _note_failed(results),
        _note_damaged(summary),
        _note_unreadable(results, summary),
        _note_few_seeds(results, summary),
        _note_choice(results, summary),
        _note_bits(summary),
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
        f"{_have(count)} no outcome yet ({reasons}). All numbers are from the finished runs; rerun "
        "the same clipsweep sweep command to train the rest."
    )


def _note_no_baseline(summary: Summary) -> str | None:
    """Say why nothing, or not every arm, is compared."""
    clipping = [arm for arm in summary.arms if not arm.clip.is_baseline and not arm.perturbed]
    alone = [arm for arm in clipping if arm.name not in summary.comparison_of]
    if not clipping:
        return "No arm clips, so nothing is compared."
    if not alone:
        return None
    missing = (
        "no run of mode none with the same learning rate and otherwise equal settings; add none to "
        "the modes and rerun the sweep"
    )
    if len(alone) == len(clipping):
        return f"No baseline, so no verdicts: the sweep has {missing}."
    return f"{len(alone)} of {plural(len(clipping), 'arm')} cannot be compared: {missing}."


def _note_failed(results: Results) -> str | None:
    failed = [run for run in results.left_out if run.state == "failed"]
    if not failed:
        return None
    return (
        f"{plural(len(failed), 'run')} failed by an error of the program or machine and "
        f"{_are(len(failed))} excluded from all numbers: {_name([run.id for run in failed])}."
    )


def _note_damaged(summary: Summary | None) -> str | None:
    """Name the runs that `clipsweep summarize` could not read."""
    damaged = summary.damaged_runs if summary else []
    if not damaged:
        return None
    return (
        f"{plural(len(damaged), 'run')} {_are(len(damaged))} excluded from all numbers because of "
        f"damaged logs: {_name([f'{run.id} ({run.reason})' for run in damaged])}."
    )


def _note_unreadable(results: Results, summary: Summary | None) -> str | None:
    """Name the runs that are in the summary, which reads no steps, but not in the figures."""
    named = {run.id for run in summary.damaged_runs} if summary else set()
    unreadable = [
        run for run in results.left_out if run.state == "unreadable" and run.id not in named
    ]
    if not unreadable:
        return None
    count = len(unreadable)
    return (
        f"{plural(count, 'run')} {_are(count)} missing from the figures because of damaged "
        f"logs, but the tables may count {'it' if count == 1 else 'them'}: "
        f"{_name([f'{run.id} ({run.reason})' for run in unreadable])}."
    )


def _note_few_seeds(results: Results, summary: Summary | None) -> str | None:
    """Advise more seeds, unless the sweep is unfinished: then its other runs come first."""
    verdicts = [comparison.verdict for comparison in summary.comparisons] if summary else []
    undecided = verdicts.count(None)
    if not undecided:
        return None
    few = f"fewer than {summary.constants.min_pairs_for_verdict} pairs of seeds"
    differing = len(verdicts) - verdicts.count("identical")
    if undecided == differing:
        note, advice = f"There are {few}, so no verdicts are given.", "Add seeds to get them."
    else:
        comparisons = f"{undecided} of {plural(differing, 'comparison')} {_have(undecided)}"
        note, advice = f"{comparisons} {few}, so these have no verdict.", "Add seeds to get one."
    return note if _note_unfinished(results) else f"{note} {advice}"


def _note_choice(results: Results, summary: Summary | None) -> str | None:
    """Say which data the best arms are chosen by, where there is a choice."""
    if not summary or not any(_is_chosen(best, summary) for best in summary.best):
        return None
    if summary.validation:
        chance = f"{100 * summary.validation.chance_accuracy:.1f} %"
        samples = plural(summary.validation.samples, "sample")
        return (
            f"The best arms are chosen on the validation set ({samples}, chance {chance}) and "
            "judged on the test set."
        )
    tasks = results.plan.section("settings").get("task")
    if not set(TASKS_WITH_DATA) & set(tasks if isinstance(tasks, list) else [tasks]):
        return None
    return (
        "The best arms are chosen and judged on the same test set; --validation-share holds out "
        "another set for the choice."
    )


def _is_chosen(best: Best, summary: Summary) -> bool:
    """Whether the arm or its baseline is one of several."""
    baselines = [
        arm
        for arm in summary.arms
        if arm.clip.is_baseline and not arm.perturbed and arm.clip.setup == best.arm.clip.setup
    ]
    return best.candidates > 1 or len(baselines) > 1


def _note_bits(summary: Summary | None) -> str | None:
    if not summary or summary.chance_bits is None:
        return None
    return (
        "Losses are in nats; divided by ln 2 they are in bits per character. Chance is "
        f"{summary.chance_bits:.3f} bits per character, the entropy of the symbol frequencies."
    )


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _have(count: int) -> str:
    return "has" if count == 1 else "have"


def _name(things: list[str]) -> str:
    """List a few things and count the others."""
    more = len(things) - MAX_NAMED
    named = "; ".join(things[:MAX_NAMED])
    return f"{named}; and {more} more, listed below" if more > 0 else named
