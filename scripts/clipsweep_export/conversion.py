"""Converts all runs of a plan: several at a time, in the plan's order and in bounded memory."""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clipsweep_results.columns import Column
from clipsweep_results.cores import usable_cores
from clipsweep_results.finished_run import FinishedRun, open_run
from clipsweep_results.levels import Levels
from clipsweep_results.plan import RunSpec
from clipsweep_results.run_record import RunNotFinished
from clipsweep_results.strict_json import MALFORMED, DataError, describe

# Enough that no worker waits for the writer; more would only fill the memory.
WAITING_PER_WORKER = 2


@dataclass(frozen=True, eq=False)
class Converted:
    """A run that was read whole; `notice` is set if its log is cut off."""

    id: str
    content: object
    notice: str | None


@dataclass(frozen=True)
class LeftOut:
    """A run that is not exported, and why."""

    id: str
    reason: str
    damaged: bool


@dataclass(frozen=True)
class Conversion:
    """Converts one run: opens it and returns what `convert` makes of it for the writer."""

    folder: Path
    step_columns: tuple[Column, ...]
    chance: Levels
    convert: Callable[[FinishedRun], object]

    def __call__(self, spec: RunSpec) -> Converted | LeftOut:
        try:
            run = open_run(self.folder, spec, self.step_columns, self.chance)
            content = self.convert(run)
        except RunNotFinished as unfinished:
            return LeftOut(spec.id, str(unfinished), damaged=False)
        except DataError as error:
            return LeftOut(spec.id, str(error).removeprefix(f"{self.folder}{os.sep}"), damaged=True)
        except MALFORMED as error:
            return LeftOut(spec.id, f"runs/{spec.id}/run.json: {describe(error)}", damaged=True)
        return Converted(spec.id, content, _cut_off_notice(run))


def _cut_off_notice(run: FinishedRun) -> str | None:
    if not run.log.is_cut_off:
        return None
    return (
        f"its step log ends at step {run.log.last_step:,} of {run.log.total_steps:,}, "
        "although the run is finished; the steps up to there are exported"
    )


def map_in_order(function: Callable, items: list) -> Iterator:
    """Yield function(item) for each item in order, computed on all cores a few items ahead."""
    workers = min(usable_cores(), len(items))
    pool = ProcessPoolExecutor(workers)
    try:
        waiting = deque()
        for item in items:
            with _interrupts_held():
                waiting.append(pool.submit(function, item))
            if len(waiting) > WAITING_PER_WORKER * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Delay Ctrl-C: an interrupt while workers start would leave them without a parent.

    Workers started here inherit the handler, so only this process reacts to Ctrl-C.
    """
    interrupts = []
    previous = signal.signal(signal.SIGINT, lambda *_: interrupts.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
    if interrupts:
        raise KeyboardInterrupt
