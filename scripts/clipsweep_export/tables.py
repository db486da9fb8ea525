"""Parquet: steps.parquet, epochs.parquet, events.parquet and runs.parquet, by pyarrow.

Every table names the run of a row, with its mode, threshold, learning rate, seed and the settings
of training that vary. A column is float32 where the log is. Null is "not measured", NaN is a NaN.
Nested values stay in run.json: the steps that an event carries from before it, and the values by
gate of epochs and events.
"""

import contextlib
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
    names_of,
    one_per_tensor,
)
from clipsweep_results.finished_run import FinishedRun, key_of
from clipsweep_results.plan import SweepPlan
from clipsweep_results.setups import Axis, Setup
from clipsweep_results.step_log import read_tensor_names, steps_path
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

from .arrays import CATEGORY, array_of, repeated

_KEY_TYPES = dict(
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


@dataclass(frozen=True)
class Layout:
    """What the tables of all runs share: the settings that vary, and the tensors of every setup."""

    axes: tuple[Axis, ...]
    tensors: dict[Setup, tuple[str, ...]]

    @property
    def key_types(self) -> dict[str, pa.DataType]:
        return _KEY_TYPES | {axis.setting: _axis_type(axis) for axis in self.axes}

    @property
    def all_tensors(self) -> list[str]:
        return list(dict.fromkeys(name for names in self.tensors.values() for name in names))


def _axis_type(axis: Axis) -> pa.DataType:
    if not axis.is_numeric:
        return CATEGORY
    is_whole = all(value is None or isinstance(value, int) for value in axis.values)
    return pa.int64() if is_whole else pa.float64()


def read_layout(plan: SweepPlan) -> Layout:
    """Read the tensors of each setup from the first run whose log has a header."""
    tensors: dict[Setup, tuple[str, ...]] = {}
    for spec in plan.runs:
        if spec.clip.setup in tensors:
            continue
        with contextlib.suppress(DataError):  # the conversion of the run says what is wrong
            path = steps_path(plan.folder, spec.id)
            tensors[spec.clip.setup] = read_tensor_names(path, spec.id)
    return Layout(plan.axes, tensors)


@dataclass(frozen=True, eq=False)
class RunTables:
    """One run's part of the four tables."""

    steps: pa.Table
    epochs: pa.Table
    events: pa.Table
    run: dict


def convert_run(layout: Layout, run: FinishedRun) -> RunTables:
    """Read one run whole; any error in it is raised here, before any of it is written."""
    if set(run.log.tensors) != set(layout.tensors.get(run.spec.clip.setup, ())):
        raise DataError("its tensors differ from those of the runs before it")
    return RunTables(
        _steps_table(layout, run),
        _table(layout, run, run.epoch_rows(), EPOCH_COLUMNS),
        _table(layout, run, run.event_rows(), EVENT_COLUMNS),
        key_of(run.spec) | run.facts(),
    )


def _steps_table(layout: Layout, run: FinishedRun) -> pa.Table:
    """Return the steps with a column for each tensor of any setup."""
    columns = one_per_tensor(run.step_columns, layout.all_tensors)
    schema = pa.schema(layout.key_types | _types(columns))
    places = {name: place for place, name in enumerate(names_of(run.log.columns))}
    order = [places.get(name) for name in names_of(columns)]
    rows = iter(run.log)
    batches = []
    while chunk := list(itertools.islice(rows, ROWS_AT_ONCE)):
        batches.append(_batch(layout, run, chunk, schema, order))
    return pa.Table.from_batches(batches, schema)


def _table(
    layout: Layout, run: FinishedRun, rows: list[list], columns: tuple[Column, ...]
) -> pa.Table:
    schema = pa.schema(layout.key_types | _types(columns))
    order = list(range(len(columns)))
    batches = [_batch(layout, run, rows, schema, order)] if rows else []
    return pa.Table.from_batches(batches, schema)


def _types(columns: tuple[Column, ...]) -> dict[str, pa.DataType]:
    return {
        column.name: pa.float32() if column.is_float32 else ARROW_TYPES[column.read]
        for column in columns
    }


def _batch(
    layout: Layout,
    run: FinishedRun,
    rows: list[list],
    schema: pa.Schema,
    order: list[int | None],
) -> pa.RecordBatch:
    """Return `rows` as columns, after the columns that name the run.

    `order` has the place of each column in a row, None for one of nulls.
    """
    key, key_types = key_of(run.spec), layout.key_types
    constants = [repeated(key[name], kind, len(rows)) for name, kind in key_types.items()]
    values = list(zip(*rows, strict=True))
    columns = [
        pa.nulls(len(rows), kind) if place is None else array_of(values[place], kind)
        for place, kind in zip(order, schema.types[len(key_types) :], strict=True)
    ]
    return pa.RecordBatch.from_arrays(constants + columns, schema=schema)


def runs_schema(layout: Layout) -> pa.Schema:
    return pa.schema(layout.key_types | _types(FACT_COLUMNS))


def _is_measured(kind: pa.DataType) -> bool:
    return not pa.types.is_string(kind) and not pa.types.is_dictionary(kind)


class ParquetFile:
    """A file in which text columns and the columns that name the run are dictionaries.

    Columns of floats have no minimum and maximum: these ignore NaN, so that readers such as Polars
    and DuckDB would skip the row groups whose only NaN a filter like is_nan(loss) looks for.
    """

    def __init__(self, path: Path, schema: pa.Schema):
        repeating = [
            field.name
            for field in schema
            if field.name in _KEY_TYPES or not _is_measured(field.type)
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

    def __init__(self, folder: Path, layout: Layout):
        self._folder, self._layout = folder, layout
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
        schema = runs_schema(self._layout)
        columns = [array_of([run.get(field.name) for run in self._runs], field.type) for field in schema]
        self._write("runs", pa.Table.from_arrays(columns, schema=schema))

    def add(self, tables: RunTables) -> None:
        """Write one run's steps, and keep its short tables until the end."""
        if self._steps is None:
            self._steps = ParquetFile(self._folder / "steps.parquet", tables.steps.schema)
        self._steps.write_table(tables.steps)
        self._epochs.append(tables.epochs)
        self._events.append(tables.events)
        self._runs.append(tables.run)

    def _write(self, name: str, table: pa.Table) -> None:
        with ParquetFile(self._folder / f"{name}.parquet", table.schema) as writer:
            writer.write_table(table.unify_dictionaries())
