"""The answer of a sweep and how sure it is, as both reports open with it."""

from dataclasses import dataclass

from . import style, words
from .summary import Best, Summary

QUESTIONS = ("Does clipping help?", "Where?", "What to use?")
LONGEST_HEADLINE = 60


@dataclass(frozen=True)
class Fact:
    """One number that says how sure the answer is."""

    title: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Certainty:
    """How sure the answer is for one model, whose name is empty where there is only one."""

    model: str
    facts: list[Fact]


def read_answer(summary: Summary) -> list[tuple[str, list[str]]]:
    """Pair each question with its sentences: one, or where there are several models one each."""
    answers = [sentences.split("\n") for sentences in summary.answer]
    return list(zip(QUESTIONS, answers, strict=True))


def headline(sentence: str) -> tuple[str, str]:
    """Cut a sentence after the few words that answer by themselves: "Yes: ..." """
    opening, colon, rest = sentence.partition(": ")
    if not colon or len(opening) > LONGEST_HEADLINE:
        return sentence, ""
    return f"{opening}:", rest


def how_sure(summary: Summary) -> list[Certainty]:
    """Compare the best arm that clips with the best that does not, for each model with both."""
    return [Certainty(best.arm.clip.model, _facts(best)) for best in summary.best]


def _facts(best: Best) -> list[Fact]:
    difference = best.final_test_accuracy
    seeds = f"better in {words.better_of(difference)} seeds"
    return [
        Fact("Difference", f"{style.points(difference.mean_difference)} points", seeds),
        Fact("95 % interval", words.interval(difference), "points of final test accuracy"),
        Fact(
            "Adjusted p",
            words.p_value(best.p_adjusted),
            f"Holm, over {words.plural(best.candidates, 'arm')}: {_verdict(best)}",
        ),
        Fact(
            "Best with clipping",
            f"{words.mean_and_sd(best.arm)} %",
            words.arm_name(best.arm),
        ),
        Fact(
            "Best without",
            f"{words.mean_and_sd(best.baseline)} %",
            f"{words.arm_name(best.baseline)}, the best of all its learning rates",
        ),
    ]


def _verdict(best: Best) -> str:
    return best.verdict or words.NO_VERDICT
