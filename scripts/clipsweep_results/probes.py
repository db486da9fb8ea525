"""The probes of a run, from run.json: the noise of the gradient, and what clipping makes of it.

results/README.md explains every key, and lib/docs/probe.md the formulas.
"""

from dataclasses import dataclass

from .clips import Clip, parse_clips
from .values import (
    Interval,
    to_count,
    to_float,
    to_interval,
    to_optional_count,
    to_optional_float,
    to_text,
)

BINS_PER_DECADE = 20  # bin i of a histogram begins at 10^(i / 20)
PREDICTIONS = ("helps", "hurts", "negligible", "unclear", "inactive")

GRADIENT_NUMBERS = (
    "mean_gradient_norm",
    "expected_gradient_norm",
    "noise_variance",
    "effective_dimension",
    "noise_tail_index",
)
RULE_NUMBERS = (
    "rule",
    "clipped_share",
    "mean_clipped_norm",
    "cosine",
    "clipped_variance",
    "descent_reduction",
    "variance_reduction",
    "comparison_criterion",
    "stability_criterion",
    "prediction",
)


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval: a tail index, or a criterion."""

    value: float
    interval: Interval


@dataclass(frozen=True)
class NoiseHistogram:
    """How many norms of noise fell into consecutive bins, and how many a Gaussian would have."""

    first_bin: int
    counts: tuple[int, ...]
    gaussian: tuple[float, ...]


@dataclass(frozen=True)
class ProbedRule:
    """What a clipping rule makes of the gradients of a probe."""

    clip: Clip
    clipped_share: float
    mean_clipped_norm: float
    cosine: float | None
    clipped_variance: float
    descent_reduction: float | None
    variance_reduction: float | None
    comparison: Estimate | None
    stability: Estimate | None
    prediction: str


@dataclass(frozen=True)
class Probe:
    """What the gradients of K batches say at the weights after `step` steps."""

    step: int
    batches: int
    nonfinite: int
    sketch_size: int | None
    mean_gradient_norm: float
    expected_gradient_norm: float | None
    noise_variance: float
    effective_dimension: float | None
    histogram: NoiseHistogram | None
    noise_tail_index: Estimate | None
    norm_tail_index: Estimate | None
    rules: tuple[ProbedRule, ...]


def parse_probes(document: dict) -> tuple[Probe, ...]:
    """Read the probes of a run.json that have statistics: enough batches were finite."""
    return tuple(
        _parse_probe(entry) for entry in document.get("probes", []) if entry["gradients"] is not None
    )


def probe_rows(document: dict) -> list[dict]:
    """Return the values of PROBE_COLUMNS, by name: a row for each rule of each probe.

    A probe that tests no rule has one row, without those of rules.
    """
    return [
        {**_numbers_of(probe, ("step", "batches", *GRADIENT_NUMBERS)), **numbers}
        for probe in parse_probes(document)
        for numbers in [_rule_row(rule) for rule in probe.rules] or [dict.fromkeys(RULE_NUMBERS)]
    ]


def _rule_row(rule: ProbedRule) -> dict:
    return _numbers_of(rule, RULE_NUMBERS) | {
        "rule": rule.clip.label,
        "comparison_criterion": rule.comparison and rule.comparison.value,
        "stability_criterion": rule.stability and rule.stability.value,
    }


def _numbers_of(found: object, names: tuple[str, ...]) -> dict:
    values = {name: getattr(found, name, None) for name in names}
    return {key: each.value if isinstance(each, Estimate) else each for key, each in values.items()}


def parse_estimate(entry: object, key: str) -> Estimate | None:
    """Read a number under this key with its interval; null gives None."""
    return None if entry is None else Estimate(to_float(entry[key]), to_interval(entry["interval"]))


def parse_prediction(value: object) -> str:
    if value not in PREDICTIONS:
        raise ValueError(f"{str(value)[:40]!r} where one of {', '.join(PREDICTIONS)} belongs")
    return to_text(value)


def _parse_probe(entry: dict) -> Probe:
    gradients = entry["gradients"]
    clips = parse_clips(entry["rules"])
    return Probe(
        to_count(entry["step"]),
        to_count(entry["batches"]),
        to_count(entry["nonfinite"]),
        to_optional_count(entry["sketch_size"]),
        to_float(gradients["mean_gradient_norm"]),
        to_optional_float(gradients["expected_gradient_norm"]),
        to_float(gradients["noise_variance"]),
        to_optional_float(gradients["effective_dimension"]),
        _parse_histogram(gradients["noise_histogram"]),
        parse_estimate(gradients["noise_tail_index"], "estimate"),
        parse_estimate(gradients["norm_tail_index"], "estimate"),
        tuple(map(_parse_rule, entry["rules"], clips)),
    )


def _parse_histogram(entry: dict | None) -> NoiseHistogram | None:
    if entry is None:
        return None
    if entry["bins_per_decade"] != BINS_PER_DECADE:
        raise ValueError(f"bins_per_decade is not {BINS_PER_DECADE}")
    first = entry["first_bin"]
    if isinstance(first, bool) or not isinstance(first, int):
        raise TypeError(f"{type(first).__name__} where the number of a bin belongs")
    counts = tuple(map(to_count, entry["counts"]))
    gaussian = tuple(map(to_float, entry["gaussian"]))
    if len(counts) != len(gaussian):
        raise ValueError("counts and gaussian are not equally long")
    return NoiseHistogram(first, counts, gaussian)


def _parse_rule(entry: dict, clip: Clip) -> ProbedRule:
    return ProbedRule(
        clip,
        to_float(entry["clipped_share"]),
        to_float(entry["mean_clipped_norm"]),
        to_optional_float(entry["cosine"]),
        to_float(entry["clipped_variance"]),
        to_optional_float(entry["descent_reduction"]),
        to_optional_float(entry["variance_reduction"]),
        parse_estimate(entry["comparison_criterion"], "value"),
        parse_estimate(entry["stability_criterion"], "value"),
        parse_prediction(entry["prediction"]),
    )
