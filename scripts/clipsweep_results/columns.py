"""The columns of the logs, each listed once.

Tables of steps, epochs, events and runs take their names, types and order from here, in figures,
in DataFrames and in exports. results/README.md says what each column means.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec

from .values import (
    to_count,
    to_flag,
    to_float,
    to_optional_count,
    to_optional_float,
    to_optional_text,
    to_text,
)

REQUIRED = object()
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

    def value_in(self, record: dict) -> object:
        """Return this column's value; raise KeyError where a required key is missing."""
        if self.absent is REQUIRED:
            return self.read(record[self.name])
        return self.read(record.get(self.name, self.absent))


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
# The key of a step's object with the raw norm of each parameter tensor.
TENSOR_NORMS = "tensors"

# "epochs" of run.json.
EPOCH_COLUMNS = (
    Column("epoch", to_count),
    Column("train_loss", to_optional_float),
    Column("train_accuracy", to_optional_float),
    Column("test_loss", to_optional_float),
    Column("test_accuracy", to_optional_float),
    Column("clipped_share", to_optional_float),
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

# "totals" of run.json.
TOTAL_COLUMNS = (
    Column("steps", to_count),
    Column("clipped_steps", to_count),
    Column("skipped_steps", to_count),
    Column("nonfinite_steps", to_count),
    Column("spikes", to_count),
    Column("mean_cosine", to_optional_float, absent=None),
)
NORM_QUANTILES = ("median", "p90", "p99", "max")

# Settings that a run, an arm or the plan names only where they differ from their default.
DETAIL_COLUMNS = (
    Column("cell", to_text),
    Column("init", to_text),
    Column("output_threshold", to_float),
    Column("norm_type", to_float),
    Column("clip_epsilon", to_float),
    Column("agc_output", to_text),
    Column("zclip_decay", to_float),
    Column("zclip_warmup", to_count),
    Column("adagc_decay", to_float),
    Column("adagc_warmup", to_count),
    Column("adagc_warmup_norm", to_float),
    Column("weight_decay", to_float),
    Column("decoupled_weight_decay", to_float),
    Column("l1", to_float),
    Column("perturbed", to_flag),
)

# A row of a table of runs, after the columns that name the run.
FACT_COLUMNS = (
    Column("outcome", to_text),
    Column("final_test_accuracy", to_optional_float),
    Column("solved_at_step", to_optional_count),
    *TOTAL_COLUMNS,
    *(Column(f"grad_norm_{name}", to_optional_float) for name in NORM_QUANTILES),
    *DETAIL_COLUMNS,
    Column("engine", to_text),
    Column("simd", to_text),
    Column("wall_seconds", to_float),
    Column("settings", to_text),  # as JSON
)

_WIRE_TYPES = {
    to_count: Annotated[int, msgspec.Meta(ge=0)],
    to_flag: bool,
    to_float: Number,
    to_optional_float: Number | None,
}


def names_of(columns: tuple[Column, ...]) -> list[str]:
    return [column.name for column in columns]


def step_decoder(*names: str) -> Callable[[bytes], object]:
    """Return a fast decoder of a step's line that reads only the named keys, as attributes."""
    fields: list[tuple] = [
        (column.name, _WIRE_TYPES[column.read])
        if column.absent is REQUIRED
        else (column.name, _WIRE_TYPES[column.read], column.absent)
        for column in STEP_COLUMNS
        if column.name in names
    ]
    if TENSOR_NORMS in names:
        fields.append((TENSOR_NORMS, dict[str, Number]))
    record = msgspec.defstruct("StepRecord", fields, gc=False, kw_only=True)
    return msgspec.json.Decoder(record).decode
