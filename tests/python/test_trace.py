"""`clipsweep trace`: what it prints, and that PyTorch computes the same numbers from it."""

import atexit
import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from small_data import FASHION_MNIST, first_images, with_little_data

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("CLIPSWEEP", str(ROOT / "build/release/clipsweep"))
STEPS = 40  # five epochs of the schedules
NO_PYTORCH = 77
# Importing PyTorch would take two seconds.
HAS_TORCH = "import importlib.util as i, numpy, sys; sys.exit(i.find_spec('torch') is None)"
TRAINING_IMAGES = 60_000
SHAPES = {
    "lstm.weight_ih": (40, 28),
    "lstm.weight_hh": (40, 10),
    "lstm.bias": (40,),
    "output.weight": (10, 10),
    "output.bias": (10,),
}
MODES = (
    "none",
    "value:0.1",
    "global-norm:0.3",
    "tensor-norm:0.2",
    "scale:1",
    "smooth:1",
    "skip:0.4",
    "carry:0.3",
    "tensor-rms:0.01",
    "agc:0.01",
    "autoclip:50",
    "median:0.8",
    "zclip:0.5",
    "update-norm:0.003",
)
OTHER_REMEDIES = ("--l1", "1e-4", "--decoupled-weight-decay", "0.01")
HEAVY_BALL = ("--momentum", "0.9", "--weight-decay", "1e-3")
ADAM = ("--optimizer", "adam", "--lr", "0.001")
RMSPROP = ("--optimizer", "rmsprop", "--lr", "0.001")
WARMUP = ("--lr-warmup", "20", "--epochs", "5", "--steps-per-epoch", "8")
SCHEDULES = {
    "warm-up": WARMUP,
    "cosine": ("--lr-schedule", "cosine", "--epochs", "5", "--steps-per-epoch", "8"),
    "linear": ("--lr-schedule", "linear", "--epochs", "5", "--steps-per-epoch", "8"),
    "warm-up-step": ("--lr-decay", "0.5", *WARMUP),
    "warm-up-cosine": ("--lr-schedule", "cosine", *WARMUP),
    "warm-up-linear": ("--lr-schedule", "linear", *WARMUP),
}
DECAY = ("--lr-decay", "0.5", "--lr-decay-every", "2", "--steps-per-epoch", "8")
OPTIMIZERS = {
    "nesterov": ("--nesterov", "--momentum", "0.9", "--weight-decay", "1e-3"),
    "nesterov-decay": ("--nesterov", "--momentum", "0.9", *DECAY),
    "adam": ADAM,
    "adam-options": (*ADAM, "--adam-beta1", "0.5", "--adam-beta2", "0.9", "--adam-epsilon", "1e-7"),
    "adam-l2-decay": (*ADAM, "--weight-decay", "1e-3", "--l1", "1e-4", *DECAY),
    "adamw": (*ADAM, "--decoupled-weight-decay", "0.1", *DECAY),
    "rmsprop": RMSPROP,
    "rmsprop-options": (*RMSPROP, "--rmsprop-alpha", "0.9", "--rmsprop-epsilon", "1e-7"),
    "rmsprop-momentum": ("--optimizer", "rmsprop", "--lr", "3e-5", "--momentum", "0.9", *OTHER_REMEDIES),
    "rmsprop-l2-decay": (*RMSPROP, "--weight-decay", "1e-3", *DECAY),
}
SETTINGS = [
    *(pytest.param(("--clip", mode), id=mode) for mode in MODES),
    *(
        pytest.param(("--clip", mode, "--init", "torch", *HEAVY_BALL), id=f"{mode}-torch-momentum")
        for mode in MODES
    ),
    pytest.param(("--clip", "value:0.1", *HEAVY_BALL, *OTHER_REMEDIES), id="regularized"),
    *(
        pytest.param(("--clip", "global-norm:0.3", *options), id=name)
        for name, options in SCHEDULES.items()
    ),
    *(
        pytest.param(("--clip", mode, *ADAM), id=f"{mode}-adam")
        for mode in ("skip:0.4", "carry:0.3", "update-norm:0.003")
    ),
    pytest.param(("--clip", "autoclip:50", "--autoclip-window", "7"), id="autoclip-window"),
    pytest.param(
        ("--clip", "global-norm:1", "--threshold-decay", "0.5", "--steps-per-epoch", "8"),
        id="threshold-decay",
    ),
    pytest.param(("--clip", "adagc:1.05", "--adagc-warmup", "20"), id="adagc"),
    *(
        pytest.param(("--clip", clip, *options), id=f"{clip}-{name}")
        for name, options in OPTIMIZERS.items()
        for clip in ("none", "global-norm:0.3")
    ),
]


CELLS = ("lstm", "gru", "rnn-tanh", "rnn-relu")
MODELS = [
    *(("--cell", cell, "--task", "copy", "--length", "5", "--layers", "2") for cell in CELLS),
    *(("--cell", cell, "--task", "temporal-order", "--length", "20", "--layers", "3") for cell in CELLS),
    *(("--cell", cell, "--init", "torch") for cell in CELLS),
]
# Of Omega in every form: targets, layers, lengths, symbols, states that are carried, and modes.
OMEGA = ("--omega", "0.5")
MODELS_WITH_OMEGA = [
    *(
        ("--cell", cell, *task.split(), *OMEGA)
        for cell in ("rnn-tanh", "rnn-relu:identity")
        for task in (
            "--task temporal-order --length 20-25",
            "--task adding --length 20 --layers 2 --lr 0.001",
            "--task copy --length 5 --layers 2",
            "--task reber --length 12",
        )
    ),
    ("--cell", "rnn-tanh", "--omega", "2", "--momentum", "0.9"),
]


def reject_constant(name: str):
    raise ValueError(f"{name} is not JSON")


def call(*arguments) -> subprocess.CompletedProcess:
    command = [str(argument) for argument in arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120, check=False)


@functools.cache
def trace_text(*settings) -> str:
    result = call(PROGRAM, "trace", *with_little_data(*settings), "--steps", STEPS)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def trace(*settings) -> dict:
    return json.loads(trace_text(*settings), parse_constant=reject_constant)


@functools.cache
def python_with_torch() -> str | None:
    """Return the first Python that can import PyTorch and NumPy."""
    for python in (sys.executable, "/usr/bin/python3", "python3"):
        try:
            if call(python, "-c", HAS_TORCH).returncode == 0:
                return python
        except FileNotFoundError:
            continue
    return None


class Replay:
    """A process that replays traces in PyTorch, which it loads once."""

    def __init__(self, python: str, path: Path):
        command = [python, ROOT / "tests/replay_trace.py", "-"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self.process = subprocess.Popen(command, encoding="utf-8", **pipes)
        self.path = path

    def __call__(self, document: dict, data: Path | None = None) -> tuple[int, str]:
        """Return the exit code of one replay, and what it printed; `data` is that of `trace` if None."""
        data = data or first_images()
        self.path.write_text(json.dumps(document), encoding="utf-8")
        print(self.path, data, sep="\t", file=self.process.stdin, flush=True)
        printed = ""
        for line in self.process.stdout:
            if line.startswith("exit "):
                return int(line.split()[1]), printed
            printed += line
        raise AssertionError(f"the replay ended: {printed}")

    def close(self):
        with self.process:
            self.process.stdin.close()


@functools.cache
def shared_replay(path: Path) -> Replay | None:
    """Return the process that replays for all test files, or None without PyTorch."""
    python = python_with_torch()
    if python is None:
        return None
    started = Replay(python, path)
    atexit.register(started.close)
    return started


@pytest.fixture
def replay(tmp_path_factory):
    started = shared_replay(tmp_path_factory.getbasetemp() / "replayed_trace.json")
    if started is None:
        pytest.skip("no Python here can import PyTorch (Debian: python3-torch)")
    return started


def shape(nested) -> tuple[int, ...]:
    return (len(nested), *shape(nested[0])) if isinstance(nested, list) else ()


@pytest.mark.parametrize("settings", SETTINGS)
def test_pytorch_replays_every_step(settings, replay):
    code, printed = replay(trace(*settings))
    assert code == 0, printed


@pytest.mark.parametrize("model", MODELS, ids=" ".join)
def test_pytorch_replays_every_model(model, replay):
    code, printed = replay(trace(*model, "--clip", "global-norm:0.3", "--lr", "0.02", "--hidden", "7"))
    assert code == 0, printed


@pytest.mark.parametrize("model", MODELS_WITH_OMEGA, ids=" ".join)
def test_pytorch_replays_omega(model, replay):
    rate = () if "--lr" in model else ("--lr", "0.02")
    document = trace(*model, *rate, "--clip", "global-norm:0.3", "--hidden", "7")
    code, printed = replay(document)
    assert code == 0, printed
    assert "\n  omega " in printed and all(step["omega"] > 0 for step in document["steps"])


def test_clipping_acts_in_the_replayed_steps():
    for mode in MODES[1:]:
        shares = [step["clipped"] for step in trace("--clip", mode)["steps"]]
        assert sum(shares) > STEPS / 10, mode


def test_the_learning_rate_falls_by_epochs():
    rates = [step["effective_learning_rate"] for step in trace("--clip", "none", *DECAY)["steps"]]
    assert rates == [0.01] * 16 + [0.005] * 16 + [0.0025] * 8


@pytest.mark.parametrize(
    ("change", "number"),
    [
        (lambda document: document["initial"]["output.bias"].__setitem__(3, 0.01), "loss"),
        (lambda document: document["batches"].__setitem__(20, document["batches"][21]), "loss"),
        (lambda document: document["settings"].update(mode="none"), "grad_norm_clipped"),
        (lambda document: document["steps"][-1].update(grad_norm_raw="NaN"), "grad_norm_raw"),
        (lambda document: document["settings"].update(omega=0.6), "grad_norm_raw"),
        (lambda document: document["steps"][-1].update(omega=1), "omega"),
    ],
    ids=["weight", "batch", "mode", "nan", "factor", "omega"],
)
def test_the_replay_notices_a_wrong_trace(change, number, replay):
    document = trace("--clip", "value:0.1", "--cell", "rnn-tanh", *OMEGA)
    change(document)
    code, printed = replay(document)
    marked = [line.split()[0] for line in printed.splitlines() if " above " in line]
    assert code == 1, printed
    assert number in marked


def test_without_pytorch_the_replay_says_so(tmp_path):
    (tmp_path / "torch.py").write_text("raise ImportError('no torch here')", encoding="utf-8")
    result = subprocess.run(
        [sys.executable, ROOT / "tests/replay_trace.py", "none.json"],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=False,
    )
    assert (result.returncode, result.stdout) == (NO_PYTORCH, "")
    assert "no torch here" in result.stderr and result.stderr.count("\n") == 1


def test_a_trace_has_the_documented_form():
    grid = ("--mode", "none,value", "--threshold", "0.5", "--seeds", "2")
    document = trace("--data", FASHION_MNIST, *grid, "--run", "value-0.5_lr-0.01_seed-1")
    assert set(document) == {"run", "settings", "initial", "batches", "steps"}
    assert document["run"].startswith("value-0.5_lr-0.01_seed-1_")
    settings = document["settings"]
    assert (settings["mode"], settings["threshold"], settings["seed"]) == ("value", 0.5, 1)
    assert settings["learning_rate"] == 0.01 and settings["batch_size"] == 32
    assert {name: shape(tensor) for name, tensor in document["initial"].items()} == SHAPES
    assert shape(document["batches"]) == (STEPS, 32)
    assert all(0 <= i < TRAINING_IMAGES for batch in document["batches"] for i in batch)
    assert [step["step"] for step in document["steps"]] == list(range(1, STEPS + 1))
    assert set(document["steps"][0]["tensors"]) == set(SHAPES)


def test_runs_of_one_seed_have_the_same_weights_and_batches():
    one, other = trace("--clip", "none"), trace("--clip", "value:0.1", "--lr", "0.1")
    assert one["initial"] == other["initial"] and one["batches"] == other["batches"]
    assert one["steps"][0]["loss"] == other["steps"][0]["loss"]
    assert one["steps"] != other["steps"]


@pytest.mark.parametrize("clip", ["none", "tensor-norm:0.2"])
def test_a_trace_has_exactly_the_steps_of_the_sweep(clip, tmp_path):
    settings = ("--clip", clip, "--epochs", "2", "--steps-per-epoch", STEPS // 2, *HEAVY_BALL)
    seeds = ("--seeds", "2", "--out", tmp_path / "out")
    sweep = call(PROGRAM, "sweep", *with_little_data(*settings), *seeds)
    assert sweep.returncode == 0, sweep.stderr
    document = trace(*settings)
    log = tmp_path / "out/runs" / document["run"] / "steps.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines()[1:]
    assert [json.loads(line) for line in lines] == document["steps"]
    record = json.loads((log.parent / "run.json").read_text(encoding="utf-8"))
    traced = document["settings"]
    assert record["settings"] == {key: traced[key] for key in record["settings"]}
