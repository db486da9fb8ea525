"""report.md: the answer and the tables, for a repository; it links the figures next to it."""

import re

from clipsweep_results.result_folder import Results
from clipsweep_results.summary import Summary

from ..drawing.figure_files import FigureFiles
from . import arm_tables, run_tables
from .caveats import count_states, further_notes, urgent_notes
from .conclusions import Fact, headline, how_sure, read_answer, setup_of
from .phrases import describe_noise, plural
from .provenance import Provenance, describe_sweep, read_provenance
from .setup_table import answered_setups, count_verdicts, setup_table
from .tables import Table

# Characters of a quoted text that Markdown or HTML would take for markup. An underscore within a
# word is not markup.
MARKUP = re.compile(r"[\\`*{}\[\]<>#|~&]|(?<!\w)_|_(?!\w)")
MAX_DIVERGED_ROWS = 20


def render_markdown(
    results: Results,
    summary: Summary | None,
    notes: list[str],
    figures: list[FigureFiles],
    drawing_command: str,
) -> str:
    """Render the document in GitHub-flavoured Markdown."""
    parts = [
        *_head(results),
        *_notes(urgent_notes(results, summary)),
        *(_answer(summary) if summary else []),
        *_notes(further_notes(results, summary) + notes),
        *(_summary_tables(summary) if summary else []),
        *_figures(figures),
        *_divergences(results),
        *_left_out(results),
        *_made(read_provenance(results.plan, drawing_command)),
    ]
    return "\n\n".join(parts) + "\n"


def escape(text: str) -> str:
    """Quote a text on one line, without markup."""
    return MARKUP.sub(r"\\\g<0>", " ".join(text.split()))


def markdown_table(headings: list[str], numeric: list[bool], rows: list[list[str]]) -> str:
    """Lay out a table with columns that are aligned in the source too."""
    columns = list(zip(headings, *rows, strict=True))
    widths = [max(3, *map(len, column)) for column in columns]
    rules = [
        "-" * (width - 1) + (":" if right else "-")
        for width, right in zip(widths, numeric, strict=True)
    ]

    def line(cells: list[str]) -> str:
        padded = (
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(cells, widths, numeric, strict=True)
        )
        return f"| {' | '.join(padded)} |"

    return "\n".join([line(headings), f"| {' | '.join(rules)} |", *map(line, rows)])


def _grid(table: Table) -> str:
    return markdown_table(
        [escape(column.title) for column in table.columns],
        [column.is_number for column in table.columns],
        [[escape(cell.line) for cell in row.cells] for row in table.rows],
    )


def _head(results: Results) -> list[str]:
    states = ", ".join(f"{count:,} {state}" for state, count in count_states(results).items())
    planned = plural(len(results.plan.runs), "planned run")
    return [
        f"# Does gradient clipping help? {escape(results.plan.folder.resolve().name)}",
        f"{escape(describe_sweep(results.plan))}. {planned}: {states}.",
    ]


def _notes(notes: list[str]) -> list[str]:
    return [f"> **Note:** {escape(note)}" for note in notes]


def _answer(summary: Summary) -> list[str]:
    if answered := answered_setups(summary):
        verdict = count_verdicts(answered, summary.constants.judged_name)
        return [f"**{escape(verdict)}**", _grid(setup_table(answered, summary.axes))]
    parts = []
    for question, sentences in read_answer(summary):
        if len(sentences) == 1:
            parts.append(f"**{question}** {escape(sentences[0])}")
        else:
            split = setup_of if parts else headline  # only the first answer has a verdict
            lines = [_headed(*split(sentence)) for sentence in sentences]
            parts += [f"**{question}**", "\n".join(lines)]
    for certainty in how_sure(summary):
        title = f"Certainty {certainty.setup}".strip()
        parts += [f"**{escape(title)}**", "\n".join(map(_fact, certainty.facts))]
    return parts


def _headed(opening: str, rest: str) -> str:
    """Format the answer for one of several setups, with its opening in bold."""
    return f"- **{escape(opening)}** {escape(rest)}" if rest else f"- {escape(opening)}"


def _fact(fact: Fact) -> str:
    return f"- {fact.title}: {escape(fact.value)}" + (
        f" ({escape(fact.note)})" if fact.note else ""
    )


def _summary_tables(summary: Summary) -> list[str]:
    accuracy = summary.constants.judged_name
    noise = [escape(describe_noise(floor, accuracy)) for floor in summary.noise_floor]
    measures = arm_tables.measure_table(summary)
    return [
        "## Modes",
        _grid(arm_tables.mode_table(summary)),
        *(["## Noise floor", *noise] if noise else []),
        "## Arms",
        f"{accuracy.capitalize()} in percent (mean ± SD); differences from the baseline at the "
        "same learning rate with their 95 % intervals; diverged runs with Wilson's interval.",
        _grid(arm_tables.arm_table(summary)),
        *(["### Other measures", _grid(measures)] if measures.rows else []),
    ]


def _figures(figures: list[FigureFiles]) -> list[str]:
    return ["## Figures"] + [
        f"![{escape(files.alt)}]({files.stem}.svg)\n\n"
        f"*{escape(files.title)}.* {escape(files.caption)}"
        for files in figures
    ]


def _divergences(results: Results) -> list[str]:
    counted = [f"- {escape(sentence)}" for sentence in run_tables.count_divergences(results)]
    if not counted:
        return ["## Divergences", "No run diverged."]
    table = run_tables.diverged_table(results, MAX_DIVERGED_ROWS)
    more = [f"And {table.unlisted:,} more; runs.csv lists them."] if table.unlisted else []
    return ["## Divergences", "\n".join(counted), _grid(table), *more]


def _left_out(results: Results) -> list[str]:
    table = run_tables.left_out_table(results)
    return ["## Left-out runs", _grid(table)] if table.rows else []


def _made(made: Provenance) -> list[str]:
    pairs = [
        (f"{title}: {name}", value) for title, facts in made.facts.items() for name, value in facts
    ]
    chosen = [setting for setting in made.settings if setting[2] != "default"]
    commands = "\n".join(command for command in (made.command, made.drawing_command) if command)
    return [
        "## Provenance",
        _code(commands),
        _plain_table(["Setting that differs from its default", "Value", "Origin"], chosen),
        _plain_table(["", ""], pairs),
    ]


def _plain_table(headings: list[str], rows: list[tuple[str, ...]]) -> str:
    return markdown_table(
        headings, [False] * len(headings), [[escape(cell) for cell in row] for row in rows]
    )


def _code(text: str) -> str:
    """Fence a text with more backticks than its longest row of backticks."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}sh\n{text}\n{fence}"
