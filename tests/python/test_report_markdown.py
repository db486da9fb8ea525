"""report.md: the same answer and tables, for a repository."""

import json
import re

import pytest
from clipsweep_plots.report.report_markdown import escape, markdown_table, render_markdown
from conftest import ANSWER, FakeRun, cross, dump
from report_page import draw, read

NONE, VALUE = ("none", None), ("value", 0.5)


def render(sweep) -> str:
    """Render the document without figures."""
    return render_markdown(*read(sweep), [], "scripts/plot.py sweep")


def test_it_is_next_to_the_page_and_links_its_figures(sweep, capsys):
    folder = sweep(cross([NONE, VALUE], seeds=5))
    draw(folder)
    report = folder.folder / "report"
    linked = re.findall(r"^!\[[^\n]+\]\((.+)\)$", (report / "report.md").read_text(), re.M)
    assert sorted(linked) == sorted(path.name for path in report.glob("*.svg"))
    assert capsys.readouterr().out.splitlines()[-1] == f"{report / 'report.html'}"


def test_the_answer_comes_before_the_tables(sweep):
    text = render(sweep(cross([NONE, VALUE], seeds=5)))
    parts = [
        "# Does gradient clipping help? sweep",
        f"**Does clipping help?** {ANSWER[0]}",
        f"**Where?** {ANSWER[1]}",
        f"**What to use?** {ANSWER[2]}",
        "- 95 % interval: ",
        "## Modes",
        "## Arms",
        "## Provenance",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_tables_are_aligned_in_the_source(sweep):
    text = render(sweep([*cross([NONE, VALUE], seeds=5), FakeRun(*NONE, 0.01, 9, diverges_at=9)]))
    blocks = [block for block in text.split("\n\n") if block.startswith("|")]
    assert len(blocks) >= 6
    for block in blocks:
        assert len({len(line) for line in block.splitlines()}) == 1
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1


def test_numbers_are_aligned_to_the_right():
    assert markdown_table(["name", "n"], [False, True], [["a", "12345"]]).splitlines() == [
        "| name |     n |",
        "| ---- | ----: |",
        "| a    | 12345 |",
    ]


def test_an_unfinished_sweep_is_noted_at_the_top(sweep):
    runs = [*cross([NONE, VALUE]), FakeRun("value", 0.5, 0.01, 9, outcome="unfinished")]
    text = render(sweep(runs))
    note = "> **Note:** This sweep is unfinished: 1 of 5 planned runs has no outcome yet"
    assert text.index(note) < text.index(ANSWER[0])
    assert "| unfinished | no run.json: the run was killed or is still training |" in text


def test_the_noise_floor_is_included(sweep):
    perturbed = [FakeRun("none", None, 0.01, seed, perturbed=True) for seed in range(5)]
    text = render(sweep([*cross([NONE, VALUE], seeds=5), *perturbed]))
    assert "## Noise floor\n\nnone at lr 0.01: rounding noise alone moves" in text


def test_without_a_summary_there_are_no_tables_of_arms(sweep):
    folder = sweep(cross([NONE, VALUE]), summary=False)
    text = render(folder)
    assert f"write it with 'clipsweep summarize {folder.folder}'" in text
    assert "## Arms" not in text and "## Provenance" in text


def test_the_command_is_fenced(sweep):
    folder = sweep(cross([NONE]))
    hostile = {**folder.sweep_document(), "command": ["clipsweep", "sweep", "--data", "```\n# b"]}
    dump(folder.folder / "sweep.json", hostile)
    assert "````sh\nclipsweep sweep \\\n  --data '```\n# b'\n" in render(folder)


@pytest.mark.parametrize(
    "text, quoted",
    [
        ("a|b", r"a\|b"),
        ("<img src=x>", r"\<img src=x\>"),
        ("![x](y)", r"!\[x\](y)"),
        ("one\n# two", r"one \# two"),
        ("*very* `so` ~~no~~ &amp; \\", r"\*very\* \`so\` \~\~no\~\~ \&amp; \\"),
        ("steps_per_epoch", "steps_per_epoch"),
        ("_slanted_", r"\_slanted\_"),
    ],
)
def test_nothing_quoted_is_markup(text, quoted):
    assert escape(text) == quoted


def test_hostile_reasons_stay_in_their_cell(sweep):
    folder = sweep([*cross([NONE]), FakeRun("none", None, 0.01, 9, outcome="failed")])
    path = folder.run_folder(folder.runs[-1]) / "run.json"
    reason = "| a | [b](http://example.org)\n\n# c <script>"
    dump(path, {**json.loads(path.read_text()), "reason": reason})
    text = render(folder)
    assert r"failed: \| a \| \[b\](http://example.org) \# c \<script\>" in text
    assert "\n# c" not in text
