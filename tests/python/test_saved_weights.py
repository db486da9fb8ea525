"""`--save-weights`: what the program writes, PyTorch loads, and it has the loss of the log."""

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
import sys
import numpy as np
import torch
from torch import nn

cell, layers, path, data = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
kinds = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn-tanh": nn.RNN, "rnn-relu": nn.RNN}
options = {"nonlinearity": cell[4:]} if cell.startswith("rnn") else {}

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        setattr(self, cell.split("-")[0], kinds[cell](3, 8, layers, batch_first=True, **options))
        self.output = nn.Linear(8, 3)

model = Model()
weights = np.load(path)
model.load_state_dict({name: torch.from_numpy(weights[name]) for name in weights})
arrays = np.load(data)
states, _ = getattr(model, cell.split("-")[0])(torch.from_numpy(arrays["x_test"]))
loss = nn.functional.cross_entropy(model.output(states[:, -1]), torch.from_numpy(arrays["y_test"]))
print(loss.item())
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


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn-tanh", "rnn-relu"])
@pytest.mark.parametrize("layers", [1, 2])
def test_pytorch_has_the_loss_of_the_log(cell, layers, data, tmp_path):
    python = python_with_torch()
    if python is None:
        pytest.skip("no Python here can import PyTorch (Debian: python3-torch)")
    arguments = ["--task", "sequences", "--data", data, "--cell", cell, "--layers", layers, "--hidden", 8]
    arguments += ["--lr", "0.5", "--clip", "none", "--epochs", 1, "--steps-per-epoch", 50, "--save-weights"]
    (run,) = train(tmp_path / "out", *map(str, arguments))
    weights = tmp_path / "out/runs" / run["id"] / "weights.npz"
    command = [python, "-c", EVALUATE, cell, str(layers), weights, data]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    assert result.returncode == 0, result.stderr
    assert float(result.stdout) == pytest.approx(run["epochs"][-1]["test_loss"], rel=1e-5)


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
