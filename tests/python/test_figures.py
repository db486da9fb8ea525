"""The figures: their content at any width, and the reasons for figures that are left out."""

import functools
import itertools
import json
import math
import shutil
from dataclasses import replace

import matplotlib.text
import numpy as np
import pytest
from clipsweep_plots import program as plot
from clipsweep_plots.drawing import bands, findings, style
from clipsweep_plots.drawing.figure_files import DOTS_PER_INCH
from clipsweep_plots.drawing.findings import ACCURACY, verdict_title
from clipsweep_plots.drawing.layout import Sheet
from clipsweep_plots.drawing.sources import Sources
from clipsweep_plots.drawing.style import apply_style
from clipsweep_plots.figures.figure_list import FIGURES, draw_figures
from clipsweep_plots.figures.heat_map import draw_heat_map
from clipsweep_plots.report.provenance import describe_sweep
from clipsweep_results.constants import Constants
from clipsweep_results.plan import read_plan
from clipsweep_results.result_folder import read_results
from clipsweep_results.summary import read_summary
from conftest import FakeRun, FakeSweep, cross, dump
from matplotlib.backends.backend_agg import FigureCanvasAgg

NONE, VALUE, NORM = ("none", None), ("value", 0.5), ("global-norm", 1.0)
SMALLEST_LETTERS = 6.5


def sources(folder, width=None, *, summary=True) -> Sources:
    results = read_results(read_plan(folder.folder))
    return Sources(results, read_summary(folder.folder) if summary else None, Sheet(width))


def draw(folder, name, width=None):
    """Return the pages of one figure and why it is not drawn."""
    apply_style(Sheet(width).text)
    figures, not_drawn = draw_figures(sources(folder, width), [name])
    return figures, not_drawn.get(name)


def texts(figure) -> list[matplotlib.text.Text]:
    """Return the texts of a figure that are seen."""
    beyond = {id(label) for axes in figure.axes for label in labels_beyond_the_limits(axes)}
    return [
        text
        for text in figure.findobj(matplotlib.text.Text)
        if text.get_visible() and text.get_text().strip() and id(text) not in beyond
    ]


def labels_beyond_the_limits(axes):
    """Yield the numbers of ticks that Matplotlib keeps and does not draw."""
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        for tick in axis.get_major_ticks():
            if not low <= tick.get_loc() <= high:
                yield from (tick.label1, tick.label2)


def overlaps(figure) -> list[tuple[str, str]]:
    """Return the pairs of texts that cover each other, and those that leave the figure."""
    figure.set_dpi(DOTS_PER_INCH)
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()  # places the texts
    boxes = [(text.get_text(), text.get_window_extent(renderer)) for text in texts(figure)]
    page = figure.bbox
    found = [
        (words, "the edge of the figure")
        for words, box in boxes
        if box.x0 < page.x0 or box.x1 > page.x1 or box.y0 < page.y0 or box.y1 > page.y1
    ]
    for (first, a), (second, b) in itertools.combinations(boxes, 2):
        width, height = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        if width > 1 and height > 1:
            found.append((first, second))
    return found


def many_arms():
    clips = [NONE, *((mode, 0.1 * 3**k) for mode in ("value", "global-norm") for k in range(7))]
    return cross([*clips, ("autoclip", 10.0), ("agc", 0.01)], [0.001, 0.1], seeds=5)


def diverging():
    runs = cross([NONE, VALUE, NORM], [0.01, 1.0, 1e38], seeds=5)
    for run in runs:
        if run.learning_rate > 1 or (run.learning_rate == 1 and run.mode == "none" and run.seed):
            run.__init__(
                run.mode, run.threshold, run.learning_rate, run.seed, diverges_at=1 + 7 * run.seed
            )
    return runs


def perturbed():
    twins = [FakeRun("none", None, 0.01, seed, perturbed=True) for seed in range(5)]
    return cross([NONE, VALUE, NORM], seeds=5) + twins


SWEEPS = {
    "classic": lambda: cross([NONE, VALUE, NORM], seeds=6),
    "many arms": many_arms,
    "diverging": diverging,
    "perturbed": perturbed,
    "two seeds": lambda: cross([NONE, VALUE], [0.01, 0.1], seeds=2),
    "several cells": lambda: several_cells(),
    "one run": lambda: cross([VALUE], seeds=1),
    "seven learning rates": lambda: cross([NONE, VALUE], [10.0**-k for k in range(7)], seeds=2),
}


@pytest.fixture(scope="module")
def read_once(tmp_path_factory):
    """Return a function that gives the sources of one of SWEEPS, the same for all widths."""

    @functools.cache
    def read(name: str) -> Sources:
        return sources(FakeSweep(tmp_path_factory.mktemp("sweeps") / "sweep", SWEEPS[name]()).write())

    return read


@pytest.mark.parametrize(
    "name, width",
    [*itertools.product(SWEEPS, [None, 3.3]), ("many arms", 6.8), ("several cells", 7.0)],
)
def test_no_text_overlaps_another_or_is_too_small(read_once, name, width):
    apply_style(Sheet(width).text)
    figures, _ = draw_figures(replace(read_once(name), sheet=Sheet(width)), FIGURES)
    for figure in figures:
        if width is not None:
            assert figure.figure.get_size_inches()[0] == pytest.approx(width)
        assert overlaps(figure.figure) == [], figure.stem
        smallest = min(texts(figure.figure), key=lambda text: text.get_fontsize())
        assert smallest.get_fontsize() >= SMALLEST_LETTERS, (figure.stem, smallest.get_text())


def test_a_key_does_not_overlap_the_label_of_the_axis(sweep):
    figures, _ = draw(sweep(many_arms()), "test_accuracy", 3.3)
    for page in figures:
        page.figure.set_dpi(DOTS_PER_INCH)
        canvas = FigureCanvasAgg(page.figure)
        canvas.draw()
        label = next(t for t in page.figure.texts if t.get_text() == "test accuracy (%)")
        box = label.get_window_extent(canvas.get_renderer())
        assert page.figure.legends
        assert all(not box.overlaps(key.get_window_extent()) for key in page.figure.legends)


def test_narrow_panels_have_at_least_two_numbers(sweep):
    folder = sweep(cross([NONE, VALUE], [0.01, 0.1], seeds=1), epochs=10, steps_per_epoch=500)
    (page,), _ = draw(folder, "training_loss", 3.3)
    left, right = page.figure.axes
    assert left.get_position().y0 == right.get_position().y0
    for axes in (left, right):
        assert len(axes.get_xticks()) >= 2


def ids(page) -> set[str]:
    return {artist.get_gid() for artist in page.figure.findobj() if artist.get_gid()}


def words(page) -> str:
    return " ".join(" ".join(text.get_text().split()) for text in texts(page.figure))


def lone(folder, name, width=None):
    """Return the one page of a figure."""
    (page,), reason = draw(folder, name, width)
    assert reason is None
    return page


# What each figure must show


def test_curves_of_five_seeds_have_bands(sweep):
    page = lone(sweep(cross([NONE, VALUE], seeds=5)), "training_loss")
    assert {"band_none_lr-0.01", "band_value-0.5_lr-0.01"} <= ids(page)
    assert "95 % interval" in page.caption and "Thin" not in page.caption


def test_curves_of_fewer_seeds_have_one_line_per_seed(sweep):
    page = lone(sweep(cross([NONE, VALUE], seeds=4)), "training_loss")
    assert not {name for name in ids(page) if name.startswith("band")}
    assert "interval" not in page.caption and "Thin: single seeds" in page.caption
    (axes,) = page.figure.axes
    assert len(axes.get_lines()) == 2 * (4 + 1)


def test_the_band_is_the_interval_of_the_mean():
    values = np.array([[1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 2.0, 3.0, 4.0, np.nan]])
    low, high = bands.mean_band(values, min_seeds=5)
    half = 2.776 * math.sqrt(2.5) / math.sqrt(5)  # t of 4 degrees of freedom in any table
    assert (low[0], high[0]) == pytest.approx((3 - half, 3 + half), abs=0.007)
    assert np.isnan([low[1], high[1]]).all()  # 4 seeds


@pytest.mark.parametrize("degrees, quantile", [(4, 2.7764), (9, 2.2622), (29, 2.0452)])
def test_student_quantiles_are_those_of_the_tables(degrees, quantile):
    assert bands.student_quantile(np.array(degrees)) == pytest.approx(quantile, rel=3e-3)


def test_extreme_intervals_are_cut_and_their_numbers_are_printed(sweep):
    folder = sweep(cross([NONE, VALUE, NORM, ("scale", 1.0), ("agc", 0.1)], seeds=5))
    document = folder.summary_document()
    for comparison, reach in zip(document["comparisons"], (0.02, 0.02, 0.03, 9.0), strict=True):
        comparison["final_test_accuracy"] |= {"mean_difference": 0, "interval": [-reach, reach]}
    dump(folder.folder / "summary.json", document)
    page = lone(folder, "paired_difference")
    low, high = page.figure.axes[0].get_xlim()
    assert -100 < low < -3 and 3 < high < 100
    assert "beyond_agc-0.1_lr-0.01" in ids(page)
    assert "beyond_value-0.5_lr-0.01" not in ids(page)
    assert "[−900.0, +900.0]" in words(page) and "Arrow" in page.caption


def test_forest_rows_have_seeds_mean_and_verdict_under_their_learning_rate(sweep):
    page = lone(sweep(cross([NONE, VALUE], [0.01, 0.1], seeds=5)), "paired_difference")
    for rate in ("0.01", "0.1"):
        assert {f"difference_value-0.5_lr-{rate}", f"seeds_value-0.5_lr-{rate}"} <= ids(page)
        assert f"learning rate {rate}" in words(page)
    assert "no difference seen" in words(page)


def test_a_page_that_starts_within_a_learning_rate_repeats_it(sweep):
    clips = [NONE, *(("value", 0.01 * 1.5**k) for k in range(40))]
    pages, _ = draw(sweep(cross(clips, [0.01, 0.1], seeds=1), epochs=1), "paired_difference")
    assert len(pages) > 2
    assert all("learning rate 0." in words(page) for page in pages)


def test_losses_are_paired_if_both_runs_completed(sweep):
    runs = cross([NONE, VALUE], seeds=6)
    runs[0].__init__("none", None, 0.01, 0, diverges_at=5)
    page = lone(sweep(runs), "paired_loss")
    seeds = next(
        line for line in page.figure.axes[0].get_lines() if str(line.get_gid()).startswith("seeds")
    )
    assert len(seeds.get_xdata()) == 5
    assert "both runs completed" in page.caption


def test_usable_learning_rates_have_bars_and_filled_marks(sweep):
    folder = sweep(cross([NONE, VALUE], [0.01, 0.1], seeds=5))
    document = folder.summary_document()
    for arm in document["arms"]:
        arm["usable"] = arm["mode"] == "value"
    dump(folder.folder / "summary.json", document)
    page = lone(folder, "accuracy_by_learning_rate")
    assert {"usable_value-0.5_lr-0.1", "unusable_none_lr-0.1", "line_clip_none"} <= ids(page)
    bars = {
        line.get_gid(): np.isfinite(line.get_xdata()).sum()
        for line in page.figure.axes[0].get_lines()
        if str(line.get_gid()).startswith("range")
    }
    assert bars == {"range_clip_none": 0, "range_clip_value-0.5": 2}


def test_many_modes_have_one_panel_each_in_accuracy_by_learning_rate(sweep):
    page = lone(sweep(many_arms()), "accuracy_by_learning_rate")
    assert {"value", "global-norm", "autoclip:10", "agc:0.01"} <= {
        part
        for axes in page.figure.axes
        for part in [axes.get_title(loc="left").split(":0.1 to")[0]]
    } | set(words(page).split())
    longest = max(len(key.get_texts()) for key in page.figure.legends)
    assert longest <= 6


def test_the_cosine_is_of_arms_that_turn_the_gradient(sweep):
    page = lone(sweep(cross([NONE, VALUE], seeds=2)), "cosine")
    assert "mean_value-0.5_lr-0.01" in ids(page)
    assert "mean cosine 0.90" in page.title


def test_events_are_on_their_steps(sweep):
    runs = [
        FakeRun("none", None, 1.0, 0, diverges_at=23),
        FakeRun("none", None, 1.0, 1, diverges_at=7, bad_norm=math.inf),
        *cross([VALUE], [1.0]),
    ]
    page = lone(sweep(runs), "events")
    marks = {line.get_gid(): list(line.get_xdata()) for line in page.figure.axes[0].get_lines()}
    assert marks["nan_none_lr-1_seed-0"] == [23] and marks["inf_none_lr-1_seed-1"] == [7]
    assert marks["diverged_none_lr-1_seed-0"] == [23]
    assert page.title.startswith("2 of 4 runs diverged, all without clipping")


def test_events_of_many_runs_are_counted_by_arm(sweep):
    runs = diverging()
    folder = sweep(runs)
    for run in folder.runs:
        if run.mode == "value" and run.learning_rate == 0.01:
            path = folder.run_folder(run) / "run.json"
            document = folder._run_document(run, []) | {"epochs": []}
            [event] = folder._events(FakeRun("none", None, 1, 0, diverges_at=5), [], [])
            document["events"] = [
                {**event, "kind": kind}
                for kind in ("spike", "spike", "norm-overflow")
            ]
            dump(path, document)
    page = lone(folder, "events")
    assert {"spikes_value-0.5_lr-0.01", "norm-overflow_value-0.5_lr-0.01"} <= ids(page)
    assert "10 spikes, 0 of 5 diverged" in words(page)
    assert len(runs) == 45 and "5 of 5 diverged" in words(page)


def test_the_noise_floor_is_next_to_the_arms(sweep):
    page = lone(sweep(perturbed()), "noise_floor")
    assert {"distance_none_perturbed_lr-0.01", "distance_value-0.5_lr-0.01"} <= ids(page)
    assert "none (perturbed)" in words(page)
    assert page.title.startswith("Flipping the last bit moves the final test accuracy by a median of ")


def test_a_perturbed_arm_is_neither_baseline_nor_candidate(sweep):
    folder = sweep(perturbed())
    assert "mean_none_perturbed_lr-0.01" in ids(lone(folder, "training_loss"))
    found = sources(folder)
    assert len(found.summary.comparisons) == 3 and len(found.comparisons) == 2
    flipped = next(arm for arm in found.arms if arm.clip.perturbed)
    assert not flipped.clip.is_baseline and flipped.clip.mode == "none"


# Titles


def judged(sweep, *verdicts, measure="final_test_accuracy", clips=(VALUE, NORM)):
    """Return sources whose arms have these verdicts."""
    folder = sweep(cross([NONE, *clips], seeds=5))
    document = folder.summary_document()
    for comparison, verdict in zip(document["comparisons"], verdicts, strict=True):
        comparison[measure] |= {"verdict": verdict}
        comparison["spread"] |= {"verdict": "no difference seen"}
        comparison["p_adjusted"] = 0.01
    dump(folder.folder / "summary.json", document)
    return sources(folder)


@pytest.mark.parametrize(
    "verdicts, title",
    [
        (("better", "no difference seen"), "value:0.5 has a higher test accuracy than no clipping"),
        (
            ("better", "better"),
            "value:0.5 and global-norm:1 have a higher test accuracy than no clipping",
        ),
        (
            ("worse", "better"),
            "global-norm:1 has a higher test accuracy and value:0.5 has a lower test accuracy "
            "than no clipping",
        ),
        (
            ("no difference seen", "identical"),
            "No arm differs detectably from no clipping in test accuracy",
        ),
        ((None, None), None),
        ((None, "identical"), None),
    ],
)
def test_titles_state_the_verdicts(sweep, verdicts, title):
    assert findings.verdict_title(judged(sweep, *verdicts), findings.ACCURACY) == title


def test_a_title_names_the_learning_rate_of_the_only_arm_with_a_verdict(sweep):
    folder = sweep(cross([NONE, VALUE], [0.01, 0.1], seeds=5))
    document = folder.summary_document()
    document["comparisons"][1]["final_test_accuracy"]["verdict"] = None
    document["comparisons"][0]["final_test_accuracy"]["verdict"] = "no difference seen"
    dump(folder.folder / "summary.json", document)
    title = findings.verdict_title(sources(folder), findings.ACCURACY)
    assert title == "value:0.5 at lr 0.01 does not differ detectably from no clipping in test accuracy"


def test_many_arms_are_counted_and_corrected(sweep):
    clips = [("value", 0.1 * k) for k in range(1, 7)]
    verdicts = ["better", "better", "worse", *["no difference seen"] * 3]
    found = judged(sweep, *verdicts, clips=clips)
    title = findings.verdict_title(found, findings.ACCURACY)
    assert title == (
        "2 of 6 arms have a higher test accuracy than no clipping, 1 a lower one "
        "(all after Holm's correction)"
    )
    assert "one in twenty" in findings.many_arms_note(found, findings.ACCURACY)


def test_without_a_count_in_the_title_there_is_no_note_about_it(sweep):
    clips = [("value", 0.1 * k) for k in range(1, 5)]
    found = judged(sweep, *["no difference seen"] * 4, clips=clips)
    assert findings.many_arms_note(found, findings.ACCURACY) == ""


def test_the_constants_of_the_summary_are_used(sweep):
    clips = [("value", 0.1 * k) for k in range(1, 5)]
    found = judged(sweep, *["better"] * 4, clips=clips)
    constants = Constants(min_pairs=6, usable_margin=0.04, significance_level=0.001)
    found = replace(found, summary=replace(found.summary, constants=constants))
    title = findings.verdict_title(found, findings.ACCURACY)
    assert title.endswith("(none after Holm's correction)")  # every adjusted p is 0.01
    figures, _ = draw_figures(found, ["training_loss", "events"])
    assert "in arms with fewer than 6" in figures[0].caption


def test_a_smaller_spread_is_stated_only_by_verdict(sweep):
    folder = sweep(cross([NONE, VALUE], seeds=5))
    document = folder.summary_document()
    for verdict, is_stated in (("no difference seen", False), ("better", True)):
        document["comparisons"][0]["spread"]["verdict"] = verdict
        dump(folder.folder / "summary.json", document)
        title = lone(folder, "test_accuracy").title
        assert ("seeds spread less with value:0.5 (SD" in title) == is_stated


@pytest.mark.parametrize("width", [0.3, 0.8, 1.5])
def test_no_line_begins_with_the_percent_sign_of_a_number(width):
    lines = style.wrap_text("up to 26.8 % of 90 %, or 5 %", width, 10)
    assert " ".join(lines) == "up to 26.8 % of 90 %, or 5 %"
    assert len(lines) > 1 and not any(line.startswith("%") for line in lines)


def test_without_verdicts_the_title_states_the_means_and_claims_no_difference(sweep):
    folder = sweep(cross([NONE, VALUE], seeds=3))
    document = folder.summary_document()
    for arm, accuracy in zip(document["arms"], (0.601, 0.652), strict=True):
        arm["final_test_accuracy"]["mean"] = accuracy
        arm["final_train_loss"]["mean"] = 0.7
    dump(folder.folder / "summary.json", document)
    page = lone(folder, "test_accuracy")
    assert page.title == (
        "The test accuracy after the last epoch is 60.1 % (none at lr 0.01) to 65.2 % (value:0.5 at lr 0.01)"
    )
    assert lone(folder, "training_loss").title == "The training loss of the last epoch is 0.7"
    assert "No verdict: fewer than 5 pairs of seeds." in page.caption


# What cannot be drawn


@pytest.mark.parametrize(
    "name, runs, reason",
    [
        ("clipped_share", cross([NONE]), "no arm clips"),
        ("cosine", cross([NONE]), "clipping never changed the direction"),
        ("accuracy_by_learning_rate", cross([NONE, VALUE]), "the sweep has only one learning rate"),
        ("noise_floor", cross([NONE, VALUE]), "no perturbed baseline"),
        ("events", cross([NONE, VALUE]), "no run has an event"),
        ("paired_difference", cross([VALUE, NORM]), "no arm has a baseline"),
        (
            "gradient_norm_survival",
            [FakeRun("none", None, 1.0, 0, diverges_at=1)],
            "no gradient norm is finite",
        ),
    ],
)
def test_missing_data_is_the_reason(sweep, name, runs, reason):
    pages, why = draw(sweep(runs), name)
    assert pages == [] and reason in why


def test_every_mode_with_many_thresholds_is_drawn(sweep):
    modes = ["value", "global-norm", "tensor-norm", "scale", "tensor-rms", "agc", "autoclip"]
    modes += ["zclip", "adagc", "backprop", "random-step"]
    clips = [NONE, *((mode, 0.1 * 2**k) for mode in modes for k in range(6))]
    folder = sweep(cross(clips, seeds=1), epochs=1, steps_per_epoch=5)
    apply_style(Sheet().text)
    figures, _ = draw_figures(sources(folder), FIGURES)
    drawn = set().union(*(ids(page) for page in figures if page.stem.startswith("training_loss")))
    assert len({name for name in drawn if name.startswith("mean_")}) == len(clips)
    keys = {page.stem: key for page in figures for key in page.figure.legends}
    longest = {stem: len(key.get_texts()) for stem, key in keys.items() if "by_threshold" not in stem}
    assert max(longest.values()) <= 6  # those over the threshold have a line per mode


# The command


def test_a_single_figure(sweep, capsys):
    folder = sweep(cross([NONE, VALUE]))
    assert plot.main([str(folder.folder), "--figure", "training_loss"]) == 0
    report = folder.folder / "report"
    expected = [report / "training_loss.svg", report / "training_loss.png"]
    assert capsys.readouterr().out.splitlines() == [str(path) for path in expected]
    assert sorted(report.iterdir()) == sorted(expected)


def test_a_single_figure_keeps_the_files_of_the_others(drawn, tmp_path):
    folder = shutil.copytree(drawn / "sweep", tmp_path / "sweep")
    before = {path.name for path in (folder / "report").iterdir()}
    assert plot.main([str(folder), "--figure", "gradient_norm"]) == 0
    assert {path.name for path in (folder / "report").iterdir()} == before
    assert "gradient_norm_survival.svg" in before


def test_figures_have_the_requested_width(sweep):
    folder = sweep(cross([NONE, VALUE]))
    assert plot.main([str(folder.folder), "--figure", "events", "--figure", "cosine"]) == 0
    assert plot.main([str(folder.folder), "--figure", "cosine", "--width", "3.3"]) == 0
    report = folder.folder / "report"
    assert 'width="237.6pt"' in (report / "cosine_3.3in.svg").read_text()  # 3.3 in of 72 points
    assert 'width="237.6pt"' not in (report / "cosine.svg").read_text()  # the report's own


def test_figures_for_papers(sweep):
    """A PDF, without title, with text that stays text, next to the report's own files."""
    folder = sweep(cross([NONE, VALUE])).folder
    own = [str(folder), "--figure", "cosine"]
    assert plot.main([*own, "--no-title", "--format", "svg,pdf"]) == 0
    report = folder / "report"
    assert {path.name for path in report.iterdir()} == {"cosine_untitled.svg", "cosine_untitled.pdf"}
    assert (report / "cosine_untitled.pdf").read_bytes().startswith(b"%PDF")
    svg = (report / "cosine_untitled.svg").read_text()
    assert ">cosine of raw and clipped gradient<" in svg and "turns" not in svg.split("</metadata>")[1]
    assert plot.main(own) == 0
    svg = (report / "cosine.svg").read_text()
    assert "turns the gradient" in svg.split("</metadata>")[1]
    assert "'DejaVu Sans', 'Bitstream Vera Sans', Verdana, sans-serif" in svg


@pytest.mark.parametrize("formats", ["gif", "svg,", ""])
def test_an_unknown_format_is_refused(formats, capsys):
    with pytest.raises(SystemExit) as stop:
        plot.main(["somewhere", f"--format={formats}"])
    assert stop.value.code == 2
    assert "is not a format; allowed are svg, png, pdf" in capsys.readouterr().err


def test_an_unknown_figure_is_one_line_with_advice(sweep, capsys):
    folder = sweep(cross([NONE]))
    assert plot.main([str(folder.folder), "--figure", "trainig_loss"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "did you mean 'training_loss'?" in line
    assert all(name in line for name in FIGURES)


def test_a_figure_that_cannot_be_drawn_has_a_reason(sweep, capsys):
    folder = sweep(cross([NONE]))
    assert plot.main([str(folder.folder), "--figure", "noise_floor"]) == 3
    assert "noise_floor: the sweep has no perturbed baseline" in capsys.readouterr().err
    assert not (folder.folder / "report").exists()


def test_figures_are_listed(capsys):
    assert plot.main(["--list-figures"]) == 0
    assert capsys.readouterr().out.splitlines() == list(FIGURES)


@pytest.mark.parametrize("width", ["0", "2.9", "nan", "inf", "wide", "-3"])
def test_a_width_out_of_range_is_refused(width, capsys):
    with pytest.raises(SystemExit) as stop:
        plot.main(["somewhere", f"--width={width}"])
    assert stop.value.code == 2
    assert "is not a width from 3 to 20" in capsys.readouterr().err


# Sweeps of several cells


def test_no_title_compares_several_setups(sweep):
    found = sources(sweep(several_cells()))
    heat_map = draw_heat_map(found)[0].title
    assert heat_map == "Final test accuracy by threshold and learning rate for 3 setups"
    title = verdict_title(found, ACCURACY)
    found_by_cell = dict(part.split(": ", 1) for part in title.split("; "))
    assert list(found_by_cell) == ["lstm", "rnn-relu:identity", "rnn-tanh"]
    for cell, finding in found_by_cell.items():
        assert not any(other in finding for other in found_by_cell), (cell, finding)


def several_cells(seeds=5):
    """Return the same clips on three cells; one has no baseline at learning rate 0.1."""
    runs = cross([NONE, VALUE], [0.01, 0.1], seeds)
    relu = cross([NONE, VALUE, NORM], [0.01, 0.1], seeds)
    tanh = [run for run in cross([NONE, VALUE], [0.01, 0.1], seeds) if run.learning_rate < 0.1]
    for run in relu:
        run.cell, run.init = "rnn-relu", "identity"
    for run in tanh:
        run.cell = "rnn-tanh"
    return runs + relu + tanh


def test_arms_of_different_cells_are_separate(sweep):
    found = sources(sweep(several_cells()))
    assert len(found.arms) == 12 and all(len(arm.runs) == 5 for arm in found.arms)
    assert found.arms[0].label == "lstm none at lr 0.01"
    assert "rnn-relu:identity value:0.5 at lr 0.1" in {arm.label for arm in found.arms}
    for comparison in found.comparisons:
        assert comparison.arm.clip.setup == comparison.baseline.clip.setup
    assert len(found.comparisons) == 7


@pytest.mark.parametrize("name", ["training_loss", "test_accuracy", "accuracy_by_learning_rate"])
def test_cells_share_no_panel(sweep, name):
    pages, _ = draw(sweep(several_cells()), name)
    titles = [axes.get_title(loc="left") for page in pages for axes in page.figure.axes]
    assert all(sum(cell in title for title in titles) for cell in ("lstm", "rnn-relu", "rnn-tanh"))
    for page in pages:
        for axes in page.figure.axes:
            lines = {line.get_gid() for line in axes.get_lines() if line.get_gid()}
            cells = {cell for cell in ("lstm", "relu", "tanh") for gid in lines if cell in gid}
            assert len(cells) == 1


def test_a_single_cell_is_not_in_the_labels(sweep):
    runs = cross([NONE, VALUE])
    for run in runs:
        run.cell = "rnn-tanh"
    found = sources(sweep(runs))
    assert {arm.label for arm in found.arms} == {"none at lr 0.01", "value:0.5 at lr 0.01"}
    assert len(found.comparisons) == 1


def test_the_description_of_the_sweep_names_the_cells(sweep):
    plan = sources(sweep(several_cells(1))).results.plan
    assert "trains an LSTM, RNN-RELU:identity or RNN-TANH of 10 units on" in describe_sweep(plan)


# Runs whose gradient was never finite


def test_runs_that_are_nan_from_the_first_step_are_drawn_and_counted(sweep):
    runs = [FakeRun(*clip, 0.01, seed, diverges_at=1) for clip in (NONE, VALUE) for seed in (0, 1)]
    folder = sweep(runs, through_time_every=10)
    document = json.loads((folder.run_folder(runs[0]) / "run.json").read_text())
    assert document["totals"]["grad_norm_raw"] is None  # as the program writes it
    found = sources(folder)
    assert len(found.results.runs) == 4 and not found.results.left_out
    figures, _ = draw_figures(found, FIGURES)
    events = next(page for page in figures if page.stem == "events")
    assert events.title.startswith("4 of 4 runs diverged")


def with_validation(folder):
    """Give each epoch an accuracy on a validation set: that on the test set minus 0.1."""
    for run in folder.runs:
        path = folder.run_folder(run) / "run.json"
        document = json.loads(path.read_text(encoding="utf-8"))
        for epoch in document["epochs"]:
            epoch["validation_accuracy"] = epoch["test_accuracy"] - 0.1
        dump(path, document)
    path = folder.folder / "summary.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["validation"] = {"samples": 1234, "chance_accuracy": 0.2}
    for arm, late in zip(document["arms"], (0.5, 0.6), strict=True):
        arm["late_validation_accuracy"] = arm["final_test_accuracy"] | {"mean": late}
    dump(path, document)
    return folder


def test_the_accuracy_on_the_validation_set_is_drawn(sweep):
    folder = with_validation(sweep(cross([NONE, VALUE], seeds=5), epochs=3))
    [page], _ = draw(folder, "validation_accuracy")
    found = {arm.clip.mode: arm for arm in sources(folder).arms}
    lines = {line.get_gid(): line for line in page.figure.axes[0].get_lines() if line.get_gid()}
    for mode, gid in (("none", "mean_none_lr-0.01"), ("value", "mean_value-0.5_lr-0.01")):
        means = np.mean(
            [[epoch.test_accuracy - 0.1 for epoch in run.epochs] for run in found[mode].runs], axis=0
        )
        assert lines[gid].get_ydata() == pytest.approx(100 * means)
    assert page.title == "Late validation accuracy is highest with value:0.5 at lr 0.01: 60.0 %"
    assert "1,234 samples" in page.caption


def test_a_sweep_without_a_validation_set_has_no_such_figure(sweep):
    pages, reason = draw(sweep(cross([NONE, VALUE])), "validation_accuracy")
    assert not pages and reason == "the sweep has no validation set (--validation-share)"
