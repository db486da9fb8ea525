"""The gradient through time, gate shares and spectral radii: reading, figures, words."""

import json
import math

import numpy as np
import pytest
from clipsweep_plots import program as plot
from clipsweep_plots.drawing import gradient_flow
from clipsweep_results.profiles import Profile, read_through_time
from clipsweep_results.strict_json import DataError
from conftest import FakeRun, cross
from report_page import draw as draw_report
from test_figures import NONE, NORM, VALUE, draw, ids, lone, overlaps, sources, words

STEM = "gradient_through_time"


def on_cell(cell: str, clips=(NONE,), seeds: int = 1, init: str | None = None) -> list[FakeRun]:
    runs = cross(list(clips), seeds=seeds)
    for run in runs:
        run.cell, run.init = cell, init
    return runs


def log_of(folder, run=0):
    return folder.run_folder(folder.runs[run]) / "through_time.jsonl"


def write_norms(folder, norms_of_step: dict[int, list], *, events=()):
    """Replace the first run's profiles."""
    header = log_of(folder).read_text().splitlines()[0]
    lines = [
        {"step": step, "epoch": 1, "event": step in events, "norms": norms}
        for step, norms in norms_of_step.items()
    ]
    text = "\n".join([header, *(json.dumps(line) for line in lines)]) + "\n"
    log_of(folder).write_text(text)


def profile_lines(page, kind: str = "profile") -> dict[int, np.ndarray]:
    """Return the line of each training step of the only arm."""
    return {
        int(line.get_gid().rpartition("-")[2]): line.get_xydata()
        for axes in page.figure.axes
        for line in axes.get_lines()
        if str(line.get_gid()).startswith(f"{kind}_")
    }


# What is drawn


def test_a_line_is_a_training_step_and_its_points_are_the_log(sweep):
    folder = sweep(on_cell("rnn-relu"), through_time_every=10)
    drawn = profile_lines(lone(folder, STEM))
    assert set(drawn) == {1, 10, 20, 30, 40}
    for step, points in drawn.items():
        norms = folder.profile(folder.runs[0], step)["norms"]
        assert points[:, 0] == pytest.approx(np.arange(1, 29))
        assert points[:, 1] == pytest.approx(norms)


def test_a_few_steps_spread_over_the_training_are_chosen(sweep):
    folder = sweep(on_cell("rnn-relu"), through_time_every=1)
    assert list(profile_lines(lone(folder, STEM))) == [1, 11, 21, 30, 40]


def test_the_event_of_the_largest_norm_is_drawn(sweep):
    folder = sweep(on_cell("rnn-tanh"), through_time_every=20)
    norms = {step: [0.1, 0.1, 0.1] for step in range(1, 41)}
    write_norms(folder, norms | {7: [9.0, 1.0, 0.1], 23: [5.0, 1.0, 0.1]}, events=(7, 23))
    page = lone(folder, STEM)
    drawn = profile_lines(page)
    assert 7 in drawn and 23 not in drawn
    assert "step 7 (event)" in words(page) and "Dashed" in page.caption


def test_each_arm_has_a_panel_of_its_lowest_seed(sweep):
    folder = sweep(cross([NONE, VALUE], [0.01, 0.1], seeds=3), through_time_every=20)
    page = lone(folder, STEM)
    assert len(page.figure.axes) == 4 and "Seed 0" in page.caption
    assert {f"profile_{clip}_lr-{rate}_step-40" for clip in ("none", "value-0.5")
            for rate in ("0.01", "0.1")} <= ids(page)  # fmt: skip


def test_many_arms_are_bounded_and_the_baselines_are_among_them(sweep):
    clips = [NONE, *(("value", 0.1 * k) for k in range(1, 9))]
    folder = sweep(cross(clips, [0.01, 0.1, 1.0], seeds=1), through_time_every=20, gates=True)
    page = lone(folder, STEM)
    assert len(page.figure.axes) == 6
    assert "the best threshold of each mode at each learning rate, 6 of 27 arms" in page.caption
    assert {f"profile_none_lr-{rate}_step-1" for rate in ("0.01", "0.1", "1")} <= ids(page)
    for name in ("gate_shares", "spectral_radius"):
        pages, _ = draw(folder, name)
        assert sum(len(page.figure.axes) for page in pages) == 6
        assert "6 of 27 arms" in pages[0].caption


def test_lengths_that_differ_are_aligned_at_the_loss(sweep):
    folder = sweep(on_cell("rnn-tanh"), through_time_every=1, lengths=(30, 20, 26))
    page = lone(folder, STEM)
    ends = {points[-1, 0] for points in profile_lines(page).values()}
    begins = {points[0, 0] for points in profile_lines(page).values()}
    assert len(ends) == 1 and len(begins) > 1
    assert "time steps before the loss" in words(page)
    (axes,) = page.figure.axes
    labels = dict(
        zip(axes.get_xticks(), (t.get_text() for t in axes.get_xticklabels()), strict=True)
    )
    assert labels[ends.pop()] == "0"


def test_a_loss_at_each_step_is_not_described_as_at_the_last(sweep):
    runs = on_cell("rnn-tanh")
    for task, only_last in (("adding", True), ("copy", False)):
        page = lone(sweep(runs, through_time_every=20, settings={"task": task}), STEM)
        assert ("loss at t = 28" in words(page)) == only_last
        assert ("at every time step" in page.caption) != only_last


@pytest.mark.parametrize(
    "norms, kind, name, places",
    [
        (["NaN", "NaN", 2.0, 1.0], "nan", "NaN", [1, 2]),
        (["Infinity", 5.0, 2.0, 1.0], "inf", "Inf", [1]),
        ([0, 0, 0, 1.0], "zero", "exactly 0", [1, 2, 3]),
        (["NaN"] * 4, "nan", "NaN", [1, 2, 3, 4]),
    ],
)
def test_norms_that_a_log_axis_cannot_show_are_marked(sweep, norms, kind, name, places):
    folder = sweep(on_cell("rnn-tanh"), through_time_every=20)
    write_norms(folder, {1: [1.0, 1.0, 1.0, 1.0], 40: norms})
    page = lone(folder, STEM)
    marks = profile_lines(page, kind)
    assert list(marks) == [40] and marks[40][:, 0] == pytest.approx(places)
    assert name in words(page) and name in page.caption


def test_norms_far_from_those_at_the_loss_are_cut_and_counted(sweep):
    folder = sweep(on_cell("rnn-tanh"), through_time_every=20)
    write_norms(folder, {1: [1e-30, 1e-20, 1e-5, 1.0]})
    page = lone(folder, STEM)
    low, _ = page.figure.axes[0].get_ylim()
    assert 1e-16 < low < 1e-11 and "Cut off: 2 norms below" in page.caption


def test_one_time_step_and_one_profile_are_enough(sweep):
    folder = sweep(on_cell("lstm"), through_time_every=20, lengths=(1,))
    write_norms(folder, {1: [0.5]})
    assert list(profile_lines(lone(folder, STEM))) == [1]


@pytest.mark.parametrize("width", [None, 3.3, 7.0])
def test_no_text_overlaps_another(sweep, width):
    runs = [
        *on_cell("rnn-relu", (NONE, NORM), init="identity"),
        *on_cell("rnn-tanh", (NONE, NORM)),
        *on_cell("gru"),
        *on_cell("lstm"),
        FakeRun("none", None, 1.0, 0, diverges_at=9),
    ]
    folder = sweep(runs, through_time_every=10, gates=True, lengths=(300,))
    for name in (STEM, "gate_shares", "spectral_radius"):
        pages, _ = draw(folder, name, width)
        for page in pages:
            assert overlaps(page.figure) == [], page.stem


# What is said


@pytest.mark.parametrize(
    "norms, text",
    [
        ([3000.0, 50.0, 1.0], "grows 3,000-fold"),
        ([1.0, 50.0, 4100.0], "shrinks 4,100-fold"),
        ([1e-20, 1e-9, 1.0], "shrinks 1e20-fold"),
        ([1.5, 1.2, 1.0], "keeps its size (1.5-fold)"),
        ([math.inf, 1e30, 1.0], "becomes Inf 2 time steps before the last"),
        ([math.nan, math.inf, 1.0], "becomes Inf 1 time step before the last"),
        ([math.nan] * 3, "becomes NaN at the last time step"),
        ([0.0, 0.0, 1.0], "vanishes to exactly 0, 1 time step before the last"),
        ([0.0, 0.0, 0.0], "vanishes to exactly 0, at the last time step"),
        ([1.0, 1.0, 0.0], "starts at 0"),
    ],
)
def test_the_gradient_flow_in_words(norms, text):
    assert gradient_flow.describe_flow(Profile(1, False, np.array(norms))).sentence == text


def test_the_title_of_one_arm_has_the_numbers(sweep):
    folder = sweep(on_cell("rnn-relu"), through_time_every=20)
    write_norms(folder, {1: [20.0, 3.0, 1.0], 40: [3000.0, 50.0, 1.0]})
    assert lone(folder, STEM).title == (
        "Without clipping the gradient grows 3,000-fold from the last time step to the first at "
        "training step 40"
    )


def test_the_title_of_several_cells_names_the_exploding_and_the_vanishing_gradient(sweep):
    runs = on_cell("rnn-relu", init="identity") + on_cell("rnn-tanh")
    title = lone(sweep(runs, through_time_every=20), STEM).title
    assert title.startswith("Back through time, the gradient of the median training step grows ")
    assert "(rnn-relu:identity none) and shrinks " in title
    assert title.endswith("(rnn-tanh none)")


def test_a_panel_with_an_exploding_and_a_vanishing_gradient_names_the_former(sweep):
    folder = sweep(on_cell("rnn-relu") + on_cell("rnn-tanh"), through_time_every=20)
    write_norms(folder, {1: [0.0, 3.0, 1.0], 40: [3000.0, 50.0, 1.0]})
    assert "grows 3,000-fold, step 40" in words(lone(folder, STEM))


def test_a_gradient_that_keeps_its_size_is_described_as_such(sweep):
    folder = sweep(on_cell("rnn-relu"), through_time_every=20)
    write_norms(folder, {1: [1.1, 1.0, 1.0]})
    assert "keeps its size, within a factor of 2" in lone(folder, STEM).title


def test_the_alternative_text_describes_every_line(sweep):
    alt = lone(sweep(on_cell("rnn-relu"), through_time_every=20), STEM).alt
    assert all(f"step {step} grows " in alt for step in (1, 20, 40))


# What is read


BAD_LINES = {
    "not JSON": ("{broken", "malformed"),
    "no norms": ('{"step":20,"epoch":1,"event":false}', "norms"),
    "no event": ('{"step":20,"epoch":1,"norms":[1]}', "event"),
    "an event that is a number": ('{"step":20,"epoch":1,"event":1,"norms":[1]}', "bool"),
    "norms of no time step": ('{"step":20,"epoch":1,"event":false,"norms":[]}', "no norms"),
    "a negative norm": ('{"step":20,"epoch":1,"event":false,"norms":[1,-2]}', "-2"),
    "minus infinity": ('{"step":20,"epoch":1,"event":false,"norms":["-Infinity"]}', "-inf"),
    "null for a norm": ('{"step":20,"epoch":1,"event":false,"norms":[null]}', "null"),
    "text for a norm": ('{"step":20,"epoch":1,"event":false,"norms":["1"]}', "'1'"),
    "a bare NaN": ('{"step":20,"epoch":1,"event":false,"norms":[NaN]}', "malformed"),
    "the step before": ('{"step":1,"epoch":1,"event":false,"norms":[1]}', "step 1 after step 1"),
    "a step beyond the plan": ('{"step":99,"epoch":1,"event":false,"norms":[1]}', "in a run of 40 steps"),
}


@pytest.mark.parametrize("line, what", BAD_LINES.values(), ids=BAD_LINES.keys())
def test_a_bad_line_is_located_and_its_run_is_left_out(sweep, line, what, capsys):
    folder = sweep(on_cell("lstm", seeds=2), through_time_every=20)
    lines = log_of(folder).read_text().splitlines()
    lines[2] = line
    log_of(folder).write_text("\n".join(lines) + "\n")
    assert plot.main([str(folder.folder), "--figure", STEM]) == 0
    error = capsys.readouterr().err
    assert f"runs/{folder.runs[0].id}/through_time.jsonl:3: bad line: " in error and what in error


@pytest.mark.parametrize(
    "header, what",
    [
        ("", "bad header in line 1"),
        ('{"schema":"clipsweep/through-time-2"}\n', "this program reads"),
        ('{"schema":"clipsweep/through-time-1","run":{"id":"other"}}\n', "contains the run 'other'"),
        ('{"schema":"clipsweep/through-time-1","run":{}}\n', "no key 'id'"),
    ],
)
def test_a_bad_header_is_an_error(tmp_path, header, what):
    path = tmp_path / "through_time.jsonl"
    path.write_text(header)
    with pytest.raises(DataError, match=what):
        read_through_time(path, "mine", 40)


def test_the_run_may_be_named_as_in_the_step_log(tmp_path):
    path = tmp_path / "through_time.jsonl"
    path.write_text('{"schema":"clipsweep/through-time-1","run":"mine","through_time_every":1}\n')
    found = read_through_time(path, "mine", 40)
    assert found.profiles == () and not found.is_cut_off


def test_a_cut_off_last_line_is_skipped_and_reported(sweep):
    folder = sweep(on_cell("lstm"), through_time_every=20)
    log_of(folder).write_bytes(log_of(folder).read_bytes()[:-25])
    page = draw_report(folder)
    assert f"log through time of {folder.runs[0].id} is cut off" in page.text
    assert list(profile_lines(lone(folder, STEM))) == [1, 20]


def test_folders_without_the_logs_are_drawn_without_the_figures(sweep):
    folder = sweep(cross([NONE, VALUE]))
    for name, reason in (
        (STEM, "--through-time-every"),
        ("gate_shares", "cells without gates, or logs from an older version"),
        ("spectral_radius", "no spectral radius logged"),
    ):
        assert draw(folder, name)[0] == [] and reason in draw(folder, name)[1]


def test_an_arm_whose_first_seed_has_no_log_shows_the_next(sweep):
    folder = sweep(on_cell("lstm", seeds=2), through_time_every=20)
    log_of(folder).unlink()
    assert "Seed 1" in lone(folder, STEM).caption


# Gates and spectral radii


def bars(page, gate: str) -> list[float]:
    (axes,) = page.figure.axes
    return [
        patch.get_height()
        for group in axes.containers
        if group[0].get_gid().startswith(f"share-{gate}_")
        for patch in group
    ]


def test_shares_are_of_the_squared_norms(sweep):
    page = lone(sweep(on_cell("lstm"), gates=True), "gate_shares")
    for gate, norm in zip("ifgo", (1, 2, 3, 4), strict=True):
        assert bars(page, gate) == pytest.approx([100 * norm**2 / 30] * 2)
    assert page.title == (
        "The output gate o contributes most to the gradient: 53 % of the squared norm"
    )


def test_cells_without_gates_have_no_panel(sweep):
    folder = sweep(on_cell("rnn-tanh") + on_cell("gru") + on_cell("lstm"), gates=True)
    page = lone(folder, "gate_shares")
    assert {axes.get_title(loc="left").split(" ")[0] for axes in page.figure.axes} == {
        "gru",
        "lstm",
    }
    assert "n, candidate" in words(page) and "g, cell candidate" in words(page)
    assert "f, forget gate" in words(page)


def change_epoch(folder, **values):
    path = folder.run_folder(folder.runs[0]) / "run.json"
    document = json.loads(path.read_text())
    document["epochs"][0] |= values
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("value", [None, "NaN", "Infinity"])
def test_an_epoch_with_an_unknown_norm_has_no_bar(sweep, value):
    folder = sweep(on_cell("lstm"), gates=True)
    change_epoch(folder, gate_norms={"i": 1, "f": value, "g": 1, "o": 1})
    page = lone(folder, "gate_shares")
    assert len(bars(page, "i")) == 1 and "No bar" in page.caption


def test_radii_have_one_line_per_gate_and_one_at_1(sweep):
    folder = sweep(on_cell("lstm") + on_cell("rnn-relu"), gates=True)
    page = lone(folder, "spectral_radius")
    expected = {f"radius-lstm.weight_hh-{gate}_lstm_none_lr-0.01" for gate in "ifgo"}
    assert expected | {"radius-rnn.weight_hh-h_rnn-relu_none_lr-0.01"} <= ids(page)
    assert page.title.endswith("ends between 0.9 and 1.2; 2 of 5 lines are above 1")


def test_a_radius_that_was_not_measured_has_no_line(sweep):
    folder = sweep(on_cell("lstm"), gates=True, epochs=1)
    change_epoch(folder, spectral_radius=None)
    assert "no spectral radius logged" in draw(folder, "spectral_radius")[1]


@pytest.mark.parametrize(
    "values, what",
    [
        ({"gate_norms": [1, 2]}, "list where values by gate belong"),
        ({"gate_norms": {"i": "one"}}, "where a number belongs"),
        ({"spectral_radius": 1.5}, "float where spectral radii by matrix belong"),
    ],
)
def test_bad_values_leave_the_run_out(sweep, values, what):
    folder = sweep(on_cell("lstm", seeds=2), gates=True)
    change_epoch(folder, **values)
    (left_out,) = sources(folder).results.left_out
    assert left_out.reason.startswith(f"runs/{left_out.id}/run.json: ") and what in left_out.reason


def test_the_figures_stay_small_in_a_report_of_many_runs(sweep):
    clips = [NONE, *(("value", 0.1 * k) for k in range(1, 13))]
    folder = sweep(
        cross(clips, [0.01, 1.0], seeds=1),
        epochs=1,
        steps_per_epoch=10,
        through_time_every=1,
        lengths=(784,),
        gates=True,
    )
    page = draw_report(folder)
    assert len(page.html) < 2 * 2**20
