"""`--save-weights`: what the program writes, PyTorch loads, and it has the loss of the log."""

import itertools
import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from small_data import small_data
from test_program import call
from test_trace import python_with_torch

# A module with PyTorch's own layers, loaded by the two lines of results/README.md.
EVALUATE = """
import json
import sys
import numpy as np
import torch
from torch import nn

KINDS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn-tanh": nn.RNN, "rnn-relu": nn.RNN}
arrays = np.load(sys.argv[1])


class Model(nn.Module):
    def __init__(self, cell, layers):
        super().__init__()
        options = {"nonlinearity": cell[4:]} if cell.startswith("rnn") else {}
        self.name = cell.split("-")[0]
        setattr(self, self.name, KINDS[cell](3, 8, layers, batch_first=True, **options))
        self.output = nn.Linear(8, 3)

    def forward(self, inputs):
        return self.output(getattr(self, self.name)(inputs)[0][:, -1])


def loss(cell, layers, path):
    model = Model(cell, layers)
    weights = np.load(path)
    model.load_state_dict({name: torch.from_numpy(weights[name]) for name in weights})
    outputs = model(torch.from_numpy(arrays["x_test"]))
    return nn.functional.cross_entropy(outputs, torch.from_numpy(arrays["y_test"])).item()


print(json.dumps([loss(*run) for run in json.load(sys.stdin)]))
"""


def train(folder: Path, *arguments) -> list[dict]:
    result = call("sweep", *arguments, "--out", folder)
    assert result.returncode == 0, result.stderr
    assert call("validate", folder).returncode == 0
    return [json.loads(path.read_text()) for path in sorted(folder.glob("runs/*/run.json"))]


@pytest.fixture
def data(tmp_path) -> Path:
    random = np.random.default_rng(0)
    parts = {"train": 60, "test": 40}
    arrays = {f"x_{part}": random.normal(size=(n, 6, 3)).astype("f4") for part, n in parts.items()}
    arrays |= {f"y_{part}": np.arange(n) % 3 for part, n in parts.items()}
    np.savez(tmp_path / "data.npz", **arrays)
    return tmp_path / "data.npz"


def test_pytorch_has_the_losses_of_the_logs(data, tmp_path):
    python = python_with_torch()
    if python is None:
        pytest.skip("no Python here can import PyTorch (Debian: python3-torch)")
    cells = ("lstm", "gru", "rnn-tanh", "rnn-relu")
    arguments = ["--task", "sequences", "--data", data, "--cell", ",".join(cells), "--hidden", 8]
    arguments += ["--lr", "0.5", "--clip", "none", "--seeds", 1]
    arguments += ["--epochs", 1, "--steps-per-epoch", 50, "--save-weights"]
    models, losses = [], {}
    for layers in (1, 2):
        out = tmp_path / f"{layers}-layers"
        for run in train(out, *map(str, arguments), "--layers", str(layers)):
            cell = run["settings"].get("cell", "lstm")
            models.append((cell, layers, str(out / "runs" / run["id"] / "weights.npz")))
            losses[cell, layers] = run["epochs"][-1]["test_loss"]
    assert set(losses) == set(itertools.product(cells, (1, 2)))
    result = subprocess.run(
        [python, "-c", EVALUATE, data],
        input=json.dumps(models),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert result.returncode == 0, result.stderr
    for (cell, layers, _), loss in zip(models, json.loads(result.stdout), strict=True):
        assert loss == pytest.approx(losses[cell, layers], rel=1e-5), (cell, layers)


def test_numpy_reads_every_array(tmp_path):
    arguments = ("--data", str(small_data(tmp_path / "data")), "--seeds", "1", "--epochs", "1")
    (run, *_) = train(tmp_path / "out", *arguments, "--steps-per-epoch", "3", "--save-weights")
    weights = np.load(tmp_path / "out/runs" / run["id"] / "weights.npz")
    shapes = {name: weights[name].shape for name in weights}
    assert shapes == {
        "lstm.weight_ih_l0": (40, 28),
        "lstm.weight_hh_l0": (40, 10),
        "lstm.bias_ih_l0": (40,),
        "lstm.bias_hh_l0": (40,),
        "output.weight": (10, 10),
        "output.bias": (10,),
    }
    assert all(weights[name].dtype == np.float32 for name in weights)
    assert not weights["lstm.bias_hh_l0"].any() and weights["lstm.bias_ih_l0"].any()


def test_without_the_flag_there_are_none(tmp_path):
    arguments = ("--data", str(small_data(tmp_path / "data")), "--epochs", "1", "--steps-per-epoch", "2")
    train(tmp_path / "out", *arguments)
    assert not list(tmp_path.glob("out/runs/*/weights.npz"))


@pytest.fixture
def trained(data, tmp_path) -> tuple[Path, Path]:
    """Return a sweep with the weights of one run, and their path."""
    arguments = ("--task", "sequences", "--data", data, "--hidden", "4", "--clip", "none", "--epochs", "1")
    arguments += ("--seeds", "1")
    (run,) = train(tmp_path / "out", *map(str, arguments), "--steps-per-epoch", "3", "--save-weights")
    return tmp_path / "out", tmp_path / "out/runs" / run["id"] / "weights.npz"


def change(path: Path, change_arrays) -> None:
    arrays = dict(np.load(path))
    change_arrays(arrays)
    np.savez(path, **arrays)


def another_weight(arrays: dict) -> None:
    arrays["output.bias"][1] += 1e-6


def test_validate_notices_that_numpy_wrote_the_same_weights_again(trained):
    folder, path = trained
    change(path, lambda arrays: None)
    result = call("validate", folder)
    assert result.returncode == 3
    assert "but sha256.weights in run.json is" in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("change_arrays", "words"),
    [
        (another_weight, "but sha256.final_weights in run.json is"),
        (lambda arrays: arrays.pop("output.bias"), "no array output.bias"),
        (lambda arrays: arrays.update(extra=np.zeros(2)), "extra is no array of this model"),
        (
            lambda arrays: arrays.update({"output.bias": np.zeros(4, "f4")}),
            "output.bias: its shape is (4,), not (3,)",
        ),
        (lambda arrays: arrays.update({"output.bias": np.zeros(3)}), "its numbers are not float32"),
        (
            lambda arrays: arrays.update({"lstm.bias_hh_l0": np.ones(16, "f4")}),
            "lstm.bias_hh_l0 is not 0, but the cell has one bias",
        ),
    ],
    ids=["weight", "missing", "extra", "shape", "type", "second bias"],
)
def test_validate_compares_weights_with_their_run(change_arrays, words, trained):
    folder, path = trained
    change(path, change_arrays)
    result = call("validate", folder)
    assert result.returncode == 3
    (line,) = [line for line in (result.stdout + result.stderr).splitlines() if "weights.npz" in line]
    assert words in line and line.startswith(f"runs/{path.parent.name}/weights.npz: "), line


def test_validate_says_that_weights_are_damaged(trained):
    folder, path = trained
    path.write_bytes(path.read_bytes()[:200])
    result = call("validate", folder)
    assert result.returncode == 3 and "weights.npz: " in result.stdout + result.stderr
