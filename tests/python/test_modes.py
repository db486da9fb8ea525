"""Every clipping mode through the real program: `clip` on gradients in JSON, and whole sweeps."""

import functools
import json
import math
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from small_data import with_little_data

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("CLIPSWEEP", str(ROOT / "build/release/clipsweep"))
USAGE = 2

# Thresholds at which modes act on the short sweeps below. A mode that is not listed uses the default.
THRESHOLDS = {
    "global-norm": 0.3,
    "tensor-norm": 0.2,
    "scale": 1,
    "smooth": 1,
    "skip": 0.5,
    "carry": 0.3,
    "tensor-rms": 0.01,
    "agc": 0.01,
    "autoclip": 10,
    "median": 0.8,
    "zclip": 0.5,
    "adagc": 1.05,
    "backprop": 0.001,
    "update-norm": 0.03,
    "random-step": 0.3,
}
DEFAULT_THRESHOLD = 0.05


def call(*arguments, text: str = "") -> subprocess.CompletedProcess:
    return subprocess.run(
        [PROGRAM, *map(str, arguments)],
        input=text,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


@functools.cache
def clips() -> list[str]:
    """Return every mode of the program with a threshold, `none` first."""
    message = call("plan", "--mode", "no-such-mode").stderr
    modes = message.strip().split("allowed: ")[1].split(", ")
    assert modes[0] == "none" and len(modes) >= 12 and set(THRESHOLDS) < set(modes)
    return ["none", *(f"{mode}:{THRESHOLDS.get(mode, DEFAULT_THRESHOLD)}" for mode in modes[1:])]


def strict(text: str):
    def refuse(name):
        raise ValueError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


def clipped(**request) -> dict:
    result = call("clip", "-", text=json.dumps(request))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.count("\n") == 1
    return strict(result.stdout)


def refusal(text: str) -> str:
    result = call("clip", "-", text=text)
    assert (result.returncode, result.stdout) == (USAGE, "")
    assert result.stderr.startswith("clipsweep: ") and result.stderr.count("\n") == 1
    return result.stderr


# ---- clip ----------------------------------------------------------------------------------------


def test_clip_scales_to_the_norm():
    answer = clipped(mode="global-norm", threshold=1, gradients={"a": [3, 4]})
    assert answer["norm"] == 5 and answer["gradients"] == {"a": [0.6, 0.8]}
    assert answer["clipped"] is True and answer["limit"] == 1 and answer["cosine"] == 1
    assert list(answer) == [
        "norm",
        "clipped_norm",
        "scale",
        "clipped",
        "clipped_fraction",
        "cosine",
        "limit",
        "gradients",
        "events",
    ]


def test_clip_accepts_norms_that_overflow_float32():
    answer = clipped(mode="global-norm", threshold=1, gradients={"a": [1e20, 1e20]})
    assert answer["norm"] == pytest.approx(1.4142e20, rel=1e-4)
    assert answer["gradients"]["a"] == pytest.approx([0.7071, 0.7071], rel=1e-4)
    assert answer["events"] == [{"kind": "norm-overflow"}]


def test_clip_leaves_a_gradient_at_its_limit():
    answer = clipped(mode="global-norm", threshold=5, gradients={"a": [3, 4]})
    assert answer["clipped"] is False and answer["gradients"] == {"a": [3, 4]}


@pytest.mark.parametrize("threshold", ["-1", "0", '"NaN"', "null", "true", '"1"', "[1]", "1e-60"])
def test_clip_refuses_invalid_thresholds(threshold):
    text = f'{{"mode":"global-norm","threshold":{threshold},"gradients":{{"a":[3,4]}}}}'
    assert '"threshold"' in refusal(text)


def test_clip_agrees_with_numpy_in_float64():
    stream = np.random.default_rng(1)
    tensors = {"w": stream.normal(size=(5, 7)), "b": stream.normal(size=7), "x": np.array(stream.normal())}
    gradients = {name: value.tolist() for name, value in tensors.items()}
    request = {"threshold": 0.25, "dtype": "float64", "gradients": gradients}
    norm = math.sqrt(sum(np.square(value).sum() for value in tensors.values()))
    answers = {
        "value": {name: np.clip(value, -0.25, 0.25) for name, value in tensors.items()},
        "global-norm": {name: value * 0.25 / norm for name, value in tensors.items()},
        "tensor-norm": {
            name: value * min(1, 0.25 / np.linalg.norm(value)) for name, value in tensors.items()
        },
        "tensor-rms": {
            name: value * min(1, 0.25 / np.sqrt(np.mean(np.square(value))))
            for name, value in tensors.items()
        },
    }
    for mode, expected in answers.items():
        answer = clipped(mode=mode, **request)
        assert answer["norm"] == pytest.approx(norm, rel=1e-15)
        for name, value in expected.items():
            np.testing.assert_allclose(answer["gradients"][name], value, rtol=4e-16)
        flat = [np.concatenate([np.ravel(value) for value in set_.values()])
                for set_ in (tensors, expected)]
        cosine = flat[0] @ flat[1] / np.linalg.norm(flat[0]) / np.linalg.norm(flat[1])
        assert answer["cosine"] == pytest.approx(cosine, abs=1e-14)


def test_autoclip_agrees_with_numpys_percentile():
    norms = np.random.default_rng(2).exponential(size=50)
    steps = [{"gradients": {"a": [norm]}} for norm in norms]
    answer = clipped(mode="autoclip", threshold=37.5, dtype="float64", steps=steps)
    for i, step in enumerate(answer["steps"]):
        limit = np.percentile(norms[: i + 1], 37.5)
        assert step["limit"] == pytest.approx(limit, rel=1e-15)
        assert step["gradients"]["a"][0] == pytest.approx(min(norms[i], limit), rel=1e-15)


def test_a_random_step_has_the_length_and_no_preferred_direction():
    gradient = {"a": ["NaN"] * 1000}
    answer = clipped(mode="random-step", threshold=2, gradients=gradient, seed=5)
    assert answer["clipped_norm"] == pytest.approx(2) and answer["scale"] == "NaN"
    assert answer["events"][0]["nan"] == 1000
    drawn = np.array(answer["gradients"]["a"])
    assert abs(drawn.mean()) < 4 * 2 / 1000  # of 1,000 numbers with the deviation 2 / sqrt(1000)
    assert answer == clipped(mode="random-step", threshold=2, gradients=gradient, seed=5)
    assert answer != clipped(mode="random-step", threshold=2, gradients=gradient, seed=6)


def test_clip_reads_a_file_a_pipe_and_standard_input(tmp_path):
    text = '{"mode":"none","gradients":{"a":[1]}}'
    (tmp_path / "request.json").write_text(text, encoding="utf-8")
    answers = {
        call("clip", tmp_path / "request.json").stdout,
        call("clip", "-", text=text).stdout,
        call("clip", text=text).stdout,
        call("clip", "/dev/stdin", text=text).stdout,
    }
    assert len(answers) == 1 and strict(answers.pop())["norm"] == 1


@pytest.mark.parametrize("name", ["missing.json", ".", "a\nb"])
def test_a_file_that_cannot_be_read_is_named(name, tmp_path):
    result = call("clip", tmp_path / name)
    assert result.returncode == USAGE and result.stderr.count("\n") == 1
    assert "cannot read" in result.stderr


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "null",
        "{",
        '{"mode":"value"}}',
        '{"mode":1,"gradients":{}}',
        '{"mode":"value","threshold":1,"gradients":{"a":NaN}}',
        '{"mode":"value","threshold":1,"gradients":{"a":[1,[2]]}}',
        '{"mode":"value","threshold":1,"gradients":{"a":[[1],[2,3]]}}',
        '{"mode":"value","threshold":1,"gradients":{"a":["x"]}}',
        '{"mode":"value","threshold":1,"gradients":{"a":["nan"]}}',
        '{"mode":"value","threshold":1,"gradients":{"a":1e999}}',
        '{"mode":"value","threshold":1,"gradients":{"\\u001b[31m\\n":["x"]}}',
        '{"mode":"value","threshold":1,"gradients":{},"gradients":{}}',
        '{"mode":"value","threshold":1,"gradients":{},"unknown":1}',
        '{"mode":"value","threshold":1,"gradients":{"a":' + "[" * 99999 + "]" * 99999 + "}}",
        '{"mode":"value","threshold":1,"gradients":{"a":' + "[" * 99999,
        "\x00",
        '{"mode":"value","threshold":1,"dtype":"int8","gradients":{}}',
    ],
)
def test_clip_refuses_an_invalid_request_in_one_line(text):
    message = refusal(text)
    assert len(message) < 400 and "\x1b" not in message


def test_clip_accepts_a_million_numbers():
    answer = clipped(mode="global-norm", threshold=1, gradients={"a": [[0.5] * 1000] * 1000})
    assert answer["norm"] == 500 and len(answer["gradients"]["a"]) == 1000


def test_clip_does_not_load_libtorch():
    libraries = subprocess.run(["ldd", PROGRAM], capture_output=True, encoding="utf-8", check=True)
    assert "torch" not in libraries.stdout


# ---- Sweeps --------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["fused", "reference"])
def swept(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("modes") / "out"
    options = ("--lr", "0.1", "--seeds", "2", "--epochs", "1", "--steps-per-epoch", "120")
    result = call("sweep", *with_little_data("--clip", ",".join(clips()), *options), "--engine", request.param, "--out", folder)
    assert result.returncode == 0, result.stderr
    return folder


def steps_of(folder: Path, arm: str) -> list[dict]:
    (log,) = folder.glob(f"runs/{arm}_lr-0.1_seed-0_*/steps.jsonl")
    return [strict(line) for line in log.read_text(encoding="utf-8").splitlines()[1:]]


def test_a_sweep_of_every_mode_is_valid(swept):
    result = call("validate", swept)
    assert (result.returncode, result.stderr) == (0, ""), result.stdout


def test_every_mode_acts_and_leaves_evidence(swept):
    for clip in clips()[1:]:
        arm = clip.replace(":", "-")
        steps = steps_of(swept, arm)
        acted = [step for step in steps if step["clipped"]]
        assert len(acted) >= 10, arm
        for step in steps:
            assert step["effective_learning_rate"] == pytest.approx(0.1 * step["clip_scale"])
            is_skipped = arm.startswith("skip") and step["clipped"]
            assert (step["cosine"] is None) == (arm.startswith("backprop") or is_skipped)
            assert ("update_norm" in step) == (not is_skipped) and step["weight_norm"] > 0
            assert step["clipped"] == (step["clipped_fraction"] > 0)
        if arm.split("-")[0] in ("global", "scale", "smooth", "autoclip", "median", "zclip", "update"):
            assert all(step["cosine"] == 1 for step in acted), arm
        if arm.startswith("value"):
            assert all(0.1 < step["cosine"] < 1 for step in acted)


def test_the_limit_of_autoclip_is_the_percentile_of_the_norms_so_far(swept):
    norms = []
    for step in steps_of(swept, "autoclip-10"):
        norms.append(step["grad_norm_raw"])
        assert step["limit"] == pytest.approx(np.percentile(norms, 10), rel=1e-12)
        assert step["grad_norm_clipped"] == pytest.approx(min(norms[-1], step["limit"]), rel=1e-6)


def test_the_summary_classifies_the_clipping_of_each_arm(swept):
    arms = {arm["mode"]: arm for arm in strict(call("summarize", swept, "--json").stdout)["arms"]}
    assert arms["none"]["reading"] == "no clipping"
    assert arms["scale"]["reading"] == "step-size limiter"
    assert arms["backprop"]["reading"] == "acts nearly always"  # its direction is not measured
    assert arms["backprop"]["mean_cosine"] is None
    assert arms["global-norm"]["mean_cosine"] == pytest.approx(1)
    assert abs(arms["random-step"]["mean_cosine"]) < 0.1


def test_the_what_if_table_agrees_with_the_logs(swept):
    (table,) = strict(call("summarize", swept, "--json").stdout)["what_if"]
    steps = []
    for log in swept.glob("runs/none_lr-0.1_*/steps.jsonl"):
        steps += [strict(line) for line in log.read_text(encoding="utf-8").splitlines()[1:]]
    assert table["steps"] == len(steps) == 240
    assert [table["acted"][i]["threshold"] for i in (0, 9, 18)] == [0.001, 1, 1000]
    for row in table["acted"]:
        over = np.mean([step["grad_norm_raw"] > row["threshold"] for step in steps])
        assert row["global_norm"] == pytest.approx(over)
        over = np.mean([max(step["tensors"].values()) > row["threshold"] for step in steps])
        assert row["tensor_norm"] == pytest.approx(over)
        over = np.mean([step["grad_max_abs"] > row["threshold"] for step in steps])
        assert row["value"] == pytest.approx(over)


def test_summarize_fits_a_terminal(swept):
    text = call("summarize", swept).stdout
    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert "What clipping did" in text and "What if" in text


# Modes that remember earlier steps, act elsewhere than on the gradient, or draw random numbers. The reference
# engine trains one of each kind: what modes remember is outside the engines, and it starts in a second.
ALONE = {
    "fused": (
        "skip:0.5",
        "carry:0.3",
        "median:0.8",
        "zclip:0.5",
        "adagc:1.05",
        "backprop:0.001",
        "update-norm:0.03",
        "random-step:0.3",
    ),
    "reference": ("carry:0.3", "backprop:0.001", "random-step:0.3"),
}


def test_a_run_is_the_same_in_a_sweep_of_its_own(swept, tmp_path):
    sweep = strict((swept / "sweep.json").read_text(encoding="utf-8"))
    options = ("--lr", "0.1", "--seeds", "1-1", "--epochs", "1", "--steps-per-epoch", "120")
    engine = sweep["settings"]["engine"]
    for clip in ALONE[engine]:
        folder = tmp_path / clip.replace(":", "-")
        result = call("sweep", *with_little_data("--clip", clip, *options), "--engine", engine, "--out", folder)
        assert result.returncode == 0, result.stderr
        (run,) = (folder / "runs").iterdir()
        alone = (run / "steps.jsonl").read_bytes()
        assert alone == (swept / "runs" / run.name / "steps.jsonl").read_bytes(), clip


def test_thresholds_decay_by_epochs_in_every_engine(tmp_path):
    clips = "none,value:0.1,global-norm:0.3,backprop:0.01,update-norm:0.03"
    options = ("--lr", "0.1", "--seeds", "1", "--epochs", "2", "--steps-per-epoch", "20", "--threshold-decay", "0.01")
    for engine in ("fused", "reference"):
        folder = tmp_path / engine
        call_options = (*with_little_data("--clip", clips, *options), "--engine", engine, "--out", folder)
        assert call("sweep", *call_options).returncode == 0
        assert call("validate", folder).returncode == 0
        for clip in clips.split(",")[1:]:
            mode, threshold = clip.split(":")
            steps = steps_of(folder, f"{mode}-{threshold}_decay-by-0.01")
            limits = [step["limit"] for step in steps]
            assert limits == [float(threshold)] * 20 + [float(threshold) * 0.01] * 20
            # A hundredth of the threshold acts on more of a gradient, also inside of the engine.
            shares = np.reshape([step["clipped_fraction"] for step in steps], (2, 20)).mean(axis=1)
            assert shares[1] > shares[0], clip


def test_the_logs_have_the_scheduled_rate(tmp_path):
    options = ("--seeds", "1", "--epochs", "2", "--steps-per-epoch", "10", "--lr", "0.1")
    schedule = ("--lr-warmup", "4", "--lr-schedule", "linear")
    folder = tmp_path / "out"
    result = call("sweep", *with_little_data("--clip", "none", *options, *schedule), "--out", folder)
    assert result.returncode == 0, result.stderr
    assert call("validate", folder).returncode == 0
    steps = steps_of(folder, "none")
    expected = [0.025, 0.05, 0.075, 0.1, *(0.1 * (1 - k / 16) for k in range(16))]
    assert [step["scheduled_learning_rate"] for step in steps] == pytest.approx(expected)
    for step in steps:
        assert step["update_norm"] == pytest.approx(step["scheduled_learning_rate"] * step["grad_norm_raw"], rel=1e-6)


def test_a_mode_that_never_acts_trains_the_weights_of_the_baseline(tmp_path):
    off = ",".join(f"{clip.split(':')[0]}:inf" for clip in clips()[1:])
    folder = tmp_path / "out"
    options = ("--seeds", "1", "--epochs", "1", "--steps-per-epoch", "40", "--out", folder)
    grid = ("--clip", f"none,{off},autoclip:100,zclip:1e30,global-norm:1e30")
    result = call("sweep", *with_little_data(*grid, *options))
    assert result.returncode == 0, result.stderr
    records = [strict(path.read_text(encoding="utf-8")) for path in folder.glob("runs/*/run.json")]
    assert len(records) == len(clips()) + 3
    assert len({record["sha256"]["final_weights"] for record in records}) == 1
    arms = strict((folder / "summary.json").read_text(encoding="utf-8"))["arms"]
    assert {arm["reading"] for arm in arms} == {"no clipping", "never acted"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--clip", "autoclip:101"), "a percentile from 0 to 100"),
        (("--clip", "autoclip:-1"), "a percentile from 0 to 100"),
        (("--mode", "autoclip,value", "--threshold", "0"), "--threshold 0: mode value: a threshold must be above"),
        (("--clip", "value:1", "--norm-type", "1"), "norm_type has no effect on the listed modes"),
        (("--clip", "zclip:1", "--output-threshold", "1"), "--output-threshold has no effect on the listed modes"),
        (("--clip", "global-norm:1", "--norm-type", "3"), "must be 1, 2 or inf"),
        (("--clip", "random-step:0"), "above 0"),
        (("--l1", "nan"), "must be a finite number from 0"),
    ],
)
def test_invalid_settings_are_refused_before_training(arguments, words, tmp_path):
    result = call("sweep", *arguments, "--out", tmp_path / "out")
    assert result.returncode == USAGE and words in result.stderr
    assert result.stderr.count("\n") == 1 and not (tmp_path / "out").exists()


def test_other_remedies_are_axes_with_the_plain_run_as_their_baseline(tmp_path):
    folder = tmp_path / "out"
    options = ("--epochs", "1", "--steps-per-epoch", "30", "--seeds", "1", "--out", folder)
    grid = ("--clip", "none,global-norm:0.1", "--weight-decay", "0,0.1", "--l1", "0,0.001",
            "--decoupled-weight-decay", "0,1")
    assert call("sweep", *with_little_data(*grid, *options)).returncode == 0
    summary = strict((folder / "summary.json").read_text(encoding="utf-8"))
    assert len(summary["arms"]) == 16
    baselines = {one["arm"]: one["baseline"] for one in summary["comparisons"]}
    assert baselines["none_lr-0.01_wd-0.1"] == "none_lr-0.01"
    assert baselines["global-norm-0.1_lr-0.01_l1-0.001"] == "none_lr-0.01_l1-0.001"
    hashes = {
        strict(path.read_text(encoding="utf-8"))["sha256"]["final_weights"]
        for path in folder.glob("runs/*/run.json")
    }
    assert len(hashes) == 16
    assert call("validate", folder).returncode == 0
