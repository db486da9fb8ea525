"""Titles that state findings; they never claim more than the verdicts of summary.json."""

from dataclasses import dataclass, replace

from clipsweep_results.result_folder import Arm
from clipsweep_results.summary import JUDGED, Comparison

from .sources import Sources
from .style import decimal

MAX_NAMED = 3  # arms or setups; if there are more, they are counted


@dataclass(frozen=True)
class Claim:
    """The words for a measure and its verdicts."""

    measure: str
    noun: str
    better: str
    worse: str
    opposite: str  # of better, short


ACCURACY = Claim(
    JUDGED,
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
    """Say which arms differ from their baseline; None if summary.json has no verdict.

    Each of a few setups has a finding of its own, because its arms are compared only with its own
    baselines; many setups are counted, also those that the figure does not show.
    """
    judged = _judged(sources.whole or sources, claim)
    if not judged:
        return None
    setups = list(dict.fromkeys(comparison.arm.clip.setup for comparison in judged))
    if len(setups) == 1:
        return _title_of_setup(sources, judged, claim)
    if len(setups) > MAX_NAMED:
        return _count_setups(judged, len(setups), claim)
    titles = []
    for setup in setups:
        own = [_without_setup(found) for found in judged if found.arm.clip.setup == setup]
        titles.append(f"{setup}: {_title_of_setup(sources, own, claim)}")
    return "; ".join(titles)


def _count_setups(judged: list[Comparison], setups: int, claim: Claim) -> str:
    """Say in how many setups some arm is better or worse than its baseline."""
    better, worse = ({c.arm.clip.setup for c in found} for found in _split(judged, claim))
    baseline = _baseline(judged)
    if not better and not worse:
        return f"In none of {setups} setups does an arm differ from {baseline} in {claim.noun}"
    first, words = (better, claim.better) if better else (worse, claim.worse)
    title = f"In {len(first)} of {setups} setups some arm has {words} than {baseline}"
    return f"{title}, in {len(worse)} {claim.opposite}" if better and worse else title


def _without_setup(comparison: Comparison) -> Comparison:
    arm = replace(comparison.arm, clip=comparison.arm.clip.without_setup)
    return replace(comparison, arm=arm)


def _title_of_setup(sources: Sources, judged: list[Comparison], claim: Claim) -> str:
    better, worse = _split(judged, claim)
    baseline = _baseline(judged)
    if not better and not worse:
        subject = f"{name_arms(judged, sources.comparisons)} does not differ" if len(judged) == 1 else "No arm differs"
        return f"{subject} detectably from {baseline} in {claim.noun}"
    if len(judged) > MAX_NAMED:
        # As the answer counts: without arms that clipping never changed.
        count = sum(comparison.verdict != "identical" for comparison in judged)
        return _count_arms(sources, better, worse, count, claim, baseline)
    parts = [
        f"{name_arms(arms, sources.comparisons)} {_have(arms)} {words}"
        for arms, words in ((better, claim.better), (worse, claim.worse))
        if arms
    ]
    return f"{' and '.join(parts)} than {baseline}"


def spread_title(sources: Sources) -> str:
    """Say which of a few arms have a smaller or larger spread between seeds; empty if none."""
    if len(sources.comparisons) > MAX_NAMED:
        return ""
    sentences = [
        f"seeds spread {words} with {name_arms([comparison], sources.comparisons)} ({_deviations(comparison)})"
        for comparison in sources.comparisons
        for verdict, words in (("better", "less"), ("worse", "more"))
        if comparison.measures["spread"].verdict == verdict
    ]
    return ", ".join(sentences)


def _deviations(comparison: Comparison) -> str:
    arm, baseline = (
        side.measures[JUDGED].sd for side in (comparison.arm, comparison.baseline)
    )
    return f"SD {_points(arm)} against {_points(baseline)} points"


def _points(share: float | None) -> str:
    return decimal(None if share is None else 100 * share, 1)


def many_arms_note(sources: Sources, claim: Claim) -> str:
    """Explain the count of arms in a title; empty if the title has no count."""
    judged = _judged(sources, claim)
    if len(judged) <= MAX_NAMED or not any(_split(judged, claim)):
        return ""
    return (
        "An arm is counted if its own 95 % interval excludes zero; by chance, one in twenty arms "
        "without any effect is counted too."
    )


def has_verdicts(verdicts: list[str | None]) -> bool:
    """Whether any comparison has a verdict; identical runs need no seeds to be so."""
    if None in verdicts:
        return not {"identical", None}.issuperset(verdicts)
    return bool(verdicts)


def why_no_verdict(sources: Sources) -> str:
    """Say why nothing is compared; empty if there are verdicts."""
    if sources.summary is None:
        return "Nothing is compared, because summary.json is missing."
    if not sources.comparisons:
        baselines = [arm.clip.is_baseline for arm in sources.arms]
        if all(baselines):
            return "Nothing is compared, because no arm clips."
        if not any(baselines):
            return "Nothing is compared, because no arm is without clipping."
        return "Nothing is compared: no arm shares a learning rate and seeds with one that clips."
    if not has_verdicts([comparison.verdict for comparison in sources.comparisons]):
        return f"No verdict: fewer than {sources.constants.min_pairs_for_verdict} pairs of seeds."
    return ""


def name_arms(comparisons: list[Comparison], among: list[Comparison]) -> str:
    """Name arms by their clipping, with the learning rate if those among them have several."""
    names = [comparison.arm.clip.label for comparison in comparisons]
    if len({comparison.arm.learning_rate for comparison in among}) > 1:
        names = [comparison.arm.label for comparison in comparisons]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _judged(sources: Sources, claim: Claim) -> list[Comparison]:
    """Return the comparisons with a verdict; none if all others have too few seeds for one."""
    verdicts = [comparison.measures[claim.measure].verdict for comparison in sources.comparisons]
    if not has_verdicts(verdicts):
        return []
    return [c for c, verdict in zip(sources.comparisons, verdicts, strict=True) if verdict is not None]


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


def _count_arms(
    sources: Sources, better: list, worse: list, count: int, claim: Claim, baseline: str
) -> str:
    first, words = (better, claim.better) if better else (worse, claim.worse)
    title = f"{len(first)} of {count} arms {_have(first)} {words} than {baseline}"
    if better and worse:
        title += f", {len(worse)} {claim.opposite}"
    return title + _after_correction(sources, better + worse, claim)


def _after_correction(sources: Sources, found: list[Comparison], claim: Claim) -> str:
    """Say how many of the differences remain significant after Holm's correction."""
    adjusted = [comparison.p_adjusted for comparison in found]
    if claim is not ACCURACY or None in adjusted:
        return ""
    remaining = sum(value < sources.constants.significance_level for value in adjusted)
    share = {0: "none", len(found): "all"}.get(remaining, f"{remaining} of these {len(found)}")
    return f" ({share} after Holm's correction)"


def filling(sources: Sources, arm: Arm, claim: Claim) -> str:
    """Return how the mark of an arm is filled, as Matplotlib names it.

    Full where its verdict is significant after Holm's correction, half where it is not, and empty
    without a verdict of better or worse.
    """
    for comparison in sources.comparisons:
        if (comparison.arm.clip, comparison.arm.learning_rate) == (arm.clip, arm.learning_rate):
            return comparison_filling(comparison, claim, sources.constants.significance_level)
    return "none"


def comparison_filling(comparison: Comparison, claim: Claim, level: float) -> str:
    if comparison.measures[claim.measure].verdict not in ("better", "worse"):
        return "none"
    if claim is not ACCURACY or comparison.p_adjusted is None:
        return "full"  # only the judged accuracy is corrected
    return "full" if comparison.p_adjusted < level else "left"


def filling_note(sources: Sources) -> str:
    """Explain the fillings of marks, if there is any verdict."""
    if not has_verdicts([comparison.verdict for comparison in sources.comparisons]):
        return ""
    return (
        "Filled: better or worse than without clipping; half filled: not after Holm's correction "
        "for several arms."
    )
