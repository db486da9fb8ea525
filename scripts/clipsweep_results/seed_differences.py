"""Paired differences between two arms, seed by seed."""

from collections.abc import Callable

from .result_folder import Arm, Results, Run
from .summary import Comparison


def seed_values(arm: Arm, value: Callable[[Run], float | None]) -> dict[int, float]:
    """Return the value of each run that has one, by its seed."""
    values = {run.spec.seed: value(run) for run in arm.runs}
    return {seed: found for seed, found in values.items() if found is not None}


def seed_differences(
    results: Results, comparison: Comparison, value: Callable[[Run], float | None]
) -> list[float]:
    """Return arm minus baseline for every seed that has a value in both."""
    arms = {(arm.clip, arm.learning_rate): arm for arm in results.arms}
    learning_rate = comparison.arm.learning_rate
    arm = arms.get((comparison.arm.clip, learning_rate))
    baseline = arms.get((comparison.baseline.clip, learning_rate))
    if arm is None or baseline is None:
        return []
    reference = seed_values(baseline, value)
    return [
        found - reference[seed]
        for seed, found in seed_values(arm, value).items()
        if seed in reference
    ]
