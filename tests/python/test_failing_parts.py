"""Failures during a sweep: disk, folder, memory, checkpoints. Each gives one line, the right exit code
and valid logs; once the cause is fixed, the same command ends with the bytes of an undisturbed sweep."""

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from clipsweep_crashes.sweeps import compare
from conftest import ROOT

OK, RUN_FAILED, USAGE, STOPPED = 0, 1, 2, 75
PROGRAM = ROOT / "build/release/clipsweep"
KIB = 1024
RUNS = (
    "--task sine --hidden 4 --batch-size 4 --length 5 --clip none,value:0.1 --seeds 4 --epochs 4 "
    "--checkpoint-every 50"
).split()
# A tenth of a second, 3.2 MB of logs.
SMALL = [*RUNS, *"--steps-per-epoch 200 --workers 2".split()]
# Long enough to be interrupted in the middle.
LONG = [*RUNS, *"--steps-per-epoch 600 --workers 2 --log-every 10".split()]


def limited(kind: int, limit: int):
    """Return a function that sets a limit in the process to be started."""
    return lambda: resource.setrlimit(kind, (limit, limit))


def call(*arguments, **options) -> subprocess.CompletedProcess:
    command = [PROGRAM, *map(str, arguments)]
    options |= {"capture_output": True, "encoding": "utf-8", "timeout": 120, "check": False}
    return subprocess.run(command, stdin=subprocess.DEVNULL, **options)


def sweep(settings, out: Path, *, expect: int = OK, **options) -> str:
    """Return stderr."""
    result = call("sweep", *settings, "-q", "--out", out, **options)
    assert result.returncode == expect, result.stderr
    return result.stderr


def failure(settings, out: Path, *, expect: int = STOPPED, **options) -> str:
    """Return the one line on stderr of a sweep that fails."""
    stderr = sweep(settings, out, expect=expect, **options)
    assert stderr.startswith("clipsweep: ") and stderr.count("\n") == 1, stderr
    return stderr


def assert_valid(out: Path) -> None:
    result = call("validate", out)
    assert result.returncode == OK, result.stdout
    assert not list(out.rglob("*.tmp"))


def assert_continues(settings, out: Path, undisturbed: Path) -> None:
    assert sweep(settings, out) == ""
    compare(undisturbed, out)
    assert_valid(out)


def reference(settings, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    sweep(settings, out)
    return out


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    """An undisturbed sweep of SMALL. Do not change it: copy it."""
    return reference(SMALL, tmp_path_factory)


@pytest.fixture(scope="module")
def long(tmp_path_factory) -> Path:
    return reference(LONG, tmp_path_factory)


@contextlib.contextmanager
def mounted(place: Path, *arguments: str):
    """Mount there, or skip the test."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount")
    place.mkdir(exist_ok=True)
    result = subprocess.run(["mount", *arguments, place], capture_output=True, check=False)
    if result.returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


@contextlib.contextmanager
def read_only(place: Path):
    with mounted(place, "--bind", str(place)):
        subprocess.run(["mount", "-o", "remount,ro,bind", place], check=True)
        yield


def start(settings, out: Path) -> subprocess.Popen:
    """Start a sweep and return it stopped in the middle, after it has written a checkpoint."""
    command = [PROGRAM, "sweep", *settings, "-q", "--out", out]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        process.send_signal(signal.SIGSTOP)
        state = os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        assert state.si_code == os.CLD_STOPPED, process.communicate()
        in_writing = list(out.glob("checkpoints/*.tmp"))
        if list(out.glob("checkpoints/*.checkpoint")) and not in_writing:
            break
        process.send_signal(signal.SIGCONT)
        time.sleep(0.002)
    return process


def resume(process: subprocess.Popen, *, expect: int, or_else: int | None = None) -> str:
    process.send_signal(signal.SIGCONT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode in (expect, or_else), stderr
    return stderr


# ---- Disk ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("room", [4, 32, 1200, 1600, 2600])
def test_a_disk_that_becomes_full_at_any_moment(room, small, tmp_path):
    disk = tmp_path / "disk"
    out = disk / "out"
    with mounted(disk, "-t", "tmpfs", "-o", f"size={room}k", "tmpfs"):
        line = failure(SMALL, out)
        assert line.startswith(f"clipsweep: {out}/")
        assert "No space left on device; free some space and rerun the same command to continue" in line
        if (out / "sweep.json").exists():
            assert_valid(out)
        subprocess.run(["mount", "-o", "remount,size=50m", disk], check=True)
        assert_continues(SMALL, out, small)


def test_a_disk_that_is_full_for_checkpoints(long, tmp_path):
    out = tmp_path / "out"
    process = start(LONG, out)
    with mounted(out / "checkpoints", "-t", "tmpfs", "-o", "size=4k", "tmpfs"):
        line = resume(process, expect=STOPPED)
        assert line.startswith(f"clipsweep: {out}/checkpoints/") and "No space left" in line
        assert_valid(out)
    assert_continues(LONG, out, long)


@pytest.mark.parametrize(
    ("name", "limit"),
    [("sweep.json", KIB), ("runs.csv", KIB), ("summary.json", 4 * KIB)],
)
def test_a_file_of_the_sweep_that_grows_beyond_the_limit(name, limit, small, tmp_path):
    out = tmp_path / "out"
    if name != "sweep.json":
        shutil.copytree(small, out)
        (out / name).unlink()
    line = failure(SMALL, out, preexec_fn=limited(resource.RLIMIT_FSIZE, limit))
    advice = "raise the file size limit (ulimit -f) and rerun the same command to continue"
    assert line == f"clipsweep: {out}/{name}: cannot write: File too large; {advice}\n"
    assert_continues(SMALL, out, small)


@pytest.mark.parametrize("limit", [16 * KIB, 64 * KIB, 200 * KIB])
def test_a_log_that_grows_beyond_the_limit(limit, small, tmp_path):
    out = tmp_path / "out"
    line = failure(SMALL, out, preexec_fn=limited(resource.RLIMIT_FSIZE, limit))
    assert line.startswith(f"clipsweep: {out}/runs/") and "File too large" in line
    assert_valid(out)
    assert_continues(SMALL, out, small)


def test_results_older_than_runs_added_before_the_disk_was_full_are_no_problem(small, tmp_path):
    """runs.csv and summary.json are outdated then, which validate accepts."""
    out = tmp_path / "out"
    one_worker = [*SMALL[:-1], "1"]
    sweep([*one_worker, "--max-runs", "1"], out, expect=STOPPED)
    assert call("validate", out).stdout.endswith("(7 unfinished), 800 steps: no problems\n")
    last = json.loads((out / "sweep.json").read_bytes())["runs"][-1]["id"]
    with mounted(out / "runs" / last, "-t", "tmpfs", "-o", "size=4k", "tmpfs"):
        assert failure(one_worker, out).startswith(f"clipsweep: {out}/runs/{last}/")
        assert 1 < len(list(out.glob("runs/*/run.json"))) < 8
        assert_valid(out)
        assert "runs.csv and summary.json outdated: no problems" in call("validate", out).stdout
    assert_continues(SMALL, out, small)


# ---- Folder --------------------------------------------------------------------------------------


def test_a_folder_that_is_read_only_before_the_start(small, tmp_path):
    out = shutil.copytree(small, tmp_path / "disk" / "out")
    next(out.glob("runs/*/run.json")).unlink()
    with read_only(tmp_path / "disk"):
        for place in (tmp_path / "disk/new", out):
            line = failure(SMALL, place, expect=USAGE)
            assert line.startswith(f"clipsweep: --out {place}") and "Read-only file system" in line
            assert "make it writable" in line and "another --out" in line
    assert_continues(SMALL, out, small)


@pytest.mark.parametrize("part", ["checkpoints", "runs/*"])
def test_a_folder_that_becomes_read_only(part, long, tmp_path):
    out = tmp_path / "out"
    process = start(LONG, out)
    place = sorted(out.glob(part))[0]
    with read_only(place):
        line = resume(process, expect=STOPPED)
        assert line.startswith(f"clipsweep: {place}/") and line.count("\n") == 1
        assert "Read-only file system; make it writable and rerun the same command to continue" in line
        assert_valid(out)
    assert_continues(LONG, out, long)


@pytest.mark.parametrize("part", [".", "runs", "checkpoints", "sweep.json"])
def test_a_part_that_disappears_and_is_restored(part, long, tmp_path):
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    process = start(LONG, out)
    (out / part).rename(elsewhere)
    if part == "checkpoints":
        # New ones are written, unless the sweep was stopped just before it opened one.
        stderr = resume(process, expect=OK, or_else=STOPPED)
        if process.returncode == STOPPED:
            assert "rerun the same command to continue" in stderr
            sweep(LONG, out)
    else:
        stderr = resume(process, expect=STOPPED)
        assert re.search("disappeared|removed", stderr), stderr
        assert "the same command" in stderr.splitlines()[-1]
        if part != "runs":
            assert stderr.count("\n") == 1, stderr
        assert not (out / part).exists()  # not created again without its content
        elsewhere.rename(out / part)
        if part != "sweep.json":  # without it the results are not written
            assert_valid(out)
    assert_continues(LONG, out, long)


@pytest.mark.parametrize("part", [".", "runs"])
def test_a_part_that_is_deleted(part, long, tmp_path):
    out = tmp_path / "out"
    process = start(LONG, out)
    shutil.rmtree(out / part)
    assert re.search("disappeared|removed", resume(process, expect=STOPPED))
    assert not (out / part).exists()
    sweep(LONG, out)
    compare(long, out)
    assert_valid(out)


# ---- Memory --------------------------------------------------------------------------------------

# A run of the LSTM takes four times the memory of one of the plain cell.
LARGE = (
    "--task sine --cell lstm,rnn-tanh --init torch --hidden 300 --batch-size 1 --length 2 --clip none "
    "--seeds 3 --epochs 1 --steps-per-epoch 2 --workers 1 --through-time-every 0"
).split()


def ends(out: Path, runs: str) -> list[tuple]:
    """Return outcome and reason of these runs."""
    documents = [json.loads(path.read_bytes()) for path in out.glob(f"runs/{runs}/run.json")]
    return [(document["outcome"], document["reason"]) for document in documents]


def test_runs_that_run_out_of_memory_fail_and_the_others_complete(tmp_path):
    """The minimum of memory in which the plain cell trains is too little for the LSTM."""
    for mebibytes in range(20, 200, 2):
        out = tmp_path / str(mebibytes)
        limit = limited(resource.RLIMIT_AS, mebibytes * KIB * KIB)
        result = call("sweep", *LARGE, "-q", "--out", out, preexec_fn=limit)
        plain, lstm = ends(out, "rnn-*"), ends(out, "lstm-*")
        if plain == [("completed", None)] * 3:
            break
    assert result.returncode == RUN_FAILED
    assert "out of memory with 2 runs; retrying in two halves" in result.stderr
    assert result.stderr.endswith(f"clipsweep: 3 runs failed; see clipsweep show {out}\n")
    assert lstm == [("failed", "out of memory")] * 3
    assert_valid(out)
    sweep(LARGE, out)
    assert_valid(out)


# ---- Retrying ------------------------------------------------------------------------------------


@pytest.mark.parametrize("retried", ["failed", "interrupted", "diverged", "all"])
def test_retry_trains_the_runs_of_an_outcome_again(retried, small, tmp_path):
    """Failed and interrupted runs are trained by any sweep, other runs only on request."""
    out = shutil.copytree(small, tmp_path / "out")
    documents = sorted(out.glob("runs/*/run.json"))
    given = ["failed", "interrupted", "diverged", *["completed"] * 5]
    for path, outcome in zip(documents, given, strict=True):
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace('"completed"', f'"{outcome}"'), encoding="utf-8")
        os.utime(path, (0, 0))
    assert sweep([*SMALL, "--retry", retried], out) == ""
    again = ["failed", "interrupted", *(["diverged", "completed"] if retried == "all" else [retried])]
    for path, outcome in zip(documents, given, strict=True):
        assert (path.stat().st_mtime > 0) == (outcome in again), outcome
    if retried in ("diverged", "all"):
        compare(small, out)


# ---- Checkpoints ---------------------------------------------------------------------------------


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-len(content) // 3] ^= 1
    path.write_bytes(content)


def set_version(path: Path, version: int) -> None:
    header, _, rest = path.read_bytes().partition(b"\n")
    assert b"clipsweep/checkpoint-5" in header
    path.write_bytes(header.replace(b"checkpoint-5", b"checkpoint-%d" % version) + b"\n" + rest)


def put_folder(path: Path) -> None:
    path.unlink()
    (path / "below").mkdir(parents=True)


def put_link(path: Path) -> None:
    target = path.parent.parent.parent / path.name
    path.rename(target)
    path.symlink_to(target)


DAMAGES = {
    "truncated": truncate,
    "flipped": flip,
    "empty": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_bytes(b"\xff\x00{]" * 5000),
    "of an earlier version": lambda path: set_version(path, 1),
    "of a later version": lambda path: set_version(path, 9),
    "a folder": put_folder,
    "a link": put_link,
}


@pytest.fixture(scope="module")
def killed(tmp_path_factory) -> Path:
    """A sweep of LONG that was killed in the middle. Do not change it: copy it."""
    out = tmp_path_factory.mktemp("killed") / "out"
    process = start(LONG, out)
    process.kill()
    process.communicate()
    for path in out.glob("checkpoints/*.checkpoint"):
        if "previous" not in path.name:
            shutil.copy(path, path.with_suffix(".previous.checkpoint"))
    return out


NEWEST, ALL = "*[0-9].checkpoint", "*.checkpoint"


@pytest.mark.parametrize(
    ("damage", "which"),
    [*((damage, NEWEST) for damage in DAMAGES.values()), (flip, ALL), (truncate, ALL)],
    ids=[*DAMAGES, "all flipped", "all truncated"],
)
def test_a_damaged_checkpoint_is_set_aside(damage, which, killed, long, tmp_path):
    out = shutil.copytree(killed, tmp_path / "out")
    hit = sorted(out.glob(f"checkpoints/{which}"))
    for path in hit:
        damage(path)
    stderr = sweep(LONG, out)
    assert hit and stderr.count("\n") == len(hit), stderr
    for path in hit:
        assert f"clipsweep: warning: {path}: " in stderr
        assert f"renamed to {path.name}.damaged; its runs resume from an earlier" in stderr
        aside = path.with_name(path.name + ".damaged")
        assert os.path.lexists(aside) and not os.path.lexists(path)
    shutil.rmtree(out / "checkpoints")
    compare(long, out)
    assert_valid(out)


def test_a_checkpoint_of_another_sweep_is_left_alone(killed, small, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(killed / "checkpoints", out / "checkpoints")
    for path in ("sweep.json", "runs"):
        copy = shutil.copytree if (small / path).is_dir() else shutil.copy
        copy(small / path, out / path)
    for path in out.glob("runs/*/run.json"):
        path.unlink()
    assert_continues(SMALL, out, small)


def test_a_checkpoint_of_a_sweep_with_other_logs_is_not_resumed(killed, tmp_path):
    """Its runs are the same, but its logs have other lengths: the run restarts."""
    settings = [*LONG[:-1], "1"]  # --log-every
    expected, out = tmp_path / "expected", tmp_path / "out"
    sweep(settings, expected)
    shutil.copytree(expected, out)
    shutil.copytree(killed / "checkpoints", out / "checkpoints")
    for path in out.glob("runs/*/run.json"):
        path.unlink()
    assert "from scratch: its logs are not those that its checkpoint was saved with" in sweep(settings, out)
    compare(expected, out)
