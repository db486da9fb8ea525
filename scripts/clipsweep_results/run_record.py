"""run.json of one planned run, or why the run has no outcome yet.

A run has reached an outcome if it completed or diverged. Those are the runs that summary.json
counts and that figures and exports contain. A completed run that skipped all its last steps is
stalled and counts as a diverged one.
"""

from pathlib import Path

from .plan import RunSpec
from .log_file import ends_cut_off
from .step_log import steps_path
from .strict_json import MALFORMED, DataError, describe, read_document
from .values import to_count

RUN_SCHEMA = "clipsweep/run-1"
REACHED_OUTCOMES = ("completed", "diverged")
OUTCOMES = (*REACHED_OUTCOMES, "failed", "interrupted")


MIN_SKIPPED_OF_STALLED = 20  # as in the program; half of all steps suffice in a shorter run


class RunNotFinished(Exception):
    """A run without an outcome; `state` is failed, interrupted or unfinished."""

    def __init__(self, state: str, reason: str):
        super().__init__(reason)
        self.state = state


def record_path(folder: Path, run_id: str) -> Path:
    return folder / "runs" / run_id / "run.json"


def trailing_skipped_steps(document: dict) -> int:
    """Return how many steps a run skipped at its end; 0 if an earlier version did not count them.

    Such a run is counted only if it skipped every step.
    """
    totals = document["totals"]
    skipped = to_count(totals["skipped_steps"])
    known = skipped if skipped == to_count(totals["steps"]) else 0
    return to_count(totals.get("trailing_skipped_steps", known))


def is_stalled(document: dict) -> bool:
    """Return whether a completed run skipped its last 20 steps or more, or half of all."""
    skipped = trailing_skipped_steps(document)
    enough = skipped >= MIN_SKIPPED_OF_STALLED or 2 * skipped >= to_count(
        document["totals"]["steps"]
    )
    return document["outcome"] == "completed" and skipped > 0 and enough


def counts_as_diverged(document: dict) -> bool:
    """Return whether summary.json counts the run as diverged: it diverged or is stalled."""
    return document["outcome"] == "diverged" or is_stalled(document)


def read_record(folder: Path, spec: RunSpec) -> dict:
    """Return run.json of a run that reached an outcome; raise RunNotFinished or DataError."""
    path = record_path(folder, spec.id)
    if not path.exists():
        raise RunNotFinished("unfinished", _why_unfinished(folder, spec.id))
    document = read_document(path, RUN_SCHEMA)
    try:
        _check_identity(document, spec)
        outcome = document["outcome"]
        if outcome == "interrupted":
            steps = to_count(document["totals"]["steps"])
            reason = f"interrupted after {steps:,} steps; rerun the same sweep command to resume it"
            raise RunNotFinished(outcome, reason)
        if outcome == "failed":
            reason = document.get("reason") or "no reason was logged"
            raise RunNotFinished(outcome, f"failed: {reason}")
    except MALFORMED as error:
        raise DataError(f"{path}: {describe(error)}") from error
    return document


def _why_unfinished(folder: Path, run_id: str) -> str:
    path = steps_path(folder, run_id)
    if not path.exists():
        return "not started: it has no run.json and no steps.jsonl"
    if ends_cut_off(path):
        return "no run.json, and the last line of steps.jsonl is cut off: the run was killed"
    return "no run.json: the run was killed or is still training"


def _check_identity(document: dict, spec: RunSpec) -> None:
    if document["id"] != spec.id:
        raise ValueError(f"contains the run {str(document['id'])[:80]!r}")
    if document["outcome"] not in OUTCOMES:
        raise ValueError(
            f"outcome is {str(document['outcome'])[:40]!r}; allowed are {', '.join(OUTCOMES)}"
        )
