"""A result folder as pandas DataFrames: open_sweep and the Sweep that it returns."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from os import PathLike
from pathlib import Path

import numpy as np
import pandas as pd

from .columns import (
    EPOCH_COLUMNS,
    EVENT_COLUMNS,
    KEY_COLUMNS,
    PROBE_COLUMNS,
    Column,
    names_of,
    one_per_tensor,
)
from .constants import Constants
from .finished_run import FinishedRun, key_of, open_run
from .levels import Levels
from .plan import RunSpec, read_plan
from .run_record import RunNotFinished
from .step_log import StepLog, steps_path
from .strict_json import DataError
from .summary import Summary, read_chance_levels, read_summary
from .values import (
    to_count,
    to_flag,
    to_float,
    to_optional_count,
    to_optional_flag,
    to_optional_float,
)

ROWS_PER_CHUNK = 20_000
_DTYPES = {
    to_count: "int64",
    to_optional_count: "Int64",
    to_flag: "bool",
    to_optional_flag: "boolean",
    to_float: "float64",
    to_optional_float: "float64",
}


def open_sweep(folder: str | PathLike) -> "Sweep":
    """Open a result folder, the DIR of `clipsweep sweep --out DIR`, finished or not.

    Raises DataError, which names the file, if `folder` is not a result folder or its sweep.json
    is damaged. The logs of the runs are read later, when they are asked for.
    """
    return Sweep(Path(folder))


class Sweep:
    """One result folder. Tables are DataFrames whose columns results/README.md explains.

    Every table names the run of a row: `run` (its ID), `mode`, `threshold` (NaN in mode none),
    `learning_rate` and `seed`, then every setting of training that varies, such as `length`. A number
    that was not measured is NaN. Norms and losses have no unit; accuracies and shares are from 0 to 1; steps and epochs count from 1.

        sweep = open_sweep("out/first")
        final = sweep.runs.groupby("arm")["late_test_accuracy"].agg(["mean", "std"])
        losses = sweep.steps(columns=["step", "loss"])
    """

    def __init__(self, folder: Path):
        self.plan = read_plan(folder)
        self.folder = folder

    def __repr__(self) -> str:
        return f"Sweep({str(self.folder)!r}, {len(self.plan.runs)} planned runs)"

    @property
    def settings(self) -> dict:
        """Every setting of the sweep with its value, defaults included."""
        return self.plan.section("settings")

    @cached_property
    def summary(self) -> Summary:
        """The content of summary.json: `answer`, `arms`, `comparisons`, `modes` and more.

        Raises DataError if the file is missing or damaged; `clipsweep summarize DIR` writes it.
        """
        return read_summary(self.folder)

    @property
    def constants(self) -> Constants:
        """The numbers behind verdicts and events; those of this version without a summary."""
        return self.summary.constants if (self.folder / "summary.json").exists() else Constants()

    @cached_property
    def runs(self) -> pd.DataFrame:
        """Every planned run in the plan's order, indexed by its ID; no run is missing.

        `arm` is the name of the run's arm, such as `value:0.5 at lr 0.1`. `state` is completed,
        diverged, failed, interrupted, unfinished or unreadable, and `reason` says why if it is one
        of the last four. A run that reached an outcome (completed or diverged) has the columns
        of runs.parquet too: totals, quantiles of the raw gradient norm and
        `final_test_accuracy` (0 to 1; a diverged run has chance level).
        """
        rows = [self._run_row(spec) for spec in self.plan.runs]
        return pd.DataFrame(rows).set_index("run")

    def steps(self, run: str | None = None, columns: Iterable[str] | None = None) -> pd.DataFrame:
        """Return the logged steps, one row each, of one run or of all.

        `run` is an ID of the plan, of any state, since an unfinished run has a log as far as it
        got. Without it the table has all runs that reached an outcome. `columns` selects columns,
        such as ["step", "loss"], which saves memory in large sweeps. The raw norm of each
        parameter tensor is a column `tensors.NAME`.

        Raises DataError, with file and line, for a damaged log, and KeyError for an unknown `run`
        or column. A last line that is cut off, the mark of a killed run, is skipped.
        """
        if run is not None:
            return self._steps_of(self._spec(run), columns)
        columns = None if columns is None else list(columns)
        tables = [self._steps_of(found.spec, columns) for found in self._finished_runs()]
        known = names_of(one_per_tensor(self.plan.step_columns, tensors=()))
        return _concatenate(tables, [*self._keys, *(columns or known)])

    def epochs(self) -> pd.DataFrame:
        """Return the whole epochs of all runs that reached an outcome, one row each."""
        return self._table(FinishedRun.epoch_rows, EPOCH_COLUMNS)

    def events(self) -> pd.DataFrame:
        """Return the events (NaN, Inf, spikes, ...) of all runs that reached an outcome."""
        return self._table(FinishedRun.event_rows, EVENT_COLUMNS)

    @property
    def _keys(self) -> list[str]:
        """The columns that name the run of a row."""
        return [*KEY_COLUMNS, *(axis.setting for axis in self.plan.axes)]

    def probes(self) -> pd.DataFrame:
        """Return the probes (--probe-at) of all runs that reached an outcome, one row a rule.

        Probes with too few finite gradients are left out. `rule` is the tested clipping, such as
        `value:0.5`; `mode` and `threshold` are those of the run.
        """
        return self._table(FinishedRun.probe_rows, PROBE_COLUMNS)

    def _spec(self, run: str) -> RunSpec:
        for spec in self.plan.runs:
            if spec.id == run:
                return spec
        raise KeyError(f"{self.folder}: the plan has no run {run!r}")

    def _open(self, spec: RunSpec) -> FinishedRun:
        return open_run(self.folder, spec, self.plan.step_columns, self._chance)

    @cached_property
    def _chance(self) -> Levels:
        return read_chance_levels(self.folder)

    def _finished_runs(self) -> Iterable[FinishedRun]:
        for spec in self.plan.runs:
            try:
                yield self._open(spec)
            except RunNotFinished:
                continue  # `runs` lists it with the reason

    def _run_row(self, spec: RunSpec) -> dict:
        row = {**key_of(spec), "arm": spec.clip.at(spec.learning_rate)}
        try:
            facts = self._open(spec).facts()
        except RunNotFinished as unfinished:
            return row | {"state": unfinished.state, "reason": str(unfinished)}
        except DataError as error:
            return row | {"state": "unreadable", "reason": str(error)}
        return row | {"state": facts.pop("outcome"), "reason": ""} | facts

    def _steps_of(self, spec: RunSpec, columns: Iterable[str] | None) -> pd.DataFrame:
        path = steps_path(self.folder, spec.id)
        log = StepLog(path, spec.id, self.plan.planned_steps, self.plan.step_columns)
        known = log.columns
        chosen = names_of(known) if columns is None else list(columns)
        if unknown := sorted(set(chosen) - set(names_of(known))):
            raise KeyError(f"{log.path}: steps have no column {unknown[0]!r}")
        kept = [*self._keys, *chosen]
        tables = [_frame(key_of(spec), rows, known)[kept] for rows in _chunks(log)]
        return _concatenate(tables, kept)

    def _table(
        self, rows_of: Callable[[FinishedRun], list[list]], columns: tuple[Column, ...]
    ) -> pd.DataFrame:
        tables = [
            _frame(key_of(run.spec), rows, columns)
            for run in self._finished_runs()
            if (rows := rows_of(run))
        ]
        return _concatenate(tables, [*self._keys, *names_of(columns)])


def _chunks(rows: Iterable[list]) -> Iterator[list[list]]:
    """Cut a long log into parts, so that its rows are never in memory as a whole."""
    iterator = iter(rows)
    while chunk := list(itertools.islice(iterator, ROWS_PER_CHUNK)):
        yield chunk


def _frame(key: dict, rows: list[list], columns: tuple[Column, ...]) -> pd.DataFrame:
    """Return rows as a table, after the columns that name their run."""
    values = zip(*rows, strict=True)
    series = {
        column.name: pd.Series(cells, dtype=_DTYPES.get(column.read))  # pandas chooses for texts
        for column, cells in zip(columns, values, strict=True)
    }
    table = pd.DataFrame(series)
    for place, (name, value) in enumerate(key.items()):
        table.insert(place, name, np.nan if value is None else value)
    return table


def _concatenate(tables: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    """Join tables; without any, return an empty one that has these columns."""
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
