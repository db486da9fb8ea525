"""scripts/slurm: a sweep on a Slurm cluster. A cluster of virtual nodes shows that it works."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from clipsweep_cluster.cluster import PACKAGES, missing_programs
from clipsweep_slurm.batch_scripts import array_text, log_pattern
from clipsweep_slurm.time_limits import parse_time_limit
from conftest import ROOT

OK, RUN_FAILED, USAGE, STOPPED = 0, 1, 2, 75
PROGRAM = ROOT / "build/release/clipsweep"
SWEEP = (
    "--task sine --hidden 2 --batch-size 2 --length 3 --clip none,value:0.1 --seeds 6 --epochs 2 "
    "--steps-per-epoch 30"
).split()
SECONDS_TO_STOP = 60


WITHOUT_SLURM = {name: text for name, text in os.environ.items() if not name.startswith("SLURM")}


@pytest.fixture
def slurm(tmp_path):
    """Return a function that calls scripts/slurm on a machine without Slurm."""

    def call(*arguments) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, ROOT / "scripts/slurm", *map(str, arguments)],
            env=WITHOUT_SLURM | {"PATH": str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return call


@pytest.mark.skipif(bool(missing_programs()), reason=f"needs {', '.join(PACKAGES)}")
def test_sweeps_on_a_disturbed_cluster_equal_one_process():
    test = subprocess.Popen(
        [ROOT / "scripts/slurm_test", "--short"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        output, _ = test.communicate(timeout=2400)
    finally:
        if test.poll() is None:  # it ends its cluster
            test.send_signal(signal.SIGTERM)
            test.wait(SECONDS_TO_STOP)
    assert test.returncode == OK, output
    assert output.splitlines()[-1] == "3 passed, 0 failed"


def test_without_slurm_it_offers_gnu_parallel(slurm, tmp_path):
    code, output, errors = slurm(*SWEEP, "--out", tmp_path / "a b", "--tasks", 4)
    assert (code, output) == (USAGE, "")
    [line] = errors.splitlines()
    assert line.startswith("slurm: sbatch not found: no Slurm on this machine; ")
    assert line.endswith(f"--out '\"'\"'{tmp_path}/a b'\"'\"'' --workers 1 --quiet --shard {{}}/4")


def test_a_dry_run_prints_scripts_that_bash_accepts_and_writes_nothing(slurm, tmp_path):
    out = tmp_path / "it's $(touch broken) %j"
    code, output, errors = slurm(
        *SWEEP, "--out", out, "--dry-run", "--tasks", 4, "--at-once", 2, "--cpus", 3, "--time", "1:30:00"
    )
    assert (code, errors) == (OK, "")
    assert "#SBATCH --array=1-4%2\n" in output
    assert "#SBATCH --cpus-per-task=3\n" in output
    assert "#SBATCH --time=1:30:00\n" in output
    assert "%%j/slurm/%A_%a.log" in output
    subprocess.run(["bash", "-n"], input=output, text=True, check=True)
    assert not out.exists()


def test_a_node_without_the_folder_says_so(slurm, tmp_path):
    _, output, _ = slurm(*SWEEP, "--out", tmp_path / "out", "--dry-run")
    done = subprocess.run(
        ["bash"],
        input=output,
        env=os.environ | {"SLURM_ARRAY_TASK_ID": "3", "SLURMD_NODENAME": "n7"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == USAGE
    [line] = done.stderr.splitlines()
    assert line.startswith(f"clipsweep: part 3/16 on n7: no {tmp_path}/out/sweep.json: this node ")


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "--out DIR is missing"),
        (["--out", "q", "--tasks", "0"], "'0' is not a whole number from 1"),
        (["--out", "q", "--tasks", "²"], "'²' is not a whole number from 1"),
        (["--out", "q", "--time", "soon"], "'soon' is no time limit of Slurm"),
        (["--out", "q", "--time", "3"], "tasks would spend it on saving"),
        (["--out", "q", "--partition", "a b"], "'a b' is no name of a partition"),
        (["--out", "q", "--sbatch", "--mem='4G"], "No closing quotation"),
        (["--out", "q", "--workers=4"], "--cpus N sets it"),
        (["--out", "q", "--shard", "1/2"], "--tasks N sets it"),
        (["--out", "q\nr"], "no backslash and no control character"),
        (["--out", "q", "--program", "/nowhere"], "/nowhere: no such program"),
        (["--out", "q", "--dry-run", "--lerning-rate", "1"], "unknown flag --lerning-rate"),
        (["--out", "q", "--dry-run", "--lr", "-1"], "-1"),
        (["--status", "q", "--tasks", "4"], "--status DIR takes no other arguments"),
        (["--status", "/"], "has no sweep.json"),
    ],
)
def test_a_wrong_option_gets_one_line(arguments, message, slurm):
    code, output, errors = slurm(*arguments)
    assert (code, output) == (USAGE, "")
    [line] = errors.splitlines()
    assert line.startswith("slurm: ") and message in line


def test_the_status_counts_runs_and_names_failures(slurm, tmp_path):
    out = tmp_path / "out"
    command = [PROGRAM, "sweep", *SWEEP, "--workers", "1", "--out", out]
    subprocess.run([*command, "--max-runs", "5"], capture_output=True, check=False)
    code, output, errors = slurm("--status", out)
    assert (code, errors) == (STOPPED, "")
    assert output.splitlines() == [
        "12 runs",
        "  completed            5",
        "  not started          7",
        "The same scripts/slurm command trains what is left.",
    ]
    subprocess.run(command, capture_output=True, check=True)
    assert slurm("--status", out)[:2] == (OK, "12 runs\n  completed           12\n")
    record = next((out / "runs").glob("*/run.json"))
    document = json.loads(record.read_text(encoding="utf-8"))
    record.write_text(json.dumps(document | {"outcome": "failed", "reason": "no \x1b[31mmemory"}))
    code, output, _ = slurm("--status", out)
    assert code == RUN_FAILED
    assert f"  {record.parent.name}: no ?[31mmemory" in output.splitlines()
    record.write_text("{")
    code, output, _ = slurm("--status", out)
    assert code == STOPPED and "  damaged              1" in output.splitlines()


def test_a_sweep_of_no_runs_only_writes_the_plan(tmp_path):
    out = tmp_path / "out"
    command = [PROGRAM, "sweep", *SWEEP, "--out", out, "--shard", "1/3", "--max-runs", "0", "-q"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (STOPPED, "")
    assert {path.name for path in out.rglob("*") if path.is_file()} == {".lock", "sweep.json"}
    checked = subprocess.run([PROGRAM, "validate", out], capture_output=True, text=True, check=False)
    assert checked.returncode == OK, checked.stdout


def test_the_plan_says_how_much_of_each_part_is_complete(tmp_path):
    def parts() -> list[dict]:
        command = [PROGRAM, "plan", *SWEEP, "--out", tmp_path, "--shard", "2/5", "--json"]
        planned = subprocess.run(command, capture_output=True, check=True)
        return json.loads(planned.stdout)["shard"]["parts"]

    before = parts()
    assert sum(part["runs"] for part in before) == 12
    assert [part["complete"] for part in before] == [0] * 5
    command = [PROGRAM, "sweep", *SWEEP, "--workers", "1", "--out", tmp_path, "--shard", "4/5"]
    subprocess.run(command, capture_output=True, check=True)
    before[3]["complete"] = before[3]["runs"]
    assert parts() == before


@pytest.mark.parametrize(
    "text, seconds",
    [("90", 5400), ("1:30", 90), ("2:00:05", 7205), ("1-0", 86400), ("1-2:30", 95400), ("0-0:0:1", 1)],
)
def test_time_limits_are_those_of_sbatch(text, seconds):
    assert parse_time_limit(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0:00", "1:2:3:4", "-5", "1-", "٣", "INFINITE"])
def test_other_texts_are_no_time_limits(text):
    with pytest.raises(ValueError):
        parse_time_limit(text)


@pytest.mark.parametrize(
    "parts, text", [([4], "4"), ([1, 2, 3], "1-3"), ([1, 3, 4, 9], "1,3-4,9"), ([1, 2], "1-2")]
)
def test_parts_that_are_left_become_an_array(parts, text):
    assert array_text(parts) == text


def test_a_folder_whose_name_has_a_percent_sign_keeps_it():
    assert log_pattern(Path("/a %j/b"), "%A.log") == "/a %%j/b/%A.log"
