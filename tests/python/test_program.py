"""The program as users see it: exit codes, messages, files, and recovery after a crash.

Runs are short and use the first of the real images. CLIPSWEEP names another program than build/release/clipsweep.
"""

import csv
import functools
import gzip
import itertools
import json
import os
import re
import shutil
import signal
import struct
import subprocess
import time
from pathlib import Path

import jsonschema
import pytest
from clipsweep_plots.figures.figure_list import FIGURES
from small_data import first_images, small_data, with_little_data

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("CLIPSWEEP", str(ROOT / "build/release/clipsweep"))

OK, USAGE, BAD_DATA, STOPPED, INTERRUPTED = 0, 2, 3, 75, 130

FILES_OF_A_RUN = ("run.json", "steps.jsonl", "through_time.jsonl")

# Three arms of two seeds, 40 steps a run.
GRID = ("--clip", "none,value:0.1,global-norm:0.3", "--seeds", "2")
SHORT = ("--epochs", "2", "--steps-per-epoch", "20")
RUNS = 6
STEPS = 40
# Long enough to be interrupted in the middle.
LONG = ("--clip", "none,value:0.1", "--seeds", "2", "--epochs", "2", "--steps-per-epoch", "700")
# An epoch of logs is 165 kB.
BULKY = ("--clip", "none", "--seeds", "2", "--epochs", "1", "--steps-per-epoch", "400")


# ---- Calling it ----------------------------------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    """Keep the speed that `plan` measures out of the user's cache, and measure it once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


def call(*arguments, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [PROGRAM, *map(str, arguments)],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        encoding="utf-8",
        timeout=120,
        check=False,
        **options,
    )


def sweep(*arguments, expect=OK, **options) -> subprocess.CompletedProcess:
    result = call("sweep", *with_little_data(*arguments), **options)
    assert result.returncode == expect, result.stderr
    return result


def start(*arguments) -> subprocess.Popen:
    return subprocess.Popen(
        [PROGRAM, "sweep", *with_little_data(*arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def wait_for_log(process: subprocess.Popen, folder: Path, min_bytes: int = 0) -> None:
    """Wait until a run writes its steps."""
    deadline = time.monotonic() + 60
    while not any(path.stat().st_size >= min_bytes for path in step_logs(folder)):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


def refusal(*arguments, code: int, **options) -> str:
    """Return the one line on stderr; stdout must be empty."""
    result = call(*arguments, **options)
    assert (result.returncode, result.stdout) == (code, ""), result.stderr
    assert result.stderr.startswith("clipsweep: ") and result.stderr.endswith("\n")
    assert result.stderr.count("\n") == 1, result.stderr
    return result.stderr


def assert_valid(folder: Path) -> None:
    result = call("validate", folder)
    assert result.returncode == OK, result.stdout
    assert result.stdout.endswith(": no problems\n") and result.stderr == ""


# ---- Reading what it writes ----------------------------------------------------------------------


def reject_constant(name: str):
    raise ValueError(f"{name} is not JSON")


def reject_repeats(members: list) -> dict:
    assert len({key for key, _ in members}) == len(members), "a key is repeated"
    return dict(members)


def strict(text: str):
    return json.loads(text, parse_constant=reject_constant, object_pairs_hook=reject_repeats)


def step_logs(folder: Path) -> list[Path]:
    return sorted(folder.glob("runs/*/steps.jsonl"))


def through_time_logs(folder: Path) -> list[Path]:
    return sorted(folder.glob("runs/*/through_time.jsonl"))


def records(folder: Path) -> dict[str, dict]:
    """Return each run.json by its run's ID."""
    paths = sorted(folder.glob("runs/*/run.json"))
    return {path.parent.name: strict(path.read_text(encoding="utf-8")) for path in paths}


def outcomes(folder: Path) -> list[str]:
    return [record["outcome"] for record in records(folder).values()]


def steps_of(folder: Path, run: str) -> list[dict]:
    lines = (folder / "runs" / run / "steps.jsonl").read_text(encoding="utf-8").splitlines()
    return [strict(line) for line in lines[1:]]


def steps_bytes(path: Path) -> bytes:
    return path.read_bytes().partition(b"\n")[2]


def numbers(folder: Path) -> dict[str, bytes]:
    """Return the bytes that two equal sweeps have in common, by file."""
    shared = {path.parent.name: steps_bytes(path) for path in step_logs(folder)}
    whole = [folder / "runs.csv", folder / "summary.json", *through_time_logs(folder)]
    return shared | {str(path.relative_to(folder)): path.read_bytes() for path in whole}


def content(folder: Path) -> dict[str, bytes]:
    """Return every file in a folder except the lock."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


# ---- Results that several tests use --------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A finished sweep of GRID, by one worker. Do not change it: copy it."""
    folder = tmp_path_factory.mktemp("finished") / "out"
    sweep(*GRID, *SHORT, "--workers", "1", "--out", folder)
    return folder


@pytest.fixture
def copy(finished, tmp_path) -> Path:
    return shutil.copytree(finished, tmp_path / "copy")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> dict[str, bytes]:
    """The numbers of a sweep of LONG that nothing interrupts."""
    folder = tmp_path_factory.mktemp("undisturbed") / "out"
    sweep(*LONG, "--out", folder)
    return numbers(folder)


@pytest.fixture(scope="module")
def exploded(tmp_path_factory) -> dict[str, Path]:
    """A sweep with a learning rate at which every run explodes, for each --on-nonfinite."""
    folder = tmp_path_factory.mktemp("exploded")
    for policy in ("stop", "skip", "continue"):
        out = folder / policy
        settings = ("--mode", "none", "--lr", "0.01,1e38", "--on-nonfinite", policy)
        sweep(*settings, "--seeds", "2", *SHORT, "--out", out)
    return {policy: folder / policy for policy in ("stop", "skip", "continue")}


def doomed(folder: Path) -> dict[str, dict]:
    return {run: record for run, record in records(folder).items() if "lr-1e+38" in run}


# ---- A user's mistakes: one line, before anything starts -----------------------------------------

MISTAKES = [
    (("--bogus",), ("unknown flag --bogus; see clipsweep sweep --help\n",)),
    (("--theshold", "1"), ("unknown flag --theshold", 'did you mean "--threshold"?')),
    (("--threshold", "0.5,", "1"), ("a list has no blanks; write --threshold 0.5,1\n",)),
    (("--threshold", "0.1", "0.5"), ("a list has no blanks; write --threshold 0.1,0.5\n",)),
    (("--threshold=0.1", ",0.5"), ("a list has no blanks; write --threshold 0.1,0.5\n",)),
    (("--lr", "logspace(1e-3,", "1,", "4)"), ("write --lr logspace(1e-3,1,4)\n",)),
    (("--clip", "none", "value"), ("a list has no blanks; write --clip none,value\n",)),
    (("--epochs", "10", "20"), ("--epochs 10 20: takes one value",)),
    (("--lr", "0.1", "--lr", "1"), ("--lr is given 2 times", "in one list: --lr 0.1,1")),
    (("--task", "sine", "--task", "copy"), ("--task is given 2 times", "in one list: --task sine,copy")),
    (("--engine", "fused", "--engine", "auto"), ("--engine is given 2 times; give it once",)),
    (("--lr", "--seeds", "3"), ("--lr needs a value",)),
    (("--lr=",), ("--lr needs a value",)),
    (("--nesterov=no",), ("--nesterov takes no value",)),
    (("--mode", "valu"), ("--mode valu", 'did you mean "value"?', "global-norm")),
    (("--clip", "valu:1"), ("--clip valu:1", 'did you mean "value"?')),
    (("--task", "mnist"), ("--task mnist", "allowed: fashion-mnist")),
    (("--cell", "lsmt"), ("--cell lsmt", 'did you mean "lstm"?', "allowed: lstm, gru")),
    (("--init", "jax"), ("--init jax", "keras, torch")),
    (("--optimizer", "adagrad"), ("--optimizer adagrad", "allowed: sgd, adam, rmsprop")),
    (("--optimizer", "adam", "--momentum", "0.9"), ("--momentum", "it applies to sgd, rmsprop")),
    (("--nesterov",), ("--nesterov", "add for example --momentum 0.9")),
    (("--optimizer", "adam", "--adam-beta2", "1"), ("--adam-beta2 1", "from 0 to below 1")),
    (("--lr-decay-every", "2"), ("--lr-decay-every", "add for example --lr-decay")),
    (("--lr", "nan"), ("--lr nan", "finite number above 0")),
    (("--lr", "-1"), ("--lr -1", "finite number above 0")),
    (("--lr", "0"), ("--lr 0", "finite number above 0")),
    (("--lr", "1e400"), ("--lr 1e400", "not a number in the range of float64")),
    (("--lr", "1,,2"), ("--lr 1,,2", "empty element")),
    (("--lr", ""), ("--lr", "empty list")),
    (("--lr", "logspace(1,1e-3,4)"), ("--lr", "stop must be above start")),
    (("--mode", "value", "--threshold", "0"), ("--threshold 0", "above 0")),
    (("--mode", "value", "--threshold", "-1"), ("--threshold -1", "above 0")),
    (("--mode", "value", "--threshold", "nan"), ("--threshold nan", "above 0")),
    (("--mode", "none,value"), ("mode value needs a threshold", "--threshold 0.5")),
    (("--clip", "value"), ("--clip value", "needs a threshold", "value:0.5")),
    (("--threshold", "1"), ("threshold without a mode",)),
    (("--seeds", ""), ("--seeds", "empty list")),
    (("--seeds", "9-0"), ("--seeds 9-0", "reversed")),
    (("--seeds", "0-9:0"), ("--seeds 0-9:0", "step is zero")),
    (("--omega", "1"), ("--omega", "not defined for --cell lstm; omega applies to rnn-tanh, rnn-relu")),
    (("--cell", "rnn-tanh", "--omega", "-1"), ("--omega -1", "finite number from 0")),
    (("--momentum", "1"), ("--momentum 1", "from 0 to below 1")),
    (("--weight-decay", "nan"), ("--weight-decay nan", "finite number from 0")),
    (("--epochs", "0"), ("--epochs 0", "from 1")),
    (("--hidden", "1.5"), ("--hidden 1.5", "whole number")),
    (("--retry", "faild"), ("--retry faild", 'did you mean "failed"?', "interrupted, diverged, all")),
    (("--retry", ""), ("--retry", "allowed: failed, interrupted, diverged, all")),
    (("--log-every", "0"), ("--log-every 0", "whole number from 1")),
    (("--through-time-every", "-1"), ("--through-time-every -1", "whole number from 0")),
    (("--through-time-every", "x"), ("--through-time-every x", "whole number from 0")),
    (("--through-time-every", "1e30"), ("--through-time-every 1e30", "to 1,000,000,000")),
]


@pytest.mark.parametrize(("arguments", "words"), MISTAKES, ids=lambda value: " ".join(value)[:40])
def test_a_mistake_in_a_flag_gets_one_line(arguments, words, tmp_path):
    out = tmp_path / "out"
    line = refusal("sweep", *arguments, "--out", out, code=USAGE)
    assert all(word in line for word in words), line
    assert not out.exists()


# What users of other tools type, and the hint they get.
FOREIGN_FLAGS = [
    (("--seed", "42"), "--seeds 42 would be the 42 seeds 0-41; for seed 42 alone write --seeds 42-42"),
    (("--seed=1",), '(did you mean "--seeds"?); for seed 1 alone write --seeds 1-1'),
    (("--seed",), "a count 10 stands for the seeds 0-9, a range 7-7 for the seed 7 alone"),
    (("--dry-run",), "clipsweep plan prints the runs and their cost without training"),
    (("--lrs", "0.1"), '(did you mean "--lr"?)'),
    (("--learning-rates", "0.1"), '(did you mean "--lr"?)'),
    (("--max-norm", "5"), "write --clip none,global-norm:5"),
    (("--max_grad_norm=5",), "write --clip none,global-norm:5"),
    (("--clipnorm", "2"), "clipnorm of Keras is --clip none,tensor-norm:2"),
    (("--clip-value",), "write --clip none,value:0.5"),
    (("--batch", "32"), '(did you mean "--batch-size"?)'),
    (("--Batch_Size", "32"), '(did you mean "--batch-size"?)'),
    (("--epoch", "3"), '(did you mean "--epochs"?)'),
    (("--output", "x"), '(did you mean "--out"?)'),
    (("-o", "x"), '(did you mean "--out"?)'),
    (("-j", "4"), '(did you mean "--workers"?)'),
    (("--resume",), "rerunning the same command resumes a sweep"),
    (("--force",), "choose another --out, or train all runs again with --retry all"),
    (("--config", "my.toml"), "name the sweep file without a flag: my.toml"),
    (("--gpu",), "write --device cuda"),
    (("--json",), "--json is a flag of clipsweep plan, show, summarize, validate, advise, bench, preset"),
    (("--events",), "--events is a flag of clipsweep show"),
    (("--version",), "write clipsweep --version"),
    (("--\x1b[31mred",), "unknown flag --?[31mred; see"),
    (("--" + 1000 * "x",), "x...; see"),
]


@pytest.mark.parametrize(("arguments", "words"), FOREIGN_FLAGS, ids=lambda value: str(value)[:40])
def test_a_flag_of_another_tool_gets_a_hint(arguments, words, tmp_path):
    line = refusal("sweep", *arguments, "--out", tmp_path / "out", code=USAGE)
    assert "unknown flag -" in line and words in line
    assert line.endswith("; see clipsweep sweep --help\n") and len(line) < 250


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("trace", "--out", "x"), "--out is a flag of clipsweep sweep, plan, merge; see clipsweep trace --help"),
        (("show", "out", "--verbose"), "--verbose is a flag of clipsweep sweep, plan;"),
        (("trace", "--seed", "3"), "for seed 3 alone write --seeds 3-3"),
        (("show", "out", "--lr", "1"), "--lr is a flag of clipsweep sweep, plan, trace;"),
        (("show", "out", "--batch", "1"), "--batch-size is a flag of clipsweep sweep, plan, trace;"),
        (("bench", "--dataset", "x"), '(did you mean "--data"?)'),
        (("validate", "out", "--fix"), "validate: unknown flag --fix; see clipsweep validate --help"),
    ],
    ids=lambda value: " ".join(value)[:40],
)
def test_a_flag_of_another_command_is_named_with_its_command(arguments, words):
    assert words in refusal(*arguments, code=USAGE)


def test_learning_rate_is_another_name_of_lr():
    settings = ("--clip", "none", *SHORT, "--json")
    plans = [strict(call("plan", flag, "0.5", *settings).stdout) for flag in ("--lr", "--learning-rate")]
    assert plans[0]["runs"] == plans[1]["runs"]


FILE_MISTAKES = [
    ("lr = [", "sweep.toml:1:7: not valid TOML"),
    ("hidden = 10\nlr = 0.1\nlr = 0.2", "sweep.toml:3:6: not valid TOML"),
    ("hidden = 10\nthreshhold = 0.1", 'unknown key "threshhold" (did you mean "threshold"?)'),
    ("[grid]\nlr = 0.1", "sweep.toml:1:2: grid must be a number, a string, true, false or a list"),
    ("\n\nlr = -1", "sweep.toml:3:1: lr = -1: a learning rate must be"),
    ("momentum = true", "sweep.toml:1:1: momentum = true: must be a number"),
    ("noise_floor = 1", "sweep.toml:1:1: noise_floor = 1: must be true or false"),
    ("noise_floor = true\nclip = ['value:1']", "sweep.toml:1: needs runs of mode none, which"),
    ("target_accuracy = 60", "must be a number above 0 and up to 1"),
    ('mode = ["valu"]', 'did you mean "value"?'),
    ("hidden = 10\n\0", "not valid TOML"),
]


@pytest.mark.parametrize(("text", "words"), FILE_MISTAKES, ids=lambda text: repr(text[:30]))
def test_a_mistake_in_a_sweep_file_is_named_with_its_place(text, words, tmp_path):
    file, out = tmp_path / "sweep.toml", tmp_path / "out"
    file.write_text(text, encoding="utf-8")
    line = refusal("sweep", file, "--out", out, code=USAGE)
    assert "sweep.toml:" in line and words in line, line
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "no command is given"),
        (("swep",), 'unknown command "swep" (did you mean "sweep"?)'),
        (("train",), 'unknown command "train" (did you mean "sweep"?)'),
        (("run",), 'unknown command "run" (did you mean "sweep"?)'),
        (("status",), 'unknown command "status" (did you mean "show"?)'),
        (("plot",), 'unknown command "plot" (did you mean "report"?)'),
        (("help", "swep"), 'unknown command "swep" (did you mean "sweep"?)'),
        (("version", "now"), '"now" is one argument too many'),
        (("export",), "to export a sweep run scripts/export.py DIR"),
        (("my.toml",), "to train this sweep file write clipsweep sweep my.toml --out DIR"),
        (("--seed", "1"), "unknown flag --seed before the command"),
        (("sweep",), "no output folder is named"),
        (("sweep", "no-such.toml", "--out", "out"), "no-such.toml: cannot read"),
        (("sweep", "a.toml", "b.toml", "--out", "out"), '"b.toml" is one argument too many'),
        (("show",), "no folder is named"),
        (("report",), "report: no folder is named; write clipsweep report DIR"),
        (("report", "no-such"), "no-such: no such folder"),
        (("report", "out", "--figures", "x"), 'unknown flag --figures (did you mean "--figure"?)'),
        (("show", "no-such"), "no-such: no such folder"),
        (("summarize", "."), "no sweep.json in this folder"),
        (("validate", "no-such"), "no-such: no such folder"),
        (("trace", "--clip", "none,value:1"), "name one with --run"),
        (("trace", "--clip", "none", "--steps", "0"), "--steps 0: must be a whole number from 1"),
        (("trace", "--clip", "none", "--run", "x"), 'no run "x"'),
    ],
    ids=lambda value: " ".join(value)[:40],
)
def test_a_wrong_command_gets_one_line(arguments, words, tmp_path):
    assert words in refusal(*arguments, code=USAGE, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


# ---- Damaged data --------------------------------------------------------------------------------


def rewritten(change):
    """Return a damage done to the unpacked content of a gzip file."""
    return lambda packed: gzip.compress(change(gzip.decompress(packed)))


TRAIN_IMAGES, TRAIN_LABELS, TEST_LABELS = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
DAMAGES = {
    "missing": (TRAIN_IMAGES, None, "no train-images-idx3-ubyte.gz"),
    "empty": (TRAIN_IMAGES, lambda packed: b"", "the file is empty"),
    "cut-off": (TRAIN_IMAGES, lambda packed: packed[:-100], "the gzip stream is truncated"),
    "no-gzip": (TRAIN_LABELS, lambda packed: b"<html>404</html>" * 99, "a web page (HTML)"),
    "bit-flip": (  # in the checksum at the end
        TRAIN_IMAGES,
        lambda packed: packed[:-6] + bytes([packed[-6] ^ 1]) + packed[-5:],
        "not a valid gzip file",
    ),
    "truncated": (TRAIN_IMAGES, rewritten(lambda idx: idx[:-1]), "truncated"),
    "wrong-kind": (TRAIN_LABELS, rewritten(lambda idx: b"\0\0\x0d" + idx[3:]), "float32 [300]"),
    "label-10": (TEST_LABELS, rewritten(lambda idx: idx[:11] + b"\x0a" + idx[12:]), "label 10 at"),
    "hostile-size": (
        TRAIN_IMAGES,
        rewritten(lambda idx: idx[:4] + b"\xff" * 12 + idx[16:]),
        "truncated",
    ),
    "other-count": (
        TEST_LABELS,
        rewritten(lambda idx: idx[:4] + struct.pack(">I", 199) + idx[8:-1]),
        "199 labels for the 200 images",
    ),
}


@pytest.mark.parametrize(("file", "damage", "words"), DAMAGES.values(), ids=DAMAGES.keys())
def test_damaged_data_are_named(file, damage, words, tmp_path):
    data, out = small_data(tmp_path / "data"), tmp_path / "out"
    if damage is None:
        (data / file).unlink()
    else:
        (data / file).write_bytes(damage((data / file).read_bytes()))
    line = refusal("sweep", "--data", data, "--out", out, code=BAD_DATA)
    assert words in line and str(data) in line, line
    assert damage is None or file in line
    assert not out.exists()


def test_a_missing_data_folder_is_named(tmp_path):
    line = refusal("sweep", "--data", tmp_path / "x", "--out", tmp_path / "out", code=BAD_DATA)
    assert str(tmp_path / "x") in line and "--data" in line
    assert list(tmp_path.iterdir()) == []


def test_any_folder_with_idx_files_works_gzipped_or_not(tmp_path):
    packed, plain = small_data(tmp_path / "packed"), tmp_path / "plain"
    plain.mkdir()
    for file in packed.iterdir():
        (plain / file.stem).write_bytes(gzip.decompress(file.read_bytes()))
    for data in (packed, plain):
        sweep("--clip", "none", *SHORT, "--data", data, "--out", tmp_path / data.name / "out")
        assert_valid(tmp_path / data.name / "out")
    logs = [step_logs(data / "out")[0] for data in (packed, plain)]
    assert steps_bytes(logs[0]) == steps_bytes(logs[1])


# ---- Where it may write --------------------------------------------------------------------------


@pytest.mark.parametrize("below", ["/proc/clipsweep", "/dev/null/out", "file/out", "read-only/out"])
def test_a_folder_that_cannot_be_created_is_named(below, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "read-only").mkdir(mode=0o555)
    if below.startswith("read-only") and os.access(tmp_path / "read-only", os.W_OK):
        pytest.skip("permission bits do not bind this user")
    line = refusal("sweep", *SHORT, "--out", tmp_path / below, code=USAGE)
    assert f"--out {tmp_path / below}" in line and "cannot create this folder" in line
    assert not (tmp_path / below).exists()


def test_a_file_at_the_path_of_the_folder_is_rejected_and_kept(tmp_path):
    out = tmp_path / "out"
    out.write_text("mine", encoding="utf-8")
    assert f"--out {out}: this is a file; name a folder" in refusal("sweep", "--out", out, code=USAGE)
    assert out.read_text(encoding="utf-8") == "mine"


def test_a_folder_with_other_files_is_rejected_and_kept(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine", encoding="utf-8")
    assert "(thesis.tex)" in refusal("sweep", "--out", tmp_path, code=USAGE)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_the_shell_offers_every_figure():
    offered = call("complete", "report", "DIR", "--figure", "").stdout.splitlines()
    assert offered == list(FIGURES)


def test_an_empty_folder_is_accepted(tmp_path):
    sweep("--clip", "none", *SHORT, "--out", tmp_path)
    assert_valid(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*GRID, *SHORT, "--hidden", "11"), "its hidden is 10, not 11"),
        ((*GRID, *SHORT, "--log-every", "2"), "its log_every is 1, not 2"),
        ((*GRID, *SHORT, "--through-time-every", "0"), "its through_time_every is 100, not 0"),
        (("--clip", "none", "--lr", "7", *SHORT), "none of its 6 runs is in this plan"),
    ],
    ids=["hidden", "log-every", "through-time-every", "other-runs"],
)
def test_a_folder_with_another_plan_is_rejected_and_kept(arguments, words, copy):
    before = content(copy)
    line = refusal("sweep", *with_little_data(*arguments), "--out", copy, code=USAGE)
    assert words in line and "choose another --out" in line, line
    assert content(copy) == before


def test_an_empty_name_for_the_folder_is_rejected(tmp_path):
    assert "--out" in refusal("sweep", *SHORT, "--out", "", code=USAGE, cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_two_sweeps_in_one_folder_never_train_the_same_run(tmp_path):
    out = tmp_path / "out"
    process = start(*LONG, "--out", out)
    wait_for_log(process, out)
    process.send_signal(signal.SIGSTOP)  # it is stopped, and still holds its runs
    second = sweep(*LONG, "--out", out, expect=STOPPED)
    assert re.search(r"\d+ runs? (is|are) being trained by another clipsweep; rerun", second.stderr)
    process.kill()
    process.communicate()
    sweep(*LONG, "--out", out)  # the lock of a killed process is free
    assert_valid(out)


def test_a_run_whose_folder_is_removed_does_not_count_as_finished(tmp_path):
    out = tmp_path / "out"
    process = start(*LONG, "--out", out)
    wait_for_log(process, out, min_bytes=1)  # a claimed run has an empty log before it starts
    lost = next(path.parent for path in step_logs(out) if path.stat().st_size > 0)
    shutil.rmtree(lost)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == STOPPED
    assert f"the folder of {lost.name} was removed during training" in stderr and "left" in stderr
    sweep(*LONG, "--out", out)
    assert_valid(out)


@pytest.mark.parametrize("name", ["two words", "Prüfung 勾配", "it's; $(x) & \"y\""])
def test_a_folder_can_have_any_name(name, tmp_path):
    out = tmp_path / name
    sweep("--clip", "none", *SHORT, f"--out={out}")
    assert_valid(out)
    assert strict((out / "sweep.json").read_text(encoding="utf-8"))["command"][-1] == f"--out={out}"
    assert call("show", out).returncode == call("summarize", out).returncode == OK


# ---- What a sweep writes -------------------------------------------------------------------------


def test_a_sweep_writes_the_documented_files(finished):
    manifest = strict((finished / "sweep.json").read_text(encoding="utf-8"))
    ids = [run["id"] for run in manifest["runs"]]
    expected = {f"runs/{run}/{name}" for run in ids for name in FILES_OF_A_RUN}
    assert len(ids) == RUNS
    assert set(content(finished)) == {"sweep.json", "runs.csv", "summary.json"} | expected
    assert outcomes(finished) == ["completed"] * RUNS
    for run in ids:
        assert [step["step"] for step in steps_of(finished, run)] == [*range(1, STEPS + 1)]
    with (finished / "runs.csv").open(newline="", encoding="utf-8") as file:
        assert [row["id"] for row in csv.DictReader(file)] == ids
    assert_valid(finished)


def test_runs_of_one_seed_have_the_same_weights_and_batches(finished):
    by_seed = {}
    for record in records(finished).values():
        start_and_order = (record["sha256"]["initial_weights"], record["sha256"]["batch_order"])
        by_seed.setdefault(record["seed"], set()).add(start_and_order)
    assert [len(proofs) for proofs in by_seed.values()] == [1, 1]
    assert by_seed[0] != by_seed[1]


@functools.cache
def schema(kind: str) -> jsonschema.Draft7Validator:
    """Return the validator with the schema that the program prints."""
    document = strict(call("schema", kind).stdout)
    jsonschema.Draft7Validator.check_schema(document)
    return jsonschema.Draft7Validator(document)


def test_all_kinds_of_schemas_are_listed_with_their_titles():
    lines = call("schema").stdout.splitlines()
    kinds = [line for line in lines if not line.startswith(" ")]
    assert kinds == ["sweep", "run", "steps", "step", "through_time", "through_time_step", "summary", "cliff", "advice", "validation"]
    for kind in kinds:
        assert schema(kind).schema["title"].split()[0] in " ".join(lines)
    assert 'did you mean "steps"?' in refusal("schema", "stepss", code=USAGE)


def test_a_made_up_mode_violates_the_schemas(finished):
    record = next(iter(records(finished).values()))
    assert schema("run").is_valid(record)
    assert not schema("run").is_valid({**record, "mode": "made-up"})



@pytest.mark.parametrize("which", ["finished", "stop", "skip", "continue"])
def test_every_file_is_strict_json_and_follows_its_schema(which, finished, exploded):
    folder = finished if which == "finished" else exploded[which]
    for name in ("sweep", "summary"):
        schema(name).validate(strict((folder / f"{name}.json").read_text(encoding="utf-8")))
    for record in records(folder).values():
        schema("run").validate(record)
    header, step = schema("steps"), schema("step")
    for log in step_logs(folder):
        lines = [strict(line) for line in log.read_text(encoding="utf-8").splitlines()]
        header.validate(lines[0])
        for line in lines[1:]:
            step.validate(line)
            assert set(line["tensors"]) == set(lines[0]["tensors"])
    header, step = schema("through_time"), schema("through_time_step")
    for log in through_time_logs(folder):
        lines = [strict(line) for line in log.read_text(encoding="utf-8").splitlines()]
        header.validate(lines[0])
        for line in lines[1:]:
            step.validate(line)
    assert_valid(folder)


def test_stdout_has_the_answer_and_stderr_the_progress(finished, tmp_path):
    result = sweep(*GRID, *SHORT, "--out", tmp_path / "out")
    answer = call("summarize", finished).stdout.partition("\nDoes clipping help?\n")[2]
    assert result.stdout.endswith(answer)
    assert "6/6 runs, 0 diverged" in result.stderr
    assert "\x1b" not in result.stdout + result.stderr and "\r" not in result.stderr
    quiet = sweep(*GRID, *SHORT, "--out", tmp_path / "quiet", "-q")
    assert (quiet.stdout, quiet.stderr) == (result.stdout, "")


def test_a_sweep_file_is_the_same_as_flags(finished, tmp_path):
    file = tmp_path / "my sweep.toml"
    file.write_text(
        'clip = ["none", "value:0.1", "global-norm:0.3"]\nseeds = [0, 1]\nepochs = 2\nlr = 7\n',
        encoding="utf-8",
    )
    out = tmp_path / "out"
    sweep(file, "--lr", "0.01", "--steps-per-epoch", "20", "--out", out)
    assert numbers(out) == numbers(finished)
    origins = strict((out / "sweep.json").read_text(encoding="utf-8"))["origins"]
    assert (origins["epochs"], origins["learning_rate"]) == ("my sweep.toml:3", "flag --lr")
    assert origins["hidden"] == "default"


def test_thinned_logs_keep_first_last_and_every_nth_step(finished, tmp_path):
    sweep(*GRID, *SHORT, "--log-every", "7", "--out", tmp_path / "out")
    for log, full in zip(step_logs(tmp_path / "out"), step_logs(finished), strict=True):
        lines, full_lines = steps_bytes(log).splitlines(), steps_bytes(full).splitlines()
        assert [strict(line)["step"] for line in lines] == [1, 7, 14, 21, 28, 35, 40]
        assert set(lines) <= set(full_lines)
    assert (tmp_path / "out/runs.csv").read_bytes() == (finished / "runs.csv").read_bytes()
    assert (tmp_path / "out/summary.json").read_bytes() == (finished / "summary.json").read_bytes()
    assert_valid(tmp_path / "out")


# ---- The same numbers, whatever happens on the way -----------------------------------------------


def test_two_workers_write_the_same_bytes_as_one(finished, tmp_path):
    sweep(*GRID, *SHORT, "--workers", "2", "--out", tmp_path / "out")
    assert numbers(tmp_path / "out") == numbers(finished)


def test_a_run_trained_alone_writes_the_same_bytes(finished, tmp_path):
    sweep("--clip", "value:0.1", "--seeds", "1-1", *SHORT, "--out", tmp_path / "out")
    (alone,) = step_logs(tmp_path / "out")
    among_others = finished / "runs" / alone.parent.name / "steps.jsonl"
    assert alone.read_bytes() == among_others.read_bytes()


def test_the_same_command_again_trains_nothing(copy):
    before = content(copy)
    result = sweep(*GRID, *SHORT, "--out", copy)
    assert content(copy) == before  # including the times in run.json
    assert "nothing to train" in result.stderr


def test_more_seeds_train_only_the_new_runs(tmp_path, finished):
    out = tmp_path / "out"
    sweep("--clip", GRID[1], "--seeds", "1", *SHORT, "--out", out)
    before = content(out / "runs")
    sweep(*GRID, *SHORT, "--out", out)
    after = content(out / "runs")
    files_per_run = len(FILES_OF_A_RUN)
    assert len(before) == files_per_run * RUNS // 2 and len(after) == files_per_run * RUNS
    assert {name: after[name] for name in before} == before
    assert numbers(out) == numbers(finished)
    assert_valid(out)


def test_max_runs_stops_early_and_the_same_command_continues(tmp_path, finished):
    command = (*GRID, *SHORT, "--max-runs", "4", "--out", tmp_path / "out")
    assert "2 runs left; rerun the same command to continue" in sweep(*command, expect=STOPPED).stderr
    assert outcomes(tmp_path / "out") == ["completed"] * 4
    assert_valid(tmp_path / "out")
    sweep(*command)
    assert numbers(tmp_path / "out") == numbers(finished)


@pytest.mark.parametrize(
    ("sent", "code"),
    [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, STOPPED)],
    ids=["interrupt", "terminate"],
)
def test_an_interrupted_sweep_is_marked_and_continues(sent, code, tmp_path, undisturbed):
    out = tmp_path / "out"
    process = start(*LONG, "--out", out)
    wait_for_log(process, out, min_bytes=1)  # a claimed run has an empty log before it starts
    process.send_signal(sent)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == code, stderr
    assert "rerun the same command to continue" in stderr.splitlines()[-1]
    assert "interrupted" in outcomes(out)
    assert_valid(out)
    sweep(*LONG, "--out", out)
    assert numbers(out) == undisturbed
    assert_valid(out)


def test_a_sweep_continues_without_its_noise_floor_and_some_arms(tmp_path):
    out = tmp_path / "out"
    clips = ("--clip", "none,global-norm:1,value:0.5", "--seeds", "2")
    sweep(*clips, *SHORT, "--noise-floor", "--max-runs", "3", "--out", out, expect=STOPPED)
    first = records(out)
    assert sum("global-norm" in run for run in first) == 1
    less = ("--clip", "none,value:0.5", "--seeds", "2", *SHORT)
    done = sweep(*less, "--out", out)
    assert "The folder has 1 run that is not in this plan; it stays in" in done.stderr
    assert "Dropped 3 runs from the plan that had not finished: " in done.stderr
    assert "5 runs: 5 completed" in done.stdout
    assert all(records(out)[run] == record for run, record in first.items())
    assert_valid(out)
    again = sweep(*less, "--out", out)
    assert "Dropped" not in again.stderr
    # The first command trains what was dropped.
    sweep(*clips, *SHORT, "--noise-floor", "--out", out)
    assert outcomes(out) == ["completed"] * 8
    assert "dropped_runs" not in json.loads((out / "sweep.json").read_text())
    assert_valid(out)


def test_an_interrupted_sweep_continues_with_fewer_arms(tmp_path, undisturbed):
    out = tmp_path / "out"
    process = start(*LONG, "--noise-floor", "--out", out)
    wait_for_log(process, out, min_bytes=60_000)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    assert process.returncode == STOPPED
    done = sweep(*LONG, "--out", out)
    assert "from the plan that had not finished" in done.stderr
    found = numbers(out)
    assert {file: found[file] for file in undisturbed} == undisturbed
    assert_valid(out)
    # The dropped runs resume from their checkpoints.
    dropped = json.loads((out / "sweep.json").read_text())["dropped_runs"]
    assert len(dropped) == 2 and list(out.glob("checkpoints/*"))
    sweep(*LONG, "--noise-floor", "--out", out)
    assert outcomes(out) == ["completed"] * 6 and not list(out.glob("checkpoints/*"))
    assert_valid(out)


# A step of each takes many seconds.
PIXELS = ("--task", "fashion-mnist-pixels", "--clip", "none", "--seeds", "1")
HEAVY = (*PIXELS, "--hidden", "512", "--batch-size", "512")
HEAVY_FOR_LIBTORCH = (*PIXELS, "--engine", "reference", "--hidden", "128", "--batch-size", "128")


@pytest.mark.parametrize("heavy", [HEAVY, HEAVY_FOR_LIBTORCH], ids=["fused", "reference"])
def test_a_long_step_is_abandoned(heavy, tmp_path):
    out = tmp_path / "out"
    process = start(*heavy, "--out", out)
    wait_for_log(process, out)
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == STOPPED, stderr
    assert "rerun the same command to continue" in stderr.splitlines()[-1]
    assert outcomes(out) == ["interrupted"]
    (record,) = records(out).values()
    assert record["totals"]["steps"] == 0 and record["sha256"]["batch_order"] is None
    assert len(list(out.glob("checkpoints/*"))) == 1
    assert_valid(out)


def test_a_second_signal_exits_immediately(tmp_path):
    out = tmp_path / "out"
    process = start(*HEAVY, "--out", out)
    wait_for_log(process, out)
    process.send_signal(signal.SIGSTOP)  # so that both arrive before it can react
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGCONT)
    process.communicate(timeout=120)
    assert process.returncode in (128 + signal.SIGINT, 128 + signal.SIGTERM)
    assert records(out) == {}  # it had no time to write them


def test_a_killed_sweep_continues(tmp_path, undisturbed):
    out = tmp_path / "out"
    process = start(*LONG, "--out", out)
    wait_for_log(process, out, min_bytes=60_000)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    result = call("validate", out)
    assert (result.returncode, "(4 unfinished)" in result.stdout) == (OK, True), result.stdout
    sweep(*LONG, "--out", out)
    assert numbers(out) == undisturbed
    assert_valid(out)


@pytest.fixture
def small_disk(tmp_path):
    """Yields the folder of a disk with 256 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("no disk can be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_stops_the_sweep_until_space_is_free(small_disk):
    out = small_disk / "out"
    sweep(*BULKY, "--max-runs", "1", "--out", out, expect=STOPPED)
    complete = records(out)
    stderr = sweep(*BULKY, "-q", "--out", out, expect=STOPPED).stderr
    assert stderr.startswith(f"clipsweep: {out}/runs/") and stderr.count("\n") == 1
    assert "No space left on device; free some space and rerun the same command to continue" in stderr
    assert not list(out.rglob("*.tmp"))
    assert records(out) == complete and outcomes(out) == ["completed"]
    assert_valid(out)
    subprocess.run(["mount", "-o", "remount,size=4m", str(small_disk)], check=True)
    sweep(*BULKY, "--out", out)
    assert outcomes(out) == ["completed", "completed"]
    assert_valid(out)


# ---- Runs that explode ---------------------------------------------------------------------------


def test_a_diverged_run_is_an_outcome_with_events(exploded):
    diverged = doomed(exploded["stop"])
    assert len(diverged) == 2
    for run, record in diverged.items():
        steps = steps_of(exploded["stop"], run)
        assert record["outcome"] == "diverged" and record["reason"]
        assert record["totals"]["steps"] == len(steps) < STEPS
        assert any(event["tensor"] in steps[0]["tensors"] for event in record["events"])
        assert all(1 <= event["step"] <= len(steps) for event in record["events"])
        last = record["events"][-1]
        assert last["kind"] in ("nan", "inf") and last["action"] == "stopped"
        assert last["step"] == len(steps)
        shown = call("show", exploded["stop"], run, "--events").stdout
        assert last["kind"] in shown and "; the run stopped" in shown
        assert all(len(line) <= 80 for line in shown.splitlines())


def test_events_carry_the_steps_before_them_whatever_is_logged(tmp_path):
    clips = ("--clip", "none,value:0.5", "--lr", "1,1e37", "--epochs", "2", "--steps-per-epoch", "300")
    seeds = ("--seeds", "2")
    records = {}
    for every in ("1", "1000"):
        out = tmp_path / every
        sweep(*clips, *seeds, "--log-every", every, "--out", out)
        assert call("validate", out).returncode == 0
        for path in sorted(out.glob("runs/*/run.json")):
            events = json.loads(path.read_text(encoding="utf-8"))["events"]
            records.setdefault(path.parent.name, []).append(events)
    assert sum(len(one) for one, _ in records.values()) > 0
    for logged, thinned in records.values():
        assert logged == thinned
        for event in logged:
            before = event["before"]
            expected = min(20, event["step"] - 1)
            assert before["shared"] + before["left_out"] + len(before["steps"]) == expected


def test_a_diverged_run_does_not_affect_other_runs(exploded, tmp_path):
    sweep("--mode", "none", "--seeds", "2", *SHORT, "--out", tmp_path / "out")
    logs = step_logs(tmp_path / "out")
    assert len(logs) == 2
    for log in logs:
        with_diverged = exploded["stop"] / "runs" / log.parent.name / "steps.jsonl"
        assert with_diverged.read_bytes() == log.read_bytes()


def test_skip_continues_without_the_nonfinite_updates(exploded):
    for run, record in doomed(exploded["skip"]).items():
        skipped = [step["step"] for step in steps_of(exploded["skip"], run) if "skipped" in step]
        assert record["totals"]["steps"] == STEPS
        assert record["totals"]["skipped_steps"] == len(skipped) > 0
        assert {event["action"] for event in record["events"]} <= {"skipped", "continued"}
        assert "NaN" not in [step["loss"] for step in steps_of(exploded["skip"], run)]


def test_a_run_that_skipped_its_last_steps_is_stalled(tmp_path):
    out = tmp_path / "out"
    network = ("--task", "adding", "--cell", "rnn-relu", "--init", "identity", "--hidden", "100")
    length = ("--length", "100", "--epochs", "1", "--steps-per-epoch", "50", "--seeds", "1")
    clips = ("--lr", "0.1", "--clip", "none,global-norm:1", "--on-nonfinite", "skip")
    done = sweep(*network, *length, *clips, "--out", out)
    assert "2 runs: 1 completed, 1 diverged or stalled" in done.stdout
    assert "1 run stalled and counts as diverged" in done.stdout
    rows = list(csv.DictReader((out / "runs.csv").open()))
    keys = ("outcome", "skipped", "skipped_share", "stalled")
    assert [[row[key] for key in keys] for row in rows] == [
        ["completed", "49", "0.98", "true"],
        ["completed", "0", "0", "false"],
    ]
    assert outcomes(out) == ["completed"] * 2
    summary = json.loads((out / "summary.json").read_text())
    assert float(rows[0]["final_test_accuracy"]) == summary["chance_accuracy"]
    assert_valid(out)


def test_continue_applies_them(exploded):
    for run, record in doomed(exploded["continue"]).items():
        steps = steps_of(exploded["continue"], run)
        assert record["outcome"] == "diverged"
        assert (len(steps), record["totals"]["skipped_steps"]) == (STEPS, 0)
        assert steps[-1]["loss"] in ("NaN", "Infinity") and record["totals"]["nonfinite_steps"] > 0
        assert {event["action"] for event in record["events"]} == {"continued"}


# ---- Inspecting ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", *GRID, *SHORT, "--json"),
        ("show", "DIR", "--json"),
        ("show", "DIR", "RUN", "--json"),
        ("show", "DIR", "--events", "--json"),
        ("show", "DIR", "RUN", "--events", "--json"),
        ("summarize", "DIR", "--json"),
        ("validate", "DIR", "--json"),
        ("preset", "--json"),
        ("preset", "article", "--json"),
    ],
    ids=" ".join,
)
def test_json_on_stdout_is_strict(arguments, exploded):
    folder = exploded["continue"]
    words = {"DIR": folder, "RUN": next(iter(doomed(folder)))}
    result = call(*(words.get(argument, argument) for argument in arguments))
    assert (result.returncode, result.stderr) == (OK, "")
    assert strict(result.stdout)


def test_summarize_rebuilds_the_same_files(copy, finished):
    for name in ("runs.csv", "summary.json"):
        (copy / name).unlink()
    result = call("summarize", copy, "--json")
    assert content(copy) == content(finished)
    assert strict(result.stdout) == strict((finished / "summary.json").read_text(encoding="utf-8"))


def test_inspecting_does_not_load_libtorch(finished, tmp_path):
    run = next(iter(records(finished)))
    commands = [("--version",), ("--help",), ("sweep", "--help"), ("show", finished)]
    commands += [("show", finished, run), ("show", finished, "--events"), ("validate", finished)]
    commands += [("summarize", finished), ("plan", *GRID, *SHORT), ("sweep", "--bogus")]
    for number, command in enumerate(commands):
        log = tmp_path / str(number)
        environment = {**os.environ, "LD_DEBUG": "libs", "LD_DEBUG_OUTPUT": str(log)}
        with subprocess.Popen(
            [PROGRAM, *map(str, command)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            process.wait()
        loaded = Path(f"{log}.{process.pid}").read_text(encoding="utf-8")  # without its child processes
        assert "libstdc++" in loaded
        assert "libtorch" not in loaded and "libc10" not in loaded, command


# ---- Damage done to a result folder --------------------------------------------------------------


def change_line(path: Path, number: int, change) -> None:
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[number - 1] = change(lines[number - 1])
    path.write_text("".join(lines), encoding="utf-8")


LOG_DAMAGES = {
    "cut": lambda line: line[:50] + "\n",
    "nan": lambda line: line.replace('"accuracy":', '"accuracy":NaN,"x":'),
    "not-a-number": lambda line: line.replace('"loss":', '"loss":"high","x":'),
    "lost": lambda line: "",
    "repeated": lambda line: 2 * line,
    "negative-norm": lambda line: line.replace('"grad_norm_raw":', '"grad_norm_raw":-'),
    "binary": lambda line: "\0\1\2\n",
}


@pytest.mark.parametrize("damage", LOG_DAMAGES.values(), ids=LOG_DAMAGES.keys())
def test_a_damaged_log_is_named_with_its_line(damage, copy):
    log = step_logs(copy)[0]
    change_line(log, 5, damage)
    result = call("validate", copy)
    assert result.returncode == BAD_DATA
    places = [line.split(": ")[0] for line in result.stdout.splitlines()]
    near = {f"{log.relative_to(copy)}:{number}" for number in (5, 6)}
    assert near & set(places), result.stdout
    as_json = call("validate", copy, "--json")
    found = strict(as_json.stdout)
    schema("validation").validate(found)
    assert (as_json.returncode, found["runs"]) == (BAD_DATA, RUNS)
    assert [f"{problem['file']}:{problem['line']}" for problem in found["problems"] if problem["line"]] == [
        place for place in places if re.search(r":\d+$", place)
    ]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"completed"', '"happy"'),
        lambda text: text.replace('"clipped_steps": ', '"clipped_steps": 1'),
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: "[" * 100_000,
    ],
    ids=["unknown-outcome", "wrong-total", "cut", "empty", "deep"],
)
def test_a_damaged_run_json_is_named(change, copy):
    path = next(copy.glob("runs/value*/run.json"))
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    result = call("validate", copy)
    assert result.returncode == BAD_DATA
    assert str(path.relative_to(copy)) in result.stdout


def test_a_truncated_last_line_means_a_killed_run(copy):
    log = step_logs(copy)[0]
    (log.parent / "run.json").unlink()
    log.write_bytes(log.read_bytes()[:-30])
    assert call("summarize", copy).returncode == OK
    shown = call("show", copy).stdout
    assert "The last log line is truncated, so the run was killed; rerun the sweep" in shown
    assert_valid(copy)
    sweep(*GRID, *SHORT, "--out", copy)
    assert outcomes(copy) == ["completed"] * RUNS


# ---- Engines -------------------------------------------------------------------------------------


def instruction_sets() -> list[str]:
    """Those of this machine, best first, as the error for an unknown one lists them."""
    line = refusal("plan", code=USAGE, env={**os.environ, "CLIPSWEEP_SIMD": "mmx"})
    assert line.startswith("clipsweep: CLIPSWEEP_SIMD: unknown instruction set \"mmx\"")
    return line.rstrip().rpartition("supported by this machine: ")[2].split(", ")


def test_each_instruction_set_writes_the_same_bytes_for_any_grouping_of_runs(tmp_path):
    for simd in instruction_sets():
        environment = {**os.environ, "CLIPSWEEP_SIMD": simd}
        one, two = tmp_path / simd / "one", tmp_path / simd / "two"
        sweep(*GRID, *SHORT, "--workers", "1", "--out", one, env=environment)
        sweep(*GRID, *SHORT, "--workers", "2", "--out", two, env=environment)
        assert numbers(one) == numbers(two)
        machine = strict((one / "sweep.json").read_text(encoding="utf-8"))["machine"]
        assert machine["simd"] == simd
        assert {(run["engine"], run["simd"]) for run in records(one).values()} == {("fused", simd)}


def test_the_engines_agree_on_the_first_steps(finished, tmp_path):
    out = tmp_path / "out"
    sweep(*GRID, *SHORT, "--engine", "reference", "--out", out)
    assert {run["engine"] for run in records(out).values()} == {"reference"}
    assert "libtorch" in strict((out / "sweep.json").read_text(encoding="utf-8"))["software"]
    for run, record in records(finished).items():
        assert record["sha256"]["batch_order"] == records(out)[run]["sha256"]["batch_order"]
        for ours, theirs in zip(steps_of(finished, run)[:5], steps_of(out, run)[:5]):
            assert ours["loss"] == pytest.approx(theirs["loss"], rel=1e-5)
            assert ours["grad_norm_raw"] == pytest.approx(theirs["grad_norm_raw"], rel=1e-4)


def test_a_folder_with_runs_of_another_engine_gets_a_warning(copy):
    more = (*GRID[:-1], "3", *SHORT, "--out", copy)
    first = sweep(*more, "--engine", "reference", "--max-runs", "1", expect=STOPPED)
    assert "6 complete runs in this folder were computed by another engine" in first.stderr
    second = sweep(*more, "--engine", "fused")
    assert "1 complete run in this folder was computed by another engine" in second.stderr


def test_the_fused_engine_rejects_another_device(tmp_path):
    line = refusal(
        "sweep", "--engine", "fused", "--device", "cuda", "--out", tmp_path / "out", code=USAGE
    )
    assert "--engine fused runs only on the CPU" in line
    assert not (tmp_path / "out").exists()


def test_plan_says_which_engine_and_why(tmp_path):
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    grid = with_little_data(*GRID, *SHORT)
    text = call("plan", *grid, env=environment).stdout
    assert re.search(r"^the fused engine with \w+ \(auto: lstm on the CPU\)$", text, re.MULTILINE)
    plan = strict(call("plan", *grid, "--engine", "reference", "--json").stdout)
    assert list(plan["cells"]) == ["lstm"]
    assert plan["cells"]["lstm"]["engine"] == {"name": "reference", "reason": "as requested"}


def test_only_a_lost_run_is_trained_again(copy, finished):
    lost = sorted(copy.glob("runs/*"))[2]
    kept = {run: record for run, record in records(copy).items() if run != lost.name}
    shutil.rmtree(lost)
    sweep(*GRID, *SHORT, "--out", copy)
    after = records(copy)
    assert {run: after[run] for run in kept} == kept
    assert numbers(copy) == numbers(finished)


def test_no_two_runs_share_their_final_weights_by_accident(finished):
    finals = [record["sha256"]["final_weights"] for record in records(finished).values()]
    assert all(one != other for one, other in itertools.combinations(finals, 2))


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_stderr_that_cannot_be_written_changes_no_exit_code(tmp_path):
    with open("/dev/full", "w") as full:
        rejected = subprocess.run([PROGRAM, "bogus"], stderr=full, stdout=subprocess.DEVNULL)
        trained = subprocess.run(
            [PROGRAM, "sweep", "--data", first_images(), "--seeds", "1", *SHORT, "--out", tmp_path / "out"],
            stderr=full,
            stdout=subprocess.DEVNULL,
        )
    assert (rejected.returncode, trained.returncode) == (2, 0)


def test_plan_ends_with_the_exit_code_of_the_measurement(tmp_path):
    without_cuda = subprocess.run(
        [PROGRAM, "plan", "--device", "cuda"],
        capture_output=True,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
    )
    if without_cuda.returncode == 0:
        pytest.skip("this machine has a CUDA device")
    assert without_cuda.returncode == 2
    assert without_cuda.stderr.count("\n") == 1 and "--device cuda" in without_cuda.stderr
