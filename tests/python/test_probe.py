"""`--probe-at`: its numbers against NumPy on gradients that PyTorch computed in double."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from test_program import USAGE, call, refusal
from test_trace import python_with_torch

CLIPS = "none,value:0.02,global-norm:0.1,tensor-norm:0.05,scale:0.2,autoclip:50"
SETTINGS = (
    *("--task", "adding", "--length", "8", "--hidden", "4", "--batch-size", "4", "--cell", "rnn-tanh"),
    *("--epochs", "1", "--steps-per-epoch", "6", "--lr", "0.05", "--seeds", "1"),
    *("--clip", CLIPS, "--probe-at", "0,4", "--probe-batches", "40"),
)
TENSORS = ("rnn.weight_ih", "rnn.weight_hh", "rnn.bias", "output.weight", "output.bias")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("probe") / "out"
    result = call("sweep", *SETTINGS, "--out", out, "-q")
    assert result.returncode == 0, result.stderr
    return out


@pytest.fixture(scope="module")
def probes(folder) -> dict[int, dict]:
    """The probes of the run without clipping, by step."""
    [path] = folder.glob("runs/*none_*/run.json")
    document = json.loads(path.read_text(encoding="utf-8"))
    return {probe["step"]: probe for probe in document["probes"]}


@pytest.fixture(scope="module")
def trace(folder) -> dict:
    [path] = folder.glob("runs/*none_*")
    result = call("trace", *SETTINGS, "--run", path.name, "--steps", "6")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def gradients(trace, tmp_path_factory) -> dict[int, np.ndarray]:
    """The gradients [K, P] of each probe, by PyTorch in double."""
    python = python_with_torch()
    if python is None:
        pytest.skip("there is no PyTorch")
    path = tmp_path_factory.mktemp("replay") / "trace.json"
    path.write_text(json.dumps(trace), encoding="utf-8")
    archive = path.with_suffix(".npz")
    command = [python, ROOT / "tests/replay_probe.py", path, archive]
    subprocess.run(list(map(str, command)), check=True, timeout=120)
    with np.load(archive) as arrays:
        return {int(name.removeprefix("after_")): arrays[name] for name in arrays}


def clipped(rows: np.ndarray, mode: str, threshold: float, sizes: list[int]) -> np.ndarray:
    if mode == "value":
        return np.clip(rows, -threshold, threshold)
    if mode == "scale":
        return rows * threshold / np.linalg.norm(rows, axis=1, keepdims=True)
    parts = [rows] if mode == "global-norm" else np.split(rows, np.cumsum(sizes)[:-1], axis=1)
    norms = [np.linalg.norm(part, axis=1, keepdims=True) for part in parts]
    return np.hstack([part * np.minimum(1, threshold / norm) for part, norm in zip(parts, norms)])


def pair_mean(a: np.ndarray, b: np.ndarray) -> float:
    """Return the mean of <a_i, b_j> over i != j."""
    products = a @ b.T
    n = len(a)
    return (products.sum() - np.trace(products)) / (n * (n - 1))


def log_criterion(gradients: np.ndarray, after: np.ndarray, power: int) -> float:
    mu = pair_mean(after, gradients) / pair_mean(gradients, gradients)
    nu = (after**2).sum() / (gradients**2).sum()
    return power * np.log(mu) - np.log(nu)


def skewness(values: np.ndarray) -> float:
    distances = values - values.mean()
    return (distances**3).mean() / (distances**2).mean() ** 1.5


def hill(numbers: np.ndarray, k: int) -> float:
    largest = np.sort(numbers)[::-1]
    return 1 / np.log(largest[:k] / largest[k]).mean()


@pytest.mark.parametrize("step", [0, 4])
def test_the_statistics_of_the_gradients_are_those_of_numpy(step, probes, gradients):
    rows, found = gradients[step], probes[step]["gradients"]
    noise = rows - rows.mean(axis=0)
    noise_norms, norms = np.linalg.norm(noise, axis=1), np.linalg.norm(rows, axis=1)
    variance = (noise_norms**2).sum() / (len(rows) - 1)
    differences = (rows[0::2] - rows[1::2]) / np.sqrt(2)
    products = (differences @ differences.T)[np.triu_indices(len(differences), 1)]
    mean = np.linalg.norm(rows.mean(axis=0))
    expected = {
        "mean_gradient_norm": mean,
        "expected_gradient_norm": np.sqrt(mean**2 - variance / len(rows)),
        "norm_mean": norms.mean(),
        "norm_sd": norms.std(ddof=1),
        "noise_variance": variance,
        "effective_dimension": max(1, variance**2 / (products**2).mean()),
    }
    assert {key: found[key] for key in expected} == pytest.approx(expected, rel=2e-4)
    assert found["noise_tail_index"]["estimate"] == pytest.approx(hill(noise_norms, 10), rel=1e-3)
    assert found["norm_tail_index"]["estimate"] == pytest.approx(hill(norms, 10), rel=1e-3)
    along_mean = skewness(rows @ rows.mean(axis=0))
    assert found["skewness"]["mean_direction"] == pytest.approx(along_mean, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("step", [0, 4])
def test_the_histogram_counts_the_noise_beside_a_gaussian(step, probes, gradients):
    stats = pytest.importorskip("scipy.stats")
    rows, found = gradients[step], probes[step]["gradients"]
    histogram = found["noise_histogram"]
    noise = np.linalg.norm(rows - rows.mean(axis=0), axis=1)
    bins = np.floor(20 * np.log10(noise)).astype(int) - histogram["first_bin"]
    counts = np.bincount(bins, minlength=len(histogram["counts"]))
    # A norm at the edge of a bin may be in either.
    assert np.abs(counts - histogram["counts"]).sum() <= 2
    degrees = found["effective_dimension"]
    scale = found["noise_variance"] * (len(rows) - 1) / len(rows) / degrees
    first = histogram["first_bin"]
    edges = 10 ** (np.arange(first, first + len(counts) + 1) / 20)
    gaussian = len(rows) * np.diff(stats.chi2(degrees).cdf(edges**2 / scale))
    assert histogram["gaussian"] == pytest.approx(gaussian, abs=1e-9)


@pytest.mark.parametrize("step", [0, 4])
def test_the_bias_and_the_criteria_of_clipping_are_those_of_numpy(step, trace, probes, gradients):
    rows = gradients[step]
    sizes = [np.size(trace["initial"][name]) for name in TENSORS]
    rules = probes[step]["rules"]
    assert [rule["mode"] for rule in rules] == ["value", "global-norm", "tensor-norm", "scale"]
    for rule in rules:
        after = clipped(rows, rule["mode"], rule["threshold"], sizes)
        mean, mean_after = rows.mean(axis=0), after.mean(axis=0)
        cosine = mean @ mean_after / np.linalg.norm(mean) / np.linalg.norm(mean_after)
        expected = {
            "clipped_share": (np.abs(after - rows) > 1e-7).any(axis=1).mean(),
            "mean_clipped_norm": np.linalg.norm(mean_after),
            "cosine": cosine,
            "clipped_variance": ((after - mean_after) ** 2).sum() / (len(rows) - 1),
            "descent_reduction": pair_mean(after, rows) / pair_mean(rows, rows),
            "variance_reduction": (after**2).sum() / (rows**2).sum(),
        }
        assert {key: rule[key] for key in expected} == pytest.approx(expected, rel=1e-3)
        for key, power in (("comparison_criterion", 2), ("stability_criterion", 1)):
            check_criterion(rule[key], rows, after, power)


def check_criterion(found: dict, rows: np.ndarray, after: np.ndarray, power: int):
    n = len(rows)
    left_out = [np.arange(n) != k for k in range(n)]
    values = np.array([log_criterion(rows[kept], after[kept], power) for kept in left_out])
    value = log_criterion(rows, after, power)
    error = 1.959964 * np.sqrt((n - 1) * values.var())
    assert np.log(found["value"]) == pytest.approx(value, abs=1e-3)
    assert np.log(found["interval"]) == pytest.approx([value - error, value + error], abs=2e-3)


def test_training_is_the_same_without_a_probe(folder, tmp_path):
    out = tmp_path / "out"
    settings = list(SETTINGS)
    place = settings.index("--probe-at")
    del settings[place : place + 4]
    assert call("sweep", *settings, "--out", out, "-q").returncode == 0
    for path in folder.glob("runs/*/steps.jsonl"):
        assert (out / path.relative_to(folder)).read_bytes() == path.read_bytes()
    text = next(out.glob("runs/*none_*/run.json")).read_text(encoding="utf-8")
    assert "probe" not in text


def test_the_folder_is_valid_and_the_summary_has_the_prediction_beside_the_verdict(folder):
    assert call("validate", folder).returncode == 0
    shown = call("summarize", folder).stdout
    assert "Probes: the noise of the gradient at fixed weights" in shown
    assert max(map(len, shown.splitlines())) <= 80
    arms = json.loads((folder / "summary.json").read_text(encoding="utf-8"))["arms"]
    assert all([probe["step"] for probe in arm["probes"]] == [0, 4] for arm in arms)
    has_prediction = {arm["mode"]: "clipping" in arm["probes"][0] for arm in arms}
    assert has_prediction == {
        "none": False,
        "value": True,
        "global-norm": True,
        "tensor-norm": True,
        "scale": True,
        "autoclip": False,
    }


def test_a_sweep_ends_with_the_last_probe_of_each_arm(folder):
    shown = call("sweep", *SETTINGS, "--out", folder, "-q").stdout
    assert "Probes after step 4: tail index of the gradient's noise" in shown
    assert len(shown.splitlines()) <= 40


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--probe-at", "0,5001"), "step 5,001 is beyond the end of a run, which has 5,000 steps"),
        (("--probe-at", "-1"), "is no number of steps"),
        (("--probe-at", "1e3"), "is no number of steps"),
        (("--probe-at", ""), "--probe-at"),
        (("--probe-at", ",".join(map(str, range(101)))), "lists 101 probes; at most 100"),
        (("--probe-batches", "50"), "has no effect without a probe"),
        (("--probe-at", "0", "--probe-batches", "19"), "from 20 to 1,000"),
        (("--probe-at", "0", "--probe-batches", "1001"), "from 20 to 1,000"),
        (
            ("--probe-at", "0", "--mode", "value", "--threshold", "logspace(1e-3,1,101)"),
            "the grid has 101 clipping rules that a probe would test; at most 100",
        ),
    ],
)
def test_a_mistake_is_refused_before_anything_starts(arguments, message, tmp_path):
    out = tmp_path / "out"
    assert message in refusal("sweep", *arguments, "--out", out, code=USAGE)
    assert not out.exists()


def test_a_folder_with_other_probes_is_another_sweep(folder):
    settings = [*SETTINGS, "--out", folder, "-q"]
    settings[settings.index("0,4")] = "0,2"
    assert "its probe_at is [0,4], not [0,2]" in refusal("sweep", *settings, code=USAGE)
