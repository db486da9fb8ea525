"""What is measured: the methods of each framework, in a process of its own, and clipsweep's sweeps.

On one core each process is pinned to it, and has one thread.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from .models import TEST_IMAGES_PER_STEP, Model
from .problem import GRID, PeerError, write_data

# By module: the names in messages and the packages that must be there.
FRAMEWORKS = {
    "keras_peer": {"Keras": "keras", "TensorFlow": "tensorflow"},
    "torch_peer": {"PyTorch": "torch"},
    "jax_peer": {"JAX": "jax"},
}
METHODS = {
    "Keras fit": "keras_peer",
    "PyTorch loop": "torch_peer",
    "PyTorch loop, one thread": "torch_peer",
    "PyTorch vmap, compiled": "torch_peer",
    "JAX vmap + scan": "jax_peer",
}
LARGEST_ERROR = 1e-4  # of the first losses, relative


def methods_for(model: Model, cores: int) -> dict[str, str]:
    """Return the methods that are measured, with the module of each."""
    left_out = set()
    if cores == 1:
        left_out.add("PyTorch loop, one thread")  # the same as the loop
    if not model.compiled:
        left_out.add("PyTorch vmap, compiled")
    return {method: module for method, module in METHODS.items() if method not in left_out}


def missing_packages() -> list[str]:
    """Return the names of the frameworks that this Python lacks."""
    packages = {name: package for names in FRAMEWORKS.values() for name, package in names.items()}
    return [name for name, package in packages.items() if not importlib.util.find_spec(package)]


def all_cores() -> int:
    return len(os.sched_getaffinity(0))


def pinned(command: list, cores: int) -> list[str]:
    """Return the command that runs on one core only, or on all."""
    first = min(os.sched_getaffinity(0))
    prefix = ["taskset", "--cpu-list", str(first)] if cores == 1 else []
    return [*prefix, *map(str, command)]


class Framework:
    """A worker process; `methods` are those of its module."""

    def __init__(self, module: str, cores: int, folder: Path):
        self.log = folder / f"{module}.log"
        threads = {name: str(cores) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS")}
        # Inductor compiles for a number of threads: each has files of its own.
        cache = {"TORCHINDUCTOR_CACHE_DIR": str(folder / f"inductor-{cores}")}
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                pinned([sys.executable, "-m", "clipsweep_peers.worker", module, cores], cores),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                encoding="utf-8",
                env={**os.environ, **threads, **cache},
            )
        self.version = self.read()["version"]

    def read(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            raise PeerError(f"the process of {self.log.stem} ended; {self.log} has its messages")
        return json.loads(line)

    def ask(self, **request: object) -> dict:
        print(json.dumps(request), file=self.process.stdin, flush=True)
        return self.read()

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.wait()


class Peer:
    """One method of a framework on one model."""

    def __init__(self, framework: Framework, method: str):
        self.framework = framework
        self.method = method

    def prepare(self, problem: Path, model: Model, seconds: float) -> str | None:
        """Compile and warm up; return why it failed, or None."""
        answer = self.framework.ask(
            do="prepare", problem=str(problem), method=self.method, runs=model.runs, seconds=seconds
        )
        if "failure" in answer:
            return answer["failure"]
        if not answer["error"] <= LARGEST_ERROR:  # NaN too
            raise PeerError(
                f"{self.method}, {model.name}: the first losses differ from clipsweep's by a factor "
                f"of {1 + answer['error']:.6g}, so it does not train the same network"
            )
        return None

    def measure(self) -> float:
        """Return run-steps per second."""
        answer = self.framework.ask(do="measure", method=self.method)
        if "failure" in answer:
            raise PeerError(f"{self.method}: {answer['failure']}")
        return answer["run_steps_per_second"]


class Sweep:
    """`clipsweep sweep` on one model, as users run it: with logs and evaluations."""

    method = "clipsweep"

    def __init__(self, program: Path, cores: int, folder: Path):
        self.program = program
        self.cores = cores
        self.folder = folder

    def prepare(self, model: Model, share: float) -> None:
        """Write the data; `share` of the model's steps are taken."""
        self.steps = max(2, round(model.steps * share))
        self.runs = -(-model.seeds // self.cores) * self.cores  # each core has as many
        self.command = [self.program, "sweep", *model.options, *GRID, "--quiet"]
        self.command += ["--seeds", self.runs, "--epochs", 1, "--steps-per-epoch", self.steps]
        self.command += ["--workers", self.cores, "--out", self.folder / "sweep"]
        if model.has_images:
            write_data(self.folder / "data", TEST_IMAGES_PER_STEP * self.steps)
            self.command += ["--data", self.folder / "data"]

    def measure(self) -> float:
        """Return run-steps per second of the whole process."""
        shutil.rmtree(self.folder / "sweep", ignore_errors=True)
        command = pinned(self.command, self.cores)
        start = time.perf_counter()
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
        seconds = time.perf_counter() - start
        if done.returncode != 0:
            raise PeerError(f"clipsweep sweep failed: {done.stderr.strip()}")
        return self.runs * self.steps / seconds

    def engine(self) -> tuple[str, str]:
        """Return the engine and the instruction set of the last sweep."""
        record = json.loads(next(self.folder.glob("sweep/runs/*/run.json")).read_text("utf-8"))
        return record["engine"], record["simd"]
