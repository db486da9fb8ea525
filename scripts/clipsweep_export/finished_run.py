"""One run of the plan: its run.json and its step log, or why it is left out.

Exported is what reached an outcome (completed or diverged), the runs that summary.json counts.
"""

from dataclasses import dataclass
from pathlib import Path

from clipsweep_plots.result_folder import RunSpec
from clipsweep_plots.strict_json import (
    MALFORMED,
    DataError,
    decode,
    read_document,
    to_count,
    to_float,
    to_optional_float,
)

from .step_rows import StepLog
from .values import to_flag, to_text

RUN_SCHEMA = "clipsweep/run-1"
EXPORTED_OUTCOMES = ("completed", "diverged")
OTHER_OUTCOMES = ("failed", "interrupted")

# Settings that are in run.json only where they are not their default.
DETAILS = {
    "cell": to_text,
    "init": to_text,
    "output_threshold": to_float,
    "norm_type": to_float,
    "clip_epsilon": to_float,
    "agc_output": to_text,
    "zclip_decay": to_float,
    "zclip_warmup": to_count,
    "adagc_decay": to_float,
    "adagc_warmup": to_count,
    "adagc_warmup_norm": to_float,
    "weight_decay": to_float,
    "decoupled_weight_decay": to_float,
    "l1": to_float,
    "perturbed": to_flag,
}


class UnfinishedRun(Exception):
    """A run without an outcome; the message says how far it came."""


@dataclass(frozen=True, eq=False)
class FinishedRun:
    """A run that reached an outcome, its log ready to be read."""

    spec: RunSpec
    document: dict
    log: StepLog
    final_test_accuracy: float | None

    @property
    def id(self) -> str:
        return self.spec.id

    @property
    def outcome(self) -> str:
        return self.document["outcome"]

    @property
    def details(self) -> dict:
        """The settings that are off their default."""
        return {
            key: read(self.document[key]) for key, read in DETAILS.items() if key in self.document
        }


def open_run(folder: Path, chance_accuracy: float | None, spec: RunSpec) -> FinishedRun:
    """Read run.json and the head of the step log; raise UnfinishedRun or DataError."""
    run_folder = folder / "runs" / spec.id
    path = run_folder / "run.json"
    if not path.exists():
        raise UnfinishedRun("no run.json: it was killed, is still training or was not started")
    document = read_document(path, RUN_SCHEMA)
    if document["id"] != spec.id:
        raise ValueError(f"holds the run {str(document['id'])[:80]!r}")
    _refuse_unfinished(document["outcome"])
    total_steps = to_count(document["totals"]["steps"])
    log = StepLog(run_folder / "steps.jsonl", spec.id, total_steps)
    return FinishedRun(spec, document, log, _final_accuracy(document, chance_accuracy))


def _refuse_unfinished(outcome: object) -> None:
    if outcome in OTHER_OUTCOMES:
        raise UnfinishedRun(f"{outcome}; the same 'clipsweep sweep' command trains it anew")
    if outcome not in EXPORTED_OUTCOMES:
        known = ", ".join((*EXPORTED_OUTCOMES, *OTHER_OUTCOMES))
        raise ValueError(f"outcome is {str(outcome)[:40]!r}; known are {known}")


def _final_accuracy(document: dict, chance_accuracy: float | None) -> float | None:
    """Return the accuracy by which the run enters summary.json: chance level if it diverged."""
    if document["outcome"] == "diverged":
        return chance_accuracy
    epochs = document["epochs"]
    return to_optional_float(epochs[-1]["test_accuracy"]) if epochs else None


def read_chance_accuracy(folder: Path) -> float | None:
    """Return the accuracy that summary.json gives a diverged run, None if it cannot tell."""
    try:
        text = (folder / "summary.json").read_text(encoding="utf-8")
        return to_float(decode(text)["chance_accuracy"])
    except (OSError, *MALFORMED):
        return None
