"""What is done, running, failed and left, from the result folder alone.

Neither accounting nor a running Slurm is needed. A run without an outcome counts as running if its
log has changed lately: locks do not reach across the nodes of every file system.
"""

import json
import re
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from .messages import INVALID_DATA, RUN_FAILED, STOPPED, SUCCESS, Problem, counted
from .submissions import Submission, slurm_folder

OUTCOMES = ("completed", "diverged", "failed")
UNFINISHED = ("running", "interrupted", "not started", "damaged")
RUNNING_SECONDS = 600
MAX_NAMED = 5
MAX_MESSAGE = 300
END_OF_LOG = 4096
_ENDED = re.compile(r"clipsweep: part (\d+)/\d+ on .*: ended with exit code (\d+)")


@dataclass(frozen=True)
class RunState:
    """A run of the plan: an outcome or one of UNFINISHED, and the reason of a failure."""

    id: str
    state: str
    reason: str = ""


def _plan(out: Path) -> list[str]:
    path = out / "sweep.json"
    try:
        runs = [run["id"] for run in json.loads(path.read_text(encoding="utf-8"))["runs"]]
    except FileNotFoundError:
        raise Problem(f"{out}: has no sweep.json, so it is no result folder") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Problem(f"{path}: cannot be read ({error})", INVALID_DATA) from error
    if not all(isinstance(run, str) and re.fullmatch(r"[\w.+-]+", run) for run in runs):
        raise Problem(f"{path}: a run's id is no plain name", INVALID_DATA)
    return runs


def _state_without_outcome(run: Path, now: float) -> str:
    try:
        logs = [path.stat().st_mtime for path in run.glob("steps.jsonl*")]
    except OSError:
        logs = []
    if not logs:
        return "not started"
    return "running" if now - max(logs) < RUNNING_SECONDS else "interrupted"


def _state(out: Path, name: str, now: float) -> RunState:
    run = out / "runs" / name
    try:
        record = json.loads((run / "run.json").read_text(encoding="utf-8"))
        if record["outcome"] in OUTCOMES:
            return RunState(name, record["outcome"], str(record.get("reason") or ""))
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, TypeError):
        return RunState(name, "damaged")
    return RunState(name, _state_without_outcome(run, now))


def run_states(out: Path) -> list[RunState]:
    """Return every run of the plan in its order; raise Problem if `out` is no result folder."""
    now = time.time()
    return [_state(out, name, now) for name in _plan(out)]


def exit_code_of(states: list[RunState]) -> int:
    """Return 0 if all runs ended without a failure, 75 if some have not ended, else 1."""
    found = {run.state for run in states}
    if found & set(UNFINISHED):
        return STOPPED
    return RUN_FAILED if "failed" in found else SUCCESS


def _end_of(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - END_OF_LOG))
        return file.read().decode(errors="replace")


def _printable(text: str) -> str:
    short = text if len(text) <= MAX_MESSAGE else f"{text[:MAX_MESSAGE]}..."
    return "".join(character if character.isprintable() else "?" for character in short)


def failed_parts(out: Path, submission: Submission) -> list[tuple[int, int, Path, str]]:
    """Return part, exit code, log and last message of the tasks that ended with an error."""
    found = []
    for log in slurm_folder(out).glob(f"{submission.job}_*.log"):
        lines = _end_of(log).splitlines()
        ended = _ENDED.fullmatch(lines[-1]) if lines else None
        if ended and ended[2] != "0":
            message = lines[-2] if len(lines) > 1 else ""
            found.append((int(ended[1]), int(ended[2]), log, message.removeprefix("clipsweep: ")))
    return sorted(found)


def runs_text(states: list[RunState]) -> list[str]:
    """Return the lines that count the runs by their state, and name those that failed."""
    counts = Counter(run.state for run in states)
    lines = [counted(len(states), "run")]
    lines += [
        f"  {state:<12} {counts[state]:>9,}"
        for state in (*OUTCOMES, *UNFINISHED)
        if counts[state] > 0
    ]
    named = [run for run in states if run.state in ("failed", "damaged")]
    lines += [f"  {run.id}: {_printable(run.reason or run.state)}" for run in named[:MAX_NAMED]]
    if len(named) > MAX_NAMED:
        lines.append(f"  and {len(named) - MAX_NAMED:,} more")
    return lines


def _queue_text(submission: Submission, queue: dict[str, str]) -> str:
    counts = Counter(queue.values())
    tasks = ", ".join(f"{count} {state.lower()}" for state, count in sorted(counts.items()))
    return f"Job {submission.job}: {tasks}" if tasks else f"Job {submission.job} is not in the queue."


def parts_text(out: Path, submission: Submission, queue: dict[str, str] | None) -> list[str]:
    """Return the lines on the tasks of a submission. `queue`: None where there is no Slurm."""
    lines = [] if queue is None else [_queue_text(submission, queue)]
    problems = failed_parts(out, submission)
    for part, code, log, message in problems[:MAX_NAMED]:
        place = log.relative_to(out)
        lines.append(
            f"Part {part} of {submission.parts}: exit code {code}, {place}: {_printable(message)}"
        )
    if len(problems) > MAX_NAMED:
        lines.append(f"{len(problems) - MAX_NAMED} more parts ended with an error.")
    if queue == {} and not any(slurm_folder(out).glob(f"{submission.job}_*.log")):
        lines.append(f"Its tasks wrote no log: do all nodes share {_printable(str(out))}?")
    return lines
