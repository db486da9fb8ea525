"""scripts/bench_peers without its peers: the page, the checks, and what all contenders train on."""

import importlib.util
import math
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT

from clipsweep_peers import contenders, cuda_stubs, options, problem, program, speed_page
from clipsweep_peers.models import MODELS
from clipsweep_peers.speed_page import Measurement, Trained
from clipsweep_peers.worker import Worker

PROGRAM = Path(os.environ.get("CLIPSWEEP", ROOT / "build/release/clipsweep"))
CLASSIC, *_, CLASS_PER_STEP = MODELS

# ---- The page ------------------------------------------------------------------------------------


def measurements(slow_jax: float = 2000.0) -> list[Measurement]:
    """Return two models on one core and on two; on two, JAX has `slow_jax` run-steps per second."""
    return [
        Measurement("small", "clipsweep", 1, [4000.0, 4100.0, 3000.0]),
        Measurement("small", "Keras fit", 1, [99.0, 100.0, 101.0]),
        Measurement("small", "JAX vmap + scan", 1, [1234.0]),
        Measurement("large", "clipsweep", 1, [45.67]),
        Measurement("large", "Keras fit", 1, failure="ValueError: no"),
        Measurement("small", "clipsweep", 2, [8000.0]),
        Measurement("small", "JAX vmap + scan", 2, [slow_jax]),
    ]


def test_a_table_has_medians_and_how_many_times_as_fast_clipsweep_is():
    table = speed_page.rates_table([each for each in measurements() if each.cores == 1])
    assert table.splitlines() == [
        "|  | clipsweep | Keras fit | JAX vmap + scan |",
        "|---|---|---|---|",
        "| small | 4,000 | 100 (40x) | 1,234 (3.2x) |",
        "| large | 45.7 | failed |  |",
    ]


def test_the_smallest_lead_is_over_all_models_and_cores():
    # On one core 4,000 / 1,234 = 3.2.
    text = speed_page.smallest_lead(measurements(slow_jax=2000.0))
    assert text == "clipsweep's smallest lead is a factor of 3.2 (JAX vmap + scan, small, one core)."
    text = speed_page.smallest_lead(measurements(slow_jax=4000.0))
    assert text == "clipsweep's smallest lead is a factor of 2.0 (JAX vmap + scan, small, 2 cores)."


def test_a_peer_that_is_faster_is_said_to_be():
    text = speed_page.smallest_lead(measurements(slow_jax=16000.0))
    assert text == (
        "clipsweep is not the fastest everywhere: it reaches 0.50 times the speed of the fastest "
        "peer (JAX vmap + scan, small, 2 cores)."
    )


def test_the_spread_is_of_measurements_with_repetitions():
    # (4100 - 3000) / 4000 = 27.5 % and (101 - 99) / 100 = 2 %
    text = speed_page.spread(measurements())
    assert "measured 3 times" in text
    assert "15% of the median in the median case, and by 28% at most" in text
    assert speed_page.spread(measurements()[3:]) == "Each was measured once."


def test_the_page_names_failures_machine_and_versions():
    trained = [Trained(CLASSIC, 28, 28, 10, 32, 500, "fused avx2")]
    page = speed_page.speed_page(measurements(), trained, "a processor, 2 cores", "clipsweep 1, JAX 2")
    assert "## Run-steps per second on one core\n" in page
    assert "## Run-steps per second on 2 cores\n" in page
    assert "- Keras fit, large, one core: failed, ValueError: no\n" in page
    assert f"| {CLASSIC.title} | 28 | 28 | 10 | 64 | 32 x 500 | fused avx2 |" in page
    assert page.endswith("\nMachine: a processor, 2 cores. Versions: clipsweep 1, JAX 2.\n")
    assert speed_page.CLASS_PER_STEP not in page and speed_page.QUICK not in page
    lines = [line for line in page.splitlines() if not line.startswith("|")]
    assert max(map(len, lines)) <= 120


def test_a_page_of_short_sweeps_says_so():
    trained = [Trained(CLASSIC, 28, 28, 10, 32, 50, "fused avx2")]
    assert speed_page.QUICK in speed_page.speed_page(measurements(), trained, "m", "v")


def test_the_page_explains_a_class_at_each_step():
    trained = [Trained(CLASS_PER_STEP, 50, 10, 9, 2, 500, "fused avx2")]
    assert speed_page.CLASS_PER_STEP in speed_page.speed_page(measurements(), trained, "m", "v")


# ---- What stops a comparison ---------------------------------------------------------------------


def test_a_missing_peer_is_named(monkeypatch, capsys):
    find = importlib.util.find_spec
    there = ("keras", "tensorflow", "torch")
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name: None if name == "jax" else name in there or find(name),
    )
    monkeypatch.setattr(sys, "argv", ["bench_peers"])
    assert program.main() == 2
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == (
        "",
        "bench_peers: JAX is not installed in .venv-peers; remove that folder and run "
        "scripts/bench_peers with network\n",
    )


@pytest.mark.parametrize(
    "arguments, problem_text",
    [
        (["--only", "lstm"], "argument --only: invalid choice: 'lstm'"),
        (["--out", "/no/such/page.md"], "--out /no/such/page.md: there is no such folder"),
        (["all"], "unrecognized arguments: all"),
    ],
)
def test_a_wrong_option_is_one_line_before_anything_is_made(tmp_path, arguments, problem_text):
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    command = [tmp_path / "scripts/bench_peers", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    [line] = result.stderr.splitlines()
    assert line.startswith(f"bench_peers: {problem_text}")
    assert [path.name for path in tmp_path.iterdir()] == ["scripts"]


def test_help_names_every_model(capsys):
    with pytest.raises(SystemExit) as exit_:
        options.parse_options(["--help"])
    assert exit_.value.code == 0
    text = re.sub(r"\s+", "", capsys.readouterr().out)
    assert all(model.name in text for model in MODELS)


class Answers:
    """A framework that gives one answer to everything."""

    def __init__(self, answer: dict):
        self.answer = answer

    def ask(self, **request: object) -> dict:
        return self.answer


@pytest.mark.parametrize("error", [0.2, 1.1e-4, math.nan])
def test_a_peer_with_other_losses_is_not_compared(error):
    peer = contenders.Peer(Answers({"error": error}), "Keras fit")
    with pytest.raises(problem.PeerError, match="Keras fit, lstm-10: the first losses differ"):
        peer.prepare(Path("problem.npz"), CLASSIC, 1.0)


def test_a_peer_with_the_same_losses_is_compared_and_a_failure_is_kept():
    peer = contenders.Peer(Answers({"error": 0.9e-4}), "Keras fit")
    assert peer.prepare(Path("problem.npz"), CLASSIC, 1.0) is None
    peer = contenders.Peer(Answers({"failure": "ValueError: no"}), "Keras fit")
    assert peer.prepare(Path("problem.npz"), CLASSIC, 1.0) == "ValueError: no"


def test_what_is_measured_depends_on_model_and_cores():
    everywhere = {"Keras fit", "PyTorch loop", "JAX vmap + scan"}
    assert set(contenders.methods_for(CLASS_PER_STEP, 1)) == everywhere
    on_two = everywhere | {"PyTorch loop, one thread"}
    assert set(contenders.methods_for(CLASS_PER_STEP, 2)) == on_two
    assert set(contenders.methods_for(CLASSIC, 2)) == on_two | {"PyTorch vmap, compiled"}


def test_a_trace_that_fails_is_one_line(tmp_path):
    program_without_libtorch = tmp_path / "clipsweep"
    program_without_libtorch.write_text("#!/bin/sh\necho 'clipsweep: no LibTorch' >&2\nexit 2\n")
    program_without_libtorch.chmod(0o755)
    with pytest.raises(problem.PeerError, match="^lstm-10: clipsweep: no LibTorch$"):
        problem.make_problem(program_without_libtorch, CLASSIC)


def test_every_package_is_pinned():
    lines = (ROOT / "scripts/requirements-peers.txt").read_text(encoding="utf-8").splitlines()
    packages = [line for line in lines if not line.startswith("#")]
    assert packages and all(re.fullmatch(r"[\w,[\]-]+==[\d.]+", line) for line in packages)


# ---- What the contenders train on ----------------------------------------------------------------


@pytest.fixture(scope="module")
def classic():
    return problem.make_problem(PROGRAM, CLASSIC)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def loss_of_seed(made: problem.Problem, seed: int) -> float:
    """Return the loss of the first batch by the formulas of an LSTM."""
    weight_ih, weight_hh, bias = (tensor[seed] for tensor in made.layer(0).values())
    batch = made.batches[0, seed]
    h = c = np.zeros((len(batch), weight_hh.shape[1]))
    for x in made.samples[batch].swapaxes(0, 1):
        i, f, g, o = np.split(x @ weight_ih.T + h @ weight_hh.T + bias, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    logits = h @ made.weights["output.weight"][seed].T + made.weights["output.bias"][seed]
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return -log_p[np.arange(len(batch)), made.targets[batch]].mean()


def test_weights_and_batches_give_the_losses_that_clipsweep_has(classic):
    assert classic.batches.shape == (problem.TRACED_STEPS, problem.SEEDS, 32)
    losses = [loss_of_seed(classic, seed) for seed in range(problem.SEEDS)]
    assert losses == pytest.approx(classic.losses[0], rel=1e-5)
    assert len(set(losses)) == problem.SEEDS


def test_runs_have_the_weights_of_the_seeds_in_turn(classic):
    weights = classic.weights["output.weight"]
    repeated = classic.of_runs(weights, 6)
    assert repeated.shape == (6, *weights.shape[1:])
    assert (repeated == weights[[0, 1, 2, 3, 0, 1]]).all()
    assert classic.of_runs(classic.batches, 6, axis=1).shape == (problem.TRACED_STEPS, 6, 32)


def test_the_data_of_a_sweep_have_fewer_test_images(tmp_path):
    problem.write_data(tmp_path / "data", 40)
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "data").iterdir()}
    assert sizes == {
        "train-images-idx3-ubyte": 16 + 60_000 * 784,
        "train-labels-idx1-ubyte": 8 + 60_000,
        "t10k-images-idx3-ubyte": 16 + 40 * 784,
        "t10k-labels-idx1-ubyte": 8 + 40,
    }


def test_a_sweep_is_measured_as_a_process(tmp_path):
    sweep = contenders.Sweep(PROGRAM, 1, tmp_path)
    sweep.prepare(CLASSIC, 2 / CLASSIC.steps)
    assert (sweep.steps, sweep.runs) == (2, CLASSIC.seeds)
    start = time.perf_counter()
    rate = sweep.measure()
    assert rate >= sweep.steps * sweep.runs / (time.perf_counter() - start)
    assert len(list((tmp_path / "sweep/runs").iterdir())) == sweep.runs
    assert sweep.engine()[0] == "fused"


# ---- A worker ------------------------------------------------------------------------------------


class Trainer:
    """Trains three runs at 10 ms per step, at constant losses."""

    runs = 3
    first_loss = 1.0

    def __init__(self, made: problem.Problem, runs: int):
        self.expected = made.losses

    def losses(self, steps: int) -> list[list[float]]:
        return (self.expected[:steps] * self.first_loss).tolist()

    def train(self, steps: int) -> None:
        time.sleep(0.01 * steps)


class WrongTrainer(Trainer):
    first_loss = 1.01


class FailingTrainer(Trainer):
    def train(self, steps: int) -> None:
        raise ValueError("no\nmore")


def test_a_worker_checks_losses_and_measures_run_steps(classic, tmp_path):
    path = tmp_path / "classic.npz"
    problem.save(classic, path)
    worker = Worker({"good": Trainer, "wrong": WrongTrainer, "failing": FailingTrainer})
    answer = worker.prepare(str(path), "good", runs=3, seconds=0.05)
    assert answer["error"] == 0
    # 10 ms per step of three runs: 300 run-steps per second, less where sleeping takes longer.
    assert 30 < worker.measure("good")["run_steps_per_second"] <= 300
    assert worker.prepare(str(path), "wrong", runs=3, seconds=0.05)["error"] == pytest.approx(0.01)
    request = {"do": "prepare", "problem": str(path), "method": "failing", "runs": 3, "seconds": 1}
    assert worker.answer(request) == {"failure": "ValueError: no"}


# ---- torch without CUDA --------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("nm"), reason="there is no nm here (Debian: binutils)")
def test_a_stub_has_the_functions_and_their_version(tmp_path):
    stub = tmp_path / "libcudnn.so.9"
    cuda_stubs.write_stub(stub, "libcudnn.so.9", ["cudnnCreate", "cudnnDestroy"])
    listed = subprocess.run(["nm", "-D", stub], capture_output=True, text=True, check=True).stdout
    for name in ("cudnnCreate", "cudnnDestroy"):
        assert re.search(rf" T {name}@@libcudnn\.so\.9$", listed, re.MULTILINE)
    assert list(tmp_path.iterdir()) == [stub]
