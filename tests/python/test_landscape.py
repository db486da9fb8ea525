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
from test_trace import replay, trace  # noqa: F401 (replay is a fixture)

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
    "tanh": ("--cell", "rnn-tanh", "--lr", "0.1"),
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
    assert [step["step"] for step in document["steps"] if "sharpness" in step] == list(range(6, 61, 6))
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
    assert "+0.83 with clipping" in title and "+0.83 without" in title


def test_the_sharpness_is_compared_with_two_by_the_learning_rate(made_up):
    page = lone(made_up, "sharpness")
    for axes in page.figure.axes:
        rate = 0.1 if "lr 0.1\n" in axes.get_title("left") else 0.01
        dashed = axes.get_lines()[-1].get_ydata()
        assert max(dashed) >= 2 / rate - 1e-9  # more where the step was clipped
    assert "negative" in page.caption


@pytest.mark.parametrize("name", ["smoothness", "sharpness"])
def test_sweeps_without_measurements_say_why(sweep, name):
    assert "--smoothness-every" in draw(sweep(cross([NONE, VALUE])), name)[1]


@pytest.mark.parametrize("width", [None, 3.3, 6.8])
@pytest.mark.parametrize("name", ["smoothness", "sharpness"])
def test_no_text_of_the_figures_overlaps(made_up, name, width):
    pages, _ = draw(made_up, name, width)
    assert pages and all(overlaps(page.figure) == [] for page in pages)
