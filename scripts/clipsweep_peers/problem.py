"""What all contenders train on: weights and batches of clipsweep, from `clipsweep trace`.

Dimensions: R runs, S seeds, K steps of the trace, B batch, T time steps, I inputs, N samples.
"""

import gzip
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .models import CLIP_NORM, LEARNING_RATE, Model

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
SEEDS = 4  # whose runs a peer trains: run r has the weights and batches of seed r mod 4
TRACED_STEPS = 20  # a peer goes through their batches in turn
GRID = ("--clip", f"global-norm:{CLIP_NORM:g}", "--lr", f"{LEARNING_RATE:g}")


class PeerError(Exception):
    """What stops the comparison. The message is one line."""


@dataclass
class Problem:
    """One model's initial weights, its batches, and the losses that clipsweep has on them."""

    cell: str
    layers: int
    weights: dict[str, np.ndarray]  # by clipsweep's names, each [S, ...]
    samples: np.ndarray  # [N, T, I]
    targets: np.ndarray  # [N], or [N, T] where there is a class at each step
    batches: np.ndarray  # [K, S, B]: indices of samples
    losses: np.ndarray  # [K, S]: of each batch, before the update

    def layer(self, number: int) -> dict[str, np.ndarray]:
        """Return the tensors of one recurrent layer: weight_ih, weight_hh, bias..., each [S, ...]."""
        suffix = f"_l{number}" if number else ""
        return {name: self.weights[f"{self.cell}.{name}{suffix}"] for name in TENSORS[self.cell]}

    def of_runs(self, per_seed: np.ndarray, runs: int, axis: int = 0) -> np.ndarray:
        """Repeat [.., S, ..] to [.., R, ..]."""
        return np.take(per_seed, np.arange(runs) % SEEDS, axis)


TENSORS = {
    "lstm": ("weight_ih", "weight_hh", "bias"),
    "gru": ("weight_ih", "weight_hh", "bias_ih", "bias_hh"),
}


def read_idx(path: Path) -> np.ndarray:
    """Return the array in a gzipped IDX file of unsigned bytes."""
    content = gzip.decompress(path.read_bytes())
    rank = content[3]
    shape = np.frombuffer(content, ">u4", rank, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * rank).reshape(shape)


def write_idx(path: Path, array: np.ndarray) -> None:
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    path.write_bytes(header + array.tobytes())


def write_data(folder: Path, test_images: int) -> None:
    """Write a data folder with all training images and the first of the test images."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, count in (("train", None), ("t10k", test_images)):
        for name in ("images-idx3-ubyte", "labels-idx1-ubyte"):
            array = read_idx(FASHION_MNIST / f"{part}-{name}.gz")[:count]
            write_idx(folder / f"{part}-{name}", array)


def trace(program: Path, model: Model, seed: int) -> dict:
    """Return what `clipsweep trace` prints of the run of one seed."""
    command = [program, "trace", *model.options, *GRID]
    command += ["--seeds", f"{seed}-{seed}", "--steps", str(TRACED_STEPS)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode != 0:
        raise PeerError(f"{model.name}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def make_problem(program: Path, model: Model) -> Problem:
    """Trace the model at each seed and collect what the traces contain."""
    traces = [trace(program, model, seed) for seed in range(SEEDS)]
    weights = {
        name: np.array([traced["initial"][name] for traced in traces], np.float32)
        for name in traces[0]["initial"]
    }
    losses = np.array([[step["loss"] for step in traced["steps"]] for traced in traces]).T
    by_seed = [traced["batches"] for traced in traces]
    samples, targets, batches = image_batches(by_seed) if model.has_images else generated(by_seed)
    return Problem(model.cell, model.layers, weights, samples, targets, batches, losses)


def image_batches(by_seed: list) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the samples, targets and batches where a trace has indices of images, [S][K][B]."""
    used, batches = np.unique(np.array(by_seed), return_inverse=True)
    images = read_idx(FASHION_MNIST / "train-images-idx3-ubyte.gz")[used]
    labels = read_idx(FASHION_MNIST / "train-labels-idx1-ubyte.gz")[used]
    batches = batches.reshape(len(by_seed), TRACED_STEPS, -1).swapaxes(0, 1)
    return images.astype(np.float32) / np.float32(255), labels.astype(np.int32), batches


def generated(by_seed: list) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the samples, targets and batches where a trace has the sequences themselves."""
    steps = [[by_seed[seed][step] for seed in range(SEEDS)] for step in range(TRACED_STEPS)]
    inputs = np.array([[batch["inputs"] for batch in row] for row in steps], np.float32)
    targets = np.array([[batch["targets"] for batch in row] for row in steps], np.int32)
    samples = inputs.reshape(-1, *inputs.shape[3:])
    batches = np.arange(len(samples)).reshape(inputs.shape[:3])
    return samples, targets.reshape(-1, targets.shape[-1]), batches


def save(problem: Problem, path: Path) -> None:
    weights = {f"weights/{name}": tensor for name, tensor in problem.weights.items()}
    others = {key: value for key, value in vars(problem).items() if key != "weights"}
    np.savez(path, **weights, **others)


def load(path: Path) -> Problem:
    with np.load(path) as stored:
        contents = {key: stored[key] for key in stored.files}
    weights = {key[8:]: contents.pop(key) for key in list(contents) if key.startswith("weights/")}
    cell, layers = str(contents.pop("cell")), int(contents.pop("layers"))
    return Problem(cell=cell, layers=layers, weights=weights, **contents)
