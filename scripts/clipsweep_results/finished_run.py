"""A run that reached an outcome, with everything its logs contain, as rows of tables."""

import json
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .columns import (
    DETAIL_COLUMNS,
    EPOCH_COLUMNS,
    EVENT_COLUMNS,
    KEY_COLUMNS,
    NORM_QUANTILES,
    PROBE_COLUMNS,
    TOTAL_COLUMNS,
    UPDATE_RATIOS,
    Column,
)
from .levels import Levels
from .plan import RunSpec
from .probes import probe_rows
from .run_record import counts_as_diverged, read_record, record_path
from .step_log import StepLog, steps_path
from .strict_json import MALFORMED, DataError, describe
from .values import (
    to_count,
    to_float,
    to_optional_count,
    to_optional_float,
    to_quantiles,
    to_text,
)


LATE_EVALUATIONS = 3


def key_of(spec: RunSpec) -> dict:
    """Return a run's values of KEY_COLUMNS and of the settings of training that vary."""
    values = spec.id, spec.clip.mode, spec.clip.threshold, spec.learning_rate, spec.seed
    return dict(zip(KEY_COLUMNS, values, strict=True)) | dict(spec.clip.setup.settings)


@dataclass(frozen=True, eq=False)
class FinishedRun:
    """A run that reached an outcome; its step log is read when it is iterated."""

    spec: RunSpec
    path: Path  # of run.json
    document: dict
    log: StepLog
    step_columns: tuple[Column, ...]  # of the plan
    chance_accuracy: float | None

    @property
    def id(self) -> str:
        return self.spec.id

    @property
    def outcome(self) -> str:
        return self.document["outcome"]

    @property
    def final_test_accuracy(self) -> float | None:
        """The accuracy with which summary.json counts the run: chance if it diverged or stalled."""
        if counts_as_diverged(self.document):
            return self.chance_accuracy
        epochs = self.document["epochs"]
        return to_optional_float(epochs[-1]["test_accuracy"]) if epochs else None

    @property
    def late_test_accuracy(self) -> float | None:
        """The median of the last three evaluations, which verdicts are about."""
        if counts_as_diverged(self.document):
            return self.chance_accuracy
        epochs = self.document["epochs"][-LATE_EVALUATIONS:]
        return statistics.median(to_float(e["test_accuracy"]) for e in epochs) if epochs else None

    @property
    def details(self) -> dict:
        """The settings that differ from their default."""
        return {
            column.name: column.value_in(self.document)
            for column in DETAIL_COLUMNS
            if column.name in self.document
        }

    def epoch_rows(self) -> list[list]:
        """Return the values of EPOCH_COLUMNS for each whole epoch."""
        return self._checked(lambda: _rows(self.document["epochs"], EPOCH_COLUMNS))

    def event_rows(self) -> list[list]:
        """Return the values of EVENT_COLUMNS for each event."""
        return self._checked(lambda: _rows(self.document["events"], EVENT_COLUMNS))

    def probe_rows(self) -> list[list]:
        """Return the values of PROBE_COLUMNS for each rule of each probe."""
        return self._checked(lambda: _rows(probe_rows(self.document), PROBE_COLUMNS))

    def facts(self) -> dict:
        """Return the run's values of FACT_COLUMNS; details that have their default are absent."""
        return self._checked(self._facts)

    def _facts(self) -> dict:
        document = self.document
        totals = document["totals"]
        quantiles = to_quantiles(totals["grad_norm_raw"], NORM_QUANTILES)
        ratios = to_quantiles(totals.get("update_ratio"), UPDATE_RATIOS)
        return {
            "outcome": self.outcome,
            "late_test_accuracy": self.late_test_accuracy,
            "final_test_accuracy": self.final_test_accuracy,
            "solved_at_step": to_optional_count(document.get("solved_at_step")),
            **{column.name: column.value_in(totals) for column in TOTAL_COLUMNS},
            **{f"grad_norm_{name}": value for name, value in quantiles.items()},
            **{f"update_ratio_{name}": value for name, value in ratios.items()},
            **self.details,
            "engine": to_text(document["engine"]),
            "simd": to_text(document["simd"]),
            "wall_seconds": to_float(document["wall_seconds"]),
            "settings": json.dumps(document["settings"]),
        }

    def _checked(self, read: Callable):
        """Read from run.json; raise DataError, with its path, where it is bad."""
        try:
            return read()
        except MALFORMED as error:
            raise DataError(f"{self.path}: {describe(error)}") from error


def _rows(objects: list[dict], columns: tuple[Column, ...]) -> list[list]:
    return [[column.value_in(item) for column in columns] for item in objects]


def open_run(
    folder: Path, spec: RunSpec, step_columns: tuple[Column, ...], chance: Levels
) -> FinishedRun:
    """Read run.json and the header of the step log; raise RunNotFinished or DataError.

    `step_columns` are those of the plan, `chance` the levels of summary.json.
    """
    document = read_record(folder, spec)
    path = record_path(folder, spec.id)
    try:
        total_steps = to_count(document["totals"]["steps"])
    except MALFORMED as error:
        raise DataError(f"{path}: {describe(error)}") from error
    log = StepLog(steps_path(folder, spec.id), spec.id, total_steps, step_columns)
    return FinishedRun(spec, path, document, log, step_columns, chance.of(spec.clip.setup))
