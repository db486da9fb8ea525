"""Sweeps killed at random moments end with the same bytes: a short run of scripts/crash_test."""

import subprocess
import sys

import pytest
from conftest import ROOT
from small_data import first_images


@pytest.mark.parametrize("sweeps", ["autoclip", "carry", "--compress"])
@pytest.mark.parametrize("processes", [1, 2])
def test_killed_sweeps_end_with_the_same_bytes(processes, sweeps):
    arguments = ("--kills", "6", "--processes", str(processes), f"--only={sweeps}", "--data", first_images())
    command = [sys.executable, ROOT / "scripts/crash_test", *arguments]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=300, check=False)
    assert result.returncode == 0, result.stdout
    assert result.stdout.splitlines()[-1] == "6 passed, 0 failed"


def test_a_difference_is_found(tmp_path):
    """A program that trains something else after a kill does not pass."""
    program, calls = tmp_path / "clipsweep", tmp_path / "calls"
    real = ROOT / "build/release/clipsweep"
    program.write_text(
        "#!/bin/sh\n"
        f"echo >> {calls}\n"
        f'exec {real} "$@" --batch-size $((32 + $(wc -l < {calls})))\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    command = [sys.executable, ROOT / "scripts/crash_test", "--kills", "2"]
    command += ["--program", program, "--data", first_images()]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=300, check=False)
    assert result.returncode == 1 and "0 passed, 2 failed" in result.stdout
