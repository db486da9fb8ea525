"""Local smoothness, sharpness and the cliff: the program against PyTorch and NumPy, and the figures."""

import json
import math
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from conftest import cross, dump
from test_figures import NONE, NORM, VALUE, draw, lone, overlaps
from test_program import instruction_sets
from test_trace import STEPS, replay, trace  # noqa: F401 (replay is a fixture)

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("CLIPSWEEP", str(ROOT / "build/release/clipsweep"))
# Explodes: the clipped runs have spikes.
SMALL = (
    *("--task", "temporal-order", "--length", "12", "--cell", "rnn-tanh", "--hidden", "6"),
    *("--batch-size", "16", "--epochs", "2", "--steps-per-epoch", "150", "--through-time-every", "0"),
)
GRID = (*SMALL, "--clip", "none,global-norm:0.1", "--lr", "1.5", "--seeds", "2")


def call(*arguments, code: int = 0) -> subprocess.CompletedProcess:
    command = [PROGRAM, *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120, check=False)
    assert result.returncode == code, result.stdout + result.stderr
    return result


@pytest.fixture(scope="session")
def measured(made_once):
    """Return a sweep that measured every tenth step."""

    def make(folder: Path):
        call("sweep", *GRID, "--smoothness-every", 10, "--out", folder / "out", "-q")
        return folder / "out"

    return made_once("measured", make)


@pytest.fixture
def copied(measured, tmp_path) -> Path:
    return Path(shutil.copytree(measured, tmp_path / "out"))


def steps_of(folder: Path) -> list[dict]:
    lines = (folder / "steps.jsonl").read_text(encoding="utf-8").splitlines()[1:]
    return [json.loads(line) for line in lines]


def runs_of(out: Path) -> list[Path]:
    return sorted((out / "runs").iterdir())


# ---- The numbers


CELLS = {
    "lstm": ("--cell", "lstm"),
    "gru": ("--cell", "gru"),
    "tanh": ("--cell", "rnn-tanh", "--lr", "0.05"),
    "momentum": ("--cell", "lstm", "--momentum", "0.9"),
    "adam": ("--cell", "lstm", "--optimizer", "adam", "--lr", "0.001"),
    "clipped": ("--cell", "lstm", "--clip", "global-norm:0.1", "--lr", "1"),
    "number": ("--task", "adding", "--length", "20", "--lr", "0.02"),
}


@pytest.mark.parametrize("settings", CELLS.values(), ids=CELLS)
def test_both_numbers_are_those_of_exact_derivatives_in_double(settings, replay):  # noqa: F811
    """PyTorch's own are in double, the sharpness by a product with the Hessian."""
    clip = () if "--clip" in settings else ("--clip", "none")
    document = trace(*settings, *clip, "--smoothness-every", "6")
    assert [step["step"] for step in document["steps"] if "sharpness" in step] == list(range(6, STEPS + 1, 6))
    code, printed = replay(document)
    assert code == 0, printed
    assert "sharpness" in printed and "smoothness" in printed


def test_carried_states_are_part_of_the_measurement(replay):  # noqa: F811
    settings = ("--task", "markov", "--hidden", "8", "--lr", "0.5", "--clip", "none")
    code, printed = replay(trace(*settings, "--smoothness-every", "5"))
    assert code == 0, printed


def test_the_fit_is_that_of_all_measured_steps(measured):
    summary = json.loads((measured / "summary.json").read_text(encoding="utf-8"))
    for arm in summary["arms"]:
        steps = [
            step
            for run in runs_of(measured)
            if run.name.startswith(arm["arm"])
            for step in steps_of(run)
            if step.get("smoothness")
        ]
        x = np.log10([step["grad_norm_raw"] for step in steps])
        y = np.log10([step["smoothness"] for step in steps])
        slope, intercept = np.polyfit(x, y, 1)
        found = arm["smoothness"]
        assert found["points"] == len(steps) > 50
        assert found["slope"] == pytest.approx(slope, rel=1e-9)
        assert found["intercept"] == pytest.approx(intercept, rel=1e-9)
        assert found["correlation"] == pytest.approx(np.corrcoef(x, y)[0, 1], rel=1e-9)


def test_the_comparison_prints_r_for_each_arm(measured):
    printed = call("summarize", measured).stdout
    assert "correlation r" in printed
    table = printed[printed.index("Local smoothness") :].split("\n\n")[0].splitlines()
    assert max(map(len, table)) <= 80
    assert [line.split()[0] for line in table[-2:]] == ["none", "global-norm:0.1"]
    for arm, line in zip(json.loads(call("summarize", measured, "--json").stdout)["arms"], table[-2:]):
        assert line.split()[-1] == f"{arm['smoothness']['correlation']:+.2f}"


def test_only_measured_lines_have_the_columns(measured):
    for run in runs_of(measured):
        for step in steps_of(run):
            assert ("smoothness" in step) == ("sharpness" in step) == (step["step"] % 10 == 0)
    assert call("validate", measured).stdout.endswith("no problems\n")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda step: step.pop("sharpness"), '"sharpness" is missing, but smoothness_every is 10'),
        (lambda step: step.update(smoothness=-1.0), '"smoothness" must be a finite number from 0'),
        (lambda step: step.update(sharpness="NaN"), '"sharpness" must be a finite number, not nan'),
        (lambda step: step.update(step=step["step"]), None),
    ],
)
def test_validate_checks_the_columns(copied, change, problem):
    log = runs_of(copied)[0] / "steps.jsonl"
    lines = log.read_text(encoding="utf-8").splitlines()
    step = json.loads(lines[20])
    change(step)
    lines[20] = json.dumps(step, separators=(",", ":"))
    log.write_text("\n".join(lines) + "\n", encoding="utf-8")
    printed = call("validate", copied, code=3 if problem else 0).stdout
    assert printed.endswith("no problems\n") if problem is None else problem in printed


def test_a_sweep_is_not_continued_with_another_interval(measured):
    refused = call("sweep", *GRID, "--out", measured, code=2).stderr
    assert "smoothness_every is 10, not 0" in refused


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--smoothness-every", "50", "--log-every", "100"), ("not a multiple of log_every (100)", "100")),
        (("--smoothness-every", "-1"), ("whole number", "from 0")),
        (("--smoothness-every", "often"), ("whole number", "from 0")),
    ],
)
def test_a_wrong_interval_is_refused_before_anything_starts(tmp_path, flags, words):
    refused = call("sweep", *GRID, *flags, "--out", tmp_path / "out", code=2).stderr
    assert refused.count("\n") == 1 and all(word in refused for word in words)
    assert not (tmp_path / "out").exists()


# ---- The figures


def with_measurements(folder):
    """Give a made-up sweep a smoothness of 3 norm^0.5 and a growing sharpness at every second step."""
    for run in folder.runs:
        for name, value in (
            ("smoothness", lambda norm, step: 3 * norm**0.5),
            ("sharpness", lambda norm, step: step - 5.0),
        ):
            path = folder.run_folder(run) / "steps.jsonl"
            header, *steps = map(json.loads, path.read_text(encoding="utf-8").splitlines())
            for step in steps:
                norm = step["grad_norm_raw"]
                if step["step"] % 2 == 0 and isinstance(norm, float):
                    step[name] = value(norm, step["step"])
            text = "".join(json.dumps(line) + "\n" for line in [header, *steps])
            path.write_text(text, encoding="utf-8")
    path = folder.folder / "summary.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    for arm in document["arms"]:
        arm["smoothness"] = {"points": 20, "slope": 0.5, "intercept": math.log10(3), "correlation": 0.83}
    dump(path, document)
    return folder


@pytest.fixture
def made_up(sweep):
    return with_measurements(sweep(cross([NONE, VALUE, NORM], [0.01, 0.1], seeds=2)))


def test_the_points_lie_on_the_line_that_fits_them(made_up):
    page = lone(made_up, "smoothness")
    assert len(page.figure.axes) == 6
    for axes in page.figure.axes:
        (points,) = axes.collections
        norm, smoothness = np.asarray(points.get_offsets()).T
        assert len(norm) == 40
        (line,) = (line for line in axes.get_lines() if line.get_gid() == "fit")
        assert np.interp(np.log(norm), *np.log(line.get_data())) == pytest.approx(np.log(smoothness))


def test_the_title_states_the_correlations(made_up):
    title = lone(made_up, "smoothness").title
    assert "+0.83 with clipping (value:0.5 at lr 0.01, slope +0.50)" in title
    assert "+0.83 without (none at lr 0.01, slope +0.50)" in title


def test_the_title_names_no_arm_whose_line_is_flat(made_up):
    path = made_up.folder / "summary.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    flat = {"points": 20, "slope": 0.004, "intercept": 0.0, "correlation": 0.99}
    for arm in document["arms"]:
        arm["smoothness"] = flat if arm["learning_rate"] == 0.01 else arm["smoothness"]
    dump(path, document)
    title = lone(made_up, "smoothness").title
    assert "lr 0.01" not in title and "+0.83 with clipping (value:0.5 at lr 0.1" in title
    for arm in document["arms"]:
        arm["smoothness"] = flat
    dump(path, document)
    assert "does not change with the gradient norm" in lone(made_up, "smoothness").title


def test_the_sharpness_is_compared_with_two_by_the_learning_rate(made_up):
    page = lone(made_up, "sharpness")
    for axes in page.figure.axes:
        rate = 0.1 if "lr 0.1\n" in axes.get_title("left") else 0.01
        dashed = axes.get_lines()[-1].get_ydata()
        assert max(dashed) >= 2 / rate - 1e-9  # more where the step was clipped
    assert "Negative values (10.0 %)" in page.caption


@pytest.mark.parametrize("name", ["smoothness", "sharpness"])
def test_sweeps_without_measurements_say_why(sweep, name):
    assert "--smoothness-every" in draw(sweep(cross([NONE, VALUE])), name)[1]


@pytest.mark.parametrize("width", [None, 3.3, 6.8])
@pytest.mark.parametrize("name", ["smoothness", "sharpness"])
def test_no_text_of_the_figures_overlaps(made_up, name, width):
    pages, _ = draw(made_up, name, width)
    assert pages and all(overlaps(page.figure) == [] for page in pages)


# ---- The cliff


def cliff(out: Path, run: Path, step: int, *flags) -> dict:
    call("cliff", out, run.name, "--step", step, *flags)
    return json.loads((run / f"cliff_{step}.json").read_text(encoding="utf-8"))


def run_of(out: Path, name: str) -> Path:
    return next(run for run in runs_of(out) if f"{name}_lr" in run.name)


def distance(mark: dict) -> float:
    return math.hypot(mark["along"], mark["across"], mark["off_plane"])


@pytest.mark.parametrize("step", [1, 60, 160])
def test_the_steps_land_where_the_log_says(copied, step):
    run = run_of(copied, "global-norm-0.1")
    logged = steps_of(run)[step - 1]
    found = cliff(copied, run, step)
    assert (found["loss"], found["grad_norm_raw"]) == (logged["loss"], logged["grad_norm_raw"])
    assert found["same_as_log"] is True and found["limit"] == 0.1
    assert found["across_direction"] == ("random" if step == 1 else "previous update")
    for mark, norm in (("unclipped", "grad_norm_raw"), ("clipped", "grad_norm_clipped")):
        assert found[mark]["along"] == pytest.approx(1.5 * logged[norm], rel=1e-4)
        assert distance(found[mark]) == pytest.approx(found[mark]["along"], rel=1e-4)
    assert call("validate", copied).stdout.endswith("no problems\n")


def test_the_slice_has_the_slope_and_the_curvature_of_the_log(copied):
    run = run_of(copied, "global-norm-0.1")
    logged = steps_of(run)[59]  # a measured one
    found = cliff(copied, run, 60, "--span", 0.05)
    along, losses = np.array(found["slice"]["along"]), np.array(found["slice"]["losses"])
    slope, curvature = np.polyfit(along, losses, 4)[3], 2 * np.polyfit(along, losses, 4)[2]
    assert slope == pytest.approx(-logged["grad_norm_raw"], rel=1e-2)
    assert curvature == pytest.approx(logged["sharpness"], rel=0.1)


def test_the_surface_contains_the_slice(copied):
    found = cliff(copied, run_of(copied, "none"), 60, "--points", 9)
    along, across, losses = (np.array(found[key]) for key in ("along", "across", "losses"))
    assert losses.shape == (9, 9) and across[4] == pytest.approx(0, abs=1e-12)
    sliced = np.interp(along, found["slice"]["along"], found["slice"]["losses"])
    assert losses[4] == pytest.approx(sliced, rel=1e-3)
    assert np.ptp(losses, axis=0).max() > 1e-4  # the second direction matters too


def test_momentum_stays_in_the_plane_of_the_previous_update(tmp_path):
    settings = (*SMALL, "--clip", "none", "--lr", "0.1", "--seeds", "1", "--momentum", "0.9")
    call("sweep", *settings, "--out", tmp_path / "out", "-q")
    found = cliff(tmp_path / "out", runs_of(tmp_path / "out")[0], 100)
    assert abs(found["unclipped"]["across"]) > 0.1 * distance(found["unclipped"])
    assert found["unclipped"]["off_plane"] < 1e-3 * distance(found["unclipped"])
    assert found["clipped"] == found["unclipped"]


def test_the_terminal_says_where_the_steps_land_and_what_to_do_next(copied):
    run = run_of(copied, "global-norm-0.1")
    result = call("cliff", copied, run.name, "--step", 60, "--points", 5)
    assert result.stderr.startswith("Training the run again up to step 60.\n")
    assert "100 %" in result.stderr and "runs" not in result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == run.name and lines[1].startswith("step 60, gradient norm ")
    assert [line.split()[0] for line in lines[4:6]] == ["before", "unclipped"]
    assert lines[-2:] == [f"Written: {run / 'cliff_60.json'}", f"Figure:  clipsweep report {copied}"]


def test_the_run_and_its_other_files_stay_as_they_are(copied):
    run = run_of(copied, "none")
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    cliff(copied, run, 200, "--points", 3)
    after = {path.name: path.read_bytes() for path in run.iterdir()}
    assert after.pop("cliff_200.json") and after == before


def test_the_default_is_the_largest_spike(copied):
    run = run_of(copied, "none")
    document = json.loads((run / "run.json").read_text(encoding="utf-8"))
    spikes = [event for event in document["events"] if event["kind"] == "spike"]
    if spikes:
        call("cliff", copied, run.name, "--points", 3)
        largest = max(spikes, key=lambda event: event["norm"])
        assert (run / f"cliff_{largest['step']}.json").exists()
    else:
        assert "has no spike; name a step" in call("cliff", copied, run.name, code=2).stderr


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--step", "301"), "from 1 to 300"),
        (("--step", "0"), "from 1"),
        (("--step", "5", "--points", "2"), "from 3 to 401"),
        (("--step", "5", "--points", "402"), "from 3 to 401"),
        (("--step", "5", "--span", "0"), "above 0"),
        (("--step", "5", "--span", "nan"), "above 0"),
    ],
)
def test_wrong_options_are_refused_in_one_line(copied, flags, words):
    refused = call("cliff", copied, run_of(copied, "none").name, *flags, code=2).stderr
    assert words in refused and refused.count("\n") == 1
    assert not list(copied.glob("runs/*/cliff_*"))


def test_an_unknown_or_unfinished_run_is_refused(copied):
    run = run_of(copied, "none")
    assert "run" in call("cliff", copied, "nonsense", code=2).stderr
    assert "no run is named" in call("cliff", copied, code=2).stderr
    (run / "run.json").unlink()
    assert "has not finished" in call("cliff", copied, run.name, "--step", 5, code=2).stderr


def test_another_instruction_set_is_reported(copied):
    run = run_of(copied, "none")
    slowest = instruction_sets()[-1]
    environment = {**os.environ, "CLIPSWEEP_SIMD": slowest}
    command = [PROGRAM, "cliff", copied, run.name, "--step", "250", "--points", "3"]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", env=environment, check=True)
    found = json.loads((run / "cliff_250.json").read_text(encoding="utf-8"))
    assert found["same_as_log"] is not (f"warning: trained again with fused, {slowest}" in result.stderr)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda found: found.update(step=61), "which the name of the file does not say"),
        (lambda found: found.update(run="none_lr-1.5_seed-9_00000000"), "not the run in whose folder"),
        (lambda found: found["unclipped"].pop("loss"), "loss"),
    ],
)
def test_validate_checks_a_cliff(copied, change, words):
    run = run_of(copied, "none")
    found = cliff(copied, run, 60, "--points", 3)
    change(found)
    path = run / "cliff_60.json"
    path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    assert words in call("validate", copied, code=3).stdout


@pytest.fixture
def with_cliff(copied):
    """Return a folder with a step whose unclipped end and two corners of the plane are not finite."""
    run = run_of(copied, "global-norm-0.1")
    found = cliff(copied, run, 60, "--points", 11)
    found["losses"][0][0], found["losses"][10][10] = "NaN", "Infinity"
    found["slice"]["losses"][-20:] = ["NaN"] * 20
    found["unclipped"]["loss"] = "NaN"
    dump(run / "cliff_60.json", found)
    return type("Folder", (), {"folder": copied})


@pytest.mark.parametrize("width", [None, 3.3, 6.8])
def test_the_figure_shows_the_surface_the_slice_and_what_is_not_finite(with_cliff, width):
    pages, why = draw(with_cliff, "cliff", width)
    assert why is None
    (page,) = pages
    assert overlaps(page.figure) == []
    assert "to NaN, with it to" in page.title and "Grey" in page.caption
    surface, slice_axes = page.figure.axes
    assert any(artist.get_gid() == "surface" for artist in surface.get_children())
    (line,) = (line for line in slice_axes.get_lines() if line.get_gid() == "slice")
    assert np.isnan(line.get_ydata()[-20:].astype(float)).all()


def test_long_names_and_huge_distances_stay_off_the_titles_of_a_cliff(with_cliff, monkeypatch):
    long_name = property(lambda self: "global-norm:0.1 at lr 0.05, length 20, hidden 8, seed 1, step 1,113")
    monkeypatch.setattr("clipsweep_plots.figures.cliff.Shown.name", long_name)
    for path in with_cliff.folder.glob("runs/*/cliff_60.json"):
        found = json.loads(path.read_text(encoding="utf-8"))
        for axis in ("along", "across"):
            found[axis] = [1e9 * place for place in found[axis]]
        dump(path, found)
    (page,), why = draw(with_cliff, "cliff")
    assert why is None and overlaps(page.figure) == []
    for axes in page.figure.axes:
        assert axes.xaxis.get_offset_text().get_text() == axes.yaxis.get_offset_text().get_text() == ""


def test_a_sweep_without_cliffs_says_how_to_get_one(sweep):
    assert "clipsweep cliff DIR RUN" in draw(sweep(cross([NONE])), "cliff")[1]


def test_a_damaged_cliff_is_the_reason_why_none_is_drawn(copied):
    run = run_of(copied, "none")
    (run / "cliff_7.json").write_text('{"schema": "clipsweep/cliff-1"}', encoding="utf-8")
    why = draw(type("Folder", (), {"folder": copied}), "cliff")[1]
    assert "cliff_7.json" in why and "no key" in why
