"""The gradient through time, the gates' norms and the spectral radii, against NumPy in double.

An LSTM on generated sequences is replayed from what `trace` prints, by formulas of its own.
"""

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("CLIPSWEEP", str(ROOT / "build/release/clipsweep"))
STEPS, EVERY = 24, 8
SETTINGS = {
    "task": "temporal-order",
    "length": 30,
    "hidden": 6,
    "lr": 0.5,
    "clip": "none",
    "epochs": 2,
    "steps-per-epoch": STEPS // 2,
    "batch-size": 20,
    "seeds": 1,
}
GATES = ("i", "f", "g", "o")


def call(*arguments) -> str:
    result = subprocess.run(
        [PROGRAM, *map(str, arguments)], capture_output=True, encoding="utf-8", check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def flags(**settings) -> list[str]:
    """Return SETTINGS with some of them replaced or added."""
    told = SETTINGS | {name.replace("_", "-"): value for name, value in settings.items()}
    return [text for name, value in told.items() for text in (f"--{name}", str(value))]


def sweep(out: Path, **settings) -> tuple[dict, list[dict]]:
    """Train one run; return its run.json and the lines of its through_time.jsonl."""
    call("sweep", *flags(**settings), "--out", out, "-q")
    assert call("validate", out).endswith("no problems\n")
    (folder,) = (out / "runs").iterdir()
    log = folder / "through_time.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return run, [json.loads(line) for line in lines]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def backward(weights: dict, inputs, targets, limit: float) -> tuple[dict, list[float]]:
    """Return the gradient of the mean loss and the norm of dL/dh_t at each time step.

    dL/dh_t and dL/dc_t are held to [-limit, limit] before they flow further back.
    """
    hidden = weights["lstm.weight_hh"].shape[1]
    samples, time_steps, _ = inputs.shape
    h, c = np.zeros((samples, hidden)), np.zeros((samples, hidden))
    tape = []
    for t in range(time_steps):
        z = inputs[:, t] @ weights["lstm.weight_ih"].T + h @ weights["lstm.weight_hh"].T
        i, f, g, o = np.split(z + weights["lstm.bias"], 4, axis=1)
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        tape.append((h, c, i, f, g, o))
        c = f * c + i * g
        h = o * np.tanh(c)
    logits = h @ weights["output.weight"].T + weights["output.bias"]
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    d_logits = (shares - np.eye(logits.shape[1])[targets]) / samples
    gradient = {name: np.zeros_like(value) for name, value in weights.items()}
    gradient["output.weight"] = d_logits.T @ h
    gradient["output.bias"] = d_logits.sum(axis=0)
    d_h, d_c, norms = d_logits @ weights["output.weight"], np.zeros_like(c), []
    for t in reversed(range(time_steps)):
        h_before, c_before, i, f, g, o = tape[t]
        d_h = d_h.clip(-limit, limit)
        norms.insert(0, float(np.linalg.norm(d_h)))
        tanh_c = np.tanh(f * c_before + i * g)
        d_c = (d_c + d_h * o * (1 - tanh_c**2)).clip(-limit, limit)
        d_z = np.hstack([
            d_c * g * i * (1 - i),
            d_c * c_before * f * (1 - f),
            d_c * i * (1 - g**2),
            d_h * tanh_c * o * (1 - o),
        ])
        gradient["lstm.weight_ih"] += d_z.T @ inputs[:, t]
        gradient["lstm.weight_hh"] += d_z.T @ h_before
        gradient["lstm.bias"] += d_z.sum(axis=0)
        d_h, d_c = d_z @ weights["lstm.weight_hh"], d_c * f
    return gradient, norms


def gate_norms(gradient: dict) -> dict[str, float]:
    rows = [np.split(gradient[f"lstm.{name}"], 4) for name in ("weight_ih", "weight_hh", "bias")]
    squares = [sum((tensor[gate] ** 2).sum() for tensor in rows) for gate in range(4)]
    return dict(zip(GATES, np.sqrt(squares), strict=True))


def radii(weights: dict) -> dict[str, float]:
    gates = np.split(weights["lstm.weight_hh"], 4)
    return {
        name: abs(np.linalg.eigvals(gate)).max() for name, gate in zip(GATES, gates, strict=True)
    }


@pytest.mark.parametrize("engine", ["fused", "reference"])
@pytest.mark.parametrize("clip", ["none", "backprop:2e-4"])
def test_a_run_is_what_numpy_makes_of_it(clip, engine, tmp_path):
    run, lines = sweep(tmp_path, clip=clip, engine=engine, through_time_every=EVERY)
    trace = json.loads(call("trace", *flags(clip=clip, engine=engine), "--steps", STEPS))
    weights = {name: np.array(value, float) for name, value in trace["initial"].items()}
    limit = trace["settings"]["threshold"] or np.inf
    assert not run["events"]
    assert [line["step"] for line in lines[1:]] == [1, 8, 16, 24]
    found = {line["step"]: line["norms"] for line in lines[1:]}
    of_epochs = [[], []]
    for step, batch in enumerate(trace["batches"], start=1):
        gradient, norms = backward(
            weights, np.array(batch["inputs"]), np.array(batch["targets"]), limit
        )
        if step in found:
            np.testing.assert_allclose(found[step], norms, rtol=2e-3)
        of_epochs[2 * (step - 1) // STEPS].append(gate_norms(gradient))
        weights = {name: value - 0.5 * gradient[name] for name, value in weights.items()}
        if step == STEPS // 2:
            radii_after_first = radii(weights)
    for epoch, steps in zip(run["epochs"], of_epochs, strict=True):
        for gate in GATES:
            mean = np.mean([norms[gate] for norms in steps])
            assert epoch["gate_norms"][gate] == pytest.approx(mean, rel=1e-3)
    for epoch, expected in zip(run["epochs"], (radii_after_first, radii(weights)), strict=True):
        assert epoch["spectral_radius"] == {"lstm.weight_hh": pytest.approx(expected, rel=1e-4)}


def test_it_can_be_switched_off(tmp_path):
    run, lines = sweep(tmp_path / "off", through_time_every=0)
    measured, _ = sweep(tmp_path / "on")
    assert lines == []
    assert run["id"] == measured["id"]
    assert run["epochs"] == measured["epochs"]
    for file in ("initial_weights", "batch_order", "final_weights", "steps"):
        assert run["sha256"][file] == measured["sha256"][file]
    assert run["sha256"]["through_time"] is None and measured["sha256"]["through_time"]


def test_a_huge_interval_leaves_the_first_step(tmp_path):
    _, lines = sweep(tmp_path, through_time_every=1_000_000_000)
    assert [line["step"] for line in lines[1:]] == [1]


def test_more_than_256_units_have_no_spectral_radius(tmp_path):
    run, lines = sweep(tmp_path, length=12, epochs=1, steps_per_epoch=1, hidden=257, batch_size=2)
    assert run["epochs"][0]["spectral_radius"] is None
    assert len(lines) == 2


def test_the_step_that_stops_a_run_is_measured(tmp_path):
    run, lines = sweep(tmp_path, lr=1e38)
    assert run["outcome"] == "diverged"
    last = lines[-1]
    assert (last["step"], last["event"]) == (run["events"][-1]["step"], True)
