"""The numbers of a sweep stay the same from version to version, to the last bit.

tests/golden/step_logs.json has the SHA-256 of each run's steps.jsonl, as the program wrote it before
the library got its folders. A change that moves numbers on purpose writes the file again and says
so in the changelog:

    python tests/python/test_same_numbers.py build/release/clipsweep > tests/golden/step_logs.json

The fused engine is held to SSE4, which every x86-64 machine has; the mathematical functions are the
C library's, so that the hashes are those of one version of it.
"""

import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("CLIPSWEEP", str(ROOT / "build/release/clipsweep"))
GOLDEN = ROOT / "tests/golden/step_logs.json"
MODES = (
    "none,value:0.5,value:0.01,global-norm:0.1,tensor-norm:0.1,scale:1,tensor-rms:0.01,agc:0.01,"
    "autoclip:10,zclip:2.5,adagc:1.05,backprop:0.0001,random-step:0.5"
)
# Every mode, every cell, several layers, NaN and Inf, every optimizer, every task but the long ones.
SWEEPS = {
    "classic": f"--clip {MODES} --lr 0.1 --seeds 2 --epochs 2 --steps-per-epoch 30",
    "plain cells": f"--task adding --length 20-30 --cell rnn-tanh,rnn-relu:identity --hidden 8 --clip {MODES}"
    " --lr 0.05,1 --seeds 2 --epochs 2 --steps-per-epoch 25 --noise-floor",
    "non-finite": "--task adding --cell rnn-relu --init identity --hidden 20 --length 40"
    " --target-scale 100000 --clip none,value:1000,random-step:1 --lr 1 --seeds 2 --epochs 2"
    " --steps-per-epoch 15 --on-nonfinite continue",
    "adam": "--task sine --length 12 --hidden 6 --clip none,global-norm:0.5 --lr 0.1 --seeds 2"
    " --epochs 2 --steps-per-epoch 15 --optimizer adam --decoupled-weight-decay 0.01",
    "rmsprop": "--task temporal-order --length 15 --hidden 5 --init torch --clip none,tensor-norm:0.05"
    " --output-threshold 0.1 --lr 0.01 --seeds 2 --epochs 1 --steps-per-epoch 10"
    " --optimizer rmsprop --momentum 0.9 --weight-decay 0.01",
    "layers": "--task copy --length 5 --cell lstm,gru,rnn-tanh,rnn-relu:identity --layers 2 --hidden 9"
    " --clip none,global-norm:0.05,backprop:0.001 --lr 0.5 --seeds 2 --epochs 2 --steps-per-epoch 15",
    "gru": "--task adding --length 10-20 --cell gru --layers 3 --hidden 5 --clip none,value:0.01"
    " --lr 0.1 --seeds 2 --epochs 1 --steps-per-epoch 20",
}


def hashes(program: str, name: str) -> dict[str, str]:
    """Train the sweep and return the SHA-256 of each run's step log, by the run's ID."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        command = [program, "sweep", *SWEEPS[name].split(), "--out", str(out), "--quiet"]
        subprocess.run(
            command, check=True, capture_output=True, env={**os.environ, "CLIPSWEEP_SIMD": "sse4"}
        )
        return {
            log.parent.name: hashlib.sha256(log.read_bytes()).hexdigest()
            for log in sorted(out.glob("runs/*/steps.jsonl"))
        }


def c_library() -> str:
    return "-".join((platform.machine(), *platform.libc_ver()))


@pytest.mark.parametrize("name", SWEEPS)
def test_the_step_logs_are_the_bytes_of_earlier_versions(name):
    golden = json.loads(GOLDEN.read_text(encoding="utf-8"))
    if c_library() != golden["c_library"]:
        pytest.skip(f"the hashes are those of {golden['c_library']}, this is {c_library()}")
    assert hashes(PROGRAM, name) == golden["sweeps"][name]


if __name__ == "__main__":
    sweeps = {name: hashes(sys.argv[1], name) for name in SWEEPS}
    json.dump({"c_library": c_library(), "sweeps": sweeps}, sys.stdout, indent=1)
    print()
