"""summary.json: arms and paired comparisons, as the tables and the paired figure need them."""

from dataclasses import dataclass
from pathlib import Path

from .result_folder import Clip, parse_clip
from .strict_json import (
    MALFORMED,
    DataError,
    describe,
    read_document,
    to_count,
    to_float,
    to_optional_float,
)

SUMMARY_SCHEMA = "clipsweep/summary-1"
MEASURES = ("final_test_accuracy", "best_test_accuracy", "final_test_loss", "final_train_loss")
NORM_QUANTILES = ("median", "p90", "p99", "max")


@dataclass(frozen=True)
class Spread:
    """One measure over the seeds of an arm; None where `n` is too small to have a value."""

    n: int
    mean: float | None
    sd: float | None
    iqm: float | None
    min: float | None
    max: float | None


@dataclass(frozen=True)
class PairedDifference:
    """Arm minus baseline, seed by seed; `interval` is None below 5 pairs."""

    n: int
    mean_difference: float | None
    interval: tuple[float, float] | None
    better: int
    worse: int
    equal: int


@dataclass(frozen=True)
class ArmSummary:
    """One arm over its seeds."""

    name: str
    clip: Clip
    learning_rate: float
    seeds: int
    completed: int
    diverged: int
    measures: dict[str, Spread]
    clipped_share: float | None
    norms: dict[str, float | None]


@dataclass(frozen=True)
class Comparison:
    """One arm against the baseline at the same learning rate."""

    arm: ArmSummary
    baseline: ArmSummary
    measures: dict[str, PairedDifference]


@dataclass(frozen=True)
class Summary:
    """The whole file."""

    run_counts: dict[str, int]
    chance_accuracy: float
    arms: list[ArmSummary]
    comparisons: list[Comparison]


def read_summary(folder: Path) -> Summary:
    """Read summary.json; raise DataError, with what to do, if it is missing or cannot be used."""
    path = folder / "summary.json"
    advice = f"; write it with 'clipsweep summarize {folder.name}'"
    if not path.is_file():
        raise DataError(f"{path}: missing{advice}")
    try:
        return _parse_summary(read_document(path, SUMMARY_SCHEMA))
    except DataError as error:
        raise DataError(f"{error}{advice}") from error
    except MALFORMED as error:
        raise DataError(f"{path}: {describe(error)}{advice}") from error


def _parse_summary(document: dict) -> Summary:
    run_counts = {str(state): to_count(count) for state, count in dict(document["runs"]).items()}
    arms = [_parse_arm(entry) for entry in document["arms"]]
    by_name = {arm.name: arm for arm in arms}
    comparisons = [
        Comparison(
            by_name[entry["arm"]],
            by_name[entry["baseline"]],
            {name: _parse_difference(entry[name]) for name in MEASURES},
        )
        for entry in document["comparisons"]
    ]
    return Summary(run_counts, to_float(document["chance_accuracy"]), arms, comparisons)


def _parse_arm(entry: dict) -> ArmSummary:
    return ArmSummary(
        name=str(entry["arm"]),
        clip=parse_clip(entry),
        learning_rate=to_float(entry["learning_rate"]),
        seeds=len(entry["seeds"]),
        completed=to_count(entry["completed"]),
        diverged=to_count(entry["diverged"]),
        measures={name: _parse_spread(entry[name]) for name in MEASURES},
        clipped_share=to_optional_float(entry["clipped_share"]),
        norms={name: to_optional_float(entry["grad_norm_raw"][name]) for name in NORM_QUANTILES},
    )


def _parse_spread(entry: dict) -> Spread:
    return Spread(
        to_count(entry["n"]),
        *(to_optional_float(entry[name]) for name in ("mean", "sd", "iqm", "min", "max")),
    )


def _parse_difference(entry: dict) -> PairedDifference:
    interval = entry["interval"]
    if interval is not None:
        low, high = interval
        interval = (to_float(low), to_float(high))
    return PairedDifference(
        to_count(entry["n"]),
        to_optional_float(entry["mean_difference"]),
        interval,
        *(to_count(entry[name]) for name in ("better", "worse", "equal")),
    )
