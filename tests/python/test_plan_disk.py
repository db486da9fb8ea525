"""`plan` says how large the result folder will be: to within a fifth of what the program then writes."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from small_data import with_little_data
from test_program import OK, PROGRAM, call

# The first steps of the classic example, in which nothing spikes: events come on top.
CLASSIC = ("--seeds", "2", "--epochs", "2", "--steps-per-epoch", "250", "--workers", "1")
CASES = {
    "classic": CLASSIC,
    "few lines": (*CLASSIC, "--log-every", "1000"),
    "every third step": (*CLASSIC, "--log-every", "3"),
    "no through time": (*CLASSIC, "--through-time-every", "0"),
    "through time": (*CLASSIC, "--through-time-every", "1", "--log-every", "50"),
    "two layers": (*CLASSIC, "--layers", "2", "--hidden", "6"),
    "other cells": (*CLASSIC, "--cell", "gru,rnn-tanh"),
    "compressed": (*CLASSIC, "--compress"),
    "weights": (*CLASSIC, "--save-weights", "--hidden", "40", "--log-every", "50"),
    "many arms": (*CLASSIC, "--clip", "none,value:logspace(0.1,1,6)", "--log-every", "100"),
    "many seeds": ("--task", "adding", "--length", "5", "--hidden", "2", "--seeds", "60", "--epochs", "1",
                   "--steps-per-epoch", "5", "--workers", "1"),
}  # fmt: skip


def size_of(folder: Path) -> int:
    """Return the bytes of all files, and a block for each folder as most file systems use."""
    paths = [folder, *folder.rglob("*")]
    return sum(4096 if path.is_dir() else path.stat().st_size for path in paths)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.mark.parametrize("case", CASES)
def test_the_estimate_is_within_a_fifth(case, tmp_path):
    arguments = with_little_data(*CASES[case])
    planned = call("plan", *arguments, "--json")
    assert planned.returncode == OK, planned.stderr
    estimate = json.loads(planned.stdout)["estimate"]["bytes"]
    trained = call("sweep", *arguments, "--out", tmp_path / "out", "-q")
    assert trained.returncode == OK, trained.stderr
    assert estimate == pytest.approx(size_of(tmp_path / "out"), rel=0.2)


def test_a_plan_without_the_program_of_its_engine_has_no_estimate(tmp_path):
    """clipsweep-train is a package of its own; a plan can be made without it."""
    program = shutil.copy(PROGRAM, tmp_path / "clipsweep")
    command = [program, "plan", "--engine", "reference", "--seeds", "6"]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert result.returncode == OK
    assert "12 runs: 2 arms x 6 seeds" in result.stdout and "time  about" not in result.stdout
    assert result.stderr.startswith("clipsweep: warning: no estimate of time and disk space: ")
    assert "clipsweep-train: not found" in result.stderr and result.stderr.count("\n") == 1
    result = subprocess.run([*command, "--json"], capture_output=True, encoding="utf-8", check=False)
    plan = json.loads(result.stdout)
    assert result.returncode == OK and plan["estimate"] is None and len(plan["runs"]) == 12
    assert any("clipsweep-train" in warning for warning in plan["warnings"])
