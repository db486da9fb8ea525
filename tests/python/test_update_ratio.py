"""The figure of the update norm by the weight norm over the steps."""

import json

import numpy as np
import pytest
from conftest import cross
from test_figures import draw, overlaps

NONE, VALUE = ("none", None), ("value", 0.5)


def logged(sweep, clips, seeds, ratio, rates=(0.1,)):
    """Write a sweep whose logs have both norms; `ratio` gets the run and the step, None: no update."""
    folder = sweep(cross(clips, rates, seeds), epochs=1, steps_per_epoch=20)
    folder.declare_columns(update_norm="optional float64", weight_norm="optional float64")
    for run in folder.runs:
        folder.log_column(run, "weight_norm", lambda step: 4.0)
        path = folder.run_folder(run) / "steps.jsonl"
        lines = []
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            if "step" in record and (found := ratio(run, record["step"])) is not None:
                record["update_norm"] = 4 * found if isinstance(found, float) else found
            lines.append(json.dumps(record))
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def lines(figure, prefix):
    found = {line.get_gid(): line for axes in figure.axes for line in axes.get_lines()}
    return {gid: line.get_ydata() for gid, line in found.items() if (gid or "").startswith(prefix)}


def test_each_panel_has_the_median_of_its_seeds_and_that_without_clipping(sweep):
    factor = {"none": 1e-2, "value": 1e-3}
    folder = logged(sweep, [NONE, VALUE], 5, lambda run, step: factor[run.mode] * (1 + run.seed))
    [page], _ = draw(folder, "update_ratio")
    assert page.title == (
        "A step moves the weights by 0.3 % (value:0.5 at lr 0.1) to 3 % (none at lr 0.1) of their norm"
    )
    medians = lines(page.figure, "median")
    assert medians["median_none_lr-0.1"] == pytest.approx(np.full(20, 3e-2))
    assert medians["median_value-0.5_lr-0.1"] == pytest.approx(np.full(20, 3e-3))
    references = lines(page.figure, "baseline")
    assert list(references) == ["baseline_value-0.5_lr-0.1"]
    assert references["baseline_value-0.5_lr-0.1"] == pytest.approx(np.full(20, 3e-2))
    [band] = [c for c in page.figure.axes[1].collections if c.get_gid() == "range_value-0.5_lr-0.1"]
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((1e-3, 5e-3))
    assert page.figure.axes[0].get_yscale() == "log"


@pytest.mark.parametrize(
    ("ratios", "words"),
    [
        ((3e-10, 2e9), "by less than 0.01 % of their norm (value:0.5 at lr 0.1) up to more than 1,000 times their norm (none"),
        ((0.02, 0.9996), "by 2 % (value:0.5 at lr 0.1) to 99 % (none at lr 0.1) of their norm"),
        ((2.53, 253.0), "by 2.5 times their norm (value:0.5 at lr 0.1) up to 253 times their norm (none"),
        ((0.0301, 0.0302), "by 3 % of their norm in every arm"),
    ],
)  # fmt: skip
def test_the_title_reads_well_if_a_network_explodes(sweep, ratios, words):
    ratio = dict(zip(("value", "none"), ratios, strict=True))
    [page], _ = draw(logged(sweep, [NONE, VALUE], 2, lambda run, _: ratio[run.mode]), "update_ratio")
    assert words in page.title and "e+" not in page.title


def test_a_step_without_an_update_is_a_gap_and_not_a_zero(sweep):
    folder = logged(sweep, [NONE], 1, lambda run, step: None if step == 7 else "NaN" if step == 9 else 0.5)
    [page], _ = draw(folder, "update_ratio")
    [median] = lines(page.figure, "median").values()
    assert np.isnan(median[[6, 8]]).all() and np.isnan(median).sum() == 2
    assert median[0] == 0.5


def test_a_panel_whose_ratios_are_all_below_the_axis_says_so(sweep):
    ratio = {0.1: 1e-2, 1.0: 1e-20}
    folder = logged(sweep, [NONE, VALUE], 5, lambda run, _: ratio[run.learning_rate], (0.1, 1.0))
    [page], _ = draw(folder, "update_ratio")
    notes = [text.get_text() for axes in page.figure.axes for text in axes.texts]
    assert len(notes) == 2 and all(note.startswith("all below ") for note in notes)
    assert overlaps(page.figure) == []


def test_a_panel_of_an_arm_that_never_took_a_step_says_so(sweep):
    ratio = {"none": 1e-2, "value": None}
    folder = logged(sweep, [NONE, VALUE], 5, lambda run, _: ratio[run.mode])
    [page], _ = draw(folder, "update_ratio")
    notes = [text.get_text() for axes in page.figure.axes for text in axes.texts]
    assert notes == ["no step was taken"]


def test_logs_without_the_norms_have_no_such_figure(sweep):
    pages, reason = draw(sweep(cross([NONE, VALUE])), "update_ratio")
    assert not pages and reason == "no step has the norms of its update and of the weights"


@pytest.mark.parametrize("width", [None, 3.3])
def test_no_text_overlaps(sweep, width):
    folder = logged(sweep, [NONE, VALUE], 5, lambda run, step: 0.01 * step, (0.001, 0.1))
    [page], _ = draw(folder, "update_ratio", width)
    assert overlaps(page.figure) == []
