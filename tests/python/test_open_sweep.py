"""clipsweep_results.open_sweep: the tables of a result folder, finished or not, and its errors."""

import json
import math

import pandas as pd
import pytest
from clipsweep_results import DataError, open_sweep
from clipsweep_results.columns import (
    EPOCH_COLUMNS,
    EVENT_COLUMNS,
    STEP_COLUMNS,
    TENSOR_NORMS,
    names_of,
)
from clipsweep_results.constants import Constants
from conftest import CHANCE, TENSORS, FakeRun, cross, dump

NONE, VALUE = ("none", None), ("value", 0.5)
KEY = ["run", "mode", "threshold", "learning_rate", "seed"]


def logged_steps(folder, run: FakeRun) -> list[dict]:
    lines = (folder.run_folder(run) / "steps.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines[1:]]


def test_every_planned_run_is_listed_with_its_state(sweep):
    runs = [
        *cross([NONE], seeds=1),
        FakeRun("value", 0.5, 0.01, 0, diverges_at=9),
        FakeRun("value", 0.5, 0.01, 1, outcome="interrupted"),
        FakeRun("value", 0.5, 0.01, 2, outcome="failed"),
        FakeRun("value", 0.5, 0.01, 3, outcome="unfinished"),
        FakeRun("value", 0.5, 0.01, 4),
    ]
    folder = sweep(runs)
    (folder.run_folder(runs[5]) / "run.json").write_text("{")
    table = open_sweep(folder.folder).runs
    assert list(table.index) == [run.id for run in runs]
    states = ["completed", "diverged", "interrupted", "failed", "unfinished", "unreadable"]
    assert list(table["state"]) == states
    assert list(table["reason"].str.len() > 0) == [False, False, True, True, True, True]
    assert "run.json: not JSON" in table["reason"].iloc[5]
    assert list(table["arm"])[:2] == ["none at lr 0.01", "value:0.5 at lr 0.01"]
    assert table["final_test_accuracy"].iloc[1] == CHANCE
    assert math.isnan(table["threshold"].iloc[0]) and math.isnan(table["steps"].iloc[4])


def test_a_folder_in_which_nothing_has_started_has_empty_tables(sweep):
    folder = sweep([FakeRun("none", None, 0.01, 0, outcome="unfinished")], summary=False)
    found = open_sweep(folder.folder)
    assert list(found.runs["state"]) == ["unfinished"]
    for table, columns in (
        (found.steps(), STEP_COLUMNS),
        (found.epochs(), EPOCH_COLUMNS),
        (found.events(), EVENT_COLUMNS),
    ):
        assert len(table) == 0 and list(table.columns) == KEY + names_of(columns)


def test_the_steps_of_a_run_are_those_of_its_log(sweep):
    folder = sweep([FakeRun("value", 0.5, 0.01, 0, diverges_at=33), *cross([NONE])])
    run = folder.runs[0]
    steps = open_sweep(str(folder.folder)).steps(run.id)
    logged = logged_steps(folder, run)
    assert list(steps.columns) == [
        *KEY,
        *names_of(STEP_COLUMNS),
        *(f"tensors.{name}" for name in TENSORS),
    ]
    assert list(steps["step"]) == [step["step"] for step in logged]
    assert list(steps["grad_norm_raw"])[:32] == [step["grad_norm_raw"] for step in logged[:32]]
    assert math.isnan(steps["grad_norm_raw"].iloc[32])
    assert list(steps["loss"])[:32] == [step["loss"] for step in logged[:32]]
    assert list(steps["clipped"]) == [step["clipped"] for step in logged]
    assert steps["tensors.lstm.bias"].iloc[0] == logged[0]["tensors"]["lstm.bias"]
    assert steps["clipped"].dtype == bool and steps["loss"].dtype == "float64"
    assert set(steps["run"]) == {run.id} and set(steps["threshold"]) == {0.5}


def test_the_steps_of_all_finished_runs_are_one_table(sweep):
    unfinished = FakeRun("none", None, 0.01, 9, outcome="unfinished")
    folder = sweep([*cross([NONE, VALUE]), unfinished])
    found = open_sweep(folder.folder)
    steps = found.steps(columns=["step", "loss"])
    assert list(steps.columns) == [*KEY, "step", "loss"]
    assert len(steps) == 4 * 40 and unfinished.id not in set(steps["run"])
    assert len(found.steps(unfinished.id)) == 40
    medians = steps.groupby(["mode", "threshold"], dropna=False)["loss"].median()
    assert len(medians) == 2


def test_epochs_and_events_are_tables(sweep):
    folder = sweep([FakeRun("none", None, 0.01, 0, diverges_at=33), FakeRun("none", None, 0.01, 1)])
    found = open_sweep(folder.folder)
    assert list(found.epochs()["epoch"]) == [1, 1, 2]
    [event] = found.events().to_dict("records")
    assert event["kind"] == "nan" and event["step"] == 33 and event["index"] == 17
    assert event["run"] == folder.runs[0].id and pd.isna(event["running_median"])


def test_the_summary_and_its_constants(sweep):
    folder = sweep(cross([NONE, VALUE], seeds=5))
    found = open_sweep(folder.folder)
    assert found.summary.arms[1].label == "value:0.5 at lr 0.01"
    assert found.constants == Constants(5, 0.03, 0.05, 10, 100, 5, "final_test_accuracy", 1)
    constants = {
        "min_pairs": 7,
        "usable_margin": 0.02,
        "significance_level": 0.01,
        "spike_factor": 20,
        "spike_window": 50,
    }
    dump(folder.folder / "summary.json", folder.summary_document() | {"constants": constants})
    assert open_sweep(folder.folder).constants == Constants(**constants, min_pairs_for_verdict=7)


@pytest.mark.parametrize("constants", [[], {}, {"min_pairs": "5"}])
def test_bad_constants_are_an_error(sweep, constants):
    folder = sweep(cross([NONE]))
    dump(folder.folder / "summary.json", folder.summary_document() | {"constants": constants})
    with pytest.raises(DataError, match=r"summary\.json: .*clipsweep summarize"):
        open_sweep(folder.folder).summary  # noqa: B018


def without_step_columns(folder) -> None:
    document = folder.sweep_document()
    del document["step_columns"]
    dump(folder.folder / "sweep.json", document)


def test_a_column_of_a_later_version_is_read_by_its_type(sweep):
    folder = sweep(cross([NONE]))
    folder.declare_columns(
        update_norm="float64", restarts="count", late="boolean", momenta="float64 by tensor"
    )
    run, older = folder.runs
    folder.log_column(run, "update_norm", lambda step: "NaN" if step == 3 else step / 3)
    folder.log_column(run, "restarts", lambda step: step)
    folder.log_column(run, "late", lambda step: step > 1)
    folder.log_column(run, "momenta", lambda step: dict.fromkeys(TENSORS, step / 7))
    steps = open_sweep(folder.folder).steps(run.id)
    assert steps["update_norm"].dtype == "float64" and math.isnan(steps["update_norm"].iloc[2])
    assert steps["update_norm"].iloc[1] == 2 / 3 and steps["momenta.output.bias"].iloc[1] == 2 / 7
    assert list(steps["restarts"]) == list(steps["step"]) and not steps["late"].iloc[0]
    assert list(steps.columns[-len(TENSORS) :]) == [f"momenta.{name}" for name in TENSORS]
    steps = open_sweep(folder.folder).steps(older.id)  # as an earlier version wrote it
    names = ["update_norm", "restarts", "momenta.lstm.bias"]
    assert steps[names].isna().all(axis=None) and not steps["late"].any()
    assert steps["update_norm"].dtype == "float64" and steps["restarts"].dtype == "Int64"


def test_a_sweep_without_step_columns_has_the_known_ones(sweep):
    folder = sweep(cross([NONE], seeds=1))
    expected = open_sweep(folder.folder).steps()
    folder.log_column(folder.runs[0], "update_norm", lambda step: step / 3)
    without_step_columns(folder)
    pd.testing.assert_frame_equal(open_sweep(folder.folder).steps(), expected)


def test_the_columns_of_this_version_are_known(sweep):
    plan = open_sweep(sweep(cross([NONE])).folder).plan
    assert set(names_of(plan.step_columns)) == {*names_of(STEP_COLUMNS), TENSOR_NORMS.name}


def test_the_line_of_a_later_column_is_named_if_it_is_bad(sweep):
    folder = sweep(cross([NONE], seeds=1))
    folder.declare_columns(update_norm="float64", momenta="float64 by tensor")
    folder.log_column(folder.runs[0], "momenta", lambda step: {} if step == 4 else None)
    with pytest.raises(DataError, match=r"steps\.jsonl:5: bad line: norms of 0 tensors"):
        open_sweep(folder.folder).steps()
    folder.log_column(folder.runs[0], "update_norm", lambda step: "large" if step == 2 else step)
    with pytest.raises(DataError, match=r'steps\.jsonl:3: bad line: "large" where a number'):
        open_sweep(folder.folder).steps()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([], "step_columns is a list, not an object"),
        (None, "step_columns is a NoneType, not an object"),
        ({"update_norm": "complex"}, "'update_norm' has the unknown type 'complex'; allowed are"),
        ({"update_norm": ["float64"]}, "'update_norm' has the unknown type"),
        ({"loss": 5}, "'loss' has the unknown type '5'"),
        ({"": "float64"}, "'' is not a plain name"),
        ({"tensors.lstm.bias": "float64"}, "'tensors.lstm.bias' is not a plain name"),
        ({"__class__": "float64"}, "'__class__' is not a plain name"),
        ({"norm\n": "float64"}, "is not a plain name"),
        ({"größe": "float64"}, "'größe' is not a plain name"),
        ({"n" * 65: "float64"}, "is not a plain name"),
        ({"threshold": "float64"}, "'threshold' is the name of a column that names the run"),
        ({f"c{i}": "count" for i in range(65)}, "has 65 keys; at most 64"),
    ],
)
def test_bad_step_columns_are_an_error(sweep, columns, message):
    folder = sweep(cross([NONE], seeds=1))
    dump(folder.folder / "sweep.json", folder.sweep_document() | {"step_columns": columns})
    with pytest.raises(DataError) as error:
        open_sweep(folder.folder)
    text = str(error.value)
    assert text.startswith(f"{folder.folder / 'sweep.json'}: step_columns") and message in text
    assert "\n" not in text


@pytest.mark.parametrize("name", ["class", "None", "self", "mro", "register"])
def test_a_column_may_have_any_plain_name(sweep, name):
    folder = sweep(cross([NONE], seeds=1))
    folder.declare_columns(**{name: "optional float32"})
    folder.log_column(folder.runs[0], name, float)
    assert list(open_sweep(folder.folder).steps(columns=[name])[name]) == list(range(1, 41))


def test_errors_name_the_file(sweep, tmp_path):
    folder = sweep(cross([NONE]), summary=False)
    with pytest.raises(DataError, match="nowhere: does not exist"):
        open_sweep(tmp_path / "nowhere")
    with pytest.raises(
        DataError, match=r"summary\.json: missing; write it with 'clipsweep summarize"
    ):
        open_sweep(folder.folder).summary  # noqa: B018
    path = folder.run_folder(folder.runs[1]) / "steps.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace('"step":7,', '"step":6,'))
    with pytest.raises(DataError, match=f"{path}:8: bad line: step 6 after step 6"):
        open_sweep(folder.folder).steps()


def test_an_unknown_run_or_column_is_an_error(sweep):
    found = open_sweep(sweep(cross([NONE])).folder)
    with pytest.raises(KeyError, match="the plan has no run 'other'"):
        found.steps("other")
    with pytest.raises(KeyError, match="steps have no column 'norm'"):
        found.steps(columns=["step", "norm"])


def test_a_last_line_that_is_cut_off_is_skipped(sweep):
    folder = sweep(cross([NONE], seeds=1))
    path = folder.run_folder(folder.runs[0]) / "steps.jsonl"
    path.write_bytes(path.read_bytes()[:-10])
    assert list(open_sweep(folder.folder).steps()["step"]) == list(range(1, 40))
