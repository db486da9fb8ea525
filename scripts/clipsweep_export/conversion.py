"""All runs of a plan, several at a time, in the plan's order and in bounded memory."""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clipsweep_plots.result_folder import RunSpec
from clipsweep_plots.strict_json import MALFORMED, DataError, describe

from .finished_run import FinishedRun, UnfinishedRun, open_run

# Enough that no worker waits for the writer; more would only fill the memory.
WAITING_FOR_EACH_WORKER = 2


@dataclass(frozen=True, eq=False)
class Converted:
    """A run that was read whole; `notice` is set where its log breaks off."""

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
    """How one run is converted; `convert` gets it open and returns what the writer needs of it."""

    folder: Path
    chance_accuracy: float | None
    convert: Callable[[FinishedRun], object]

    def __call__(self, spec: RunSpec) -> Converted | LeftOut:
        try:
            run = open_run(self.folder, self.chance_accuracy, spec)
            content = self.convert(run)
        except UnfinishedRun as unfinished:
            return LeftOut(spec.id, str(unfinished), damaged=False)
        except DataError as error:
            return LeftOut(spec.id, str(error).removeprefix(f"{self.folder}{os.sep}"), damaged=True)
        except MALFORMED as error:
            return LeftOut(spec.id, f"runs/{spec.id}/run.json: {describe(error)}", damaged=True)
        return Converted(spec.id, content, _notice_of_cut(run))


def _notice_of_cut(run: FinishedRun) -> str | None:
    if not run.log.cut:
        return None
    return (
        f"its step log breaks off after step {run.log.last_step:,} of {run.log.total_steps:,}, "
        "though the run is finished; exported as far as it goes"
    )


def map_in_order(function: Callable, items: list) -> Iterator:
    """Yield function(item) for each item in order, computed on all cores a few items ahead."""
    workers = min(len(os.sched_getaffinity(0)), len(items))
    pool = ProcessPoolExecutor(workers)
    try:
        waiting = deque()
        for item in items:
            with _interrupts_held():
                waiting.append(pool.submit(function, item))
            if len(waiting) > WAITING_FOR_EACH_WORKER * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Act on Ctrl-C only afterwards: an interrupt while workers start leaves them without parent.

    Workers started here inherit the handler that only notes it, and leave Ctrl-C to this process.
    """
    came = []
    before = signal.signal(signal.SIGINT, lambda *_: came.append(True))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt
