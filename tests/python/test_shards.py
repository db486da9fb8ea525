"""Several processes train the parts of one sweep: --shard. The result has the bytes of one process's."""

import fcntl
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from clipsweep_crashes.faults import FOREVER, Fault, preloaded
from clipsweep_crashes.sweeps import check, compare
from conftest import ROOT

OK, USAGE, STOPPED = 0, 2, 75
PROGRAM = ROOT / "build/release/clipsweep"
LIBRARY = ROOT / "build/release/tests/libfault_injection.so"
SWEEP = (
    "--task sine --hidden 2 --batch-size 2 --length 3 --clip none,value:0.1,global-norm:1 --seeds 6 "
    "--epochs 2 --steps-per-epoch 30 --checkpoint-every 7 --through-time-every 10 --workers 1"
).split()
WITHOUT_SLURM = {name: text for name, text in os.environ.items() if not name.startswith("SLURM_")}


def start(out: Path, *arguments: str, **environment: str) -> subprocess.Popen:
    command = [PROGRAM, "sweep", *SWEEP, *arguments, "--out", out]
    return subprocess.Popen(
        command,
        env=WITHOUT_SLURM | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def ended(process: subprocess.Popen) -> tuple[int, str, str]:
    """Return the exit code, stdout and stderr."""
    output, errors = process.communicate(timeout=60)
    return process.returncode, output, errors


def sweep(out: Path, *arguments: str, **environment: str) -> tuple[int, str, str]:
    return ended(start(out, *arguments, **environment))


@pytest.fixture(scope="module")
def one_process(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("one") / "out"
    assert sweep(out)[0] == OK
    return out


@pytest.mark.parametrize("count", [1, 3, 25])
def test_parts_one_after_the_other_make_the_sweep(count, one_process, tmp_path):
    out = tmp_path / "out"
    for index in range(1, count):
        code, output, errors = sweep(out, "--shard", f"{index}/{count}")
        assert (code, output) == (OK, ""), errors
        assert f"Part {index}/{count} of the sweep: " in errors
        assert f"of 18 runs of the sweep have ended. When all have: clipsweep summarize {out}\n" in errors
        assert not (out / "summary.json").exists()
    code, output, errors = sweep(out, "--shard", f"{count}/{count}")
    assert code == OK and "Does clipping help?" in output
    assert "All tables:" in errors
    compare(one_process, out)
    check(PROGRAM, out)


def test_parts_at_the_same_time_make_the_sweep(one_process, tmp_path):
    out = tmp_path / "out"
    processes = [start(out, "--shard", f"{index}/4") for index in range(1, 5)]
    results = [ended(process) for process in processes]
    assert [code for code, _, _ in results] == [OK] * 4
    # The last one to end finds all runs complete; others that end at that moment may, too.
    assert any("Does clipping help?" in output for _, output, _ in results)
    compare(one_process, out)


def test_a_part_again_has_nothing_to_do(tmp_path):
    out = tmp_path / "out"
    assert sweep(out, "--shard", "2/3")[0] == OK
    code, output, errors = sweep(out, "--shard", "2/3")
    assert (code, output) == (OK, "")
    assert errors == (
        "Part 2/3 of the sweep: 6 of 18 runs.\n"
        "All 6 runs are complete; nothing to train.\n"
        f"Part 2/3 is complete; 6 of 18 runs of the sweep have ended. When all have: clipsweep summarize {out}\n"
    )


def test_an_empty_part_is_complete_at_once(tmp_path):
    code, output, errors = sweep(tmp_path / "out", "--shard", "1/40")
    assert (code, output) == (OK, "")
    assert errors.startswith("Part 1/40 of the sweep: 0 of 18 runs.\nPart 1/40 is complete; 0 of 18 runs")


def test_a_task_of_a_job_array_is_a_part(tmp_path):
    task = {"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_MIN": "2", "SLURM_ARRAY_TASK_COUNT": "3"}
    _, _, errors = sweep(tmp_path / "out", "--shard", "slurm", **task)
    assert errors.startswith("Part 2/3 of the sweep: 6 of 18 runs.\n")


@pytest.mark.parametrize("shard", ["0/4", "5/4", "a/b", "", "1", "4", "1/4,2/4", "1/99999999999999999999"])
def test_a_part_that_does_not_exist_is_refused(shard, tmp_path):
    code, output, errors = sweep(tmp_path / "out", "--shard", shard)
    shown = shard or '""'
    assert (code, output) == (USAGE, "")
    assert errors == (
        f"clipsweep: --shard {shown}: must be i/n, part i of n, such as 1/4, with i from 1 to n and n up "
        "to 1,000,000; or slurm in a job array\n"
    )
    assert not (tmp_path / "out").exists()


def test_slurm_outside_a_job_array_is_refused(tmp_path):
    code, _, errors = sweep(tmp_path / "out", "--shard", "slurm")
    assert code == USAGE
    assert errors == (
        "clipsweep: --shard slurm: SLURM_ARRAY_TASK_ID is not set: slurm stands for the task of a job "
        "array (sbatch --array=1-4); elsewhere write i/n, such as 1/4\n"
    )
    assert not (tmp_path / "out").exists()


def test_a_run_that_another_process_holds_is_left_to_it(one_process, tmp_path):
    """Such as a task that was requeued while the one before still lives."""
    out = tmp_path / "out"
    assert sweep(out, "--shard", "1/3")[0] == OK
    run = sorted(out.glob("runs/*/run.json"))[0]
    run.unlink()
    with (run.parent / "steps.jsonl").open("r+", encoding="utf-8") as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        code, output, errors = sweep(out, "--shard", "1/3")
    assert (code, output) == (STOPPED, "")
    assert errors.endswith(
        "clipsweep: 1 run is being trained by another clipsweep; rerun the same command to check on it\n"
    )
    assert [sweep(out, "--shard", f"{index}/3")[0] for index in (1, 2, 3)] == [OK] * 3
    compare(one_process, out)


def test_a_preempted_part_resumes(one_process, tmp_path):
    out = tmp_path / "out"
    code, output, _ = sweep(out, "--shard", "1/2", "--max-runs", "2")
    assert (code, output) == (STOPPED, "")
    assert sweep(out, "--shard", "2/2")[:2] == (OK, "")
    assert sweep(out, "--shard", "1/2")[0] == OK
    compare(one_process, out)


def test_a_damaged_run_of_another_part_stops_no_part(tmp_path):
    out = tmp_path / "out"
    assert sweep(out, "--shard", "1/2")[0] == OK
    next(out.glob("runs/*/run.json")).write_text("{", encoding="utf-8")
    code, _, errors = sweep(out, "--shard", "2/2")
    assert code == OK and "Part 2/2 is complete; 17 of 18 runs of the sweep have ended" in errors


def without_locks(out: Path) -> dict[str, str]:
    changed = preloaded(LIBRARY, out) | Fault("flock", 1, "ENOLCK", FOREVER).environment()
    return {name: text for name, text in changed.items() if os.environ.get(name) != text}


def test_parts_need_no_locks(one_process, tmp_path):
    """Five processes at a time on a new folder whose file system has no locks, again and again."""
    for attempt in range(4):
        out = tmp_path / str(attempt)
        processes = [start(out, "--shard", f"{index}/5", **without_locks(out)) for index in range(1, 6)]
        for process in processes:
            code, _, errors = ended(process)
            assert code == OK, errors
            assert (
                f"clipsweep: warning: {out}: this file system cannot lock files (No locks available); "
                "only --shard keeps processes apart; run each of the 5 parts once at a time, and no "
                "other sweep on this folder\n"
            ) in errors
        compare(one_process, out)
        check(PROGRAM, out)
        assert len(json.loads((out / "sweep.json").read_text(encoding="utf-8"))["calls"]) == 5


def test_parts_that_are_killed_without_locks_resume(one_process, tmp_path):
    out = tmp_path / "out"
    for seconds in (0.05, 0.1, 0.2, 0.3):
        processes = [start(out, "--shard", f"{index}/3", **without_locks(out)) for index in range(1, 4)]
        time.sleep(seconds)
        for process in processes:
            process.kill()
            ended(process)
    results = [start(out, "--shard", f"{index}/3", **without_locks(out)) for index in range(1, 4)]
    assert [ended(process)[0] for process in results] == [OK] * 3
    assert sweep(out)[0] == OK  # removes what the killed processes left
    compare(one_process, out)


def test_a_sweep_file_may_name_the_part(tmp_path):
    file = tmp_path / "sweep.toml"
    file.write_text('shard = "2/6"\n', encoding="utf-8")
    code, _, errors = sweep(tmp_path / "out", str(file))
    assert code == OK and errors.startswith("Part 2/6 of the sweep: 3 of 18 runs.\n")


def test_the_plan_shows_the_part(tmp_path):
    command = [PROGRAM, "plan", *SWEEP, "--shard", "2/6"]
    environment = WITHOUT_SLURM | {"XDG_CACHE_HOME": str(tmp_path)}
    result = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8", check=True)
    assert "18 runs: 3 arms x 6 seeds, 60 steps each\nPart 2/6 of it: 3 runs\n" in result.stdout
    assert "--shard" in result.stdout
    result = subprocess.run([*command, "--json"], env=environment, capture_output=True, check=True)
    plan = json.loads(result.stdout)
    assert (plan["shard"]["index"], plan["shard"]["count"], len(plan["runs"])) == (2, 6, 3)
    assert plan["shard"]["parts"] == 6 * [{"runs": 3, "complete": 0}]
    assert "shard" not in plan["settings"]


@pytest.mark.skipif(not shutil.which("parallel"), reason="GNU parallel is not installed")
def test_gnu_parallel_makes_the_sweep(one_process, tmp_path):
    """The line of lib/docs/scale.md."""
    out = tmp_path / "out"
    command = ["parallel", "--will-cite", "-j2", PROGRAM, "sweep", *SWEEP, "--out", out, "--shard", "{}/4"]
    command += [":::", "1", "2", "3", "4"]
    subprocess.run(command, env=WITHOUT_SLURM, capture_output=True, timeout=60, check=True)
    compare(one_process, out)
