"""scripts/export.py: every number of the logs, read back with the formats' own readers.

On two short sweeps of the real program and on constructed folders. CLIPSWEEP names another program
than build/release/clipsweep.
"""

import csv
import json
import math
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from clipsweep_export import program as export
from clipsweep_export import tables
from clipsweep_results.columns import DETAIL_COLUMNS, TOTAL_COLUMNS, names_of
from clipsweep_results.messages import MAX_WARNINGS
from clipsweep_results.strict_json import NON_FINITE
from conftest import CHANCE, ROOT, FakeRun, cross, dump
from small_data import with_little_data
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata as hparams_metadata

PROGRAM = os.environ.get("CLIPSWEEP", str(ROOT / "build/release/clipsweep"))
NONE, VALUE, MEASURED = ("none", None), ("value", 0.5), ("value", math.inf)
FORMATS = ("parquet", "tensorboard")
STEP_SCALARS = (
    "loss",
    "accuracy",
    "grad_norm_raw",
    "grad_norm_clipped",
    "clip_scale",
    "clipped_fraction",
    "cosine",
    "limit",
    "effective_learning_rate",
    "grad_max_abs",
)
EPOCH_SCALARS = ("train_loss", "train_accuracy", "test_loss", "test_accuracy", "clipped_share")
STEPS_PER_EPOCH = 20
FLOAT32 = ("loss", "cosine", "grad_max_abs")
USAGE, BAD_DATA, STORAGE, INTERRUPTED = 2, 3, 75, 130


# Real sweeps and their logs


def train(out: Path, *settings: str) -> Path:
    length = ("--epochs", "2", "--steps-per-epoch", str(STEPS_PER_EPOCH))
    command = [PROGRAM, "sweep", *with_little_data(*settings, *length), "--out", out]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return out


@pytest.fixture(scope="module")
def clipped(tmp_path_factory) -> Path:
    """Runs of every kind of limit, and runs with settings that differ from their default."""
    clips = "none,value:0.1,value:inf,autoclip:50,zclip:0.5,agc:0.01"
    others = ("--weight-decay", "0,0.001", "--norm-type", "inf", "--noise-floor")
    return train(
        tmp_path_factory.mktemp("real") / "clipped",
        *("--clip", f"{clips},global-norm:0.3", "--seeds", "0,9007199254740992"),
        *others,
    )


@pytest.fixture(scope="module")
def exploded(tmp_path_factory) -> dict[str, Path]:
    """Runs whose gradients become NaN and infinite, and other runs, for two policies."""
    settings = ("--clip", "none,value:0.5", "--lr", "0.01,1e38", "--seeds", "2")
    folder = tmp_path_factory.mktemp("real")
    return {
        policy: train(folder / policy, *settings, "--on-nonfinite", policy)
        for policy in ("stop", "skip")
    }


@pytest.fixture(params=("clipped", "stop", "skip"))
def real(request, clipped, exploded) -> Path:
    """Each of the real sweeps."""
    return clipped if request.param == "clipped" else exploded[request.param]


def value_of(logged):
    """A logged value, non-finite numbers as numbers."""
    return NON_FINITE.get(logged, logged) if isinstance(logged, str) else logged


def documents(folder: Path) -> dict[str, dict]:
    """run.json of every run, in the order of the plan."""
    plan = json.loads((folder / "sweep.json").read_text(encoding="utf-8"))
    paths = {run["id"]: folder / "runs" / run["id"] / "run.json" for run in plan["runs"]}
    return {run: json.loads(path.read_text(encoding="utf-8")) for run, path in paths.items()}


def logged_steps(folder: Path, run: str) -> list[dict]:
    lines = (folder / "runs" / run / "steps.jsonl").read_text(encoding="utf-8").splitlines()
    return [flattened(json.loads(line)) for line in lines[1:]]


def flattened(step: dict) -> dict:
    """A step as a row of steps.parquet."""
    norms = {f"tensors.{name}": norm for name, norm in step.pop("tensors").items()}
    return {key: value_of(value) for key, value in ({"skipped": False} | step | norms).items()}


def same(found, expected) -> bool:
    """Equal to the last bit; a NaN equals a NaN and never null."""
    if isinstance(expected, float) and math.isnan(expected):
        return isinstance(found, float) and math.isnan(found)
    return found == expected and (found is None) == (expected is None)


def assert_same_row(found: dict, expected: dict) -> None:
    unequal = [key for key, value in expected.items() if not same(found[key], value)]
    assert {key: found[key] for key in unequal} == {key: expected[key] for key in unequal}


def run_export(capsys, *arguments, expect: int = 0) -> tuple[str, str]:
    """Call the script in this process; return its stdout and stderr."""
    assert export.main([str(argument) for argument in arguments]) == expect
    return capsys.readouterr()


def run_script(*arguments, expect: int = 0) -> subprocess.CompletedProcess:
    command = [sys.executable, ROOT / "scripts/export.py", *arguments]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=False)
    assert result.returncode == expect, result.stderr
    return result


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# Parquet


def parquet(folder: Path, tmp_path: Path, capsys) -> dict[str, pa.Table]:
    run_export(capsys, folder, "--format", "parquet", "--out", tmp_path / "parquet")
    return {path.stem: pq.read_table(path) for path in (tmp_path / "parquet").glob("*.parquet")}


def rows_by_run(table: pa.Table) -> dict[str, list[dict]]:
    rows = {}
    for row in table.to_pylist():
        rows.setdefault(row["run"], []).append(row)
    return rows


def identity(document: dict) -> dict:
    keys = ("mode", "threshold", "learning_rate", "seed")
    return {"run": document["id"]} | {
        key: document[key] if key == "mode" else value_of(document[key]) for key in keys
    }


def test_parquet_has_every_number_of_every_step(real, tmp_path, capsys):
    found = rows_by_run(parquet(real, tmp_path, capsys)["steps"])
    assert list(found) == list(documents(real))
    for run, document in documents(real).items():
        steps = logged_steps(real, run)
        assert len(found[run]) == len(steps)
        for row, step in zip(found[run], steps, strict=True):
            exact = step | {key: rounded(step[key]) for key in FLOAT32}
            assert_same_row(row, exact | identity(document))


def rounded(value: float | None) -> float | None:
    """A logged float32 as Python reads it back from float32; shortest texts make it the same."""
    if value is None:
        return None
    narrow = np.float32(value)
    assert not np.isfinite(narrow) or float(str(narrow)) == value
    return float(narrow)


NO_COLUMNS = ("before", "gate_norms", "spectral_radius")


@pytest.mark.parametrize("name", ("epochs", "events"))
def test_parquet_has_every_epoch_and_event(real, tmp_path, capsys, name):
    found = rows_by_run(parquet(real, tmp_path, capsys)[name])
    for run, document in documents(real).items():
        assert len(found.get(run, [])) == len(document[name])
        for row, entry in zip(found.get(run, []), document[name], strict=True):
            flat = {key: value_of(value) for key, value in entry.items() if key not in NO_COLUMNS}
            expected = flat | identity(document)
            assert_same_row(row, expected)
            assert all(row[key] is None for key in row.keys() - expected.keys())


def test_parquet_has_every_run(real, tmp_path, capsys):
    found = rows_by_run(parquet(real, tmp_path, capsys)["runs"])
    for run, document in documents(real).items():
        (row,) = found[run]
        totals = document["totals"]
        norms = {f"grad_norm_{key}": value for key, value in totals["grad_norm_raw"].items()}
        counts = {key: totals[key] for key in names_of(TOTAL_COLUMNS)}
        assert_same_row(row, identity(document) | {"outcome": document["outcome"]} | counts | norms)
        assert json.loads(row["settings"]) == document["settings"]
        for key in names_of(DETAIL_COLUMNS):
            assert row[key] == value_of(document.get(key))


def test_final_accuracies_are_those_of_runs_csv(real, tmp_path, capsys):
    runs = parquet(real, tmp_path, capsys)["runs"].to_pylist()
    with (real / "runs.csv").open(encoding="utf-8", newline="") as file:
        expected = {row["id"]: float(row["final_test_accuracy"]) for row in csv.DictReader(file)}
    assert {row["run"]: row["final_test_accuracy"] for row in runs} == expected


def test_parquet_distinguishes_cells(sweep, tmp_path, capsys):
    runs = cross([NONE], seeds=2)
    runs[1].cell, runs[1].init = "rnn-relu", "identity"
    made = sweep(runs, gates=True, through_time_every=10)
    rows = parquet(made.folder, tmp_path, capsys)["runs"].to_pylist()
    models = [(row["cell"], row["init"]) for row in rows]
    assert models == [(None, None), ("rnn-relu", "identity")]


def test_parquet_has_the_step_at_which_a_task_was_solved(sweep, tmp_path, capsys):
    made = sweep(cross([NONE], seeds=2))
    solved = edit_run(made, 0, solved_at_step=20)
    runs = parquet(made.folder, tmp_path, capsys)["runs"].to_pylist()
    assert {row["run"]: row["solved_at_step"] for row in runs} == {
        solved: 20,
        made.runs[1].id: None,
    }


def test_columns_have_the_types_of_the_program(clipped, tmp_path, capsys):
    schema = parquet(clipped, tmp_path, capsys)["steps"].schema
    floats = {key for key in schema.names if schema.field(key).type == pa.float32()}
    assert floats == set(FLOAT32)
    assert schema.field("seed").type == pa.int64()
    assert schema.field("clipped").type == schema.field("skipped").type == pa.bool_()
    assert {str(schema.field(key).type.value_type) for key in ("run", "mode")} == {"string"}


def test_each_run_is_one_row_group(clipped, tmp_path, capsys):
    parquet(clipped, tmp_path, capsys)
    file = pq.ParquetFile(tmp_path / "parquet" / "steps.parquet")
    assert file.num_row_groups == len(documents(clipped))
    for group, run in enumerate(documents(clipped)):
        assert set(file.read_row_group(group, ["run"])["run"].to_pylist()) == {run}


def test_a_long_log_is_read_in_parts(sweep, tmp_path, capsys, monkeypatch):
    folder = sweep(cross([NONE, VALUE])).folder
    whole = parquet(folder, tmp_path, capsys)["steps"]
    monkeypatch.setattr(tables, "ROWS_AT_ONCE", 7)
    assert parquet(folder, tmp_path, capsys)["steps"].to_pylist() == whole.to_pylist()


def test_null_and_nan_are_different(sweep, tmp_path, capsys):
    folder = sweep([FakeRun(*NONE, 0.01, 0, diverges_at=5), FakeRun(*MEASURED, 0.01, 0)]).folder
    steps = parquet(folder, tmp_path, capsys)["steps"]
    last = next(row for row in steps.to_pylist() if row["mode"] == "none" and row["step"] == 5)
    assert math.isnan(last["loss"]) and math.isnan(last["clip_scale"])
    assert last["cosine"] is None and last["limit"] is None and last["threshold"] is None
    thresholds = {row["mode"]: row["threshold"] for row in steps.to_pylist()}
    assert thresholds == {"none": None, "value": math.inf}


def test_a_filter_finds_every_nan(sweep, tmp_path, capsys):
    """Readers skip row groups by minimum and maximum, which ignore NaN."""
    runs = [FakeRun(*NONE, 0.01, seed, diverges_at=5 + seed) for seed in range(3)]
    parquet(sweep(runs).folder, tmp_path, capsys)
    path = tmp_path / "parquet" / "steps.parquet"
    assert pq.read_table(path, filters=pc.is_nan(pc.field("loss"))).num_rows == 3
    group = pq.ParquetFile(path).metadata.row_group(0)
    columns = {group.column(k).path_in_schema: group.column(k) for k in range(group.num_columns)}
    assert not columns["loss"].is_stats_set and columns["step"].is_stats_set


def test_pandas_reads_the_tables(clipped, tmp_path, capsys):
    parquet(clipped, tmp_path, capsys)
    steps = pd.read_parquet(tmp_path / "parquet" / "steps.parquet")
    assert len(steps) == sum(run["totals"]["steps"] for run in documents(clipped).values())
    assert isinstance(steps["run"].dtype, pd.CategoricalDtype)
    assert set(steps["mode"].unique()) == {run["mode"] for run in documents(clipped).values()}


# TensorBoard


def tensorboard(folder: Path, tmp_path: Path, capsys) -> dict[str, EventAccumulator]:
    out = tmp_path / "tensorboard"
    run_export(capsys, folder, "--format", "tensorboard", "--out", out)
    everything = {"scalars": 0, "tensors": 0}
    folders = [path for path in out.iterdir() if path.is_dir()]
    return {path.name: EventAccumulator(str(path), everything).Reload() for path in folders}


def scalars(events: EventAccumulator, tag: str) -> list[tuple[int, float]]:
    return [(event.step, event.value) for event in events.Scalars(tag)]


def assert_same_points(found: list[tuple[int, float]], expected: list[tuple[int, float]]) -> None:
    """Compare in float32, the type of TensorBoard's scalars."""
    assert [step for step, _ in found] == [step for step, _ in expected]
    with np.errstate(over="ignore"):
        values = np.array([value for _, value in expected], dtype=np.float32)
    np.testing.assert_array_equal(np.float32([value for _, value in found]), values)


def test_tensorboard_has_every_scalar_of_every_step(real, tmp_path, capsys):
    runs = tensorboard(real, tmp_path, capsys)
    assert set(runs) == set(documents(real))
    for run, events in runs.items():
        steps = logged_steps(real, run)
        tensors = [key for key in steps[0] if key.startswith("tensors.")]
        for key in (*STEP_SCALARS, "epoch", "clipped", "nonfinite", *tensors):
            points = [(step["step"], step[key]) for step in steps if step[key] is not None]
            tag = key.replace("tensors.", "tensors/")
            assert (tag in events.Tags()["scalars"]) == bool(points)
            if points:
                assert_same_points(scalars(events, tag), points)


def test_tensorboard_has_every_epoch_at_its_last_step(real, tmp_path, capsys):
    runs = tensorboard(real, tmp_path, capsys)
    for run, document in documents(real).items():
        for key in EPOCH_SCALARS if document["epochs"] else ():
            points = [
                (STEPS_PER_EPOCH * epoch["epoch"], value_of(epoch[key]))
                for epoch in document["epochs"]
            ]
            assert_same_points(scalars(runs[run], key), points)


def test_tensorboard_has_norms_and_radii_by_gate(clipped, tmp_path, capsys):
    runs = tensorboard(clipped, tmp_path, capsys)
    for run, document in documents(clipped).items():
        for gate in "ifgo":
            steps = [STEPS_PER_EPOCH * epoch["epoch"] for epoch in document["epochs"]]
            norms = [epoch["gate_norms"][gate] for epoch in document["epochs"]]
            radii = [
                epoch["spectral_radius"]["lstm.weight_hh"][gate] for epoch in document["epochs"]
            ]
            points = scalars(runs[run], f"gate_norms/{gate}")
            assert_same_points(points, list(zip(steps, norms, strict=True)))
            points = scalars(runs[run], f"spectral_radius/lstm.weight_hh/{gate}")
            assert_same_points(points, list(zip(steps, radii, strict=True)))


def hyperparameters(events: EventAccumulator) -> dict:
    plugin = events.PluginTagToContent(hparams_metadata.PLUGIN_NAME)
    content = plugin[hparams_metadata.SESSION_START_INFO_TAG]
    info = hparams_metadata.parse_session_start_info_plugin_data(content)
    return {key: getattr(value, value.WhichOneof("kind")) for key, value in info.hparams.items()}


def test_tensorboard_has_the_settings_as_hyperparameters(clipped, tmp_path, capsys):
    runs = tensorboard(clipped, tmp_path, capsys)
    for run, document in documents(clipped).items():
        expected = identity(document) | {"outcome": document["outcome"]}
        expected |= {key: document[key] for key in names_of(DETAIL_COLUMNS) if key in document}
        numbers = {key: value for key, value in expected.items() if key != "run"}
        left_out = (None, math.inf, "Infinity")
        finite = {key: value for key, value in numbers.items() if value not in left_out}
        assert hyperparameters(runs[run]) == finite


def test_a_diverged_run_has_chance_accuracy(sweep, tmp_path, capsys):
    run = FakeRun(*NONE, 0.01, 0, diverges_at=5)
    events = tensorboard(sweep([run]).folder, tmp_path, capsys)[run.id]
    assert_same_points(scalars(events, "final_test_accuracy"), [(5, CHANCE)])
    assert hyperparameters(events)["outcome"] == "diverged"


# Both


@pytest.mark.parametrize("name", FORMATS)
def test_equal_logs_give_equal_bytes_without_pandas(clipped, tmp_path, monkeypatch, name):
    """An export does not import pandas, not even where pyarrow would: that takes a second per process."""
    run_script(clipped, "--format", name, "--out", tmp_path / "first")
    (tmp_path / "pandas.py").write_text("raise RuntimeError('pandas was imported')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    run_script(clipped, "--format", name, "--out", tmp_path / "second")
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


@pytest.mark.parametrize("name", FORMATS)
def test_the_export_is_in_the_result_folder_and_is_replaced(sweep, capsys, name):
    folder = sweep(cross([NONE, VALUE])).folder
    out, _ = run_export(capsys, folder, "--format", name)
    assert out == f"{folder / name}\n"
    first = contents(folder / name)
    (folder / name / "export.json").touch()
    assert run_export(capsys, folder, "--format", name) == (out, "")
    assert contents(folder / name) == first
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_validate_accepts_an_export(clipped, tmp_path, capsys):
    folder = shutil.copytree(clipped, tmp_path / "copy")
    for name in FORMATS:
        run_export(capsys, folder, "--format", name)
    assert subprocess.run([PROGRAM, "validate", folder], capture_output=True).returncode == 0


@pytest.mark.parametrize("name", FORMATS)
def test_logs_with_log_every_are_exported(sweep, tmp_path, capsys, name):
    folder = sweep(cross([NONE, VALUE]), log_every=7).folder
    _, stderr = run_export(capsys, folder, "--format", name, "--out", tmp_path / "out")
    assert stderr == ""


def test_logs_of_earlier_versions_have_null_for_later_columns(sweep, tmp_path, capsys):
    made = sweep(cross([VALUE], seeds=1))
    later = ("cosine", "limit", "effective_learning_rate")
    edit_log(made, 0, lambda lines: [without(line, later) for line in lines])
    steps = parquet(made.folder, tmp_path, capsys)["steps"]
    assert all(steps[key].null_count == len(steps) for key in later)


def without(line: str, keys: tuple[str, ...]) -> str:
    step = json.loads(line)
    return json.dumps({key: value for key, value in step.items() if key not in keys})


def test_a_terminal_gets_a_progress_line(sweep):
    folder = sweep(cross([NONE, VALUE])).folder
    parent, child = pty.openpty()
    command = [sys.executable, ROOT / "scripts/export.py", folder, "--format", "parquet"]
    subprocess.run(command, stderr=child, stdout=subprocess.PIPE, timeout=60, check=True)
    assert "runs exported: 4 of 4" in os.read(parent, 4096).decode().replace("\r", "\n")


# Columns of later versions


def with_update_norm(sweep, type_name: str = "float64"):
    """A folder with a column that these packages do not know, which its second run lacks."""
    made = sweep(cross([NONE]))
    made.declare_columns(update_norm=type_name, restarts="count")
    made.log_column(made.runs[0], "update_norm", lambda step: "Infinity" if step == 2 else step / 3)
    return made


def test_parquet_has_a_column_of_a_later_version(sweep, tmp_path, capsys):
    made = with_update_norm(sweep)
    steps = parquet(made.folder, tmp_path, capsys)["steps"]
    assert steps["update_norm"].type == pa.float64() and steps["restarts"].type == pa.int64()
    later, older = rows_by_run(steps).values()
    expected = [math.inf if step == 2 else step / 3 for step in range(1, 41)]
    assert [row["update_norm"] for row in later] == expected
    assert {row["update_norm"] for row in older} == {row["restarts"] for row in older} == {None}
    assert "tensors.lstm.bias" in steps.column_names


def test_parquet_has_a_later_column_as_float32(sweep, tmp_path, capsys):
    made = with_update_norm(sweep, "optional float32")
    assert parquet(made.folder, tmp_path, capsys)["steps"]["update_norm"].type == pa.float32()


def test_tensorboard_has_a_column_of_a_later_version(sweep, tmp_path, capsys):
    made = with_update_norm(sweep)
    runs = tensorboard(made.folder, tmp_path, capsys)
    later, older = (runs[run.id] for run in made.runs)
    expected = [(step, math.inf if step == 2 else step / 3) for step in range(1, 41)]
    assert_same_points(scalars(later, "update_norm"), expected)
    assert "update_norm" not in older.Tags()["scalars"]
    assert "restarts" not in later.Tags()["scalars"]  # a count


@pytest.mark.parametrize("name", FORMATS)
def test_an_unknown_type_of_a_column_is_one_line(sweep, capsys, name):
    made = with_update_norm(sweep, "complex")
    _, stderr = run_export(capsys, made.folder, "--format", name, expect=BAD_DATA)
    assert f"{made.folder / 'sweep.json'}: step_columns: 'update_norm' has the unknown" in stderr
    assert "float64 by tensor" in stderr and stderr.count("\n") == 1


# Runs that are left out


def edit_log(made, index: int, edit) -> str:
    """Rewrite one run's log by its lines; return the run's ID."""
    run = made.runs[index]
    path = made.run_folder(run) / "steps.jsonl"
    path.write_text("\n".join(edit(path.read_text().splitlines())) + "\n", encoding="utf-8")
    return run.id


def edit_run(made, index: int, **changes) -> str:
    run = made.runs[index]
    path = made.run_folder(run) / "run.json"
    dump(path, json.loads(path.read_text(encoding="utf-8")) | changes)
    return run.id


def exported_runs(out: Path) -> set[str]:
    table = pq.read_table(out / "steps.parquet", columns=["run"])
    return set(table["run"].to_pylist())


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("outcome", ("unfinished", "interrupted", "failed"))
def test_a_run_without_an_outcome_is_named_and_left_out(sweep, tmp_path, capsys, outcome, name):
    left, *others = runs = cross([NONE, VALUE])
    left.outcome = outcome
    folder = sweep(runs).folder
    out = tmp_path / "out"
    _, stderr = run_export(capsys, folder, "--format", name, "--out", out)
    assert f"{left.id} is left out" in stderr
    assert "1 of 4 planned runs are left out: 1 not finished" in stderr
    mark = json.loads((out / "export.json").read_text(encoding="utf-8"))
    assert set(mark["left_out"]) == {left.id} and mark["format"] == name
    if name == "parquet":
        assert exported_runs(out) == {run.id for run in others}
    else:
        assert {path.name for path in out.iterdir() if path.is_dir()} == {run.id for run in others}


def broken(line_number: int, line: str):
    return lambda lines: [*lines[: line_number - 1], line, *lines[line_number:]]


def changed(line_number: int, **changes):
    def change(lines):
        step = json.loads(lines[line_number - 1]) | changes
        return broken(line_number, json.dumps(step))(lines)

    return change


DAMAGES = [
    pytest.param(broken(3, "{"), ":3: bad line: not JSON", id="not JSON"),
    pytest.param(broken(3, ""), ":3: bad line: not JSON", id="empty line"),
    pytest.param(broken(3, "[]"), ":3: bad line", id="not an object"),
    pytest.param(broken(3, '{"step":2,"loss":NaN}'), "NaN is not JSON", id="bare NaN"),
    pytest.param(changed(3, loss="nan"), '"nan" where a number belongs', id="other text"),
    pytest.param(changed(3, loss=None), "NoneType where a number belongs", id="null loss"),
    pytest.param(changed(3, step=1), "step 1 after step 1, in a run of 40 steps", id="twice"),
    pytest.param(changed(41, step=41), "step 41 after step 39, in a run of 40 steps", id="beyond the run"),
    pytest.param(changed(3, clipped=1), "where true or false belongs", id="not a flag"),
    pytest.param(changed(3, tensors={"a": 1}), "norms of 1 tensors", id="other tensors"),
    pytest.param(changed(1, schema="other"), "bad header in line 1: schema", id="other schema"),
    pytest.param(changed(1, run="x"), "bad header in line 1: contains the run 'x'", id="other run"),
    pytest.param(lambda lines: [], "bad header in line 1", id="empty log"),
]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("damage", "message"), DAMAGES)
def test_a_damaged_log_is_named_and_left_out(sweep, tmp_path, capsys, damage, message, name):
    made = sweep(cross([NONE, VALUE]))
    bad = edit_log(made, 1, damage)
    out = tmp_path / "out"
    _, stderr = run_export(capsys, made.folder, "--format", name, "--out", out, expect=BAD_DATA)
    assert f"{bad} is left out: runs/{bad}/steps.jsonl" in stderr and message in stderr
    assert "1 of 4 planned runs are left out: 1 damaged" in stderr
    assert not (out / bad).exists()
    if name == "parquet":
        assert exported_runs(out) == {run.id for run in made.runs} - {bad}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"id": "other"}, "contains the run 'other'"),
        ({"outcome": "fine"}, "outcome is 'fine'; allowed are completed, diverged"),
        ({"totals": {}}, "no key 'steps'"),
        ({"schema": "clipsweep/run-9"}, "schema is 'clipsweep/run-9'"),
        ({"events": [{}]}, "no key 'kind'"),
        ({"epochs": [{"epoch": 1}]}, "no key 'train_loss'"),
    ],
)
def test_a_damaged_run_json_is_named_and_left_out(sweep, tmp_path, capsys, changes, message):
    made = sweep(cross([NONE, VALUE]))
    bad = edit_run(made, 0, **changes)
    out = tmp_path / "out"
    arguments = (made.folder, "--format", "parquet", "--out", out)
    _, stderr = run_export(capsys, *arguments, expect=BAD_DATA)
    assert f"{bad} is left out: runs/{bad}/run.json" in stderr and message in stderr
    assert exported_runs(out) == {run.id for run in made.runs} - {bad}


def test_a_run_with_other_tensors_is_left_out_of_the_table(sweep, tmp_path, capsys):
    made = sweep(cross([NONE], seeds=2))

    def rename(lines):
        return [line.replace("lstm.bias", "gru.bias") for line in lines]

    bad = edit_log(made, 1, rename)
    arguments = (made.folder, "--format", "parquet", "--out", tmp_path / "out")
    _, stderr = run_export(capsys, *arguments, expect=BAD_DATA)
    assert f"{bad} is left out: its tensors differ from those of the runs before it" in stderr


@pytest.mark.parametrize("end", ("", '\n{"step":'), ids=("between lines", "within a line"))
@pytest.mark.parametrize("name", FORMATS)
def test_a_log_that_is_cut_off_is_exported_up_to_its_end(sweep, tmp_path, capsys, end, name):
    made = sweep(cross([NONE], seeds=1))
    path = made.run_folder(made.runs[0]) / "steps.jsonl"
    path.write_text("\n".join(path.read_text().splitlines()[:31]) + (end or "\n"), encoding="utf-8")
    out = tmp_path / "out"
    _, stderr = run_export(capsys, made.folder, "--format", name, "--out", out, expect=BAD_DATA)
    assert "its step log ends at step 30 of 40" in stderr
    assert json.loads((out / "export.json").read_text(encoding="utf-8"))["cut"]
    if name == "parquet":
        assert pq.read_metadata(out / "steps.parquet").num_rows == 30


def test_many_left_out_runs_are_counted(sweep, tmp_path, capsys):
    runs = cross([NONE], seeds=20)
    for run in runs[1:]:
        run.outcome = "unfinished"
    arguments = (sweep(runs).folder, "--format", "parquet", "--out", tmp_path / "out")
    _, stderr = run_export(capsys, *arguments)
    assert stderr.count("is left out: ") == MAX_WARNINGS
    assert "9 more runs are left out or cut off; export.json lists them" in stderr
    assert "19 of 20 planned runs are left out: 19 not finished" in stderr


# What cannot be exported, and where it cannot be written


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_to_export_leaves_nothing(sweep, capsys, name):
    runs = cross([NONE])
    for run in runs:
        run.outcome = "unfinished"
    folder = sweep(runs).folder
    before = set(folder.iterdir())
    _, stderr = run_export(capsys, folder, "--format", name, expect=BAD_DATA)
    assert "none of the 2 planned runs can be exported; rerun the same" in stderr
    assert set(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.mkdir(), "is empty"),
        (lambda path: path.touch(), "is a file"),
    ],
)
def test_a_folder_without_a_sweep_is_an_error(tmp_path, capsys, make, message):
    path = tmp_path / "folder"
    make(path)
    _, stderr = run_export(capsys, path, "--format", "parquet", expect=BAD_DATA)
    assert stderr.count("\n") == 1 and message in stderr and "clipsweep sweep --out" in stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--format", "parket"), "'parket': tensorboard or parquet; did you mean parquet?"),
        (("--format", "TensorBord"), "did you mean tensorboard?"),
        (("--format", "csv"), "unknown format 'csv': tensorboard or parquet\n"),
        ((), "required: --format"),
    ],
)
def test_an_unknown_format_is_a_usage_error(sweep, capsys, arguments, message):
    folder = sweep(cross([NONE], seeds=1)).folder
    with pytest.raises(SystemExit) as stop:
        export.main([str(folder), *arguments])
    assert stop.value.code == USAGE and message in capsys.readouterr().err


def test_an_output_with_other_files_is_an_error(sweep, tmp_path, capsys):
    folder = sweep(cross([NONE], seeds=1)).folder
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.tex").touch()
    arguments = (folder, "--format", "parquet", "--out")
    _, stderr = run_export(capsys, *arguments, out, expect=USAGE)
    assert f"--out {out}: contains 'thesis.tex', which is not part of an earlier export" in stderr
    assert [path.name for path in out.iterdir()] == ["thesis.tex"]
    _, stderr = run_export(capsys, *arguments, out / "thesis.tex", expect=USAGE)
    assert "is a file; name a folder" in stderr
    run_export(capsys, *arguments, folder, expect=USAGE)


def test_a_file_put_into_an_export_is_not_deleted(sweep, capsys):
    folder = sweep(cross([NONE], seeds=1)).folder
    run_export(capsys, folder, "--format", "parquet")
    (folder / "parquet" / "notes.txt").touch()
    _, stderr = run_export(capsys, folder, "--format", "parquet", expect=USAGE)
    assert "contains 'notes.txt'" in stderr and (folder / "parquet" / "notes.txt").exists()


def test_an_empty_folder_can_be_the_output(sweep, tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()
    run_export(capsys, sweep(cross([NONE], seeds=1)).folder, "--format", "parquet", "--out", out)
    assert (out / "runs.parquet").exists()


@pytest.mark.parametrize("name", FORMATS)
def test_a_full_disk_leaves_the_earlier_export(sweep, tmp_path, name):
    made = sweep(cross([NONE, VALUE], seeds=2), steps_per_epoch=500)
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("no small disk can be mounted here")
    try:
        result = run_script(made.folder, "--format", name, "--out", disk / "out", expect=STORAGE)
        assert "cannot be written" in result.stderr and "No space left" in result.stderr
        assert result.stderr.count("\n") == 1 and not list(disk.iterdir())
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_an_output_that_cannot_be_made_is_a_storage_error(sweep, tmp_path, capsys):
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "out"
    folder = sweep(cross([NONE], seeds=1)).folder
    _, stderr = run_export(capsys, folder, "--format", "parquet", "--out", out, expect=STORAGE)
    assert "cannot be written" in stderr and stderr.count("\n") == 1


def interrupted_export(arguments: tuple, folder: Path) -> tuple[int, bytes]:
    """Export and send Ctrl-C when the unfinished output is seen; return the exit code and stderr."""
    command = [sys.executable, ROOT / "scripts/export.py", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)
    while process.poll() is None and not list(folder.glob(".out.*.partial")):
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    return process.returncode, stderr


@pytest.mark.parametrize("name, steps_per_epoch", [("parquet", 2_000), ("tensorboard", 500)])
def test_an_interrupted_export_leaves_the_earlier_one(sweep, tmp_path, name, steps_per_epoch):
    made = sweep(cross([NONE], seeds=6), steps_per_epoch=steps_per_epoch)
    out = tmp_path / "out"
    arguments = (made.folder, "--format", name, "--out", out)
    run_script(*arguments)
    before = contents(out)
    for _ in range(10):  # on a busy machine the signal may come when all is written
        code, stderr = interrupted_export(arguments, tmp_path)
        if code != 0:
            break
    assert code == INTERRUPTED, stderr
    assert stderr.decode() == f"export.py: interrupted; {out} is unchanged\n"
    assert contents(out) == before
    assert {path.name for path in tmp_path.iterdir()} == {"out", "sweep"}


# results/README.md


def readme_code(language: str) -> list[str]:
    text = (ROOT / "results/README.md").read_text(encoding="utf-8")
    section = text.partition("## Into other tools\n")[2].partition("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, flags=re.DOTALL)


def execute(code: str, folder: Path) -> dict:
    names = {}
    exec(code.replace("out/first", str(folder)), names)
    return names


def test_the_five_lines_of_the_readme_load_every_number(real):
    code = readme_code("python")[0]
    assert len(code.splitlines()) == 5
    steps = execute(code, real)["steps"]
    for run in documents(real):
        rows = steps[steps["run"] == run].to_dict("records")
        for row, step in zip(rows, logged_steps(real, run), strict=True):
            del step["skipped"]  # most logs have none
            numbers = {key: math.nan if value is None else value for key, value in step.items()}
            assert_same_row(row, numbers)


def test_the_readme_reads_the_parquet_that_its_command_writes(clipped, tmp_path):
    folder = shutil.copytree(clipped, tmp_path / "copy")
    commands = [line for block in readme_code("sh") for line in block.splitlines()]
    for name in FORMATS:
        (command,) = [line.split("#")[0].split() for line in commands if f"--format {name}" in line]
        script = command.index("scripts/export.py")
        assert command[:script] in ([], [".venv/bin/python"])
        run_script(*[part.replace("out/first", str(folder)) for part in command[script + 1 :]])
    code = readme_code("python")[1].replace(".plot()", "")
    assert len(execute(code, folder)["steps"]) > 0


def test_a_run_whose_gradient_was_never_finite_is_exported(sweep, tmp_path, capsys):
    folder = sweep([FakeRun("none", None, 0.01, 0, diverges_at=1)]).folder
    [row] = parquet(folder, tmp_path, capsys)["runs"].to_pylist()
    assert row["outcome"] == "diverged" and row["grad_norm_median"] is None
