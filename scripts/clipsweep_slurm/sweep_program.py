"""What the program says about a sweep: its parts, and what is left of them."""

import json
import subprocess
from dataclasses import dataclass

from .messages import STOPPED, SUCCESS, Problem
from .options import Options


@dataclass(frozen=True)
class Parts:
    """The parts of a sweep, in order: how many runs each has, and how many of them have ended."""

    runs: tuple[int, ...]
    complete: tuple[int, ...]

    @property
    def left(self) -> list[int]:
        """The parts that have runs to train, from 1."""
        both = zip(self.runs, self.complete, strict=True)
        return [part for part, (runs, complete) in enumerate(both, 1) if complete < runs]

    @property
    def runs_left(self) -> int:
        return sum(self.runs) - sum(self.complete)


def _call(options: Options, command: str, *arguments: str) -> subprocess.CompletedProcess:
    words = [options.program, command, *options.sweep, "--out", options.out, *arguments]
    called = subprocess.run(words, capture_output=True, text=True, check=False)
    if called.returncode not in (SUCCESS, STOPPED):
        lines = called.stderr.strip().splitlines() or ["no message"]
        raise Problem(lines[-1].removeprefix("clipsweep: "), called.returncode)
    return called


def plan_parts(options: Options, count: int) -> Parts:
    """Return the sweep in `count` parts; raise Problem if its arguments or its data are wrong."""
    called = _call(options, "plan", "--json", "--shard", f"1/{count}")
    parts = json.loads(called.stdout)["shard"]["parts"]
    return Parts(
        tuple(part["runs"] for part in parts), tuple(part["complete"] for part in parts)
    )


def prepare_folder(options: Options) -> None:
    """Write the plan, sweep.json: tasks whose node lacks it do not share the folder."""
    _call(options, "sweep", "--quiet", "--max-runs", "0")
