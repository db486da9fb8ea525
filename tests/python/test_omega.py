"""The regularizer Omega (`--omega`) by the real program: what it changes, and what it leaves as it is."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from clipsweep_crashes.sweeps import check, compare, kill_when_it_logs
from conftest import ROOT

OK, INVALID = 0, 3
PROGRAM = ROOT / "build/release/clipsweep"
COMMON = (
    "--task temporal-order --length 10-14 --cell rnn-tanh,rnn-relu --hidden 6 --batch-size 21 "
    "--clip none,global-norm:0.1 --lr 0.1 --seeds 2 --epochs 2 --steps-per-epoch 20 --checkpoint-every 7"
).split()
LIMIT = 60


def call(*arguments) -> subprocess.CompletedProcess:
    command = [str(argument) for argument in (PROGRAM, *arguments)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=LIMIT, check=False)


def sweep(out: Path, *arguments: str) -> Path:
    result = call("sweep", *COMMON, *arguments, "--out", out)
    assert result.returncode == OK, result.stderr
    return out


def runs(folder: Path) -> list[dict]:
    return json.loads((folder / "sweep.json").read_text())["runs"]


def lines(folder: Path, run: dict) -> list[str]:
    """Return the lines of the run's log but the header."""
    return (folder / "runs" / run["id"] / "steps.jsonl").read_text().splitlines()[1:]


def steps(folder: Path, run: dict) -> list[dict]:
    return [json.loads(line) for line in lines(folder, run)]


@pytest.fixture(scope="module")
def crossed(tmp_path_factory) -> Path:
    return sweep(tmp_path_factory.mktemp("omega") / "out", "--omega", "0,2", "--workers", "1")


def test_a_factor_of_zero_is_a_run_without_omega(crossed, tmp_path):
    alone = sweep(tmp_path / "out")
    by_digits = {run["id"][-8:]: run for run in runs(crossed)}
    for run in runs(alone):
        same = by_digits[run["id"][-8:]]
        assert same["omega"] == 0 and same["id"] == f"omega-0_{run['id']}"
        assert lines(alone, run) == lines(crossed, same)


def test_only_runs_with_a_factor_log_omega(crossed):
    for run in runs(crossed):
        logged = [step.get("omega") for step in steps(crossed, run)]
        assert logged == [None] * 40 if run["omega"] == 0 else all(value > 0 for value in logged)


def test_setups_that_differ_in_omega_start_alike(crossed):
    without, with_omega = ([run for run in runs(crossed) if run["omega"] == factor] for factor in (0, 2))
    for one, other in zip(without, with_omega, strict=True):
        first, second = steps(crossed, one)[0], steps(crossed, other)[0]
        assert first["loss"] == second["loss"] and first["weight_norm"] == second["weight_norm"]
        changed = {name for name, norm in first["tensors"].items() if norm != second["tensors"][name]}
        assert "rnn.weight_hh" in changed
        # The order of a sum over time steps differs, and with it the last bits of the others.
        for name in first["tensors"]:
            if name != "rnn.weight_hh":
                assert first["tensors"][name] == pytest.approx(second["tensors"][name], rel=1e-4)


def test_workers_and_kills_leave_the_bytes_as_they_are(crossed, tmp_path):
    out = tmp_path / "out"
    command = [PROGRAM, "sweep", *COMMON, "--omega", "0,2", "--workers", "2", "--out", out]
    for _ in range(3):
        kill_when_it_logs(command, out)
    sweep(out, "--omega", "0,2", "--workers", "2")
    compare(crossed, out)
    check(PROGRAM, out)


def test_a_run_alone_has_the_bytes_of_the_crossed_sweep(crossed, tmp_path):
    small = ("--omega", "2", "--cell", "rnn-relu", "--clip", "none", "--seeds", "1")
    kept = [text for pair in zip(COMMON[::2], COMMON[1::2]) if pair[0] not in small for text in pair]
    result = call("sweep", *kept, *small, "--out", tmp_path / "out")
    assert result.returncode == OK, result.stderr
    [run] = runs(tmp_path / "out")
    [same] = [each for each in runs(crossed) if each["id"].endswith(run["id"][-8:])]
    assert lines(tmp_path / "out", run) == lines(crossed, same)


def test_both_engines_train_the_same(crossed, tmp_path):
    reference = sweep(tmp_path / "out", "--omega", "0,2", "--engine", "reference")
    for run in runs(crossed):
        for ours, theirs in zip(steps(crossed, run), steps(reference, run), strict=True):
            for key in ("loss", "grad_norm_raw", *(["omega"] if run["omega"] else [])):
                assert ours[key] == pytest.approx(theirs[key], rel=2e-4), (run["id"], ours["step"], key)


def test_validate_names_a_step_without_omega(crossed, tmp_path):
    check(PROGRAM, crossed)
    out = shutil.copytree(crossed, tmp_path / "out")
    run = next(run for run in runs(out) if run["omega"] == 2)
    log = out / "runs" / run["id"] / "steps.jsonl"
    text = log.read_text().splitlines(keepends=True)
    step = json.loads(text[1])
    del step["omega"]
    log.write_text("".join([text[0], json.dumps(step, separators=(",", ":")) + "\n", *text[2:]]))
    result = call("validate", out)
    assert result.returncode == INVALID
    assert '"omega" is missing, but the setting omega is not 0' in result.stdout + result.stderr


def test_what_computes_gradients_after_training_has_omega(crossed):
    run = next(run["id"] for run in runs(crossed) if run["omega"] == 2)
    result = call("cliff", crossed, run, "--step", "5", "--points", "5")
    assert result.returncode == OK, result.stderr
    written = json.loads((crossed / "runs" / run / "cliff_5.json").read_text())
    assert written["same_as_log"] is True
    (crossed / "runs" / run / "cliff_5.json").unlink()


def test_a_folder_of_a_version_without_omega_takes_more_factors(tmp_path):
    out = sweep(tmp_path / "out")
    manifest = json.loads((out / "sweep.json").read_text())
    assert manifest["settings"].pop("omega") == 0 and manifest["origins"].pop("omega") == "default"
    (out / "sweep.json").write_text(json.dumps(manifest))
    before = {run["id"] for run in runs(out)}
    sweep(out, "--omega", "0,2")
    assert json.loads((out / "sweep.json").read_text())["settings"]["omega"] == [0, 2]
    assert before < {run["id"] for run in runs(out)} and len(runs(out)) == 2 * len(before)
    check(PROGRAM, out)


def test_measurements_and_probes_are_possible_with_omega(tmp_path):
    options = ("--omega", "2", "--smoothness-every", "10", "--probe-at", "0,40", "--probe-batches", "30")
    out = sweep(tmp_path / "out", *options)
    check(PROGRAM, out)
    for run in runs(out):
        assert all(step["smoothness"] > 0 for step in steps(out, run) if step["step"] % 10 == 0)
        assert len(json.loads((out / "runs" / run["id"] / "run.json").read_text())["probes"]) == 2


def test_sequences_of_one_step_have_no_omega(tmp_path):
    arguments = "--task markov --length 1 --cell rnn-tanh --omega 2 --epochs 1 --steps-per-epoch 5 --clip none --seeds 1"
    result = call("sweep", *arguments.split(), "--out", tmp_path / "out")
    assert result.returncode == OK, result.stderr
    [run] = runs(tmp_path / "out")
    assert [step["omega"] for step in steps(tmp_path / "out", run)] == [0] * 5
