"""Small result folders in exactly the format of results/README.md, made without the program."""

import copy
import fcntl
import gc
import hashlib
import json
import math
import os
import random
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
# Figures are many small objects, which Python would search for garbage ten thousand times.
gc.set_threshold(20_000, 10, 10)
# The threads of NumPy's and PyTorch's OpenBLAS wait for work by spinning, one for each core and process.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

TENSORS = {
    "lstm.weight_ih": [40, 28],
    "lstm.weight_hh": [40, 10],
    "lstm.bias": [40],
    "output.weight": [10, 10],
    "output.bias": [10],
}
STEP_COLUMNS = {
    "step": "count",
    "epoch": "count",
    "loss": "float32",
    "accuracy": "float64",
    "grad_norm_raw": "float64",
    "grad_norm_clipped": "float64",
    "clip_scale": "float64",
    "clipped": "boolean",
    "clipped_fraction": "float64",
    "cosine": "optional float32",
    "limit": "optional float64",
    "effective_learning_rate": "float64",
    "grad_max_abs": "float32",
    "nonfinite": "count",
    "tensors": "float64 by tensor",
    "skipped": "boolean",
}
CONSTANTS = {
    "min_pairs": 5,
    "usable_margin": 0.03,
    "significance_level": 0.05,
    "spike_factor": 10,
    "spike_window": 100,
}
GATES = {"lstm": "ifgo", "gru": "rzn"}
# The factor of the gradient from each time step to the one before.
FLOW = {"rnn-relu": 1.35, "rnn-tanh": 0.6}
CHANCE = 0.1
TARGET = 0.4
ANSWER = (
    "Clipping helps: the best arm ends 1.2 points above the best without clipping.",
    "It is better than no clipping at lr 0.01.",
    "Use value:0.5 at lr 0.01.",
)


def number(value: float | None) -> float | str | None:
    """Return a number as the logs contain it."""
    if value is None or math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def dump(path: Path, document: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, allow_nan=False), encoding="utf-8")


@dataclass
class FakeRun:
    """One run to write; `diverges_at` is the step of its first NaN."""

    mode: str
    threshold: float | None
    learning_rate: float
    seed: int
    diverges_at: int | None = None
    bad_norm: float = math.nan
    outcome: str = ""
    perturbed: bool = False
    cell: str = "lstm"
    init: str | None = None  # None: the sweep's
    varied: dict = field(default_factory=dict)  # settings of training that vary
    solved_at: int | None = None

    def __post_init__(self):
        self.outcome = self.outcome or ("diverged" if self.diverges_at else "completed")

    @property
    def arm(self) -> str:
        clip = self.mode if self.threshold is None else f"{self.mode}-{self.threshold:g}"
        return f"{self.model}{clip}_lr-{self.learning_rate:g}" + "_perturbed" * self.perturbed

    @property
    def baseline(self) -> str:
        """The name of the arm without clipping and with otherwise equal settings."""
        return f"{self.model}none_lr-{self.learning_rate:g}"

    @property
    def model(self) -> str:
        cell = [] if self.cell == "lstm" else [self.cell]
        varied = [f"{name.replace('_', '-')}-{value}" for name, value in self.varied.items()]
        names = varied + cell + ([self.init] if self.init else [])
        return "-".join(names) + "_" * bool(names)

    @property
    def off_default(self) -> dict:
        """The keys that plan, run and summary have only where they are not the default."""
        return {
            **self.varied,
            **({"cell": self.cell} if self.cell != "lstm" else {}),
            **({"init": self.init} if self.init else {}),
            **({"perturbed": True} if self.perturbed else {}),
        }

    @property
    def id(self) -> str:
        stem = f"{self.arm}_seed-{self.seed}"
        return f"{stem}_{hashlib.sha256(stem.encode()).hexdigest()[:8]}"

    @property
    def reached_outcome(self) -> bool:
        return self.outcome in ("completed", "diverged")

    @property
    def plan_entry(self) -> dict:
        return {
            "id": self.id,
            "mode": self.mode,
            "threshold": number(self.threshold),
            "learning_rate": self.learning_rate,
            "seed": self.seed,
            **self.off_default,
        }


@dataclass
class FakeSweep:
    """Writes a whole result folder, of which tests then damage parts."""

    folder: Path
    runs: list[FakeRun]
    epochs: int = 2
    steps_per_epoch: int = 20
    log_every: int = 1
    settings: dict = field(default_factory=dict)
    through_time_every: int = 0
    lengths: tuple[int, ...] = (28,)  # of the sequences, in turn
    gates: bool = False  # whether epochs have values by gate
    finals: dict = field(default_factory=dict)

    def write(self, *, summary: bool = True) -> "FakeSweep":
        dump(self.folder / "sweep.json", self.sweep_document())
        for run in self.runs:
            self._write_run(run)
        if summary:
            dump(self.folder / "summary.json", self.summary_document())
        return self

    def declare_columns(self, /, **types: object) -> None:
        """Add columns to step_columns of sweep.json."""
        document = self.sweep_document()
        document["step_columns"] = document["step_columns"] | types
        dump(self.folder / "sweep.json", document)

    def log_column(self, run: FakeRun, name: str, value: Callable[[int], object]) -> None:
        """Add a column to the log of a run; `value` gets the step."""
        path = self.run_folder(run) / "steps.jsonl"
        header, *steps = map(json.loads, path.read_text(encoding="utf-8").splitlines())
        lines = [header, *(step | {name: value(step["step"])} for step in steps)]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    def run_folder(self, run: FakeRun) -> Path:
        return self.folder / "runs" / run.id

    def training_settings(self) -> dict:
        return {
            "task": "fashion-mnist",
            "cell": "lstm",
            "hidden": 10,
            "init": "keras",
            "batch_size": 32,
            "epochs": self.epochs,
            "steps_per_epoch": self.steps_per_epoch,
            "shuffle_buffer": 5000,
            "optimizer": "sgd",
            "momentum": 0,
            "on_nonfinite": "stop",
        }

    @property
    def axes(self) -> dict[str, list]:
        """The values of each setting that varies."""
        names = self.runs[0].varied
        return {name: list(dict.fromkeys(run.varied[name] for run in self.runs)) for name in names}

    def sweep_document(self) -> dict:
        settings = self.training_settings() | self.axes | {
            "data": "/usr/share/datasets/fashion-mnist",
            "mode": sorted({run.mode for run in self.runs}),
            "learning_rate": sorted({run.learning_rate for run in self.runs}),
            "seeds": sorted({run.seed for run in self.runs}),
            **self.settings,
        }
        origins = dict.fromkeys(settings, "default") | {
            "epochs": "flag --epochs",
            "mode": "sweep.toml:3",
        }
        return {
            "schema": "clipsweep/sweep-1",
            "settings": settings,
            "origins": origins,
            "log_every": self.log_every,
            "step_columns": STEP_COLUMNS,
            "data": {
                "folder": "/usr/share/datasets/fashion-mnist",
                "sha256": "5e" * 32,
                "files": {
                    "train-images-idx3-ubyte.gz": "3a" * 32,
                    "train-labels-idx1-ubyte.gz": "c1" * 32,
                },
            },
            "runs": [run.plan_entry for run in self.runs],
            "software": {
                "clipsweep": "0.1.0",
                "git_revision": "0123abcd",
                "libtorch": "1.13.1",
                "blas": "OpenBLAS 0.3.21",
                "compiler": "g++ 12.2.0",
            },
            "machine": {"cpu": "Some Processor", "cores": 2, "simd": "AVX2"},
            "command": ["clipsweep", "sweep", "--mode", "none,value", "--out", "results/my sweep"],
            "wall_started": "2026-01-31T12:00:00Z",
            "wall_seconds": 70.1,
            "wall_run_steps_per_second": 2100.0,
        }

    def summary_document(self) -> dict:
        arms = {}
        for run in self.runs:
            arms.setdefault(run.arm, []).append(run)
        states = [run.outcome for run in self.runs]
        counts = {
            state: states.count(state)
            for state in ("completed", "diverged", "failed", "interrupted", "unfinished")
        }
        baselines = {name: arms.get(runs[0].baseline) for name, runs in arms.items()}
        document = {
            "schema": "clipsweep/summary-1",
            "runs": {"planned": len(self.runs), **counts, "damaged": 0},
            "damaged_runs": [],
            "chance_accuracy": CHANCE,
            "target_accuracy": TARGET,
            **self._axes_entry(),
            "answer": list(ANSWER),
            "constants": CONSTANTS,
            "arms": [self._arm(name, runs) for name, runs in arms.items()],
            "comparisons": [
                self._comparison(name, runs, baselines[name])
                for name, runs in arms.items()
                if baselines[name] not in (None, runs)
            ],
            "noise_floor": [
                self._noise_floor(name, runs, baselines[name])
                for name, runs in arms.items()
                if runs[0].perturbed
            ],
            "what_if": [],
        }
        mark_usable(document["arms"])
        ordinary = [arm for arm in document["arms"] if "perturbed" not in arm]
        return document | {"modes": summarize_modes(ordinary, self.axes), "best": self._best(ordinary, arms)}

    def _axes_entry(self) -> dict:
        entries = [{"setting": name, "values": values} for name, values in self.axes.items()]
        return {"axes": entries} if entries else {}

    def _write_run(self, run: FakeRun) -> None:
        stream = random.Random(f"{run.seed} {run.arm}")
        path = self.run_folder(run) / "steps.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        header = {
            "schema": "clipsweep/steps-1",
            "run": run.id,
            "mode": run.mode,
            "threshold": number(run.threshold),
            "learning_rate": run.learning_rate,
            "seed": run.seed,
            "log_every": self.log_every,
            "tensors": TENSORS,
        }
        floor = self._loss_floor(run)
        steps = [
            self._step(run, step, floor, stream) for step in range(1, self._last_step(run) + 1)
        ]
        logged = [step for step in steps if self._is_logged(step["step"], steps[-1]["step"])]
        lines = [
            json.dumps(line, allow_nan=False, separators=(",", ":")) for line in [header, *logged]
        ]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        if self.through_time_every:
            self._write_through_time(run)
        document = self._run_document(run, steps)
        self.finals[run.id] = CHANCE if run.diverges_at else document["epochs"][-1]["test_accuracy"]
        if run.outcome != "unfinished":
            dump(self.run_folder(run) / "run.json", document)

    def profile(self, run: FakeRun, step: int) -> dict:
        """Return a line of through_time.jsonl; time steps before a NaN are NaN too."""
        length = self.lengths[step % len(self.lengths)]
        factor = FLOW.get(run.cell, 0.97) ** (1 - 0.3 * step / (self.epochs * self.steps_per_epoch))
        norms = [0.02 * factor ** (length - t) for t in range(1, length + 1)]
        if step == run.diverges_at:
            norms = [run.bad_norm if t < length // 2 else norms[t] for t in range(length)]
        return {
            "step": step,
            "epoch": 1 + (step - 1) // self.steps_per_epoch,
            "event": step == run.diverges_at,
            "norms": [number(norm) for norm in norms],
        }

    def _write_through_time(self, run: FakeRun) -> None:
        last = self._last_step(run)
        steps = sorted({1, last, *range(self.through_time_every, last, self.through_time_every)})
        entry = run.plan_entry
        header = {
            "schema": "clipsweep/through-time-1",
            "run": entry.pop("id"),
            **entry,
            "through_time_every": self.through_time_every,
        }
        lines = [header, *(self.profile(run, step) for step in steps)]
        text = "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines)
        (self.run_folder(run) / "through_time.jsonl").write_text(text, encoding="utf-8")

    def _is_logged(self, step: int, last: int) -> bool:
        return step in (1, last) or step % self.log_every == 0

    def _last_step(self, run: FakeRun) -> int:
        return run.diverges_at or self.epochs * self.steps_per_epoch

    def _step(self, run: FakeRun, step: int, floor: float, stream: random.Random) -> dict:
        progress = step / (self.epochs * self.steps_per_epoch)
        norm = math.exp(stream.gauss(0.0, 0.7)) * (100 if stream.random() < 0.002 else 1)
        loss = floor + 1.5 * math.exp(-5 * progress) + stream.gauss(0, 0.15)
        if step == run.diverges_at:
            norm, loss = run.bad_norm, math.nan
        threshold = math.inf if run.threshold is None else run.threshold
        limit = 3 * threshold if run.mode == "value" else threshold
        clipped = norm > limit
        after = limit if clipped else norm
        scale = after / norm if math.isfinite(norm) else math.nan
        return {
            "step": step,
            "epoch": 1 + (step - 1) // self.steps_per_epoch,
            "loss": number(loss),
            "accuracy": 0.5,
            "grad_norm_raw": number(norm),
            "grad_norm_clipped": number(after),
            "clip_scale": number(scale),
            "clipped": clipped,
            "clipped_fraction": 0.1 if clipped else 0,
            "cosine": (0.9 if clipped else 1) if math.isfinite(norm) else None,
            "limit": limit if math.isfinite(limit) else None,
            "effective_learning_rate": number(run.learning_rate * scale),
            "grad_max_abs": number(norm / 5),
            "nonfinite": 0 if math.isfinite(norm) else 1120,
            "tensors": {name: number(norm / 2) for name in TENSORS},
        }

    @staticmethod
    def _loss_floor(run: FakeRun) -> float:
        stream = random.Random(f"loss {run.seed} {run.mode}")
        return (
            0.75
            + 0.05 * math.log1p(min(run.threshold or 0, 50))
            + stream.gauss(0, 0.06)
            + 0.05 * (run.mode == "none")
        )

    def _run_document(self, run: FakeRun, steps: list[dict]) -> dict:
        stream = random.Random(f"accuracy {run.seed} {run.arm}")
        skill = stream.gauss(0.66, 0.02 if run.mode != "none" else 0.045)
        epochs = []
        for epoch in range(1, self.epochs + 1):
            part = steps[(epoch - 1) * self.steps_per_epoch : epoch * self.steps_per_epoch]
            if len(part) < self.steps_per_epoch or (
                run.diverges_at and part[-1]["step"] == run.diverges_at
            ):
                break
            accuracy = skill * (1 - math.exp(-0.45 * epoch - 0.3)) + stream.gauss(0, 0.012)
            epochs.append(
                {
                    "epoch": epoch,
                    "train_loss": statistics.mean(step["loss"] for step in part),
                    "train_accuracy": accuracy,
                    "test_loss": 2.3 - 2 * accuracy,
                    "test_accuracy": accuracy,
                    "clipped_share": statistics.mean(step["clipped"] for step in part),
                    **(self._gate_values(run, epoch) if self.gates else {}),
                }
            )
        norms = sorted(
            step["grad_norm_raw"] for step in steps if not isinstance(step["grad_norm_raw"], str)
        )
        return {
            "schema": "clipsweep/run-1",
            **run.plan_entry,
            "settings": self.training_settings() | run.varied | {"data_sha256": "5e" * 32},
            "outcome": run.outcome,
            **({"solved_at_step": run.solved_at} if run.solved_at else {}),
            "reason": "no space left on device" if run.outcome == "failed" else None,
            "epochs": epochs,
            "events": self._events(run, norms, steps),
            "totals": {
                "steps": len(steps),
                "clipped_steps": sum(step["clipped"] for step in steps),
                "skipped_steps": 0,
                "trailing_skipped_steps": 0,
                "nonfinite_steps": int(bool(run.diverges_at)),
                "spikes": 0,
                "grad_norm_raw": quantiles(norms),
                "mean_cosine": 0.9 if any(step["clipped"] for step in steps) else None,
                "what_if": {
                    "steps": len(norms),
                    "thresholds": [1],
                    "value": [sum(norm / 5 > 1 for norm in norms)],
                    "global_norm": [sum(norm > 1 for norm in norms)],
                    "tensor_norm": [sum(norm / 2 > 1 for norm in norms)],
                },
            },
            "engine": "reference",
            "simd": "AVX2",
            "sha256": {
                "initial_weights": "aa" * 32,
                "batch_order": "bb" * 32,
                "final_weights": "cc" * 32,
            },
            "wall_started": "2026-01-31T12:00:00Z",
            "wall_seconds": 12.3,
        }

    @staticmethod
    def _gate_values(run: FakeRun, epoch: int) -> dict:
        """Return an epoch's norms by gate and spectral radii; plain cells have no gates."""
        gates = GATES.get(run.cell, "h")
        radii = {gate: 0.8 + 0.1 * k + 0.05 * epoch for k, gate in enumerate(gates)}
        matrix = f"{run.cell.partition('-')[0]}.weight_hh"
        values = {"spectral_radius": {matrix: radii}}
        if run.cell in GATES:
            values["gate_norms"] = {gate: (k + 1) / epoch for k, gate in enumerate(gates)}
        return values

    def _events(self, run: FakeRun, norms: list[float], steps: list[dict]) -> list[dict]:
        if not run.diverges_at:
            return []
        return [
            {
                "kind": "nan" if math.isnan(run.bad_norm) else "inf",
                "step": run.diverges_at,
                "epoch": 1 + (run.diverges_at - 1) // self.steps_per_epoch,
                "phase": "gradient",
                "tensor": "lstm.weight_ih",
                "index": 17,
                "nan": 1120,
                "positive_inf": 0,
                "negative_inf": 0,
                "norm": number(run.bad_norm),
                "last_finite_norm": norms[-1] if norms else None,
                "action": "stopped",
                "before": {"shared": 0, "left_out": 0, "steps": steps[-21:-1]},
            }
        ]

    def _arm(self, name: str, runs: list[FakeRun]) -> dict:
        done = [run for run in runs if run.reached_outcome]
        completed = [run for run in done if run.outcome == "completed"]
        accuracy = spread([self.finals[run.id] for run in done])
        loss = spread([2.3 - 2 * self.finals[run.id] for run in completed])
        reached = [run for run in completed if self.finals[run.id] >= TARGET]
        steps = spread([float(self.epochs * self.steps_per_epoch)] * len(reached))
        return {
            "arm": name,
            "mode": runs[0].mode,
            "threshold": number(runs[0].threshold),
            "learning_rate": runs[0].learning_rate,
            **runs[0].off_default,
            "seeds": [run.seed for run in done],
            "completed": len(completed),
            "diverged": len(done) - len(completed),
            "divergence": wilson(len(done) - len(completed), len(done)),
            "reached_target": wilson(len(reached), len(done)),
            "usable": False,
            "spikes": 3 * len(done),
            "final_test_accuracy": accuracy,
            "best_test_accuracy": accuracy,
            "final_test_loss": loss,
            "final_train_loss": loss,
            "train_loss_area": loss,
            "steps_to_accuracy": steps,
            "clipped_share": 0.0 if runs[0].mode == "none" else 0.25 if done else None,
            "mean_cosine": 0.9 if runs[0].mode != "none" and done else None,
            "reading": "no clipping" if runs[0].mode == "none" else "acts often" if done else None,
            "grad_norm_raw": {"median": 1.0, "p90": 2.9, "p99": 9.0, "max": 131.5},
        }

    def _comparison(self, name: str, runs: list[FakeRun], baseline: list[FakeRun]) -> dict:
        accuracy, loss = self._differences(runs, baseline)
        return {
            "arm": name,
            "baseline": baseline[0].arm,
            "verdict": accuracy["verdict"],
            "p_adjusted": None if runs[0].perturbed else accuracy["p_value"],
            "final_test_accuracy": accuracy,
            "best_test_accuracy": accuracy,
            "final_test_loss": loss,
            "final_train_loss": loss,
            "train_loss_area": loss,
            "steps_to_accuracy": difference([], -1),
            "spread": loss,
        }

    def _differences(self, runs: list[FakeRun], baseline: list[FakeRun]) -> tuple[dict, dict]:
        """Compare final accuracies, and losses if both sides completed."""
        reference = {run.seed: run for run in baseline if run.reached_outcome}
        pairs = [
            (run, reference[run.seed])
            for run in runs
            if run.reached_outcome and run.seed in reference
        ]
        accuracies = [self.finals[a.id] - self.finals[b.id] for a, b in pairs]
        losses = [
            -2 * value
            for value, (a, b) in zip(accuracies, pairs, strict=True)
            if a.outcome == b.outcome == "completed"
        ]
        return difference(accuracies, 1), difference(losses, -1)

    def _best(self, arms: list[dict], runs: dict[str, list[FakeRun]]) -> list[dict]:
        """Compare, for each setup, the best clipping arm with the best baseline."""
        setups = list(dict.fromkeys(setup_of(arm) for arm in arms))
        found = (self._best_of([arm for arm in arms if setup_of(arm) == s], runs) for s in setups)
        return [best for best in found if best]

    def _best_of(self, arms: list[dict], runs: dict[str, list[FakeRun]]) -> dict | None:
        clipping = best_arm([arm for arm in arms if arm["mode"] != "none"])
        baseline = best_arm([arm for arm in arms if arm["mode"] == "none"])
        if clipping is None or baseline is None:
            return None
        accuracy, _ = self._differences(runs[clipping["arm"]], runs[baseline["arm"]])
        return {
            "arm": clipping["arm"],
            "baseline": baseline["arm"],
            "final_test_accuracy": accuracy,
            "candidates": sum(arm["mode"] != "none" for arm in arms),
            "p_adjusted": accuracy["p_value"],
            "verdict": accuracy["verdict"],
        }

    def _noise_floor(self, name: str, runs: list[FakeRun], baseline: list[FakeRun]) -> dict:
        reference = {run.seed: run for run in baseline}
        distances = [abs(self.finals[run.id] - self.finals[reference[run.seed].id]) for run in runs]
        return {
            "baseline": baseline[0].arm,
            "arm": name,
            "n": len(distances),
            "median_absolute_difference": statistics.median(distances),
            "max_absolute_difference": max(distances),
            "sd": statistics.stdev(distances) if len(distances) > 1 else None,
        }


def setup_of(arm: dict) -> str:
    """Return what tells the setups of a sweep apart, as the names of its arms begin."""
    return arm["arm"].split(f"{arm['mode']}")[0]


def best_arm(arms: list[dict]) -> dict | None:
    measured = [arm for arm in arms if arm["final_test_accuracy"]["mean"] is not None]
    return max(measured, key=lambda arm: arm["final_test_accuracy"]["mean"], default=None)


def mark_usable(arms: list[dict]) -> None:
    """Mark the arms within 3 points of the best in which no run diverged."""
    best = best_arm([arm for arm in arms if "perturbed" not in arm])
    for arm in arms:
        mean = arm["final_test_accuracy"]["mean"]
        arm["usable"] = (
            mean is not None
            and mean >= best["final_test_accuracy"]["mean"] - 0.03
            and arm["diverged"] == 0
        )


def summarize_modes(arms: list[dict], varied: Iterable[str]) -> list[dict]:
    """Summarize each mode of each setup; `varied` are the settings that vary."""
    modes = []
    for setup, mode in dict.fromkeys((setup_of(arm), arm["mode"]) for arm in arms):
        members = [arm for arm in arms if (setup_of(arm), arm["mode"]) == (setup, mode)]
        best = best_arm(members)
        rates = sorted({arm["learning_rate"] for arm in members if arm["usable"]})
        names = [key for key in (*varied, "cell", "init") if key in members[0]]
        modes.append(
            {
                **{key: members[0][key] for key in names},
                "mode": mode,
                "best_arm": best and best["arm"],
                "usable_learning_rates": rates,
            }
        )
    return modes


def wilson(count: int, n: int) -> dict | None:
    """Return a share and its Wilson 95 % interval."""
    if n == 0:
        return None
    share, z = count / n, 1.96
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return {
        "count": count,
        "share": share,
        "interval": [max(0.0, middle - half), min(1.0, middle + half)],
    }


def quantiles(ordered: list[float]) -> dict | None:
    """Return the quantiles of totals; null as a whole where no norm was finite."""
    if not ordered:
        return None
    shares = {"median": 0.5, "p90": 0.9, "p99": 0.99, "max": 1}
    return {name: ordered[round(share * (len(ordered) - 1))] for name, share in shares.items()}


def spread(values: list[float]) -> dict:
    if not values:
        return {"n": 0, "mean": None, "sd": None, "iqm": None, "min": None, "max": None}
    return {
        "n": len(values),
        "mean": statistics.mean(values),
        "sd": statistics.stdev(values) if len(values) > 1 else None,
        "iqm": statistics.median(values),
        "min": min(values),
        "max": max(values),
    }


def difference(values: list[float], better_sign: int) -> dict:
    """Compare pairs; interval and p value have the right shape but are not statistics."""
    mean = statistics.mean(values) if values else None
    half = 2.3 * statistics.stdev(values) / math.sqrt(len(values)) if len(values) >= 5 else None
    interval = None if half is None else [mean - half, mean + half]
    verdict = judge(values, interval, better_sign)
    signs = {
        "better": sum(better_sign * value > 0 for value in values),
        "worse": sum(better_sign * value < 0 for value in values),
        "equal": values.count(0),
    }
    return {
        "n": len(values),
        "mean_difference": mean,
        "iqm_difference": statistics.median(values) if values else None,
        "interval": interval,
        "p_value": {None: None, "better": 0.01, "worse": 0.02}.get(verdict, 0.4),
        **signs,
        "verdict": verdict,
        "seeds_needed": 62 if verdict == "no difference seen" else None,
        "ranks": {
            "n": len(values),
            **signs,
            "probability_of_improvement": signs["better"] / len(values) if values else None,
            "interval": (wilson(signs["better"], len(values)) or {}).get("interval"),
            "p_value": 0.3 if values else None,
        },
    }


def judge(values: list[float], interval: list[float] | None, better_sign: int) -> str | None:
    if interval is None:
        return None
    if not any(values):
        return "identical"
    if interval[0] <= 0 <= interval[1]:
        return "no difference seen"
    return "better" if better_sign * interval[0] > 0 else "worse"


def cross(
    clips: list[tuple[str, float | None]], learning_rates=(0.01,), seeds: int = 2
) -> list[FakeRun]:
    """Return the runs of clips x learning rates x seeds."""
    return [
        FakeRun(mode, threshold, rate, seed)
        for mode, threshold in clips
        for rate in learning_rates
        for seed in range(seeds)
    ]


@pytest.fixture
def sweep(tmp_path):
    """Return a function that writes a result folder of the given runs."""

    def write(runs: list[FakeRun], *, summary: bool = True, **options) -> FakeSweep:
        return FakeSweep(tmp_path / "sweep", copy.deepcopy(runs), **options).write(summary=summary)

    return write


@pytest.fixture(scope="session")
def made_once(tmp_path_factory):
    """Return a function that makes something for all processes of pytest-xdist and returns its path.

    The first process that asks for a name calls `make(folder)`; the others wait for it.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def made(name: str, make: Callable[[Path], Path]) -> Path:
        folder = shared / f"shared-{name}"
        folder.mkdir(exist_ok=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            path = folder / "path"
            if not path.exists():
                path.write_text(str(make(folder)), encoding="utf-8")
            return Path(path.read_text(encoding="utf-8"))

    return made


@pytest.fixture(scope="session")
def drawn(made_once) -> Path:
    """Return a folder with a sweep, whose report was drawn twice. Do not change it: copy the sweep.

    A process of its own drew `first`, and this one sweep/report.
    """

    def make(folder: Path) -> Path:
        from clipsweep_plots import program as plot

        runs = cross([("none", None), ("value", 0.5)], seeds=5)
        runs.append(FakeRun("none", None, 0.01, 9, diverges_at=9))
        made = FakeSweep(folder / "sweep", runs).write().folder
        subprocess.run([sys.executable, ROOT / "scripts" / "plot.py", made], check=True)
        shutil.move(made / "report", folder / "first")
        assert plot.main([str(made)]) == 0
        return folder

    return made_once("drawn", make)


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory):
    """Make a Python without any packages."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return folder / "bin" / "python"
