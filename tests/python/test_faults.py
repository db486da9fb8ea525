"""Calls to the operating system that fail, and power cuts: a short run of scripts/fault_test; and what
the messages say."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from clipsweep_crashes.faults import FOREVER, Fault, preloaded
from clipsweep_crashes.power_cuts import zero
from clipsweep_crashes.sweeps import compare
from conftest import ROOT

OK, USAGE, INVALID_DATA, STOPPED = 0, 2, 3, 75
PROGRAM = ROOT / "build/release/clipsweep"
LIBRARY = ROOT / "build/release/tests/libfault_injection.so"
SWEEP = (
    "--task sine --hidden 2 --batch-size 2 --length 3 --clip none,value:0.1 --seeds 4 --epochs 2 "
    "--steps-per-epoch 30 --checkpoint-every 7 --through-time-every 10 --workers 1"
)


def sweep(out: Path, fault: Fault | None = None, **options) -> subprocess.CompletedProcess:
    environment = preloaded(LIBRARY, out) | fault.environment() if fault else None
    command = [PROGRAM, "sweep", *SWEEP.split(), "-q", "--out", out]
    options = {"stdout": subprocess.DEVNULL, "check": False} | options
    return subprocess.run(command, env=environment, stderr=subprocess.PIPE, encoding="utf-8", **options)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    assert sweep(out).returncode == OK
    return out


@pytest.fixture
def copy(undisturbed, tmp_path) -> Path:
    return shutil.copytree(undisturbed, tmp_path / "out")


def assert_completes(out: Path, undisturbed: Path) -> None:
    result = sweep(out)
    assert (result.returncode, result.stderr) == (OK, "")
    compare(undisturbed, out)


def test_no_fault_loses_anything():
    command = [sys.executable, ROOT / "scripts/fault_test", "--short", "--seed", "1"]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=300, check=False)
    assert result.returncode == 0, result.stdout
    assert result.stdout.splitlines()[-1].endswith(" passed, 0 failed")


@pytest.mark.parametrize("error", ["EIO", "ESTALE", "EMFILE", "EACCES"])
def test_a_record_that_cannot_be_read_at_the_end_is_named(error, copy, undisturbed):
    """The last file that a sweep of complete runs opens to read is the last run.json."""
    counts = copy.parent / "counts"
    subprocess.run(
        [PROGRAM, "sweep", *SWEEP.split(), "-q", "--out", copy],
        env=preloaded(LIBRARY, copy, COUNTS=counts),
        stdout=subprocess.DEVNULL,
        check=True,
    )
    opened = dict(line.split() for line in counts.read_text(encoding="utf-8").splitlines())["open"]
    # After it: runs.csv and summary.json, and the folder of each, which is synced.
    tries = 1 if error == "EACCES" else 4
    result = sweep(copy, Fault("open", int(opened) - 4, error, tries))
    assert result.returncode == INVALID_DATA
    reason = os.strerror(getattr(errno, error))
    assert result.stderr.startswith(f"clipsweep: {copy}/runs/")
    assert f"run.json: cannot read: {reason}; 1 run is left out of the results" in result.stderr
    assert_completes(copy, undisturbed)


@pytest.mark.parametrize("error", ["ENOLCK", "EOPNOTSUPP", "ENOSYS"])
def test_a_file_system_without_locks_is_reported_at_once(error, undisturbed, tmp_path):
    result = sweep(tmp_path / "out", Fault("flock", 1, error, FOREVER))
    assert result.returncode == OK
    reason = os.strerror(getattr(errno, error))
    assert result.stderr == (
        f"clipsweep: warning: {tmp_path}/out: this file system cannot lock files ({reason}); run one "
        "clipsweep process on this folder at a time, give each its own part with --shard, or put --out on "
        "another file system\n"
    )
    compare(undisturbed, tmp_path / "out")


def test_locks_that_fail_later_stop_the_sweep(undisturbed, tmp_path):
    result = sweep(tmp_path / "out", Fault("flock", 2, "ENOLCK", FOREVER))
    assert result.returncode == STOPPED
    assert "steps.jsonl: cannot lock: No locks available" in result.stderr
    assert_completes(tmp_path / "out", undisturbed)


def test_too_few_open_files_halve_the_cohorts(undisturbed, tmp_path):
    def limit() -> None:
        import resource

        resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12))

    result = sweep(tmp_path / "out", preexec_fn=limit)
    assert result.returncode == OK, result.stderr
    assert "warning: too many open files with 4 runs; retrying in two halves" in result.stderr
    compare(undisturbed, tmp_path / "out")


def test_a_disk_that_is_full_at_the_first_write(undisturbed, tmp_path):
    result = sweep(tmp_path / "out", Fault("mkdir", 1, "ENOSPC", FOREVER))
    assert result.returncode == STOPPED and "No space left on device" in result.stderr
    assert_completes(tmp_path / "out", undisturbed)


def test_results_that_cannot_be_printed(copy):
    with open("/dev/full", "w", encoding="utf-8") as full:
        result = sweep(copy, stdout=full)
    assert result.returncode == STOPPED
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith("clipsweep: stdout: cannot write all of the output: ")


def disturbed(out: Path, changes: Path, **settings) -> list[str]:
    """Sweep with the library and return what it changed."""
    changes.write_bytes(b"")
    environment = preloaded(LIBRARY, out, CHANGES=changes, **settings)
    command = [PROGRAM, "sweep", *SWEEP.split(), "-q", "--out", out]
    subprocess.run(command, env=environment, capture_output=True, check=False)
    return changes.read_text(encoding="utf-8").splitlines()


def kill_after_a_checkpoint(out: Path) -> None:
    """Begin or resume a sweep and kill it right after its first checkpoint."""
    trial, changes = out.with_name("trial"), out.with_name("changes")
    if out.exists():
        shutil.copytree(out, trial)
    lines = disturbed(trial, changes)
    shutil.rmtree(trial)
    moves = [line.startswith("move\t") and line.endswith(".checkpoint") for line in lines]
    disturbed(out, changes, CUT=moves.index(True) + 3)


@pytest.fixture(scope="module")
def killed_twice(tmp_path_factory) -> Path:
    """A folder with two checkpoints of the same runs, of different steps."""
    out = tmp_path_factory.mktemp("killed") / "out"
    kill_after_a_checkpoint(out)
    kill_after_a_checkpoint(out)
    assert len(list(out.glob("checkpoints/*.checkpoint"))) == 2
    assert not list(out.glob("runs/*/run.json"))
    return out


@pytest.mark.parametrize(
    ("place", "expected"),
    [(0.01, "from scratch"), (0.3, "from scratch"), (0.9, "")],
    ids=["header", "both checkpoints", "newer checkpoint"],
)
def test_a_zeroed_block_in_a_log_is_noticed(place, expected, killed_twice, undisturbed, tmp_path):
    """As a power loss may leave it. An older checkpoint is used if the log is intact up to it."""
    out = shutil.copytree(killed_twice, tmp_path / "out")
    logs = [log for log in out.glob("runs/*/steps.jsonl") if log.stat().st_size > 0]
    for log in logs:
        begin = int(place * log.stat().st_size)
        zero(log, begin, begin + 100)
    result = sweep(out)
    assert result.returncode == OK
    assert result.stderr.count(expected or "\n") == (len(logs) if expected else 0), result.stderr
    compare(undisturbed, out)
