"""Reads the result folders of `clipsweep sweep`, for figures, exports and your own analysis.

    from clipsweep_results import open_sweep

    sweep = open_sweep("out/first")              # the DIR of: clipsweep sweep --out DIR
    print(sweep.summary.answer[0])               # does clipping help?
    print(sweep.runs[["arm", "state", "late_test_accuracy"]])
    steps = sweep.steps(columns=["step", "grad_norm_raw"])
    print(steps.groupby(["mode", "threshold"], dropna=False)["grad_norm_raw"].median())

`sweep.epochs()`, `sweep.events()` and `sweep.probes()` are tables too. A sweep may be unfinished: `sweep.runs` lists
every planned run with its state. A file that is damaged raises DataError, which names it. The
package reads and never writes; results/README.md describes the format and every column.

A module imports only modules that are listed before it:

    printable         text from files without what controls a terminal or a page
    strict_json       JSON as the logs contain it, and DataError
    values            readers of single logged values
    columns           the columns of the logs: names, types, order
    constants         the numbers behind verdicts and events
    cores             the number of processor cores
    links             links, pipes and devices in a result folder, which are an error
    progress          progress lines on stderr
    messages          exit codes and one-line messages on stderr
    setups            cell, initialization and settings that vary
    levels            accuracies that may differ from setup to setup
    clips             how an arm clips, and its name everywhere
    plan              sweep.json: the planned runs
    log_file          a log on disk, compressed or not
    step_log          steps.jsonl, line by line
    step_windows      a step log condensed for figures
    profiles          through_time.jsonl, the gradient at each time step
    probes            the probes in run.json
    cliffs            cliff_N.json, the loss around the weights before a step
    run_record        run.json, or why a run has no outcome
    finished_run      a finished run as rows of tables
    result_folder     all runs as figures need them
    summary           summary.json: arms, comparisons, verdicts, the answer
    seed_differences  paired differences between two arms
    sweep             open_sweep and its DataFrames
"""

from typing import TYPE_CHECKING

from .strict_json import DataError

if TYPE_CHECKING:
    from .sweep import Sweep, open_sweep

__all__ = ["DataError", "Sweep", "open_sweep"]


def __getattr__(name: str) -> object:
    """Import `sweep` when it is used: pandas takes half a second, and figures and exports need none."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import sweep

    return getattr(sweep, name)
