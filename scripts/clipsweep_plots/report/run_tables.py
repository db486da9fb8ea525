"""The tables of runs: diverged runs, left-out runs, and every run with its outcome."""

import json
import math

from clipsweep_results.result_folder import LeftOutRun, Results, Run

from ..drawing import style
from . import phrases
from .tables import Cell, Column, Table, build_table

MAX_DIVERGED_ROWS = 200
MAX_LEFT_OUT_ROWS = 200
MAX_DIVERGED_ARMS = 60
MAX_RUN_ROWS = 1000  # runs.csv has all


def _rate_cell(run: Run) -> Cell:
    return Cell(phrases.rate(run.spec.learning_rate), run.spec.learning_rate)


def _seed_cell(run: Run) -> Cell:
    return Cell(str(run.spec.seed), run.spec.seed)


def _last_norm_cell(run: Run) -> Cell:
    event = run.first_bad_event
    norm = event.last_finite_norm if event else None
    return Cell(style.number(norm), norm)


DIVERGED_COLUMNS = [
    Column("clipping", "Clipping", lambda run: Cell(run.spec.clip.label), is_number=False),
    Column("rate", "Learning rate", _rate_cell),
    Column("seed", "Seed", _seed_cell),
    Column("event", "What happened", lambda run: Cell(phrases.describe_divergence(run)), False),
    Column("norm", "Last finite norm", _last_norm_cell),
]
LEFT_OUT_COLUMNS = [
    Column("run", "Run", lambda run: Cell(run.id), is_number=False),
    Column("state", "State", lambda run: Cell(run.state), is_number=False),
    Column("reason", "Why", lambda run: Cell(run.reason), is_number=False),
]


def diverged_table(results: Results, max_rows: int = MAX_DIVERGED_ROWS) -> Table:
    diverged = [run for run in results.runs if run.diverged]
    return build_table(
        "diverged-runs", "Diverged runs", DIVERGED_COLUMNS, diverged, max_rows=max_rows
    )


def left_out_table(results: Results) -> Table:
    return build_table(
        "left-out-runs",
        "Left-out runs and the reasons",
        LEFT_OUT_COLUMNS,
        results.left_out,
        max_rows=MAX_LEFT_OUT_ROWS,
    )


def count_divergences(results: Results) -> list[str]:
    """Say how many runs diverged, for each arm with diverged runs; of many arms, for the first."""
    arms = [arm for arm in results.arms if arm.diverged_count]
    counts = [
        f"{arm.label}: {arm.diverged_count} of {len(arm.runs)} runs"
        for arm in arms[:MAX_DIVERGED_ARMS]
    ]
    others = arms[MAX_DIVERGED_ARMS:]
    runs = sum(arm.diverged_count for arm in others)
    return [*counts, f"and {runs:,} runs of {len(others):,} more arms"] if others else counts


def _id_cell(run: Run | LeftOutRun) -> Cell:
    run_id = run.spec.id if isinstance(run, Run) else run.id
    return Cell(run_id, run_id)


def _outcome_cell(run: Run | LeftOutRun) -> Cell:
    if isinstance(run, LeftOutRun):
        return Cell(run.state, run.state, run.reason)
    if run.diverged:
        outcome = "stalled" if run.stalled_steps else "diverged"
        return Cell(outcome, outcome, phrases.describe_divergence(run))
    return Cell("completed", "completed")


def _measured(read) -> object:
    """Return a reader of a cell that shows a left-out run as not measured."""
    return lambda run: read(run) if isinstance(run, Run) else Cell("–")


def _last_accuracy_cell(run: Run) -> Cell:
    """Show the measured value: a diverged run's last whole epoch, not chance level."""
    value = run.epochs[-1].test_accuracy if run.epochs else None
    return Cell(style.percent(value, 2), value)


def _best_accuracy_cell(run: Run) -> Cell:
    measured = [epoch.test_accuracy for epoch in run.epochs if epoch.test_accuracy is not None]
    value = max(measured, default=None)
    return Cell(style.percent(value, 2), value)


def _loss_cell(run: Run) -> Cell:
    return Cell(style.decimal(run.final_train_loss, 4), run.final_train_loss)


def _acted_cell(run: Run) -> Cell:
    shares = [epoch.clipped_share for epoch in run.epochs if epoch.clipped_share is not None]
    value = sum(shares) / len(shares) if shares else None
    return Cell(style.percent(value), value)


def _skipped_cell(run: Run) -> Cell:
    note = style.percent(run.skipped / run.steps) + " %" if run.skipped else ""
    return Cell(f"{run.skipped:,}", run.skipped, note)


def _norm_column(quantile: str, title: str) -> Column:
    def cell(run: Run) -> Cell:
        value = run.norm_quantiles[quantile]
        return Cell(style.number(value), value)

    return Column(quantile, title, _measured(cell))


RUN_COLUMNS = [
    Column("run", "Run", _id_cell, is_number=False),
    Column("outcome", "Outcome", _outcome_cell, is_number=False),
    Column("steps", "Steps", _measured(lambda run: Cell(f"{run.steps:,}", run.steps))),
    Column("accuracy", "Last accuracy, %", _measured(_last_accuracy_cell), large_first=True),
    Column("best", "Best, %", _measured(_best_accuracy_cell), large_first=True),
    Column("loss", "Training loss", _measured(_loss_cell)),
    Column("acted", "Acted, %", _measured(_acted_cell)),
    Column("spikes", "Spikes", _measured(lambda run: Cell(str(run.spikes), run.spikes))),
    _norm_column("median", "Norm, median"),
    _norm_column("max", "Norm, max"),
    Column("skipped", "Skipped steps", _measured(_skipped_cell), large_first=True),
]


def run_table(results: Results) -> Table:
    """Lay out every planned run in the plan's order, including the left-out runs."""
    found = {run.spec.id: run for run in results.runs} | {run.id: run for run in results.left_out}
    runs = [found[spec.id] for spec in results.plan.runs]
    return build_table("runs", "Every run of the plan", RUN_COLUMNS, runs, max_rows=MAX_RUN_ROWS)


def embed_rows(table: Table) -> str:
    """Write a table's rows as JSON for a script element of the page.

    A cell is only its text if it sorts by that, otherwise [text, sort key, note].
    """
    rows = [[_compact(cell) for cell in row.cells] for row in table.rows]
    text = json.dumps(rows, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def _compact(cell: Cell) -> str | list:
    if cell.text == cell.sort and not cell.note:
        return cell.text
    is_bad = isinstance(cell.sort, float) and not math.isfinite(cell.sort)
    return [cell.text, None if is_bad else cell.sort, *([cell.note] if cell.note else [])]
