"""The table of arms for other programs and for papers: arms.csv and arms.tex."""

import csv
import io
import re

from clipsweep_results.setups import value_text
from clipsweep_results.summary import JUDGED, Summary

from ..drawing import style
from . import phrases
from .arm_tables import ComparedArm, compared_arms

LATEX_SPECIAL = re.compile(r"[&%$#_{}~^\\]")
LATEX_COMMANDS = {
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
}
CSV_COLUMNS = (
    "arm",
    "clipping",
    "learning_rate",
    "seeds",
    "verdict",
    "mean_accuracy",
    "sd_accuracy",
    "pairs",
    "mean_difference",
    "interval_low",
    "interval_high",
    "p_value",
    "p_adjusted",
    "seeds_better",
    "mean_loss_difference",
    "diverged",
    "spikes",
    "clipped_share",
    "usable",
)


def arm_files(summary: Summary | None) -> dict[str, str]:
    """Return the contents of both files by their names; none without a summary."""
    if summary is None:
        return {}
    return {"arms.csv": arms_csv(summary), "arms.tex": arms_latex(summary)}


def arms_csv(summary: Summary) -> str:
    """Write a row per arm: accuracies and shares from 0 to 1, an empty field if not measured.

    The settings of training that vary are the last columns.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [*CSV_COLUMNS, *(axis.setting for axis in summary.axes)]
    writer.writerow(names)
    for subject in compared_arms(summary):
        row = _csv_row(subject) | dict(subject.arm.clip.setup.settings)
        writer.writerow(["" if row[name] is None else row[name] for name in names])
    return text.getvalue()


def _csv_row(subject: ComparedArm) -> dict[str, object]:
    arm, judged = subject.arm, subject.difference(JUDGED)
    loss = subject.difference("final_train_loss")
    low, high = judged.interval if judged and judged.interval else (None, None)
    return {
        "arm": arm.name,
        "clipping": arm.clip.without_settings.label,
        "learning_rate": arm.learning_rate,
        "seeds": arm.seeds,
        "verdict": subject.verdict,
        "mean_accuracy": arm.measures[JUDGED].mean,
        "sd_accuracy": arm.measures[JUDGED].sd,
        "pairs": judged.n if judged else None,
        "mean_difference": judged.mean_difference if judged else None,
        "interval_low": low,
        "interval_high": high,
        "p_value": judged.p_value if judged else None,
        "p_adjusted": subject.comparison.p_adjusted if subject.comparison else None,
        "seeds_better": judged.better if judged else None,
        "mean_loss_difference": loss.mean_difference if loss else None,
        "diverged": arm.diverged,
        "spikes": arm.spikes,
        "clipped_share": arm.clipped_share,
        "usable": "yes" if arm.usable else "no",
    }


def arms_latex(summary: Summary) -> str:
    """Write a tabular of the package booktabs, in percent and percentage points."""
    accuracy = summary.constants.judged_name
    settings = "".join(f"{latex(style.sentence_case(axis.words))} & " for axis in summary.axes)
    lines = [
        r"% \usepackage{booktabs}",
        rf"\begin{{tabular}}{{{'r' * len(summary.axes)}lrrrrrl}}",
        r"\toprule",
        rf"{settings}Clipping & Learning rate & {accuracy.capitalize()}, \% & Difference, points (95\,\%) & "
        r"$p$ (Holm) & Diverged & Verdict \\",
        r"\midrule",
        *(_latex_row(subject) for subject in compared_arms(summary)),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _latex_row(subject: ComparedArm) -> str:
    arm, judged = subject.arm, subject.difference(JUDGED)
    difference = "–"
    if judged and judged.mean_difference is not None:
        difference = style.points(judged.mean_difference)
        if judged.interval:
            low, high = map(style.points, judged.interval)
            difference += f" [{low}, {high}]"
    p_adjusted = subject.comparison.p_adjusted if subject.comparison else None
    cells = [
        *(value_text(value) for _, value in arm.clip.setup.settings),
        arm.clip.without_settings.label,
        phrases.rate(arm.learning_rate),
        phrases.mean_and_sd(arm),
        difference,
        phrases.p_value(p_adjusted),
        f"{arm.diverged} of {arm.seeds}",
        subject.verdict,
    ]
    return " & ".join(map(latex, cells)) + r" \\"


def latex(text: str) -> str:
    """Quote a text for LaTeX; signs are set in mathematics."""
    quoted = LATEX_SPECIAL.sub(lambda found: LATEX_COMMANDS.get(found[0], rf"\{found[0]}"), text)
    quoted = quoted.replace("−", "$-$").replace("±", r"$\pm$").replace("<", "$<$")
    return quoted.replace("–", "--")
