"""The answer of a sweep and its certainty, with which both reports begin."""

from dataclasses import dataclass

from clipsweep_results.constants import Constants
from clipsweep_results.setups import Setup
from clipsweep_results.summary import Best, Summary

from ..drawing import style
from . import phrases

QUESTIONS = ("Does clipping help?", "Where?", "What to use?")


@dataclass(frozen=True)
class Fact:
    """One number about the certainty of the answer."""

    title: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Certainty:
    """The certainty of the answer for one setup."""

    setup: Setup
    facts: list[Fact]


def read_answer(summary: Summary) -> list[tuple[str, list[str]]]:
    """Pair each question with its sentences: one, or with several setups one each."""
    answers = [sentences.split("\n") for sentences in summary.answer]
    return list(zip(QUESTIONS, answers, strict=True))


def headline(sentences: str) -> tuple[str, str]:
    """Split an answer into its first sentence, which is the verdict, and the rest."""
    first, dot, rest = sentences.partition(". ")
    return first + dot.strip(), rest


def setup_of(sentences: str) -> tuple[str, str]:
    """Split an answer for one of several setups into the setup with its colon, and the rest."""
    name, colon, rest = sentences.partition(": ")
    return name + colon.strip(), rest


def how_sure(summary: Summary) -> list[Certainty]:
    """Compare the best clipping arm with the best baseline, for each setup that has both.

    Where all their runs diverged, both are at chance level, which says nothing.
    """
    return [
        Certainty(best.arm.clip.setup, _facts(best, summary.constants))
        for best in summary.best
        if best.arm.completed or best.baseline.completed
    ]


def _facts(best: Best, constants: Constants) -> list[Fact]:
    difference = best.judged
    seeds = f"better in {phrases.better_count(difference)} seeds"
    return [
        Fact("Difference", f"{style.points(difference.mean_difference)} points", seeds),
        Fact(
            "95 % interval",
            phrases.interval(difference, constants),
            f"points of {constants.judged_name}",
        ),
        *_facts_after_choice(best),
        Fact(
            "Adjusted p",
            phrases.p_value(best.p_adjusted),
            f"over {phrases.plural(best.candidates, 'arm')}: {_verdict(best)}",
        ),
        Fact(
            "Best with clipping",
            f"{phrases.mean_and_sd(best.arm)} %",
            best.arm.label,
        ),
        Fact(
            "Best without clipping",
            f"{phrases.mean_and_sd(best.baseline)} %",
            f"{best.baseline.label}, best of all learning rates",
        ),
    ]


def _facts_after_choice(best: Best) -> list[Fact]:
    """State the difference without the bias of choosing the best of several arms."""
    if best.candidates < 2 or best.simultaneous_interval is None:
        return []
    low, high = best.simultaneous_interval
    return [
        Fact(
            "Corrected for the choice",
            f"{style.points(low)} to {style.points(high)}",
            f"95 % for all {best.candidates} arms at once; on seeds that had no part in the choice "
            f"the best gains {style.points(best.split_seed_mean)} points",
        )
    ]


def _verdict(best: Best) -> str:
    return best.verdict or phrases.NO_VERDICT
