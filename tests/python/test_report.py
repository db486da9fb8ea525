"""report.html: its content and order, and that nothing in a log can run in it."""

import base64
import csv
import hashlib
import io
import itertools
import json
import re
import subprocess
import sys

import pytest
from clipsweep_plots import program as plot
from clipsweep_plots.drawing.figure_files import _shrink
from clipsweep_plots.figures.figure_list import draw_figures
from clipsweep_plots.report import phrases
from clipsweep_plots.report.arm_files import arm_files, latex
from clipsweep_plots.report.arm_tables import compared_arms
from clipsweep_plots.report.conclusions import QUESTIONS, headline
from clipsweep_plots.report.interval_glyph import MARGIN, WIDTH, axis_reach, interval_glyph
from clipsweep_plots.report.provenance import read_provenance
from clipsweep_plots.report.report_markdown import render_markdown
from clipsweep_results.plan import read_plan
from conftest import ANSWER, ROOT, FakeRun, cross, dump
from PIL import Image
from report_page import draw, read, render
from test_figures import sources

NONE, VALUE, NORM = ("none", None), ("value", 0.5), ("global-norm", 1.0)


def change_summary(folder, change) -> None:
    """Let `change` alter the folder's summary document and write it."""
    document = folder.summary_document()
    change(document)
    dump(folder.folder / "summary.json", document)


def perturbed(rate: float = 0.01, seeds: int = 5) -> list[FakeRun]:
    return [FakeRun("none", None, rate, seed, perturbed=True) for seed in range(seeds)]


# One file that needs no other


def test_the_report_needs_no_other_file(sweep):
    folder = sweep(cross([NONE, VALUE], seeds=5))
    page = draw(folder)
    assert page.references
    assert all(reference.startswith(("data:image/", "#")) for reference in page.references)
    assert not {"link", "iframe", "object", "embed", "base"} & set(page.tags)
    assert not re.search(r"url\(|@import|https?://", page.html)
    assert len(page.html) < 3 * 2**20


def test_the_policy_forbids_the_network_and_allows_the_script(sweep):
    page = render(sweep(cross([NONE, VALUE])))
    [policy] = [
        attributes["content"]
        for attributes in page.attributes
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    digest = base64.b64encode(hashlib.sha256(page.scripts[-1].encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert f"script-src 'sha256-{digest}'" in policy


def test_headings_are_in_order(sweep):
    page = render(sweep(cross([NONE, VALUE], seeds=5)))
    levels = [int(tag[1]) for tag in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_sections_are_landmarks_and_every_reference_has_its_target(sweep):
    page = draw(sweep(cross([NONE, VALUE], seeds=5)))
    assert len(page.ids) == len(set(page.ids))
    assert {"header", "nav", "main"} <= set(page.tags)
    assert {reference[1:] for reference in page.references if reference[0] == "#"} <= set(page.ids)
    named = [a for tag, a in zip(page.tags, page.attributes, strict=True) if tag == "section"]
    assert named and all(attributes["aria-labelledby"] in page.ids for attributes in named)
    assert page.images and all(image["alt"].strip() for image in page.images)


def test_equal_input_gives_equal_bytes(drawn):
    first, second = (
        {path.name: path.read_bytes() for path in report.iterdir()}
        for report in (drawn / "first", drawn / "sweep" / "report")
    )
    assert "report.html" in first and first == second


# The answer


def test_the_answer_comes_first(sweep):
    text = render(sweep(cross([NONE, VALUE], seeds=5))).text
    opening = text[text.index("Answer Figures") + len("Answer Figures") :]
    expected = [part for pair in zip(QUESTIONS, ANSWER, strict=True) for part in pair]
    places = [opening.index(part) for part in [*expected, "Certainty", "Modes The best arm of each mode"]]
    assert places == sorted(places)


@pytest.mark.parametrize(
    "answer, verdict",
    [
        (
            "Yes: value:0.5 at lr 0.01 reaches 68.5 %. The difference is +1.3 points.",
            "Yes: value:0.5 at lr 0.01 reaches 68.5 %.",
        ),
        ("lstm: No difference seen: a; b. More.", "lstm: No difference seen: a; b."),
        ("No run has an outcome yet.", "No run has an outcome yet."),
        (
            "With clipping, 0 of 15 runs diverged; without it, 4 of 15: -26.7 points. Yes: a.",
            "With clipping, 0 of 15 runs diverged; without it, 4 of 15: -26.7 points.",
        ),
    ],
)
def test_the_first_sentence_with_its_verdict_is_the_headline(answer, verdict):
    found, rest = headline(answer)
    assert found == verdict
    assert " ".join([found, rest]).strip() == answer


def test_each_of_several_cells_has_its_answer(sweep):
    runs = cross([NONE, VALUE], seeds=5)
    others = cross([NONE, VALUE], seeds=5)
    for run in others:
        run.cell = "gru"
    folder = sweep(runs + others)

    def change(document):
        document["answer"] = [f"lstm: {word}.\ngru: {word} too." for word in ("Yes", "So", "Use")]

    change_summary(folder, change)
    text = render(folder).text
    assert "Does clipping help? lstm: Yes. gru: Yes too." in text
    assert "Certainty: lstm" in text and "Certainty: gru" in text


def test_the_certainty_of_the_answer(sweep):
    folder = sweep(cross([NONE, VALUE, NORM], [0.01, 0.1], seeds=5))

    def change(document):
        document["best"][0]["arm"] = "value-0.5_lr-0.1"
        document["best"][0]["baseline"] = "none_lr-0.01"
        document["best"][0] |= {"p_adjusted": 0.0004, "verdict": "better"}
        document["best"][0]["final_test_accuracy"] |= {
            "n": 5,
            "mean_difference": 0.012,
            "interval": [0.004, 0.021],
            "better": 4,
        }

    change_summary(folder, change)
    text = render(folder).text
    assert "Difference +1.2 points better in 4 of 5 seeds" in text
    assert "95 % interval +0.4 to +2.1" in text
    assert "Adjusted p <0.001 over 4 arms: better" in text
    assert "none at lr 0.01, best of all learning rates" in text


def judge_late_accuracy(document):
    """Make a summary one of this version: its late accuracy is a point below the final one."""
    document["constants"] = {
        "min_pairs": 5,
        "min_pairs_for_verdict": 6,
        "judged_metric": "late_test_accuracy",
        "late_evaluations": 3,
        "collapse_margin": 0.1,
        "usable_margin": 0.03,
        "significance_level": 0.05,
        "spike_factor": 10,
        "spike_window": 100,
    }
    for arm in document["arms"]:
        final = arm["final_test_accuracy"]
        arm["late_test_accuracy"] = {**final, "mean": final["mean"] - 0.01}
    for entry in [*document["comparisons"], *document["best"]]:
        entry["late_test_accuracy"] = {**entry["final_test_accuracy"], "mean_difference": 0.0123}
    for comparison in document["comparisons"]:
        comparison["collapses"] = {
            **{"n": 5, "arm": 0, "baseline": 2, "both": 0, "difference": -0.4},
            **{"interval": [-0.7, 0.1], "p_value": 0.5},
            "others": {"n": 3, "mean_difference": 0.006, "iqm_difference": 0.005},
        }
    document["best"][0] |= {"simultaneous_interval": [-0.002, 0.03], "split_seed_mean": 0.004}


def test_a_summary_that_judges_the_late_accuracy_says_so(sweep):
    folder = sweep(cross([NONE, VALUE, NORM], seeds=5))
    change_summary(folder, judge_late_accuracy)
    page = render(folder)
    assert "points of late test accuracy" in page.text
    assert "Difference +1.2 points" in page.text
    assert "Corrected for the choice −0.2 to +3.0" in page.text
    assert "the best gains +0.4 points" in page.text
    assert "final test accuracy" not in page.text
    [*_, collapsed] = page.column("table-measures", "Seeds that collapsed")
    assert collapsed.startswith("0 against 2")


def test_without_a_best_pair_there_is_no_certainty(sweep):
    assert "Certainty" not in render(sweep(cross([NONE], seeds=5))).text


# Notes


def test_a_whole_sweep_has_no_notes(sweep):
    page = render(sweep(cross([NONE, VALUE], seeds=5)))
    assert not [a for a in page.attributes if "note" in a.get("class", "").split()]


def test_an_unfinished_sweep_is_noted_above_the_answer(sweep):
    runs = [
        *cross([NONE, VALUE], seeds=5),
        FakeRun("value", 0.5, 0.01, 7, outcome="interrupted"),
        FakeRun("value", 0.5, 0.01, 8, outcome="unfinished"),
        FakeRun("value", 0.5, 0.01, 9, outcome="unfinished"),
    ]
    text = render(sweep(runs)).text
    note = (
        "This sweep is unfinished: 3 of 13 planned runs have no outcome yet "
        "(2 unfinished, 1 interrupted)."
    )
    assert text.index(note) < text.index(ANSWER[0])


def test_failed_and_damaged_runs_are_counted_and_named(sweep):
    runs = [*cross([NONE, VALUE], seeds=5), FakeRun("value", 0.5, 0.01, 8, outcome="failed")]
    folder = sweep(runs)
    for run in runs[1:3]:
        (folder.run_folder(run) / "steps.jsonl").write_text("{}\n")
    damaged = {"run": runs[2].id, "reason": "runs/x/run.json: no key 'epochs'"}
    change_summary(folder, lambda document: document["damaged_runs"].append(damaged))
    text = render(folder).text
    assert "1 run failed by an error of the program or machine and is excluded from all numbers" in text
    assert (
        "1 run is excluded from all numbers because of damaged logs: "
        f"{runs[2].id} (runs/x/run.json: no key 'epochs')."
    ) in text
    assert (
        "1 run is missing from the figures because of damaged logs, but the tables may count it: "
        f"{runs[1].id} (runs/{runs[1].id}/steps.jsonl: bad header in line 1"
    ) in text


def test_a_damaged_step_log_does_not_make_the_summary_stale(sweep):
    folder = sweep(cross([NONE, VALUE], seeds=5))
    (folder.run_folder(folder.runs[1]) / "steps.jsonl").write_text("{}\n")
    text = draw(folder).text
    assert "missing from the figures because of damaged logs" in text
    assert "summary.json counts" not in text


def test_many_damaged_runs_are_counted_and_a_few_named(sweep):
    folder = sweep(cross([NONE, VALUE], seeds=5))
    damaged = [{"run": f"run-{k}", "reason": "gone"} for k in range(40)]
    change_summary(folder, lambda document: document["damaged_runs"].extend(damaged))
    text = render(folder).text
    assert "40 runs are excluded from all numbers because of damaged logs: run-0 (gone); " in text
    assert "run-2 (gone); and 37 more" in text and "run-3 (gone)" not in text


@pytest.mark.parametrize(
    "runs, note",
    [
        (cross([VALUE, NORM], seeds=5), "No baseline, so no verdicts: the sweep has no run of mode none with"),
        (cross([NONE], seeds=5), "No arm clips, so nothing is compared."),
        (
            [*cross([NONE], [0.01], seeds=5), *cross([VALUE], [0.01, 0.1], seeds=5)],
            "1 of 2 arms cannot be compared: no run of mode none with the same learning rate",
        ),
        (
            [*cross([NONE], [0.01], seeds=5), *cross([VALUE], [0.1], seeds=5)],
            "No baseline, so no verdicts: ",
        ),
    ],
    ids=["no baseline", "only baselines", "some without", "baseline at another rate"],
)
def test_the_reason_for_missing_verdicts_is_above_the_answer(sweep, runs, note):
    text = render(sweep(runs)).text
    assert text.index(note) < text.index(ANSWER[0])


def test_few_seeds_have_values_without_verdicts(sweep):
    page = render(sweep(cross([NONE, VALUE], seeds=4)))
    assert "There are fewer than 5 pairs of seeds, so no verdicts are given." in page.text
    assert page.column("table-arms", "Verdict") == ["baseline", "no verdict"]
    assert page.column("table-arms", "Difference, points")[1].endswith("fewer than 5 pairs")


def test_without_a_summary_the_figures_are_drawn_and_the_report_states_it(sweep, capsys):
    folder = sweep(
        [*cross([NONE, VALUE]), FakeRun("none", None, 0.01, 9, diverges_at=9)], summary=False
    )
    page = draw(folder, ("test_accuracy", "training_loss"))
    assert f"summary.json: missing; write it with 'clipsweep summarize {folder.folder}'" in page.text
    assert "clipsweep summarize" in capsys.readouterr().err
    assert page.images and "table-arms" not in page.tables
    assert "the chance level is unknown" in page.text.lower()


@pytest.mark.parametrize(
    "content",
    ["{", '{"schema":"clipsweep/summary-1"}', '{"schema":"clipsweep/summary-1","runs":7}'],
)
def test_a_corrupt_summary_is_reported_and_its_tables_are_left_out(sweep, content):
    folder = sweep(cross([NONE, VALUE]))
    (folder.folder / "summary.json").write_text(content)
    page = render(folder)
    assert "There is no answer and there are no tables" in page.text
    assert f"write it with 'clipsweep summarize {folder.folder}'" in page.text


@pytest.mark.parametrize("where", [(), ("arms", 1), ("comparisons", 0), ("best", 0)])
def test_a_summary_of_an_older_version_is_reported_with_the_missing_key(sweep, where):
    folder = sweep(cross([NONE, VALUE], seeds=5))
    lacking = {(): "answer", ("arms", 1): "usable"}.get(where, "verdict")

    def change(document):
        for key in where:
            document = document[key]
        del document[lacking]

    change_summary(folder, change)
    assert (
        f"summary.json: no key '{lacking}', so an older version wrote it; "
        f"write it with 'clipsweep summarize {folder.folder}'"
    ) in render(folder).text


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda document: document["answer"].pop(), "answer has 2 sentences, not 3"),
        (lambda document: document["best"][0].update(arm="?"), "there is no arm '?'"),
        (lambda document: document["best"][0].update(verdict="good"), "verdict is 'good'"),
    ],
)
def test_a_summary_that_contradicts_itself_is_refused(sweep, change, words):
    folder = sweep(cross([NONE, VALUE], seeds=5))
    change_summary(folder, change)
    assert words in render(folder).text


def test_a_stale_summary_is_reported(sweep):
    folder = sweep(cross([NONE, VALUE]))
    (folder.run_folder(folder.runs[0]) / "run.json").unlink()
    assert "summary.json counts 4 runs, but 3 are drawn" in draw(folder).text


# Tables


def test_an_arm_has_one_row(sweep):
    folder = sweep(cross([NONE, VALUE], seeds=5))

    def change(document):
        document["arms"][1] |= {"spikes": 1234, "clipped_share": 0.257, "usable": True}
        document["arms"][1]["final_test_accuracy"] |= {"mean": 0.6834, "sd": 0.0271}
        comparison = document["comparisons"][0]
        comparison |= {"verdict": "better", "p_adjusted": 0.021}
        comparison["final_test_accuracy"] |= {
            "mean_difference": 0.009,
            "interval": [0.0044, 0.03],
            "better": 4,
            "seeds_needed": None,
        }
        comparison["final_train_loss"] |= {
            "mean_difference": -0.0412,
            "interval": [-0.06, -0.02],
        }

    change_summary(folder, change)
    headings, _, row = render(folder).tables["table-arms"]
    assert dict(zip(headings, row, strict=True)) == {
        "Clipping": "value:0.5",
        "Learning rate": "0.01",
        "Verdict": "better",
        "Accuracy, %": "68.3 ± 2.7",
        "Difference, points": "+0.9 +0.4 to +3.0",
        "p, Holm": "0.021",
        "Seeds better": "4 of 5",
        "Training loss, difference": "−0.041 −0.060 to −0.020",
        "Diverged": "0 of 5 0 to 43 %",  # Wilson for 0 of 5, as statsmodels has it
        "Spikes": "1,234",
        "Acted, % of steps": "25.7 acts often",
        "Usable": "yes",
    }


def test_of_several_setups_only_the_verdicts_are_headlines(sweep):
    folder = sweep(cross([NONE, VALUE], seeds=5))
    document = folder.summary_document()
    keys = ("help", "where", "use")
    document["answer"] = [f"lstm: First {key}. More.\ngru: Second {key}. Rest." for key in keys]
    dump(folder.folder / "summary.json", document)
    page = render(folder)
    assert page.html.count("<strong>lstm: First help.</strong>") == 1
    assert page.html.count("<b>gru:</b> Second use. Rest.") == 1
    assert "<strong>lstm: First where" not in page.html
    text = render_markdown(*read(folder), [], "scripts/plot.py sweep")
    assert "- **gru: Second help.** Rest." in text and "- **lstm:** First where. More." in text


def test_an_unfinished_sweep_is_not_advised_to_get_more_seeds(sweep):
    runs = cross([NONE, VALUE], seeds=4)
    assert "Add seeds to get them." in render(sweep(runs)).text
    runs[-1].outcome = "interrupted"
    text = render(sweep(runs)).text
    assert "so no verdicts are given." in text and "Add seeds to get" not in text


def test_the_only_run_is_described_as_such(sweep):
    text = render(sweep(cross([NONE], seeds=1))).text
    assert "The only run trains an LSTM of 10 units on fashion-mnist for 40 steps." in text
    assert "The sweep has" not in text


def test_every_color_of_the_page_has_a_value():
    style_sheet = (ROOT / "scripts/clipsweep_plots/report/report.css").read_text(encoding="utf-8")
    values = re.findall(r"(--\w+): ([^;]+);", style_sheet)
    assert {name for name, _ in values} >= set(re.findall(r"var\((--\w+)\)", style_sheet))
    assert all(re.fullmatch(r"#[0-9a-f]{3}|#[0-9a-f]{6}", value) for _, value in values)


def test_embedded_images_keep_the_light_greys_of_grids_and_bands():
    """Of 32 colours that an octree chooses, none may be a light grey."""
    image = Image.effect_noise((400, 300), 90).convert("RGB")  # many colours, as edges have
    image.paste((255, 255, 255), (0, 0, 400, 150))
    image.paste((222, 222, 222), (0, 20, 400, 60))
    image.paste((236, 236, 236), (0, 100, 400, 102))
    png = io.BytesIO()
    image.save(png, "PNG")
    shrunk = Image.open(io.BytesIO(_shrink(png.getvalue(), top=10))).convert("RGB")
    assert shrunk.size == (400, 290)
    places = {(5, 30): (222, 222, 222), (5, 91): (236, 236, 236), (5, 5): (255, 255, 255)}
    assert {place: shrunk.getpixel(place) for place in places} == places


def test_a_report_of_diverged_runs_has_no_certainty_and_no_accuracies(sweep):
    runs = [FakeRun(mode, threshold, 0.01, seed, diverges_at=3) for mode, threshold in (NONE, VALUE) for seed in range(5)]
    folder = sweep(runs)
    assert "Certainty" not in render(folder).text
    names = ["paired_difference", "test_accuracy", "final_accuracy", "training_loss"]
    figures, reasons = draw_figures(sources(folder), names)
    assert {figure.stem for figure in figures} == {"training_loss"}
    assert set(reasons.values()) == {"every run diverged", "every run diverged before its first evaluation"}


def test_identical_arms_need_no_seeds_for_a_verdict(sweep):
    """Two arms that clipping never changed say nothing about whether others have enough seeds."""
    folder = sweep(cross([NONE, VALUE, ("value", 5), ("value", 9)], seeds=3))
    document = folder.summary_document()
    for comparison, verdict in zip(document["comparisons"], (None, "identical", "identical"), strict=True):
        comparison["verdict"] = verdict
        for measure in ("final_test_accuracy", "final_train_loss"):
            comparison[measure]["verdict"] = verdict
    dump(folder.folder / "summary.json", document)
    text = render(folder).text
    assert "There are fewer than 5 pairs of seeds, so no verdicts are given." in text
    assert "No arm differs" not in text and "Filled: better or worse" not in text


@pytest.mark.parametrize("ends, words", [([6, 6], "1 point needs 6 seeds"), ([6, 60], "1 point needs 6 to 60 seeds")])
def test_a_range_of_seeds_whose_ends_are_equal_is_one_number(sweep, ends, words):
    folder = sweep(cross([NONE, VALUE], seeds=5))
    document = folder.summary_document()
    difference = document["comparisons"][0]["final_test_accuracy"]
    difference |= {"verdict": "no difference seen", "seeds_needed": 6, "seeds_needed_range": ends}
    document["comparisons"][0]["verdict"] = "no difference seen"
    dump(folder.folder / "summary.json", document)
    assert words in render(folder).text


@pytest.mark.parametrize(
    "verdict, p_adjusted, seeds_needed, text",
    [
        ("better", 0.01, None, "better"),
        ("better", 0.05, None, "better not after correction"),
        ("worse", 0.2, None, "worse not after correction"),
        ("no difference seen", 0.7, 1062, "no difference seen 1 point needs 1,062 seeds"),
        ("identical", 1.0, None, "identical"),
        (None, None, None, "no verdict"),
    ],
)
def test_a_verdict_has_its_qualification(sweep, verdict, p_adjusted, seeds_needed, text):
    folder = sweep(cross([NONE, VALUE], seeds=5))

    def change(document):
        document["comparisons"][0] |= {"verdict": verdict, "p_adjusted": p_adjusted}
        document["comparisons"][0]["final_test_accuracy"]["seeds_needed"] = seeds_needed

    change_summary(folder, change)
    assert render(folder).column("table-arms", "Verdict") == ["baseline", text]


def test_a_perturbed_baseline_is_the_noise_floor_and_not_a_candidate(sweep):
    page = render(sweep([*cross([NONE, VALUE], seeds=5), *perturbed()]))
    assert page.column("table-arms", "Clipping") == ["none", "value:0.5", "none (perturbed)"]
    assert page.column("table-arms", "Verdict")[2] == "noise floor"
    assert "over 1 arm:" in page.text
    assert page.column("table-modes", "Diverged, all arms") == ["0 of 5", "0 of 5"]
    assert "2 clipping settings × 1 learning rate × 5 seeds" in page.text


def test_a_mode_has_its_best_arm_and_its_usable_rates(sweep):
    folder = sweep(cross([NONE, VALUE], [0.01, 0.1, 1.0], seeds=5))

    def change(document):
        document["modes"][1] |= {
            "best_arm": "value-0.5_lr-0.1",
            "usable_learning_rates": [0.01, 0.1],
        }
        arms = {arm["arm"]: arm for arm in document["arms"]}
        arms["value-0.5_lr-0.1"] |= {"spikes": 7}
        arms["value-0.5_lr-0.1"]["final_test_accuracy"] |= {"mean": 0.7, "sd": 0.01, "min": 0.65}
        comparisons = {entry["arm"]: entry for entry in document["comparisons"]}
        comparisons["value-0.5_lr-0.1"]["spread"] = {
            **comparisons["value-0.5_lr-0.1"]["spread"],
            "verdict": "better",
        }

    change_summary(folder, change)
    headings, _, row = render(folder).tables["table-modes"]
    assert dict(zip(headings, row, strict=True)) == {
        "Mode": "value",
        "Best arm": "value:0.5 at lr 0.1",
        "Accuracy, %": "70.0 ± 1.0",
        "Worst seed, %": "65.0",
        "Spread between seeds": "smaller than baseline",
        "Spikes": "7",
        "Diverged, all arms": "0 of 15",
        "Usable learning rates": "0.01, 0.1 2 of 3 tried",
    }


def test_a_mode_is_compared_with_the_best_arm_without_clipping(sweep):
    folder = sweep(cross([NONE, VALUE], seeds=5))
    without = render(folder).tables["table-modes"][0]
    assert not any("without clipping" in heading for heading in without)
    difference = {
        "baseline": "none_lr-0.01",
        "n": 5,
        "mean_difference": 0.013,
        "simultaneous_interval": [0.004, 0.021],
        "p_adjusted": 0.006,
        "verdict": "better",
    }
    change_summary(folder, lambda d: d["modes"][1].update(late_test_accuracy=difference))
    page = render(folder)
    column = page.column("table-modes", "Minus the best without clipping, points")
    assert column == ["–", "+1.3 +0.4 to +2.1"]
    assert page.column("table-modes", "p, all arms") == ["–", "0.006 better"]


def test_a_mode_that_cannot_be_used_is_marked(sweep):
    folder = sweep(cross([NONE, VALUE], seeds=5))
    change_summary(folder, lambda d: d["modes"][1].update(usable_learning_rates=[]))
    assert render(folder).column("table-modes", "Usable learning rates")[1] == "none of 1 tried"


def test_all_other_measures_are_present(sweep):
    folder = sweep(cross([NONE, VALUE], seeds=5))

    def change(document):
        document["target_accuracy"] = 0.6
        document["arms"][1]["reached_target"]["count"] = 3
        comparison = document["comparisons"][0]
        comparison["steps_to_accuracy"] = {
            **comparison["final_train_loss"],
            "n": 5,
            "mean_difference": -412.4,
            "interval": [-900.0, 10.0],
            "better": 4,
        }
        comparison["final_train_loss"]["ranks"] |= {"n": 5, "better": 2, "p_value": 0.31}

    change_summary(folder, change)
    headings, row = render(folder).tables["table-measures"]
    cells = dict(zip(headings, row, strict=True))
    assert cells["Steps to 60 %"] == "−412 −900 to +10; better in 4 of 5"
    assert cells["Reached 60 %"] == "3 of 5"
    assert cells["Training loss by ranks"] == "better in 2 of 5 p 0.31"
    assert {
        "Best accuracy, points",
        "Test loss",
        "Area under the training loss",
        "Distance of seeds from their median, points",
    } <= set(headings)


def test_the_table_of_arms_is_there_for_other_programs_and_for_papers(sweep):
    folder = sweep(cross([NONE, ("tensor-norm", 0.5)], seeds=5))

    def change(document):
        document["comparisons"][0]["final_test_accuracy"] |= {
            "mean_difference": -0.009,
            "interval": [-0.03, 0.0044],
        }

    change_summary(folder, change)
    files = arm_files(read(folder)[1])
    baseline, arm = csv.DictReader(io.StringIO(files["arms.csv"]))
    assert arm["clipping"] == "tensor-norm:0.5" and arm["verdict"] == "no difference seen"
    assert (arm["mean_difference"], arm["interval_high"], arm["pairs"]) == ("-0.009", "0.0044", "5")
    assert baseline["mean_difference"] == "" and baseline["verdict"] == "baseline"
    assert "tensor-norm:0.5 & 0.01 & " in files["arms.tex"]
    assert "$-$0.9 [$-$3.0, +0.4]" in files["arms.tex"]
    assert arm_files(None) == {}


def test_texts_are_quoted_for_latex():
    assert latex("50 % of a_b & c\\d, −1 ± 2") == (
        r"50 \% of a\_b \& c\textbackslash{}d, $-$1 $\pm$ 2"
    )


# The noise floor


def test_the_noise_floor_in_words(sweep):
    folder = sweep([*cross([NONE, VALUE, NORM], seeds=5), *perturbed()])

    def change(document):
        document["noise_floor"][0] |= {
            "n": 16,
            "median_absolute_difference": 0.02,
            "max_absolute_difference": 0.21,
            "sd": 0.05,
        }

    change_summary(folder, change)
    # The mean over 16 seeds: 1.96 * 5 / 4 = 2.45 points.
    assert (
        "none at lr 0.01: rounding noise alone moves the final test accuracy of a run by 2.0 points "
        "(median of 16 seeds), up to 21.0. It moves the mean over 16 seeds by up to 2.5 points in "
        "19 of 20 sweeps. The arms' intervals already include this noise; a difference of this "
        "size between two single runs is no evidence."
    ) in render(folder).text


def test_without_a_noise_floor_it_is_not_mentioned(sweep):
    page = render(sweep(cross([NONE, VALUE], seeds=5)))
    assert "noise" not in page.ids and "rounding noise alone" not in page.text


# Runs


def test_diverged_runs_in_words(sweep):
    page = render(sweep([FakeRun("none", None, 1.0, 3, diverges_at=23), *cross([NONE], [1.0])]))
    assert "none at lr 1: 1 of 3 runs" in page.text
    assert page.column("table-diverged-runs", "What happened") == [
        "NaN in the gradient, first at lstm.weight_ih[17] at step 23 (epoch 2): 1,120 NaN; stopped"
    ]


def test_without_divergence_the_report_states_it(sweep):
    assert "No run diverged." in render(sweep(cross([NONE, VALUE]))).text


def embedded_rows(page) -> list:
    [rows] = [json.loads(text) for text in page.scripts if text.startswith("[[")]
    return rows


def test_a_stalled_run_counts_as_diverged_and_is_named(sweep):
    folder = sweep([*cross([NONE, VALUE])])
    path = folder.run_folder(folder.runs[0]) / "run.json"
    document = json.loads(path.read_text())
    steps = document["totals"]["steps"]
    document["totals"] |= {"skipped_steps": steps - 1, "trailing_skipped_steps": steps - 1}
    dump(path, document)
    rows = embedded_rows(render(folder))
    phrase = f"stalled: its last {steps - 1} of {steps} steps were all skipped"
    assert rows[0][1][0] == "stalled" and phrase in rows[0][1][2]
    assert rows[0][-1][:2] == [str(steps - 1), steps - 1]
    assert "stalled" not in (row[1] for row in rows[1:])


def test_every_planned_run_is_in_the_appendix(sweep):
    runs = [
        *cross([NONE, VALUE]),
        FakeRun("none", None, 0.01, 8, diverges_at=9),
        FakeRun("none", None, 0.01, 9, outcome="unfinished"),
    ]
    folder = sweep(runs)
    rows = embedded_rows(render(folder))
    assert [row[0] for row in rows] == [run.id for run in runs]
    document = json.loads((folder.run_folder(runs[0]) / "run.json").read_text())
    accuracy = document["epochs"][-1]["test_accuracy"]
    assert rows[0][3] == [f"{100 * accuracy:.2f}", accuracy]
    assert rows[4][1][:2] == ["diverged", "diverged"] and "step 9" in rows[4][1][2]
    assert rows[5][1][0] == "unfinished" and rows[5][3] == ["–", None]


def test_the_appendix_of_500_runs_is_small(sweep):
    folder = sweep(cross([NONE, VALUE], seeds=250), epochs=1, steps_per_epoch=2)
    page = render(folder)
    assert len(embedded_rows(page)) == 500
    assert len(page.html) < 250_000  # of 3 MiB: the rest is for figures
    assert "runs.csv in the result folder has one row per run" in page.text


# Provenance


@pytest.mark.parametrize("inside", [True, False])
def test_the_command_that_drew_the_report_can_be_repeated(sweep, monkeypatch, inside):
    folder = sweep(cross([NONE])).folder
    monkeypatch.chdir(folder.parent.parent if inside else "/")
    options = plot.parse_arguments([str(folder), "--width", "7", "--no-title"])
    expected = f"{folder.parent.name}/sweep" if inside else str(folder).lstrip("/")
    assert plot.drawing_command(options) == f"scripts/plot.py {expected} --width 7 --no-title"


def test_the_provenance_is_in_the_report(sweep):
    text = render(sweep(cross([NONE, VALUE]))).text
    for fact in (
        "scripts/plot.py sweep",
        "sweep.toml:3",
        "flag --epochs",
        "5e" * 32,
        "1.13.1",
        "Some Processor",
        "2026-01-31T12:00:00Z",
        "wall time 70.1 s",
        "matplotlib",
    ):
        assert fact in text


def test_the_command_can_be_pasted_into_a_shell(sweep):
    folder = sweep(cross([NONE]))
    command = read_provenance(read_plan(folder.folder), "").command
    assert command.splitlines() == [
        "clipsweep sweep \\",
        "  --mode none,value \\",
        "  --out 'results/my sweep'",
    ]
    words = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {command}"], capture_output=True, text=True
    )
    assert words.stdout.splitlines() == folder.sweep_document()["command"]


@pytest.mark.parametrize("command", [None, [], "clipsweep sweep"])
def test_a_sweep_without_its_command_is_reported(sweep, command):
    folder = sweep(cross([NONE]))
    dump(folder.folder / "sweep.json", {**folder.sweep_document(), "command": command})
    assert "sweep.json does not contain the command" in render(folder).text


def test_the_constants_of_the_summary_are_printed(sweep):
    folder = sweep(cross([NONE, VALUE], seeds=4))
    constants = {
        "min_pairs": 7,
        "usable_margin": 0.04,
        "significance_level": 0.01,
        "spike_factor": 20,
        "spike_window": 50,
    }
    change_summary(folder, lambda document: document.update(constants=constants))
    text = render(folder).text
    for words in (
        "There are fewer than 7 pairs of seeds",
        "With fewer than 7 pairs there is no interval",
        "within 4 points of the best of all arms",
        "false finding below 1 %: trust a verdict if its adjusted p is below 0.01",
        "A spike is a raw norm above 20 times the median of the last 50 steps",
        "steps with a norm above 20 times its running median",
    ):
        assert words in text


# Hostile text


def test_hostile_text_stays_text(sweep):
    hostile = "</script><script>alert('$x^2$')</script><img src=http://example.org/x.png>"
    runs = [
        FakeRun("none", None, 1.0, 0, diverges_at=23),
        FakeRun("none", None, 1.0, 1, outcome="failed"),
    ]
    folder = sweep(runs, settings={hostile: hostile})
    document = folder.sweep_document()
    document["command"] = document["machine"]["cpu"] = [hostile]
    document["software"][hostile] = hostile
    dump(folder.folder / "sweep.json", document)
    change_summary(
        folder,
        lambda summary: summary.update(
            answer=[hostile] * 3, damaged_runs=[{"run": hostile, "reason": hostile}]
        ),
    )
    events = json.loads((folder.run_folder(runs[0]) / "run.json").read_text())["events"]
    for run, change in zip(
        runs, ({"events": [events[0] | {"tensor": hostile}]}, {"reason": hostile}), strict=True
    ):
        path = folder.run_folder(run) / "run.json"
        dump(path, {**json.loads(path.read_text()), **change})
    page = draw(folder)
    assert page.tags.count("script") == 2  # the rows of the appendix, and the page's own
    assert all(reference.startswith(("data:image/", "#")) for reference in page.references)
    assert page.text.count(hostile) >= 9
    assert hostile in json.dumps(embedded_rows(page)[1])


# Words and marks


@pytest.mark.parametrize(
    "value, text", [(None, "–"), (0.0004, "<0.001"), (0.001, "0.001"), (0.0213, "0.021"), (1, "1")]
)
def test_p_values(value, text):
    assert phrases.p_value(value) == text


def test_an_interval_is_drawn_on_an_axis_about_zero(sweep):
    folder = sweep(cross([NONE, VALUE], seeds=5))
    change_summary(
        folder,
        lambda d: d["comparisons"][0]["final_test_accuracy"].update(
            interval=[-0.01, 0.04], mean_difference=0.02
        ),
    )
    _, summary, _ = read(folder)
    difference = summary.comparisons[0].measures["final_test_accuracy"]
    glyph = interval_glyph(difference, 0.04)
    assert (glyph.low, glyph.mean, glyph.high) == (37.2, 69.5, WIDTH - MARGIN)
    assert not glyph.leaves_left and not glyph.leaves_right
    narrow = interval_glyph(difference, 0.015)
    assert narrow.leaves_right and not narrow.leaves_left
    assert narrow.mean is None and narrow.high == WIDTH - MARGIN


def test_the_axis_contains_most_intervals_but_not_the_widest(sweep):
    clips = [NONE, *(("value", float(k)) for k in range(1, 11))]
    folder = sweep(cross(clips, seeds=5))

    def change(document):
        for k, comparison in enumerate(document["comparisons"], start=1):
            comparison["final_test_accuracy"]["interval"] = [-0.001, 0.01 * k * k]

    change_summary(folder, change)
    assert axis_reach(compared_arms(read(folder)[1])) == pytest.approx(0.36)


def test_without_intervals_there_is_no_axis():
    assert axis_reach([]) is None
    assert interval_glyph(None, 0.1) is None
