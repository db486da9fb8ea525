"""Measures all contenders in turns and writes the page: scripts/bench_peers."""

import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

from .contenders import (
    FRAMEWORKS,
    Framework,
    Peer,
    Sweep,
    all_cores,
    methods_for,
    missing_packages,
)
from .models import MODELS, Model
from .options import parse_options
from .problem import PeerError, Problem, make_problem, save
from .speed_page import Measurement, Trained, cores_phrase, speed_page

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "build/peers"
REPETITIONS = 3
SECONDS = 0.5  # of a measurement of a peer
QUICK_SECONDS = 0.2
QUICK_SHARE = 0.1  # of a sweep's steps


STARTED = time.monotonic()


def say(text: str) -> None:
    print(f"bench_peers: {text}", file=sys.stderr, flush=True)


def say_progress(text: str) -> None:
    say(f"{time.monotonic() - STARTED:3.0f} s: {text}")


class Bench:
    """The measurements so far, and what they need."""

    def __init__(self, program: Path, models: list[Model], quick: bool):
        self.program = program
        self.models = models
        self.quick = quick
        self.repetitions = 1 if quick else REPETITIONS
        self.measurements: list[Measurement] = []
        self.trained: dict[str, Trained] = {}
        self.versions: list[str] = []
        self.problems: dict[str, Problem] = {}

    def run(self) -> None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        for model in self.models:
            say_progress(f"{model.name}: weights and batches")
            self.problems[model.name] = make_problem(self.program, model)
            save(self.problems[model.name], FOLDER / f"{model.name}.npz")
        for cores in dict.fromkeys((1, all_cores())):
            frameworks = {module: Framework(module, cores, FOLDER) for module in FRAMEWORKS}
            self.versions = [framework.version for framework in frameworks.values()]
            try:
                for model in self.models:
                    self.measure(model, cores, frameworks)
            finally:
                for framework in frameworks.values():
                    framework.stop()

    def measure(self, model: Model, cores: int, frameworks: dict[str, Framework]) -> None:
        """Measure every contender on one model, in turns."""
        say_progress(f"{model.name}, {cores_phrase(cores)}")
        sweep = Sweep(self.program, cores, FOLDER)
        sweep.prepare(model, QUICK_SHARE if self.quick else 1)
        contenders = [sweep, *self.prepared_peers(model, cores, frameworks)]
        say_progress("  compiled and warmed up")
        measured = {each.method: Measurement(model.title, each.method, cores) for each in contenders}
        for _ in range(self.repetitions):
            for each in contenders:
                measured[each.method].rates.append(each.measure())
        self.measurements += measured.values()
        rates = ", ".join(f"{m.contender} {m.rate:,.1f}" for m in measured.values())
        say_progress(f"  run-steps per second: {rates}")
        self.trained[model.name] = self.description(model, sweep)

    def prepared_peers(self, model: Model, cores: int, frameworks: dict) -> list[Peer]:
        """Return the peers that are ready to be measured; a failure becomes a measurement."""
        ready = []
        for method, module in methods_for(model, cores).items():
            peer = Peer(frameworks[module], method)
            seconds = QUICK_SECONDS if self.quick else SECONDS
            failure = peer.prepare(FOLDER / f"{model.name}.npz", model, seconds)
            if failure:
                say_progress(f"{model.name}: {method} failed: {failure}")
                self.measurements.append(Measurement(model.title, method, cores, failure=failure))
            else:
                ready.append(peer)
        return ready

    def description(self, model: Model, sweep: Sweep) -> Trained:
        problem = self.problems[model.name]
        _, time_steps, inputs = problem.samples.shape
        outputs = problem.weights["output.bias"].shape[1]
        engine = " ".join(sweep.engine())
        return Trained(model, time_steps, inputs, outputs, sweep.runs, sweep.steps, engine)


def machine() -> str:
    """Return the processor's name and the number of cores."""
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("model name")]
    name = lines[0].partition(":")[2].strip() if lines else platform.machine()
    return f"{name}, {all_cores()} cores"


def find_program() -> Path:
    program = Path(os.environ.get("CLIPSWEEP", ROOT / "build/release/clipsweep"))
    if not os.access(program, os.X_OK):
        raise PeerError(f"{program} is missing; run scripts/bench_peers, which builds it")
    return program


def check_peers() -> None:
    missing = missing_packages()
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise PeerError(
            f"{', '.join(missing)} {verb} not installed in .venv-peers; remove that folder and run "
            "scripts/bench_peers with network"
        )


def run(options) -> None:
    check_peers()
    program = find_program()
    bench = Bench(program, [m for m in MODELS if options.only in (None, m.name)], options.quick)
    bench.run()
    own = subprocess.run([program, "--version"], capture_output=True, encoding="utf-8", check=True)
    versions = [own.stdout.strip(), *bench.versions, f"Python {platform.python_version()}"]
    page = speed_page(bench.measurements, list(bench.trained.values()), machine(), ", ".join(versions))
    if options.out:
        options.out.write_text(page, encoding="utf-8")
        say_progress(f"wrote {options.out}")
    else:
        print(page, end="")
    shutil.rmtree(FOLDER / "sweep", ignore_errors=True)


def main() -> int:
    options = parse_options()
    try:
        run(options)
    except PeerError as error:
        say(str(error))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
