"""scripts/gpu_check where it ends before it builds anything: no GPU, wrong options."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts/gpu_check"


def run(*options, path=None):
    environment = os.environ | ({"PATH": str(path)} if path else {})
    return subprocess.run([SCRIPT, *options], capture_output=True, text=True, env=environment)


@pytest.fixture
def path_without_gpu(tmp_path):
    """The programs that the script needs until then, and an nvidia-smi that finds no device."""
    for program in ["bash", "dirname"]:
        (tmp_path / program).symlink_to(f"/usr/bin/{program}")
    nvidia_smi = tmp_path / "nvidia-smi"
    nvidia_smi.write_text("#!/bin/sh\necho 'No devices were found'\nexit 6\n")
    nvidia_smi.chmod(0o755)
    return tmp_path


def test_without_a_gpu_it_ends_with_one_line(path_without_gpu):
    result = run(path=path_without_gpu)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr == (
        "gpu_check: no CUDA device: nvidia-smi lists none; "
        "--device cpu runs the same comparisons on the CPU\n"
    )


@pytest.mark.parametrize(
    "options, message",
    [
        (["--device", "tpu"], "--device tpu: it must be cuda or cpu"),
        (["--device"], '"--device": its options are --device cuda|cpu and --prefix DIR'),
        (
            ["--fast", "1"],
            '"--fast" is not an option; its options are --device cuda|cpu and --prefix DIR',
        ),
        (["--prefix", "/nowhere"], "--prefix /nowhere: there is no such folder"),
    ],
)
def test_wrong_options_are_one_line(options, message):
    result = run(*options)
    assert (result.returncode, result.stderr) == (2, f"gpu_check: {message}\n")
