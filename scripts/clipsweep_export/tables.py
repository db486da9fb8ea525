"""Parquet: steps.parquet, epochs.parquet, events.parquet and runs.parquet, by pyarrow.

Every table names the run and what makes it: its mode, threshold, learning rate and seed. A column
is float32 where the log is; null is what was not measured, NaN is a NaN. What is no column stays in
run.json: the steps that an event carries from before it, and what an epoch or event has by gate.
"""

import itertools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from clipsweep_plots.strict_json import DataError, to_count, to_float, to_optional_float

from .finished_run import DETAILS, FinishedRun
from .step_rows import STEP_FIELDS
from .values import to_flag, to_optional_count, to_optional_text, to_text

CATEGORY = pa.dictionary(pa.int32(), pa.string())
RUN_COLUMNS = {
    "run": CATEGORY,
    "mode": CATEGORY,
    "threshold": pa.float64(),
    "learning_rate": pa.float64(),
    "seed": pa.int64(),
}
EPOCH_FIELDS = {
    "epoch": to_count,
    "train_loss": to_optional_float,
    "train_accuracy": to_optional_float,
    "test_loss": to_optional_float,
    "test_accuracy": to_optional_float,
    "clipped_share": to_optional_float,
}
EVENT_FIELDS = {
    "kind": to_text,
    "step": to_count,
    "epoch": to_count,
    "phase": to_text,
    "tensor": to_optional_text,
    "index": to_optional_count,
    "nan": to_count,
    "positive_inf": to_count,
    "negative_inf": to_count,
    "norm": to_optional_float,
    "last_finite_norm": to_optional_float,
    "running_median": to_optional_float,
    "action": to_text,
}
TOTALS = {
    "steps": to_count,
    "clipped_steps": to_count,
    "skipped_steps": to_count,
    "nonfinite_steps": to_count,
    "spikes": to_count,
    "mean_cosine": to_optional_float,
}
# What only spikes have.
ABSENT = {"running_median": None}
NORM_QUANTILES = ("median", "p90", "p99", "max")
ARROW_TYPES = {
    to_count: pa.int64(),
    to_optional_count: pa.int64(),
    to_flag: pa.bool_(),
    to_float: pa.float64(),
    to_optional_float: pa.float64(),
    to_text: pa.string(),
    to_optional_text: pa.string(),
}
# What the program holds and logs as float32; everything else is computed in double.
FLOAT32_STEP_FIELDS = ("loss", "cosine", "grad_max_abs")
ROWS_AT_ONCE = 20_000


@dataclass(frozen=True, eq=False)
class RunTables:
    """What one run adds to the four tables."""

    steps: pa.Table
    epochs: pa.Table
    events: pa.Table
    run: dict


def convert_run(run: FinishedRun) -> RunTables:
    """Read one run whole; what is wrong with it shows here, before anything of it is written."""
    return RunTables(
        _steps_table(run),
        _objects_table(run, run.document["epochs"], EPOCH_FIELDS),
        _objects_table(run, run.document["events"], EVENT_FIELDS),
        _run_row(run),
    )


def _steps_table(run: FinishedRun) -> pa.Table:
    schema = steps_schema(run.log.tensors)
    rows = iter(run.log)
    batches = []
    while chunk := list(itertools.islice(rows, ROWS_AT_ONCE)):
        batches.append(_batch(run, chunk, schema))
    return pa.Table.from_batches(batches, schema)


def steps_schema(tensors: Iterable[str]) -> pa.Schema:
    types = _types(STEP_FIELDS) | dict.fromkeys(FLOAT32_STEP_FIELDS, pa.float32())
    norms = {f"tensors.{name}": pa.float64() for name in tensors}
    return pa.schema(RUN_COLUMNS | types | norms)


def _objects_table(run: FinishedRun, objects: list[dict], fields: dict[str, Callable]) -> pa.Table:
    """Return a row for each of a list of objects of run.json."""
    complete = [ABSENT | item for item in objects]
    rows = [[read(item[key]) for key, read in fields.items()] for item in complete]
    schema = pa.schema(RUN_COLUMNS | _types(fields))
    return pa.Table.from_batches([_batch(run, rows, schema)] if rows else [], schema)


def _types(fields: dict[str, Callable]) -> dict[str, pa.DataType]:
    return {key: ARROW_TYPES[read] for key, read in fields.items()}


def _batch(run: FinishedRun, rows: list[list], schema: pa.Schema) -> pa.RecordBatch:
    """Return `rows` as columns, after those that name the run."""
    constants = [
        _repeat(value, kind, len(rows))
        for value, kind in zip(_run_values(run), RUN_COLUMNS.values(), strict=True)
    ]
    kinds = schema.types[len(RUN_COLUMNS) :]
    columns = [pa.array(column, kind) for column, kind in zip(zip(*rows), kinds, strict=True)]
    return pa.RecordBatch.from_arrays(constants + columns, schema=schema)


def _run_values(run: FinishedRun) -> tuple:
    spec = run.spec
    return spec.id, spec.clip.mode, spec.clip.threshold, spec.learning_rate, spec.seed


def _repeat(value: object, kind: pa.DataType, count: int) -> pa.Array:
    if kind == CATEGORY:
        indices = pa.repeat(pa.scalar(0, pa.int32()), count)
        return pa.DictionaryArray.from_arrays(indices, pa.array([value]))
    return pa.repeat(pa.scalar(value, kind), count)


def _run_row(run: FinishedRun) -> dict:
    document = run.document
    totals, quantiles = document["totals"], document["totals"]["grad_norm_raw"]
    return {
        **dict(zip(RUN_COLUMNS, _run_values(run), strict=True)),
        "outcome": run.outcome,
        "final_test_accuracy": run.final_test_accuracy,
        "solved_at_step": to_optional_count(document.get("solved_at_step")),
        **{key: read(totals.get(key)) for key, read in TOTALS.items()},
        **{f"grad_norm_{name}": to_optional_float(quantiles[name]) for name in NORM_QUANTILES},
        **run.details,
        "engine": to_text(document["engine"]),
        "simd": to_text(document["simd"]),
        "wall_seconds": to_float(document["wall_seconds"]),
        "settings": json.dumps(document["settings"]),
    }


def runs_schema() -> pa.Schema:
    texts = dict.fromkeys(("engine", "simd"), pa.string())
    return pa.schema(
        {
            **RUN_COLUMNS,
            "outcome": pa.string(),
            "final_test_accuracy": pa.float64(),
            "solved_at_step": pa.int64(),
            **_types(TOTALS),
            **{f"grad_norm_{name}": pa.float64() for name in NORM_QUANTILES},
            **_types(DETAILS),
            **texts,
            "wall_seconds": pa.float64(),
            "settings": pa.string(),
        }
    )


class ParquetFolder:
    """Writes the four files: steps run by run, a row group each, the short tables at the end."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._steps: pq.ParquetWriter | None = None
        self._epochs: list[pa.Table] = []
        self._events: list[pa.Table] = []
        self._runs: list[dict] = []

    def __enter__(self) -> "ParquetFolder":
        return self

    def __exit__(self, *_) -> None:
        """Finish the files; without a run there are none."""
        if self._steps is None:
            return
        self._steps.close()
        self._write("epochs", pa.concat_tables(self._epochs))
        self._write("events", pa.concat_tables(self._events))
        self._write("runs", pa.Table.from_pylist(self._runs, runs_schema()))

    def add(self, tables: RunTables) -> None:
        """Write one run's steps; raise DataError if its tensors are not those of the others."""
        if self._steps is None:
            self._steps = _open(self._folder / "steps.parquet", tables.steps.schema)
        if tables.steps.schema != self._steps.schema:
            raise DataError("its tensors are not those of the runs before it")
        self._steps.write_table(tables.steps)
        self._epochs.append(tables.epochs)
        self._events.append(tables.events)
        self._runs.append(tables.run)

    def _write(self, name: str, table: pa.Table) -> None:
        with _open(self._folder / f"{name}.parquet", table.schema) as writer:
            writer.write_table(table.unify_dictionaries())


def _open(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """Open a file whose columns of text and of the run are dictionary-encoded."""
    repeating = [
        field.name
        for field in schema
        if field.name in RUN_COLUMNS or pa.types.is_string(field.type)
    ]
    return pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=repeating)
