"""The columns of the logs, each listed once.

Tables of steps, epochs, events and runs take their names, types and order from here, in figures,
in DataFrames and in exports. results/README.md says what each column means.
"""

import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import msgspec

from .values import (
    to_count,
    to_flag,
    to_float,
    to_optional_count,
    to_optional_flag,
    to_optional_float,
    to_optional_text,
    to_text,
)

REQUIRED = msgspec.NODEFAULT
NUMBERS = (to_float, to_optional_float)

# A number as JSON contains it.
Number = float | Literal["NaN", "Infinity", "-Infinity"]


@dataclass(frozen=True)
class Column:
    """One column: its key in the log and how a value is read."""

    name: str
    read: Callable[[object], object]
    absent: object = REQUIRED  # the logged value where the key is missing
    is_float32: bool = False  # computed and logged in float32; all other numbers are float64
    by_tensor: bool = False  # an object with a number for each parameter tensor

    def value_in(self, record: dict) -> object:
        """Return this column's value; raise KeyError where a required key is missing."""
        if self.absent is REQUIRED:
            return self.read(record[self.name])
        return self.read(record.get(self.name, self.absent))


# The columns with which every table names the run of a row.
KEY_COLUMNS = ("run", "mode", "threshold", "learning_rate", "seed")

# steps.jsonl. Logs before version 0.1 lack `cosine`, `limit` and `effective_learning_rate`.
STEP_COLUMNS = (
    Column("step", to_count),
    Column("epoch", to_count),
    Column("loss", to_float, is_float32=True),
    Column("accuracy", to_float),
    Column("grad_norm_raw", to_float),
    Column("grad_norm_clipped", to_float),
    Column("clip_scale", to_float),
    Column("clipped", to_flag),
    Column("clipped_fraction", to_float),
    Column("cosine", to_optional_float, absent=None, is_float32=True),
    Column("limit", to_optional_float, absent=None),
    Column("effective_learning_rate", to_optional_float, absent=None),
    Column("grad_max_abs", to_float, is_float32=True),
    Column("nonfinite", to_count),
    Column("skipped", to_flag, absent=False),
)
# The raw norm of each parameter tensor.
TENSOR_NORMS = Column("tensors", to_float, by_tensor=True)

# The types of columns as "step_columns" of sweep.json names them. Older logs of a continued sweep
# may lack a later column.
_COLUMN_OF_TYPE = {
    "count": Column("", to_optional_count, absent=None),
    "float32": Column("", to_optional_float, absent=None, is_float32=True),
    "float64": Column("", to_optional_float, absent=None),
    "boolean": Column("", to_flag, absent=False),
    "optional count": Column("", to_optional_count, absent=None),
    "optional float32": Column("", to_optional_float, absent=None, is_float32=True),
    "optional float64": Column("", to_optional_float, absent=None),
    "optional boolean": Column("", to_optional_flag, absent=None),
    "float64 by tensor": Column("", to_float, absent=None, by_tensor=True),
}
MAX_STEP_COLUMNS = 64
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")

# "epochs" of run.json. Only sweeps with a validation set have those of it.
EPOCH_COLUMNS = (
    Column("epoch", to_count),
    Column("train_loss", to_optional_float),
    Column("train_accuracy", to_optional_float),
    Column("test_loss", to_optional_float),
    Column("test_accuracy", to_optional_float),
    Column("clipped_share", to_optional_float),
    Column("validation_loss", to_optional_float, absent=None),
    Column("validation_accuracy", to_optional_float, absent=None),
)

# "events" of run.json. Only spikes have a running median.
EVENT_COLUMNS = (
    Column("kind", to_text),
    Column("step", to_count),
    Column("epoch", to_count),
    Column("phase", to_text),
    Column("tensor", to_optional_text),
    Column("index", to_optional_count),
    Column("nan", to_count),
    Column("positive_inf", to_count),
    Column("negative_inf", to_count),
    Column("norm", to_optional_float),
    Column("last_finite_norm", to_optional_float),
    Column("running_median", to_optional_float, absent=None),
    Column("action", to_text),
)

# "probes" of run.json, a row for each rule of a probe; `rule` is as --clip takes it.
PROBE_COLUMNS = (
    Column("step", to_count),
    Column("batches", to_count),
    Column("mean_gradient_norm", to_float),
    Column("expected_gradient_norm", to_optional_float),
    Column("noise_variance", to_float),
    Column("effective_dimension", to_optional_float),
    Column("noise_tail_index", to_optional_float),
    Column("rule", to_optional_text),
    Column("clipped_share", to_optional_float),
    Column("mean_clipped_norm", to_optional_float),
    Column("cosine", to_optional_float),
    Column("clipped_variance", to_optional_float),
    Column("descent_reduction", to_optional_float),
    Column("variance_reduction", to_optional_float),
    Column("comparison_criterion", to_optional_float),
    Column("stability_criterion", to_optional_float),
    Column("prediction", to_optional_text),
)

# "totals" of run.json.
TOTAL_COLUMNS = (
    Column("steps", to_count),
    Column("clipped_steps", to_count),
    Column("skipped_steps", to_count),
    Column("trailing_skipped_steps", to_optional_count, absent=None),
    Column("nonfinite_steps", to_count),
    Column("spikes", to_count),
    Column("mean_cosine", to_optional_float, absent=None),
)
NORM_QUANTILES = ("median", "p90", "p99", "max")
# Of the norm of the update divided by that of the weights; runs of earlier versions have none.
UPDATE_RATIOS = ("median", "max")

# Settings that a run, an arm or the plan names only where they differ from their default.
DETAIL_COLUMNS = (
    Column("cell", to_text),
    Column("init", to_text),
    Column("output_threshold", to_float),
    Column("norm_type", to_float),
    Column("clip_epsilon", to_float),
    Column("agc_output", to_text),
    Column("autoclip_window", to_count),
    Column("median_window", to_count),
    Column("zclip_decay", to_float),
    Column("zclip_warmup", to_count),
    Column("adagc_decay", to_float),
    Column("adagc_warmup", to_count),
    Column("adagc_warmup_norm", to_float),
    Column("threshold_decay", to_float),
    Column("threshold_decay_every", to_count),
    Column("weight_decay", to_float),
    Column("decoupled_weight_decay", to_float),
    Column("l1", to_float),
    Column("perturbed", to_flag),
)

# A row of a table of runs, after the columns that name the run.
FACT_COLUMNS = (
    Column("outcome", to_text),
    Column("late_test_accuracy", to_optional_float),
    Column("final_test_accuracy", to_optional_float),
    Column("solved_at_step", to_optional_count),
    *TOTAL_COLUMNS,
    *(Column(f"grad_norm_{name}", to_optional_float) for name in NORM_QUANTILES),
    *(Column(f"update_ratio_{name}", to_optional_float) for name in UPDATE_RATIOS),
    *DETAIL_COLUMNS,
    Column("engine", to_text),
    Column("simd", to_text),
    Column("wall_seconds", to_float),
    Column("settings", to_text),  # as JSON
)

# The names that a setting of training, which is a column too, cannot have.
TABLE_COLUMNS = frozenset(
    column.name
    for table in (STEP_COLUMNS, EPOCH_COLUMNS, EVENT_COLUMNS, FACT_COLUMNS)
    for column in table
) | {*KEY_COLUMNS, TENSOR_NORMS.name, "arm", "state", "reason", "perturbed"}

_WIRE_TYPES = {
    to_count: Annotated[int, msgspec.Meta(ge=0)],
    to_optional_count: Annotated[int, msgspec.Meta(ge=0)] | None,
    to_flag: bool,
    to_optional_flag: bool | None,
    to_float: Number,
    to_optional_float: Number | None,
}


def names_of(columns: Iterable[Column]) -> list[str]:
    return [column.name for column in columns]


def step_columns(document: dict) -> tuple[Column, ...]:
    """Return the columns of the step logs of a sweep, those by tensor last.

    They are STEP_COLUMNS, TENSOR_NORMS and all others that "step_columns" of sweep.json lists, so
    that a column of a later version needs no change here. Raises ValueError for a bad entry.
    """
    types = document.get("step_columns", {})
    if not isinstance(types, dict):
        raise TypeError(f"step_columns is a {type(types).__name__}, not an object")
    if len(types) > MAX_STEP_COLUMNS:
        raise ValueError(f"step_columns has {len(types)} keys; at most {MAX_STEP_COLUMNS} are read")
    columns = [_step_column(name, type_name) for name, type_name in types.items()]
    known = {*names_of(STEP_COLUMNS), TENSOR_NORMS.name}
    columns = [*STEP_COLUMNS, TENSOR_NORMS, *(c for c in columns if c.name not in known)]
    return tuple(sorted(columns, key=lambda column: column.by_tensor))


def _step_column(name: str, type_name: object) -> Column:
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError(
            f"step_columns: {name[:80]!r} is not a plain name (a letter, then letters, digits or _)"
        )
    if name in KEY_COLUMNS:
        raise ValueError(f"step_columns: {name!r} is the name of a column that names the run")
    if not isinstance(type_name, str) or type_name not in _COLUMN_OF_TYPE:
        raise ValueError(
            f"step_columns: {name!r} has the unknown type {str(type_name)[:80]!r}; "
            f"allowed are {', '.join(_COLUMN_OF_TYPE)}"
        )
    return replace(_COLUMN_OF_TYPE[type_name], name=name)


def one_per_tensor(columns: Iterable[Column], tensors: Iterable[str]) -> tuple[Column, ...]:
    """Replace each column by tensor by one column NAME.TENSOR for each of `tensors`."""
    flat = []
    for column in columns:
        if not column.by_tensor:
            flat.append(column)
            continue
        read = to_float if column.absent is REQUIRED else to_optional_float
        flat += [Column(f"{column.name}.{tensor}", read) for tensor in tensors]
    return tuple(flat)


@functools.cache
def step_decoder(columns: tuple[Column, ...]) -> Callable[[bytes], object]:
    """Return a fast decoder of a step's line that reads only these columns, as attributes."""
    fields = [(column.name, _wire_type(column), column.absent) for column in columns]
    record = msgspec.defstruct("StepRecord", fields, gc=False, kw_only=True)
    return msgspec.json.Decoder(record).decode


def _wire_type(column: Column) -> object:
    if not column.by_tensor:
        return _WIRE_TYPES[column.read]
    return dict[str, Number] if column.absent is REQUIRED else dict[str, Number] | None
