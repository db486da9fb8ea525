"""scripts/plot.py on small result folders: figures, left-out runs, messages."""

import json
import math
from unittest import mock
from xml.etree import ElementTree

import numpy as np
import pytest
import referencing.jsonschema
from clipsweep_plots import program as plot
from clipsweep_plots.drawing import style
from clipsweep_plots.drawing.layout import Sheet
from clipsweep_plots.drawing.panels import MAX_LINES, curve_rows
from clipsweep_plots.figures.figure_list import FIGURES as ALL_FIGURES
from clipsweep_results import result_folder
from clipsweep_results.clips import Clip
from clipsweep_results.result_folder import Arm
from clipsweep_results.step_windows import NORM_BIN_EDGES, choose_windows, read_step_curve
from clipsweep_results.strict_json import DataError
from clipsweep_results.values import to_float
from conftest import ROOT, FakeRun, cross, dump
from report_page import draw, render
from test_program import schema

NONE, VALUE, NORM = ("none", None), ("value", 0.5), ("global-norm", 1.0)
# Of a sweep of one learning rate in which nothing happens.
FIGURES = {
    "paired_difference",
    "paired_loss",
    "training_loss",
    "test_accuracy",
    "gradient_norm",
    "gradient_norm_survival",
    "clipped_share",
    "cosine",
    "final_accuracy",
    "difference_map",
    "difference_curves",
    "threshold_picker",
}


def stems(sweep, ending: str) -> set[str]:
    return {path.stem for path in (sweep.folder / "report").glob(f"*.{ending}")}


def svg_ids(sweep, stem: str) -> set[str]:
    tree = ElementTree.parse(sweep.folder / "report" / f"{stem}.svg")
    return {element.get("id") for element in tree.iter() if element.get("id")}


def draw_svg(folder, names: tuple[str, ...]) -> None:
    """Draw these figures as SVG only, without a report."""
    options = [option for name in names for option in ("--figure", name)]
    assert plot.main([str(folder.folder), *options, "--format", "svg"]) == 0


# Figures


def test_every_figure_is_there_as_svg_and_png(drawn, sweep):
    folder = sweep(cross([NONE, VALUE, NORM]))
    draw(folder, ["difference_map"])  # one arm with clipping has none
    places = (drawn / "first", folder.folder / "report")
    images = {ending: [path for place in places for path in place.glob(f"*.{ending}")] for ending in ("svg", "png")}
    for paths in images.values():
        assert {path.stem for path in paths} == FIGURES | {"events"}  # a run diverges
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in images["png"])


def test_every_arm_has_its_mean_and_its_threshold(sweep):
    folder = sweep(cross([NONE, VALUE, NORM], [0.01, 0.1]))
    names = ("training_loss", "test_accuracy", "gradient_norm", "clipped_share", "paired_difference")
    draw_svg(folder, names)
    for rate in ("0.01", "0.1"):
        for clip in ("none", "value-0.5", "global-norm-1"):
            assert f"mean_{clip}_lr-{rate}" in svg_ids(folder, "training_loss")
            assert f"mean_{clip}_lr-{rate}" in svg_ids(folder, "test_accuracy")
            assert f"median_{clip}_lr-{rate}" in svg_ids(folder, "gradient_norm")
            assert (f"threshold_{clip}_lr-{rate}" in svg_ids(folder, "gradient_norm")) == (
                clip != "none"
            )
            assert (f"mean_{clip}_lr-{rate}" in svg_ids(folder, "clipped_share")) == (
                clip != "none"
            )
        assert f"difference_value-0.5_lr-{rate}" in svg_ids(folder, "paired_difference")


def test_nan_and_inf_norms_are_marked_where_they_happen(sweep):
    runs = [
        FakeRun("none", None, 1.0, 0, diverges_at=23),
        FakeRun("none", None, 1.0, 1, diverges_at=7, bad_norm=math.inf),
        *cross([VALUE], [1.0]),
    ]
    folder = sweep(runs)
    draw_svg(folder, ("gradient_norm", "training_loss", "final_accuracy"))
    ids = svg_ids(folder, "gradient_norm")
    assert {"nan_none_lr-1", "inf_none_lr-1"} <= ids
    assert not {"nan_value-0.5_lr-1", "inf_value-0.5_lr-1"} & ids
    assert "diverged_none_lr-1" in svg_ids(folder, "training_loss")
    assert "diverged_none_lr-1" in svg_ids(folder, "final_accuracy")


def test_an_infinite_threshold_has_no_line(sweep):
    folder = sweep(cross([NONE, ("value", math.inf)]))
    draw_svg(folder, ("gradient_norm",))
    assert not [name for name in svg_ids(folder, "gradient_norm") if name.startswith("threshold")]


def test_forty_arms_become_small_multiples(sweep):
    clips = [NONE, *(("global-norm", 0.05 * 1.2**k) for k in range(39))]
    folder = sweep(cross(clips, seeds=1), epochs=1, steps_per_epoch=5)
    draw_svg(folder, ("gradient_norm", "paired_difference"))
    expected = {"gradient_norm", "paired_difference_1", "paired_difference_2"}
    assert stems(folder, "svg") == expected
    panels = {name for name in svg_ids(folder, "gradient_norm") if name.startswith("median_")}
    assert 12 < len(panels) <= 24  # a part of them, spread over the thresholds
    assert "median_none_lr-0.01" in panels


@pytest.mark.parametrize("rates, thresholds", [(1, 1), (1, 40), (3, 2), (3, 9), (12, 3), (12, 12)])
def test_no_panel_has_a_long_legend_and_no_arm_is_lost(rates, thresholds):
    arms = [
        Arm(clip, 10.0**-rate, ())
        for rate in range(rates)
        for clip in [Clip("none", None), *(Clip("value", 1.0 + k) for k in range(thresholds))]
    ]
    panels = [panel for row in curve_rows(arms, Sheet()) for panel in row if panel]
    assert max(len(panel.arms) for panel in panels) <= MAX_LINES
    assert {arm.label for panel in panels for arm in panel.arms} == {arm.label for arm in arms}


def test_figures_of_an_earlier_sweep_are_deleted(sweep):
    folder = sweep(cross([NONE, VALUE]))
    (folder.folder / "report").mkdir()
    (folder.folder / "report" / "gradient_norm_7.svg").write_text("old")
    (folder.folder / "report" / "notes.svg").write_text("mine")
    draw(folder, ("gradient_norm",))
    assert "gradient_norm_7" not in stems(folder, "svg")
    assert "notes" in stems(folder, "svg")


@pytest.mark.parametrize(
    "runs",
    [
        cross([NONE], seeds=1),
        cross([VALUE], seeds=1),
        cross([VALUE, NORM], [0.01, 1.0]),
        [FakeRun("none", None, 10.0, seed, diverges_at=1) for seed in range(2)],
        [FakeRun("scale", 1.0, 10.0, 0, diverges_at=30)],
    ],
    ids=["one arm", "one clipped arm", "no baseline", "all diverged at once", "all diverged"],
)
def test_sweeps_that_lack_something_are_drawn(sweep, runs):
    folder = sweep(runs)
    draw(folder, ALL_FIGURES)
    completes = any(run.outcome == "completed" for run in runs)
    assert ("final_accuracy" in stems(folder, "svg")) == completes
    is_evaluated = completes or any(run.diverges_at > 20 for run in runs)  # steps of an epoch
    assert ("test_accuracy" in stems(folder, "svg")) == is_evaluated
    is_finite = any(run.diverges_at != 1 for run in runs)
    assert ({"training_loss", "gradient_norm"} <= stems(folder, "svg")) == is_finite
    assert ("clipped_share" in stems(folder, "svg")) == any(
        run.mode != "none" and run.outcome == "completed" or run.diverges_at == 30 for run in runs
    )


def test_one_step_is_enough(sweep):
    draw(sweep(cross([NONE, VALUE], seeds=1), epochs=1, steps_per_epoch=1), ALL_FIGURES)


def test_several_workers_read_the_same_as_one(sweep, monkeypatch):
    folder = sweep(cross([NONE, VALUE], seeds=3))
    alone = draw(folder).html
    monkeypatch.setattr(result_folder, "POOL_WORTH_BYTES", 0)
    assert draw(folder).html == alone


# Runs that are left out


def test_runs_without_an_outcome_are_left_out_and_named(sweep, capsys):
    runs = [
        *cross([NONE, VALUE]),
        FakeRun("value", 0.5, 0.01, 7, outcome="interrupted"),
        FakeRun("value", 0.5, 0.01, 8, outcome="failed"),
        FakeRun("value", 0.5, 0.01, 9, outcome="unfinished"),
    ]
    folder = sweep(runs)
    page = draw(folder)
    output = capsys.readouterr()
    for run, reason in zip(
        runs[4:],
        ["rerun the same sweep command to resume it", "no space left on device", "no run.json"],
        strict=True,
    ):
        assert run.id in page.text and reason in page.text
        assert f"{run.id} is left out: " in output.err and reason in output.err
    assert "7 planned runs: 4 completed, 1 interrupted, 1 failed, 1 unfinished" in page.text
    assert output.out == f"{folder.folder / 'report' / 'report.html'}\n"


def test_a_killed_run_is_known_by_its_cut_off_line(sweep):
    runs = [*cross([NONE]), FakeRun("none", None, 0.01, 9, outcome="unfinished")]
    folder = sweep(runs)
    cut_off(folder.run_folder(runs[-1]) / "steps.jsonl")
    assert "the last line of steps.jsonl is cut off: the run was killed" in render(folder).text


def test_a_cut_off_last_line_is_skipped_and_reported(sweep, capsys):
    folder = sweep(cross([NONE]))
    cut_off(folder.run_folder(folder.runs[0]) / "steps.jsonl")
    page = draw(folder)
    message = f"The last line of the step log of {folder.runs[0].id} is cut off and was skipped"
    assert message in page.text and message in capsys.readouterr().err
    assert "2 planned runs: 2 completed" in page.text


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-25])


BAD_LINES = {
    "not JSON": "{broken",
    "bare NaN": '{"step":3,"loss":NaN,"grad_norm_raw":1,"clipped":false}',
    "step going back": '{"step":1,"loss":1,"grad_norm_raw":1,"clipped":false}',
    "step twice": '{"step":2,"loss":1,"grad_norm_raw":1,"clipped":false}',
    "step beyond the plan": '{"step":4000,"loss":1,"grad_norm_raw":1,"clipped":false}',
    "no loss": '{"step":3,"grad_norm_raw":1,"clipped":false}',
    "text for a number": '{"step":3,"loss":"1","grad_norm_raw":1,"clipped":false}',
    "not an object": "[3]",
    "a fraction of a step": '{"step":3.5,"loss":1,"grad_norm_raw":1,"clipped":false}',
    "a number beyond float64": '{"step":3,"loss":1e999,"grad_norm_raw":1,"clipped":false}',
    "a bare NaN that no figure reads": '{"step":3,"loss":1,"grad_norm_raw":1,"clipped":false,'
    '"grad_max_abs":NaN}',
    "two objects": '{"step":3,"loss":1,"grad_norm_raw":1,"clipped":false} {}',
    "not UTF-8": '{"step":3,"loss":1,"grad_norm_raw":1,"clipped":false,"note":"\udcff"}',
}


@pytest.mark.parametrize("line", BAD_LINES.values(), ids=BAD_LINES.keys())
def test_a_bad_line_is_located_and_its_run_is_left_out(sweep, line):
    folder = sweep(cross([NONE]))
    path = folder.run_folder(folder.runs[1]) / "steps.jsonl"
    lines = path.read_text().splitlines()
    lines[3] = line
    path.write_text("\n".join(lines) + "\n", errors="surrogateescape")
    page = render(folder)
    assert f"runs/{folder.runs[1].id}/steps.jsonl:4: bad line" in page.text
    assert "1 completed, 1 unreadable" in page.text


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("run.json", "{", "not JSON"),
        ("run.json", "[]", "not a JSON object"),
        ("run.json", '{"schema":"clipsweep/run-9"}', "this program reads"),
        ("run.json", b"\xff\xfe", "decode"),
        ("run.json", "[" * 100000, "nested too deeply"),
        ("steps.jsonl", "", "bad header"),
        ("steps.jsonl", '{"schema":"clipsweep/steps-1","run":"other"}\n', "contains the run"),
        ("steps.jsonl", None, "cannot be read"),
    ],
)
def test_a_corrupt_file_is_named_and_its_run_left_out(sweep, name, content, words):
    folder = sweep(cross([NONE]))
    path = folder.run_folder(folder.runs[0]) / name
    path.unlink()
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    text = render(folder).text
    assert f"runs/{folder.runs[0].id}/{name}" in text and words in text


def test_a_run_json_of_another_run_is_not_taken_for_its_own(sweep):
    folder = sweep(cross([NONE]))
    first, second = (folder.run_folder(run) / "run.json" for run in folder.runs)
    second.write_bytes(first.read_bytes())
    assert f"runs/{folder.runs[1].id}/run.json: contains the run" in render(folder).text


# Folders that cannot be drawn


def refuse(capsys, path, *words: str) -> None:
    """Check that a folder is refused with exit code 3 and one line that has these words."""
    assert plot.main([str(path)]) == 3
    output = capsys.readouterr()
    assert output.out == ""
    lines = [line for line in output.err.splitlines() if "warning" not in line]
    assert len(lines) == 1
    for word in words:
        assert word in lines[0]


def test_a_missing_folder_is_refused(tmp_path, capsys):
    refuse(capsys, tmp_path / "nowhere", "nowhere: does not exist", "clipsweep sweep --out")


def test_a_file_is_refused(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    refuse(capsys, tmp_path / "file", "is a file")


def test_an_empty_folder_is_refused(tmp_path, capsys):
    refuse(capsys, tmp_path, "is empty", "not a result folder")


def test_another_folder_is_refused(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("")
    refuse(capsys, tmp_path, "has no sweep.json")


def test_runs_that_cannot_be_drawn_are_refused(sweep, capsys):
    refuse(
        capsys,
        sweep([FakeRun("none", None, 0.01, 0, outcome="failed")]).folder,
        "none of the 1 planned runs",
    )


@pytest.mark.parametrize(
    "change, words",
    [
        ({"runs": []}, "the plan has no runs"),
        ({"runs": 7}, "sweep.json"),
        ({"settings": {}}, "no key 'epochs'"),
        ({"schema": "clipsweep/sweep-2"}, "this program reads"),
        ({"runs": [{"id": "a"}]}, "no key"),
        (
            {
                "runs": [
                    {
                        "id": "../../etc",
                        "mode": "none",
                        "threshold": None,
                        "learning_rate": 1,
                        "seed": 0,
                    }
                ]
            },
            "plain name",
        ),
        (
            {
                "runs": [
                    {"id": "a", "mode": "<b>", "threshold": None, "learning_rate": 1, "seed": 0}
                ]
            },
            "plain name",
        ),
        (
            {
                "runs": [
                    {"id": "a", "mode": "value", "threshold": None, "learning_rate": 1, "seed": 0}
                ]
            },
            "mode 'value'",
        ),
        (
            {
                "runs": [
                    {"id": "a", "mode": "value", "threshold": "NaN", "learning_rate": 1, "seed": 0}
                ]
            },
            "out of range",
        ),
        (
            {
                "runs": [
                    {"id": "a", "mode": "none", "threshold": None, "learning_rate": 1, "seed": 0}
                ]
                * 2
            },
            "same id",
        ),
    ],
)
def test_a_bad_plan_is_refused(sweep, capsys, change, words):
    folder = sweep(cross([NONE]))
    dump(folder.folder / "sweep.json", {**folder.sweep_document(), **change})
    refuse(capsys, folder.folder, "sweep.json", words, "clipsweep sweep")


def test_a_corrupt_plan_is_refused(sweep, capsys):
    folder = sweep(cross([NONE]))
    (folder.folder / "sweep.json").write_text('{"schema"')
    refuse(capsys, folder.folder, "sweep.json", "not JSON (line 1")


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["--nonsense", "a"]])
def test_wrong_usage_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        plot.main(arguments)
    assert stop.value.code == 2
    assert "usage: plot.py" in capsys.readouterr().err


def test_a_report_that_cannot_be_written_exits_with_75(sweep, capsys):
    folder = sweep(cross([NONE]))
    (folder.folder / "report").write_text("in the way")
    with mock.patch.object(plot, "render_figures", side_effect=AssertionError):  # it is not called
        assert plot.main([str(folder.folder)]) == 75
    assert "cannot be written" in capsys.readouterr().err


# Step logs


def test_windows_contain_the_steps_of_the_log(sweep):
    folder = sweep([FakeRun("none", None, 0.01, 0, diverges_at=33)], epochs=2, steps_per_epoch=20)
    run = folder.runs[0]
    path = folder.run_folder(run) / "steps.jsonl"
    steps = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    curve = read_step_curve(path, run.id, choose_windows(40, log_every=10))
    first = steps[:10]
    assert curve.mean_loss[0] == pytest.approx(np.mean([step["loss"] for step in first]))
    assert curve.norm_median[0] == pytest.approx(
        np.median([step["grad_norm_raw"] for step in first])
    )
    assert curve.norm_max[0] == max(step["grad_norm_raw"] for step in first)
    assert np.isnan(curve.first_nan_step[:3]).all() and curve.first_nan_step[3] == 33
    assert np.isfinite(curve.mean_loss[3])  # the two finite steps before


def test_a_histogram_counts_every_finite_norm_once(sweep):
    folder = sweep([FakeRun("none", None, 0.01, 0, diverges_at=33)])
    run = folder.runs[0]
    curve = read_step_curve(
        folder.run_folder(run) / "steps.jsonl", run.id, choose_windows(40, log_every=1)
    )
    assert curve.norm_counts.sum() == 32  # step 33 is NaN
    assert NORM_BIN_EDGES[np.flatnonzero(curve.norm_counts)[-1] + 1] > np.nanmax(curve.norm_max)


def test_the_cosine_is_only_of_clipped_steps(sweep):
    folder = sweep([FakeRun("value", 0.5, 0.01, 0), FakeRun("none", None, 0.01, 0)])
    clipped, baseline = (
        read_step_curve(
            folder.run_folder(run) / "steps.jsonl", run.id, choose_windows(40, log_every=1)
        )
        for run in folder.runs
    )
    assert np.nanmin(clipped.mean_cosine) == pytest.approx(0.9)  # 1 on the steps between
    assert np.nanmax(clipped.mean_cosine) == pytest.approx(0.9)
    assert np.isnan(baseline.mean_cosine).all()


def test_logs_with_log_every_fill_every_window(sweep):
    folder = sweep([FakeRun("none", None, 0.01, 0)], epochs=2, steps_per_epoch=200, log_every=7)
    run = folder.runs[0]
    grid = choose_windows(400, log_every=7)
    curve = read_step_curve(folder.run_folder(run) / "steps.jsonl", run.id, grid)
    assert grid.width >= 7
    assert np.isfinite(curve.mean_loss).all()


@pytest.mark.parametrize(
    "planned, log_every, width",
    [
        (1, 1, 1),
        (20, 1, 1),
        (200, 1, 10),
        (500, 1, 10),
        (5000, 1, 50),
        (5000, 100, 100),
        (5000, 150, 200),
        (1_000_000, 1, 10_000),
    ],
)
def test_windows_are_round_and_few(planned, log_every, width):
    grid = choose_windows(planned, log_every)
    assert grid.width == width
    assert grid.count <= 120
    assert (grid.centers >= 1).all() and (grid.centers <= planned).all()


@pytest.mark.parametrize("value", ["nan", "inf", "1", "", True, None, [1], {}])
def test_only_numbers_are_numbers(value):
    with pytest.raises((ValueError, TypeError)):
        to_float(value)


def test_nonfinite_strings_are_numbers():
    assert math.isnan(to_float("NaN"))
    assert to_float("Infinity") == math.inf and to_float("-Infinity") == -math.inf


def test_a_log_of_another_run_is_refused(sweep):
    folder = sweep(cross([NONE]))
    path = folder.run_folder(folder.runs[0]) / "steps.jsonl"
    with pytest.raises(DataError, match="contains the run"):
        read_step_curve(path, folder.runs[1].id, choose_windows(40, 1))


# Numbers as they are printed


@pytest.mark.parametrize(
    "value, text", [(0.009, "+0.9"), (-0.004, "−0.4"), (0.0, "0.0"), (-0.0001, "0.0"), (None, "–")]
)
def test_points(value, text):
    assert style.points(value) == text


# The generator of these folders


def test_the_generated_folders_follow_the_schemas(sweep):
    folder = sweep([*cross([NONE, VALUE]), FakeRun("none", None, 0.01, 9, diverges_at=9)])
    for kind in ("sweep", "summary", "run"):
        for path in folder.folder.rglob(f"{kind}.json"):
            schema(kind).validate(json.loads(path.read_text()))
    for path in folder.folder.rglob("steps.jsonl"):
        header, *steps = map(json.loads, path.read_text().splitlines())
        schema("steps").validate(header)
        for step in steps:
            schema("step").validate(step)


def test_a_report_does_not_mention_what_the_sweep_was_not_asked_to_measure(sweep, capsys):
    folder = sweep(cross([NONE, VALUE]))
    draw(folder, ("probe_noise", "success"))
    output = capsys.readouterr().err
    assert "success: no run has solved" in output and "probe" not in output
    assert plot.main([str(folder.folder), "--figure", "probe_noise"]) == 3
    assert "probe_noise: the sweep has no probes (--probe-at)" in capsys.readouterr().err
