"""Titles that say what is seen, in words that never go beyond the verdicts of summary.json."""

from dataclasses import dataclass

from .sources import NEEDED_SEEDS, Sources
from .style import decimal
from .summary import Comparison

MOST_NAMED = 3  # arms; more are counted
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Claim:
    """How a measure is spoken of."""

    measure: str
    noun: str
    better: str
    worse: str
    opposite: str  # of better, for short


ACCURACY = Claim(
    "final_test_accuracy",
    "test accuracy",
    "a higher test accuracy",
    "a lower test accuracy",
    "a lower one",
)
TRAIN_LOSS = Claim(
    "final_train_loss",
    "training loss",
    "a lower training loss",
    "a higher training loss",
    "a higher one",
)


def verdict_title(sources: Sources, claim: Claim) -> str | None:
    """Say which arms differ from their baseline; None where summary.json has no verdict."""
    judged = _judged(sources, claim)
    if not judged:
        return None
    better, worse = _split(judged, claim)
    baseline = _baseline(judged)
    if not better and not worse:
        subject = f"{name_arms(judged)}'s" if len(judged) == 1 else "No arm's"
        verb = "does not differ" if len(judged) == 1 else "differs"
        return f"{subject} {claim.noun} {verb} visibly from that of {baseline}"
    if len(judged) > MOST_NAMED:
        return _count_arms(better, worse, len(judged), claim, baseline)
    parts = [
        f"{name_arms(arms)} {_have(arms)} {words}"
        for arms, words in ((better, claim.better), (worse, claim.worse))
        if arms
    ]
    return f"{' and '.join(parts)} than {baseline}"


def spread_title(sources: Sources) -> str:
    """Say of which few arms the seeds end closer together or further apart; empty if of none."""
    if len(sources.comparisons) > MOST_NAMED:
        return ""
    sentences = [
        f"seeds spread {words} with {name_arms([comparison])} ({_deviations(comparison)})"
        for comparison in sources.comparisons
        for verdict, words in (("better", "less"), ("worse", "more"))
        if comparison.measures["spread"].verdict == verdict
    ]
    return ", ".join(sentences)


def _deviations(comparison: Comparison) -> str:
    arm, baseline = (
        side.measures["final_test_accuracy"].sd for side in (comparison.arm, comparison.baseline)
    )
    return f"SD {_points(arm)} against {_points(baseline)} points"


def _points(share: float | None) -> str:
    return decimal(None if share is None else 100 * share, 1)


def many_arms_note(sources: Sources, claim: Claim) -> str:
    """Say what looking at many arms does to the count in a title."""
    judged = _judged(sources, claim)
    if len(judged) <= MOST_NAMED:
        return ""
    return (
        "Counted by each arm's own 95 % interval: of arms without any effect one in twenty would "
        "be counted too."
    )


def why_no_verdict(sources: Sources) -> str:
    """Say why nothing is compared; empty where verdicts are there."""
    if sources.summary is None:
        return "Without summary.json nothing is compared."
    if not sources.comparisons:
        return "The sweep has no arm to compare with an arm without clipping."
    if not any(comparison.verdict for comparison in sources.comparisons):
        return f"Fewer than {NEEDED_SEEDS} pairs of seeds: values without a verdict."
    return ""


def name_arms(comparisons: list[Comparison]) -> str:
    """Name arms by their clipping, and by their learning rate where that does not go without."""
    names = [comparison.arm.clip.label for comparison in comparisons]
    if len({comparison.arm.learning_rate for comparison in comparisons}) > 1:
        names = [
            f"{comparison.arm.clip.label} at lr {comparison.arm.learning_rate:g}"
            for comparison in comparisons
        ]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _judged(sources: Sources, claim: Claim) -> list[Comparison]:
    return [c for c in sources.comparisons if c.measures[claim.measure].verdict is not None]


def _split(judged: list[Comparison], claim: Claim) -> tuple[list[Comparison], list[Comparison]]:
    return tuple(
        [c for c in judged if c.measures[claim.measure].verdict == verdict]
        for verdict in ("better", "worse")
    )


def _baseline(judged: list[Comparison]) -> str:
    only_clipping = all(comparison.arm.clip.mode != "none" for comparison in judged)
    return "no clipping" if only_clipping else "the baseline"


def _have(arms: list) -> str:
    return "has" if len(arms) == 1 else "have"


def _count_arms(better: list, worse: list, count: int, claim: Claim, baseline: str) -> str:
    first, words = (better, claim.better) if better else (worse, claim.worse)
    title = f"{len(first)} of {count} arms {_have(first)} {words} than {baseline}"
    if better and worse:
        title += f", {len(worse)} {claim.opposite}"
    return title + _after_correction(better + worse, claim)


def _after_correction(seen: list[Comparison], claim: Claim) -> str:
    """Say how many of the differences are left after Holm's correction for looking at many arms."""
    adjusted = [comparison.p_adjusted for comparison in seen]
    if claim is not ACCURACY or None in adjusted:
        return ""
    left = sum(value < SIGNIFICANT for value in adjusted)
    share = {0: "none", len(seen): "all"}.get(left, f"{left} of these {len(seen)}")
    return f" ({share} after Holm's correction)"
