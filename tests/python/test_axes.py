"""Training settings as axes: runs of a crossed sweep have the bytes that they have alone."""

import csv
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from clipsweep_crashes.sweeps import check, compare, kill_when_it_logs
from conftest import ROOT

OK, USAGE, STOPPED, INTERRUPTED = 0, 2, 75, 130
PROGRAM = ROOT / "build/release/clipsweep"
COMMON = (
    "--task sine --batch-size 4 --clip none,value:0.1 --seeds 2 --epochs 2 --steps-per-epoch 20 "
    "--checkpoint-every 7 --through-time-every 10 --workers 1"
).split()
AXES = ["--length", "3,5-9", "--hidden", "2,3", "--optimizer", "sgd,adam"]
# Planning may wait for other tests on the machine.
LIMIT = 60


def call(*arguments, **options) -> subprocess.CompletedProcess:
    options = {"timeout": LIMIT, "check": False} | options
    return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, encoding="utf-8", **options)


def with_common(arguments: tuple[str, ...] | list[str]) -> list[str]:
    """Return the arguments, and the common ones that they do not replace."""
    pairs = zip(COMMON[::2], COMMON[1::2], strict=True)
    return [*(text for pair in pairs if pair[0] not in arguments for text in pair), *arguments]


def sweep(out: Path, *arguments: str, expect: int = OK) -> subprocess.CompletedProcess:
    result = call("sweep", *with_common(arguments), "--out", out)
    assert result.returncode == expect, result.stderr
    return result


def read(path: Path) -> dict:
    return json.loads(path.read_text())


def digits(run_id: str) -> str:
    return run_id.rpartition("_")[2]


def steps(folder: Path, run_id: str) -> list[str]:
    """Return the lines of the log but the header, which names the run."""
    return (folder / "runs" / run_id / "steps.jsonl").read_text().splitlines()[1:]


@pytest.fixture(scope="module")
def crossed(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("crossed") / "out"
    sweep(out, *AXES)
    return out


def test_runs_say_which_setup_they_are_of(crossed):
    manifest = read(crossed / "sweep.json")
    assert manifest["settings"]["length"] == ["3", "5-9"]
    assert manifest["settings"]["hidden"] == [2, 3]
    assert manifest["settings"]["optimizer"] == ["sgd", "adam"]
    assert len(manifest["runs"]) == 2 * 2 * 2 * 4
    assert len(manifest["setups"]) == 8
    for run in manifest["runs"]:
        keys = {key: run[key] for key in ("length", "hidden", "optimizer")}
        assert run["id"].startswith("length-{length}_hidden-{hidden}_optimizer-{optimizer}_".format(**keys))
        record = read(crossed / "runs" / run["id"] / "run.json")
        assert {key: record[key] for key in keys} == keys
        assert {key: record["settings"][key] for key in keys} == keys
        header = json.loads((crossed / "runs" / run["id"] / "steps.jsonl").read_text().splitlines()[0])
        assert {key: header[key] for key in keys} == keys
    with (crossed / "runs.csv").open() as file:
        for row, run in zip(csv.DictReader(file), manifest["runs"], strict=True):
            assert (row["length"], int(row["hidden"]), row["optimizer"]) == (
                run["length"],
                run["hidden"],
                run["optimizer"],
            )


def test_the_summary_tells_setups_apart(crossed):
    summary = read(crossed / "summary.json")
    assert summary["axes"] == [
        {"setting": "length", "values": ["3", "5-9"]},
        {"setting": "hidden", "values": [2, 3]},
        {"setting": "optimizer", "values": ["sgd", "adam"]},
    ]
    assert [setup["setup"] for setup in summary["setups"]][0] == "length 3, hidden 2, optimizer sgd"
    for list_of in ("arms", "best", "modes", "comparisons", "what_if"):
        assert len({entry["setup"] for entry in summary[list_of]}) == 8, list_of
    for comparison in summary["comparisons"]:
        setups = {arm["setup"] for arm in summary["arms"] if arm["arm"] in comparison.values()}
        assert setups == {comparison["setup"]}


@pytest.mark.parametrize(
    ("length", "hidden", "optimizer"), [("3", 2, "sgd"), ("5-9", 3, "adam"), ("5-9", 2, "sgd")]
)
def test_a_run_alone_has_the_bytes_of_the_crossed_sweep(crossed, tmp_path, length, hidden, optimizer):
    sweep(tmp_path / "alone", "--length", length, "--hidden", str(hidden), "--optimizer", optimizer)
    alone = read(tmp_path / "alone/sweep.json")["runs"]
    assert len(alone) == 4
    by_digits = {digits(run["id"]): run["id"] for run in read(crossed / "sweep.json")["runs"]}
    for run in alone:
        same = by_digits[digits(run["id"])]
        assert same.endswith(run["id"])
        assert steps(tmp_path / "alone", run["id"]) == steps(crossed, same)
        hashes = [read(folder / "runs" / run_id / "run.json")["sha256"] for folder, run_id in
                  ((tmp_path / "alone", run["id"]), (crossed, same))]  # fmt: skip
        for key in ("initial_weights", "batch_order", "final_weights"):
            assert hashes[0][key] == hashes[1][key]


def test_two_workers_write_the_same_bytes(crossed, tmp_path):
    sweep(tmp_path / "out", *AXES, "--workers", "2")
    compare(crossed, tmp_path / "out")


def test_validate_accepts_the_folder_and_finds_a_swapped_setup(crossed, tmp_path):
    check(PROGRAM, crossed)
    out = shutil.copytree(crossed, tmp_path / "out")
    run = next(iter((out / "runs").glob("length-3_hidden-2_optimizer-sgd_none*")))
    record = read(run / "run.json")
    record["hidden"] = 3
    (run / "run.json").write_text(json.dumps(record))
    result = call("validate", out)
    assert result.returncode == 3
    assert '"hidden" is 3, but 2 in the plan' in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda sweep: sweep["runs"][0].pop("length"), "has values of other settings"),
        (lambda sweep: sweep["runs"][0].update(length=["3"]), '"length": must be a number or a text'),
        (lambda sweep: sweep["setups"][1].pop("hidden"), "has values of other settings"),
        (lambda sweep: sweep["setups"][0].update(data=5), "sha256"),
        (lambda sweep: sweep.update(setups=5), '"setups" must be a list'),
    ],
)
def test_a_corrupt_setup_is_an_error_that_names_the_file(crossed, tmp_path, change, message):
    out = shutil.copytree(crossed, tmp_path / "out")
    manifest = read(out / "sweep.json")
    change(manifest)
    (out / "sweep.json").write_text(json.dumps(manifest))
    for command in ("summarize", "show"):
        result = call(command, out)
        assert result.returncode == 3
        assert "sweep.json: " in result.stderr and message in result.stderr


def test_a_killed_sweep_resumes_to_the_same_bytes(crossed, tmp_path):
    out = tmp_path / "out"
    command = [PROGRAM, "sweep", *COMMON, *AXES, "--out", out]
    for _ in range(3):
        kill_when_it_logs(command, out)
    sweep(out, *AXES)
    compare(crossed, out)
    check(PROGRAM, out)


def test_parts_merge_to_the_same_bytes(crossed, tmp_path):
    folders = []
    for index in (1, 2, 3):
        folders.append(tmp_path / str(index))
        result = call("sweep", *with_common(AXES), "--shard", f"{index}/3", "-q", "--out", folders[-1])
        assert result.returncode == OK, result.stderr
    result = call("merge", *folders, "--out", tmp_path / "merged")
    assert result.returncode == OK, result.stderr
    compare(crossed, tmp_path / "merged")
    check(PROGRAM, tmp_path / "merged")


def test_merge_unites_the_values_of_an_axis(tmp_path):
    small = ["--seeds", "1", "--hidden", "2"]
    sweep(tmp_path / "a", *small, "--length", "3,4")
    sweep(tmp_path / "b", *small, "--length", "4,10")
    result = call("merge", tmp_path / "b", tmp_path / "a", "--out", tmp_path / "merged")
    assert result.returncode == OK, result.stderr
    assert sorted(read(tmp_path / "merged/sweep.json")["settings"]["length"], key=int) == ["3", "4", "10"]
    assert [axis["values"] for axis in read(tmp_path / "merged/summary.json")["axes"]] == [["3", "4", "10"]]
    check(PROGRAM, tmp_path / "merged")


def test_merge_refuses_a_folder_in_which_other_settings_vary(tmp_path):
    small = ["--seeds", "1", "--hidden", "2"]
    sweep(tmp_path / "a", *small, "--length", "3,4")
    sweep(tmp_path / "b", *small, "--length", "3")
    result = call("merge", tmp_path / "a", tmp_path / "b", "--out", tmp_path / "merged")
    assert result.returncode == USAGE
    assert "training settings that vary" in result.stderr


def test_a_second_call_adds_values_and_keeps_the_runs(tmp_path):
    out = tmp_path / "out"
    sweep(out, "--length", "3", "--hidden", "2")
    before = {run.name: (run / "run.json").read_bytes() for run in (out / "runs").iterdir()}
    result = sweep(out, "--length", "3,4", "--hidden", "2")
    assert "4 already complete" in result.stderr
    for name, content in before.items():
        assert (out / "runs" / name / "run.json").read_bytes() == content
    manifest = read(out / "sweep.json")
    assert manifest["settings"]["length"] == ["3", "4"]
    assert [run["length"] for run in manifest["runs"]] == ["3"] * 4 + ["4"] * 4
    assert len(list((out / "runs").iterdir())) == 8
    check(PROGRAM, out)
    # One value again, and more seeds: the folder keeps what it has.
    sweep(out, "--length", "4", "--hidden", "2", "--seeds", "3")
    manifest = read(out / "sweep.json")
    assert sorted(manifest["settings"]["length"]) == ["3", "4"]
    assert len(manifest["runs"]) == 10
    assert any(run["id"].startswith("length-4_none_lr-0.01_seed-2") for run in manifest["runs"])
    check(PROGRAM, out)


@pytest.mark.parametrize("axis", [("--length", "3", "3,4"), ("--hidden", "2", "2,3")])
def test_each_call_again_finds_its_runs_after_a_setting_began_to_vary(tmp_path, axis):
    """The runs of the first call keep IDs that do not name the setting."""
    out, (flag, first, both) = tmp_path / "out", axis
    common = [text for pair in (("--length", "3"), ("--hidden", "2")) if pair[0] != flag for text in pair]
    sweep(out, *common, flag, first)
    sweep(out, *common, flag, both, "--max-runs", "1", expect=STOPPED)
    assert "; 5 already complete" in sweep(out, *common, flag, both).stderr
    for again in (both, first):
        result = sweep(out, *common, flag, again)
        assert f"All {8 if again == both else 4} runs are complete" in result.stderr
        planned = call("plan", *with_common([*common, flag, again]), "--out", out)
        assert " 0 to train" in planned.stdout, planned.stderr
    assert len(list((out / "runs").iterdir())) == 8
    check(PROGRAM, out)


def test_a_second_call_without_a_common_value_is_refused(tmp_path):
    out = tmp_path / "out"
    sweep(out, "--length", "3,4", "--hidden", "2", "--seeds", "1")
    result = sweep(out, "--length", "5,6", "--hidden", "2", "--seeds", "1", expect=USAGE)
    assert 'its length is ["3","4"], not ["5","6"]' in result.stderr


def test_a_task_axis_has_its_own_data_and_chance_level(tmp_path):
    out = tmp_path / "out"
    sweep(out, "--task", "temporal-order,temporal-order-3", "--length", "10", "--hidden", "2", "--seeds", "1")
    setups = read(out / "sweep.json")["setups"]
    assert [setup["task"] for setup in setups] == ["temporal-order", "temporal-order-3"]
    assert setups[0]["data"]["sha256"] != setups[1]["data"]["sha256"]
    chances = [setup["chance_accuracy"] for setup in read(out / "summary.json")["setups"]]
    # Expected 1/4 and 1/8; counted on a drawn test set.
    assert abs(chances[0] - 1 / 4) < 0.03 and abs(chances[1] - 1 / 8) < 0.03
    check(PROGRAM, out)


def test_success_by_length_is_a_table_with_intervals(tmp_path):
    out = tmp_path / "out"
    # A learning rate of almost 0 solves nothing; an easy target is not needed for the table.
    result = sweep(
        out, "--task", "temporal-order", "--length", "10,12", "--hidden", "2", "--lr", "1e-5", "--seeds", "5"
    )
    assert "Success by length" in result.stdout
    # Wilson's interval of 0 of 5: 0 to z^2 / (n + z^2) with z = 1.96, which is 43.4 %.
    assert re.search(r"none at lr 1e-05 +0/5 \[0, 43\] +0/5 \[0, 43\]", result.stdout)
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_many_setups_are_one_table(tmp_path):
    result = sweep(tmp_path / "out", "--length", "3", "--hidden", ",".join(map(str, range(1, 50))), "--seeds", "1")
    lines = result.stdout.splitlines()
    assert len(lines) <= 40 and max(map(len, lines)) <= 80
    assert "Does clipping help? By setup" in result.stdout
    assert re.search(r"\.\.\. and \d+ setups more", result.stdout)


def test_show_and_trace_name_a_run_by_its_setup(crossed):
    listed = call("show", crossed)
    assert listed.returncode == OK
    assert "\nvalue:0.1 at lr 0.01, length 5-9, hidden 3, optimizer adam\n" in listed.stdout
    run = next(run["id"] for run in read(crossed / "sweep.json")["runs"] if run["hidden"] == 3)
    traced = call("trace", *COMMON, *AXES, "--run", run, "--steps", "1")
    assert traced.returncode == OK, traced.stderr
    trace = json.loads(traced.stdout)
    assert trace["settings"]["hidden"] == 3
    logged = json.loads(steps(crossed, run)[0])
    assert trace["steps"][0]["loss"] == logged["loss"]


def test_plan_tells_what_varies_before_anything_starts(tmp_path):
    result = call("plan", *COMMON, *AXES, "--json", env=os.environ | {"XDG_CACHE_HOME": str(tmp_path)})
    assert result.returncode == OK, result.stderr
    plan = json.loads(result.stdout)
    assert len(plan["runs"]) == 32
    assert len(plan["cells"]) == 8
    assert plan["estimate"]["seconds"] > 0


def test_a_setting_may_begin_to_vary_in_a_sweep_that_was_stopped(tmp_path):
    out = tmp_path / "out"
    sweep(out, "--length", "3", "--max-runs", "2", expect=STOPPED)
    sweep(out, "--length", "3,4")
    result = call("validate", out)
    assert result.returncode == OK, result.stdout


def test_a_sweep_over_schedules_decays_where_the_schedule_is_step(tmp_path):
    out = tmp_path / "out"
    sweep(out, "--length", "3", "--lr-decay", "0.5", "--lr-schedule", "constant,step")
    result = call("validate", out)
    assert result.returncode == OK, result.stdout
    sweep(tmp_path / "alone", "--length", "3")
    of_digits = {digits(run.name): run.name for run in (out / "runs").iterdir()}
    for run in (tmp_path / "alone" / "runs").iterdir():
        assert steps(tmp_path / "alone", run.name) == steps(out, of_digits[digits(run.name)])
