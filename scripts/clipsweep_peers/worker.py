"""A process that trains with one framework, as it is told on standard input, a JSON object a line.

    {"do": "prepare", "problem": PATH, "method": NAME, "runs": R, "seconds": X}  ->  {"error": E}
    {"do": "measure", "method": NAME}                         ->  {"run_steps_per_second": X}

It first says {"version": TEXT}. E is the largest relative error of its first losses against
clipsweep's. Preparing compiles, warms up, and finds how many steps take X seconds. What raises an
exception is answered by {"failure": TEXT}.

    python -m clipsweep_peers.worker MODULE CORES
"""

import importlib
import json
import sys
import time

import numpy as np

from .problem import load

CHECKED_STEPS = 3


class Worker:
    def __init__(self, methods: dict):
        self.methods = methods
        self.trainers = {}  # by method: the trainer and the number of steps of a measurement

    def answer(self, request: dict) -> dict:
        """Do what is asked for; whatever a framework raises is an answer too."""
        try:
            return getattr(self, request.pop("do"))(**request)
        except Exception as error:
            first_line = (str(error).strip().splitlines() or [""])[0]
            return {"failure": f"{type(error).__name__}: {first_line}"}

    def prepare(self, problem: str, method: str, runs: int, seconds: float) -> dict:
        self.trainers.pop(method, None)  # the one of the last model
        loaded = load(problem)
        trainer = self.methods[method](loaded, runs)
        losses = np.array(trainer.losses(CHECKED_STEPS))
        expected = loaded.losses[:CHECKED_STEPS, : losses.shape[1]]
        steps = 1
        for _ in range(2):  # the first takes longer than those that follow
            steps = max(1, round(seconds * steps / timed(trainer, steps)))
        self.trainers[method] = (trainer, steps)
        return {"error": float(np.max(np.abs(losses - expected) / expected))}

    def measure(self, method: str) -> dict:
        trainer, steps = self.trainers[method]
        return {"run_steps_per_second": trainer.runs * steps / timed(trainer, steps)}


def timed(trainer, steps: int) -> float:
    """Train this many steps and return how many seconds they take."""
    start = time.perf_counter()
    trainer.train(steps)
    return time.perf_counter() - start


def main() -> int:
    answers, sys.stdout = sys.stdout, sys.stderr  # what a framework prints is no answer
    module = importlib.import_module(f".{sys.argv[1]}", __package__)
    module.set_threads(int(sys.argv[2]))
    print(json.dumps({"version": module.version()}), file=answers, flush=True)
    worker = Worker(module.METHODS)
    for line in sys.stdin:
        print(json.dumps(worker.answer(json.loads(line))), file=answers, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
