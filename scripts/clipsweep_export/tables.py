"""Parquet: steps.parquet, epochs.parquet, events.parquet and runs.parquet, by pyarrow.

Every table names the run of a row, with its mode, threshold, learning rate and seed. A column is
float32 where the log is. Null is "not measured", NaN is a NaN. Nested values stay in run.json: the
steps that an event carries from before it, and the values by gate of epochs and events.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from clipsweep_results.columns import (
    EPOCH_COLUMNS,
    EVENT_COLUMNS,
    FACT_COLUMNS,
    KEY_COLUMNS,
    Column,
)
from clipsweep_results.finished_run import FinishedRun, key_of
from clipsweep_results.strict_json import DataError
from clipsweep_results.values import (
    to_count,
    to_flag,
    to_float,
    to_optional_count,
    to_optional_flag,
    to_optional_float,
    to_optional_text,
    to_text,
)

CATEGORY = pa.dictionary(pa.int32(), pa.string())
KEY_TYPES = dict(
    zip(KEY_COLUMNS, (CATEGORY, CATEGORY, pa.float64(), pa.float64(), pa.int64()), strict=True)
)
ARROW_TYPES = {
    to_count: pa.int64(),
    to_optional_count: pa.int64(),
    to_flag: pa.bool_(),
    to_optional_flag: pa.bool_(),
    to_float: pa.float64(),
    to_optional_float: pa.float64(),
    to_text: pa.string(),
    to_optional_text: pa.string(),
}
ROWS_AT_ONCE = 20_000


@dataclass(frozen=True, eq=False)
class RunTables:
    """One run's part of the four tables."""

    steps: pa.Table
    epochs: pa.Table
    events: pa.Table
    run: dict


def convert_run(run: FinishedRun) -> RunTables:
    """Read one run whole; any error in it is raised here, before any of it is written."""
    return RunTables(
        _steps_table(run),
        _table(run, run.epoch_rows(), EPOCH_COLUMNS),
        _table(run, run.event_rows(), EVENT_COLUMNS),
        key_of(run.spec) | run.facts(),
    )


def _steps_table(run: FinishedRun) -> pa.Table:
    schema = pa.schema(KEY_TYPES | _types(run.log.columns))
    rows = iter(run.log)
    batches = []
    while chunk := list(itertools.islice(rows, ROWS_AT_ONCE)):
        batches.append(_batch(run, chunk, schema))
    return pa.Table.from_batches(batches, schema)


def _table(run: FinishedRun, rows: list[list], columns: tuple[Column, ...]) -> pa.Table:
    schema = pa.schema(KEY_TYPES | _types(columns))
    return pa.Table.from_batches([_batch(run, rows, schema)] if rows else [], schema)


def _types(columns: tuple[Column, ...]) -> dict[str, pa.DataType]:
    return {
        column.name: pa.float32() if column.is_float32 else ARROW_TYPES[column.read]
        for column in columns
    }


def _batch(run: FinishedRun, rows: list[list], schema: pa.Schema) -> pa.RecordBatch:
    """Return `rows` as columns, after the columns that name the run."""
    key = key_of(run.spec)
    constants = [_repeat(key[name], kind, len(rows)) for name, kind in KEY_TYPES.items()]
    kinds = schema.types[len(KEY_TYPES) :]
    columns = [
        pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), kinds, strict=True)
    ]
    return pa.RecordBatch.from_arrays(constants + columns, schema=schema)


def _repeat(value: object, kind: pa.DataType, count: int) -> pa.Array:
    if kind == CATEGORY:
        indices = pa.repeat(pa.scalar(0, pa.int32()), count)
        return pa.DictionaryArray.from_arrays(indices, pa.array([value]))
    return pa.repeat(pa.scalar(value, kind), count)


def runs_schema() -> pa.Schema:
    return pa.schema(KEY_TYPES | _types(FACT_COLUMNS))


class ParquetFile:
    """A file in which text columns and the columns that name the run are dictionaries.

    Columns of floats have no minimum and maximum: these ignore NaN, so that readers such as Polars
    and DuckDB would skip the row groups whose only NaN a filter like is_nan(loss) looks for.
    """

    def __init__(self, path: Path, schema: pa.Schema):
        repeating = [
            field.name
            for field in schema
            if field.name in KEY_TYPES or pa.types.is_string(field.type)
        ]
        bounded = [field.name for field in schema if not pa.types.is_floating(field.type)]
        self.schema = schema
        self._file = path.open("wb")  # pyarrow takes no path whose bytes are not UTF-8
        self._writer = pq.ParquetWriter(
            self._file,
            schema,
            compression="zstd",
            use_dictionary=repeating,
            write_statistics=bounded,
        )

    def __enter__(self) -> "ParquetFile":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def write_table(self, table: pa.Table) -> None:
        self._writer.write_table(table)

    def close(self) -> None:
        with self._file:
            self._writer.close()


class ParquetFolder:
    """Writes the four files: steps as one row group per run, the short tables at the end."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._steps: ParquetFile | None = None
        self._epochs: list[pa.Table] = []
        self._events: list[pa.Table] = []
        self._runs: list[dict] = []

    def __enter__(self) -> "ParquetFolder":
        return self

    def __exit__(self, *_) -> None:
        """Finish the files; without any run there are no files."""
        if self._steps is None:
            return
        self._steps.close()
        self._write("epochs", pa.concat_tables(self._epochs))
        self._write("events", pa.concat_tables(self._events))
        self._write("runs", pa.Table.from_pylist(self._runs, runs_schema()))

    def add(self, tables: RunTables) -> None:
        """Write one run's steps; raise DataError if its tensors differ from those of the others."""
        if self._steps is None:
            self._steps = ParquetFile(self._folder / "steps.parquet", tables.steps.schema)
        if tables.steps.schema != self._steps.schema:
            raise DataError("its tensors differ from those of the runs before it")
        self._steps.write_table(tables.steps)
        self._epochs.append(tables.epochs)
        self._events.append(tables.events)
        self._runs.append(tables.run)

    def _write(self, name: str, table: pa.Table) -> None:
        with ParquetFile(self._folder / f"{name}.parquet", table.schema) as writer:
            writer.write_table(table.unify_dictionaries())
