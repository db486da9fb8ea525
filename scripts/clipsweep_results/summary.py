"""summary.json as objects: arms, comparisons, verdicts and the answer.

Every verdict, interval and p value is read from the file; none is computed here.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from .clips import Clip, parse_clips
from .columns import NORM_QUANTILES
from .constants import Constants, parse_constants
from .levels import Levels, parse_levels
from .probes import Estimate, parse_estimate, parse_prediction
from .setups import Axis, Setup, parse_axes, parse_setups
from .strict_json import MALFORMED, DataError, decode, describe, read_document
from .values import Interval, to_count, to_float, to_interval, to_optional_float

SUMMARY_SCHEMA = "clipsweep/summary-1"
# The measures of an arm, declared in advance; a comparison has the spread between seeds as well.
MEASURES = (
    "final_test_accuracy",
    "best_test_accuracy",
    "final_test_loss",
    "final_train_loss",
    "train_loss_area",
    "steps_to_accuracy",
)
COMPARED_MEASURES = (*MEASURES, "spread")
# The measure that verdicts are about, under a name of its own: the late accuracy, or the final one
# in summaries of versions that judged that.
JUDGED = "judged"
VERDICTS = ("better", "worse", "no difference seen", "identical")
ANSWER_SENTENCES = 3
# The modes of "what_if", and their keys there.
WHAT_IF_KEYS = {
    "value": "value",
    "global-norm": "global_norm",
    "tensor-norm": "tensor_norm",
}


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
class Share:
    """A share of an arm's runs, 0 to 1, with its Wilson interval."""

    share: float
    interval: Interval


@dataclass(frozen=True)
class Ranks:
    """All pairs by ranks: a run without a value ranks last, two of them are equal."""

    n: int
    better: int
    worse: int
    equal: int
    probability_of_improvement: float | None
    interval: Interval | None
    p_value: float | None


@dataclass(frozen=True)
class PairedDifference:
    """Arm minus baseline, seed by seed; `interval` is None below Constants.min_pairs pairs."""

    n: int
    mean_difference: float | None
    iqm_difference: float | None
    interval: Interval | None
    p_value: float | None
    better: int
    worse: int
    equal: int
    verdict: str | None
    seeds_needed: int | None  # to see a small difference; None unless none was seen
    seeds_needed_range: tuple[int, int] | None  # at both ends of the SD's interval
    ranks: Ranks


@dataclass(frozen=True)
class PairedShares:
    """How many seeds something happened at, in an arm and in its baseline."""

    n: int
    arm: int
    baseline: int
    difference: float
    interval: Interval
    p_value: float


@dataclass(frozen=True)
class Collapses:
    """The seeds that collapsed, and the difference among the others."""

    shares: PairedShares
    other_pairs: int
    other_iqm: float | None


@dataclass(frozen=True)
class ArmProbe:
    """The probes of an arm's runs at one step, and what they predict of its clipping.

    `prediction` and the numbers from `clipped_share` on are None where the mode is not probed.
    """

    step: int
    runs: int
    noise_tail_index: Estimate | None
    norm_tail_index: Estimate | None
    clipped_share: float | None
    cosine: float | None
    length_ratio: float | None
    comparison: Estimate | None
    stability: Estimate | None
    prediction: str | None


@dataclass(frozen=True)
class SmoothnessFit:
    """log10 smoothness = intercept + slope log10 gradient norm, over the measured steps."""

    points: int
    slope: float | None
    intercept: float | None
    correlation: float | None


@dataclass(frozen=True)
class ArmSummary:
    """One arm over its seeds."""

    name: str  # its key in summary.json: `value-0.5_lr-0.1`
    clip: Clip
    learning_rate: float
    seeds: int
    completed: int
    diverged: int  # stalled runs included
    stalled: int  # of these; 0 in summaries of earlier versions
    divergence: Share | None
    reached_target: int | None  # how many runs
    better_than_chance: bool | None  # None without runs, and in summaries of earlier versions
    usable: bool
    spikes: int
    measures: dict[str, Spread]
    late_validation_accuracy: Spread | None  # None without a validation set
    bits_per_character: Spread | None  # None unless the task is a text
    clipped_share: float | None
    skipped_share: float | None
    mean_cosine: float | None
    smoothness: SmoothnessFit | None  # None where it was not measured
    reading: str | None
    norms: dict[str, float | None]
    probes: tuple[ArmProbe, ...] = ()  # by step; empty without --probe-at

    @property
    def label(self) -> str:
        """The name of the arm: `value:0.5 at lr 0.1`."""
        return self.clip.at(self.learning_rate)

    @property
    def perturbed(self) -> bool:
        """Whether it repeats the baseline with the last bit of its initial weights flipped."""
        return self.clip.perturbed


@dataclass(frozen=True)
class Comparison:
    """One arm against the baseline at the same learning rate."""

    arm: ArmSummary
    baseline: ArmSummary
    verdict: str | None  # by the judged measure; None where there are too few pairs for one
    p_adjusted: float | None
    measures: dict[str, PairedDifference]
    collapses: Collapses | None  # None in summaries of earlier versions
    solved: PairedShares | None  # in some evaluation; None if the task cannot be solved
    solved_at_end: PairedShares | None


@dataclass(frozen=True)
class ModeDifference:
    """A mode's best arm against the best arm without clipping, in the judged measure.

    Interval and p-value hold for all arms with clipping of the setup together.
    """

    baseline: ArmSummary
    mean: float | None
    simultaneous_interval: Interval | None
    p_adjusted: float | None
    verdict: str | None


@dataclass(frozen=True)
class ModeSummary:
    """A mode's best arm, and the learning rates at which the mode is usable.

    `setup` is empty if there is only one setup.
    """

    setup: Setup
    mode: str
    best_arm: ArmSummary | None
    usable_learning_rates: list[float]
    # None for `none`, where nothing can be compared, and in summaries of earlier versions.
    difference: ModeDifference | None

    @property
    def label(self) -> str:
        return self.setup.name_of(self.mode)

    def has_arm(self, arm: ArmSummary) -> bool:
        return arm.clip.mode == self.mode and (not self.setup or self.setup == arm.clip.setup)


@dataclass(frozen=True)
class Best:
    """A setup's best clipping arm against its best baseline, over all learning rates."""

    arm: ArmSummary
    baseline: ArmSummary
    judged: PairedDifference  # in the measure that verdicts are about
    simultaneous_interval: Interval | None  # corrected for the choice among all candidates
    split_seed_mean: float | None  # the difference on seeds that had no part in the choice
    candidates: int  # the number of clipping arms from which it was chosen
    p_adjusted: float | None
    verdict: str | None


@dataclass(frozen=True)
class NoiseFloor:
    """How far flipping the last bit of the initial weights moves the judged accuracy."""

    baseline: ArmSummary
    arm: ArmSummary
    n: int
    median_absolute_difference: float | None
    max_absolute_difference: float | None
    sd: float | None


@dataclass(frozen=True)
class Validation:
    """The set that arms are chosen by, apart from the test set that judges them."""

    samples: int
    chance_accuracy: float


@dataclass(frozen=True)
class WhatIf:
    """On which share of the steps of a baseline each threshold would have acted, 0 to 1."""

    baseline: ArmSummary
    thresholds: tuple[float, ...]
    shares: dict[str, tuple[float, ...]]  # by mode


@dataclass(frozen=True)
class DamagedRun:
    """A run whose log cannot be read; no number of the summary includes it."""

    id: str
    reason: str


@dataclass(frozen=True)
class Summary:
    """The whole file."""

    run_counts: dict[str, int]
    damaged_runs: list[DamagedRun]
    chance: Levels
    target: Levels
    validation: Validation | None  # None where arms are chosen by the test set
    chance_bits: float | None  # per character: the entropy of the symbol frequencies of a text
    axes: tuple[Axis, ...]  # the settings of training that vary
    answer: list[str]  # does clipping help, where, what to use
    arms: list[ArmSummary]
    comparisons: list[Comparison]
    modes: list[ModeSummary]
    best: list[Best]  # of each setup whose arms can be compared
    noise_floor: list[NoiseFloor]
    what_if: list[WhatIf]
    constants: Constants

    def of_setups(self, setups: list[Setup]) -> "Summary":
        """Return the arms of these setups only, with what is said about them."""
        return replace(
            self,
            arms=[arm for arm in self.arms if arm.clip.setup in setups],
            comparisons=[each for each in self.comparisons if each.arm.clip.setup in setups],
            modes=[mode for mode in self.modes if mode.setup in setups],
            best=[best for best in self.best if best.arm.clip.setup in setups],
            noise_floor=[each for each in self.noise_floor if each.arm.clip.setup in setups],
            what_if=[each for each in self.what_if if each.baseline.clip.setup in setups],
        )

    @cached_property
    def comparison_of(self) -> dict[str, Comparison]:
        """Each arm's comparison by the arm's name; a baseline has none."""
        return {comparison.arm.name: comparison for comparison in self.comparisons}


def read_summary(folder: Path) -> Summary:
    """Read summary.json; raise DataError, with advice, if it is missing or cannot be used."""
    path = folder / "summary.json"
    advice = f"; write it with 'clipsweep summarize {folder}'"
    if not path.is_file():
        raise DataError(f"{path}: missing{advice}")
    try:
        return _parse_summary(read_document(path, SUMMARY_SCHEMA))
    except KeyError as error:
        raise DataError(f"{path}: no key {error}, so an older version wrote it{advice}") from error
    except DataError as error:
        raise DataError(f"{error}{advice}") from error
    except MALFORMED as error:
        raise DataError(f"{path}: {describe(error)}{advice}") from error


def read_chance_levels(folder: Path) -> Levels:
    """Return the accuracies that summary.json gives to diverged runs, if they are known."""
    try:
        text = (folder / "summary.json").read_text(encoding="utf-8")
        return parse_levels(decode(text), "chance_accuracy")
    except (OSError, *MALFORMED):
        return Levels()


def _parse_summary(document: dict) -> Summary:
    constants = parse_constants(document.get("constants"))
    judged = constants.judged_metric
    axes = parse_axes(document.get("axes", []), document["arms"])
    arms = [
        _parse_arm(entry, clip, judged)
        for entry, clip in zip(document["arms"], parse_clips(document["arms"], axes), strict=True)
    ]
    by_name = {arm.name: arm for arm in arms}

    def find(name: object) -> ArmSummary:
        if name not in by_name:
            raise ValueError(f"there is no arm {str(name)[:80]!r}")
        return by_name[name]

    return Summary(
        run_counts={str(state): to_count(count) for state, count in document["runs"].items()},
        damaged_runs=[_parse_damaged_run(entry) for entry in document["damaged_runs"]],
        chance=parse_levels(document, "chance_accuracy"),
        target=parse_levels(document, "target_accuracy"),
        validation=_optional(_parse_validation, document.get("validation")),
        chance_bits=to_optional_float(document.get("chance_bits_per_character")),
        axes=axes,
        answer=_parse_answer(document["answer"]),
        arms=arms,
        comparisons=[_parse_comparison(entry, find, judged) for entry in document["comparisons"]],
        modes=[
            _parse_mode(entry, find, setup)
            for entry, setup in zip(
                document["modes"], parse_setups(document["modes"], axes), strict=True
            )
        ],
        best=[_parse_best(entry, find, judged) for entry in document["best"]],
        noise_floor=[_parse_noise_floor(entry, find) for entry in document["noise_floor"]],
        what_if=[_parse_what_if(entry, find) for entry in document.get("what_if", [])],
        constants=constants,
    )


def _optional(parse: Callable, entry: object):
    """Parse an entry; null, for not measured, gives None."""
    return None if entry is None else parse(entry)


def _parse_fit(entry: dict) -> SmoothnessFit:
    numbers = (to_optional_float(entry[key]) for key in ("slope", "intercept", "correlation"))
    return SmoothnessFit(to_count(entry["points"]), *numbers)


def _parse_answer(sentences: list) -> list[str]:
    if len(sentences) != ANSWER_SENTENCES:
        raise ValueError(f"answer has {len(sentences)} sentences, not {ANSWER_SENTENCES}")
    return [str(sentence) for sentence in sentences]


def _parse_validation(entry: dict) -> Validation:
    return Validation(to_count(entry["samples"]), to_float(entry["chance_accuracy"]))


def _parse_damaged_run(entry: dict) -> DamagedRun:
    return DamagedRun(str(entry["run"]), str(entry["reason"]))


def _measures(entry: dict, names: tuple[str, ...], parse: Callable, judged: str) -> dict:
    measures = {name: parse(entry[name]) for name in names}
    return {**measures, JUDGED: parse(entry[judged])}


def _parse_arm(entry: dict, clip: Clip, judged: str) -> ArmSummary:
    return ArmSummary(
        name=str(entry["arm"]),
        clip=clip,
        learning_rate=to_float(entry["learning_rate"]),
        seeds=len(entry["seeds"]),
        completed=to_count(entry["completed"]),
        diverged=to_count(entry["diverged"]),
        stalled=to_count(entry.get("stalled", 0)),
        divergence=_optional(_parse_share, entry["divergence"]),
        reached_target=_optional(
            lambda reached: to_count(reached["count"]), entry["reached_target"]
        ),
        better_than_chance=_optional(bool, entry.get("better_than_chance")),
        usable=bool(entry["usable"]),
        spikes=to_count(entry["spikes"]),
        measures=_measures(entry, MEASURES, _parse_spread, judged),
        late_validation_accuracy=_optional(_parse_spread, entry.get("late_validation_accuracy")),
        bits_per_character=_optional(_parse_spread, entry.get("bits_per_character")),
        clipped_share=to_optional_float(entry["clipped_share"]),
        skipped_share=to_optional_float(entry.get("skipped_share")),
        mean_cosine=to_optional_float(entry["mean_cosine"]),
        smoothness=_optional(_parse_fit, entry.get("smoothness")),
        reading=_optional(str, entry["reading"]),
        norms={name: to_optional_float(entry["grad_norm_raw"][name]) for name in NORM_QUANTILES},
        probes=tuple(map(_parse_arm_probe, entry.get("probes", []))),
    )


def _parse_arm_probe(entry: dict) -> ArmProbe:
    clipping = entry.get("clipping", {})
    shares = ("clipped_share", "cosine", "length_ratio")
    return ArmProbe(
        to_count(entry["step"]),
        to_count(entry["runs"]),
        parse_estimate(entry["noise_tail_index"], "estimate"),
        parse_estimate(entry["norm_tail_index"], "estimate"),
        *(to_optional_float(clipping.get(name)) for name in shares),
        parse_estimate(clipping.get("comparison_criterion"), "value"),
        parse_estimate(clipping.get("stability_criterion"), "value"),
        _optional(parse_prediction, clipping.get("prediction")),
    )


def _parse_spread(entry: dict) -> Spread:
    return Spread(
        to_count(entry["n"]),
        *(to_optional_float(entry[name]) for name in ("mean", "sd", "iqm", "min", "max")),
    )


def _parse_share(entry: dict) -> Share:
    return Share(to_float(entry["share"]), to_interval(entry["interval"]))


def _parse_shares(entry: dict) -> PairedShares:
    return PairedShares(
        *(to_count(entry[name]) for name in ("n", "arm", "baseline")),
        to_float(entry["difference"]),
        to_interval(entry["interval"]),
        to_float(entry["p_value"]),
    )


def _parse_collapses(entry: dict) -> Collapses:
    others = entry["others"]
    return Collapses(
        _parse_shares(entry), to_count(others["n"]), to_optional_float(others["iqm_difference"])
    )


def _parse_range(ends: list) -> tuple[int, int]:
    low, high = ends
    return to_count(low), to_count(high)


def _parse_comparison(
    entry: dict, find: Callable[[object], ArmSummary], judged: str
) -> Comparison:
    return Comparison(
        find(entry["arm"]),
        find(entry["baseline"]),
        _parse_verdict(entry["verdict"]),
        to_optional_float(entry["p_adjusted"]),
        _measures(entry, COMPARED_MEASURES, _parse_difference, judged),
        _optional(_parse_collapses, entry.get("collapses")),
        _optional(_parse_shares, entry.get("solved")),
        _optional(_parse_shares, entry.get("solved_at_end")),
    )


def _parse_verdict(verdict: object) -> str | None:
    if verdict is not None and verdict not in VERDICTS:
        raise ValueError(f"verdict is {str(verdict)[:40]!r}; allowed are {', '.join(VERDICTS)}")
    return verdict


def _parse_difference(entry: dict) -> PairedDifference:
    return PairedDifference(
        n=to_count(entry["n"]),
        mean_difference=to_optional_float(entry["mean_difference"]),
        iqm_difference=to_optional_float(entry["iqm_difference"]),
        interval=_optional(to_interval, entry["interval"]),
        p_value=to_optional_float(entry["p_value"]),
        better=to_count(entry["better"]),
        worse=to_count(entry["worse"]),
        equal=to_count(entry["equal"]),
        verdict=_parse_verdict(entry["verdict"]),
        seeds_needed=_optional(to_count, entry["seeds_needed"]),
        seeds_needed_range=_optional(_parse_range, entry.get("seeds_needed_range")),
        ranks=_parse_ranks(entry["ranks"]),
    )


def _parse_ranks(entry: dict) -> Ranks:
    return Ranks(
        *(to_count(entry[name]) for name in ("n", "better", "worse", "equal")),
        to_optional_float(entry["probability_of_improvement"]),
        _optional(to_interval, entry["interval"]),
        to_optional_float(entry["p_value"]),
    )


def _parse_mode(entry: dict, find: Callable[[object], ArmSummary], setup: Setup) -> ModeSummary:
    return ModeSummary(
        setup,
        str(entry["mode"]),
        _optional(find, entry["best_arm"]),
        [to_float(rate) for rate in entry["usable_learning_rates"]],
        _optional(lambda found: _parse_mode_difference(found, find), entry.get("late_test_accuracy")),
    )


def _parse_mode_difference(entry: dict, find: Callable[[object], ArmSummary]) -> ModeDifference:
    return ModeDifference(
        find(entry["baseline"]),
        to_optional_float(entry["mean_difference"]),
        _optional(to_interval, entry["simultaneous_interval"]),
        to_optional_float(entry["p_adjusted"]),
        _parse_verdict(entry["verdict"]),
    )


def _parse_best(entry: dict, find: Callable[[object], ArmSummary], judged: str) -> Best:
    return Best(
        find(entry["arm"]),
        find(entry["baseline"]),
        _parse_difference(entry[judged]),
        _optional(to_interval, entry.get("simultaneous_interval")),
        to_optional_float(entry.get("split_seed_mean")),
        to_count(entry["candidates"]),
        to_optional_float(entry["p_adjusted"]),
        _parse_verdict(entry["verdict"]),
    )


def _parse_noise_floor(entry: dict, find: Callable[[object], ArmSummary]) -> NoiseFloor:
    return NoiseFloor(
        find(entry["baseline"]),
        find(entry["arm"]),
        to_count(entry["n"]),
        *(
            to_optional_float(entry[name])
            for name in ("median_absolute_difference", "max_absolute_difference", "sd")
        ),
    )


def _parse_what_if(entry: dict, find: Callable[[object], ArmSummary]) -> WhatIf:
    acted = entry["acted"]
    return WhatIf(
        find(entry["baseline"]),
        tuple(to_float(item["threshold"]) for item in acted),
        {
            mode: tuple(to_float(item[key]) for item in acted)
            for mode, key in WHAT_IF_KEYS.items()
        },
    )
