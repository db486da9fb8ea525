"""`clipsweep advise`: its numbers against numpy, the formats of logs, bad input, and the figure."""

import csv
import io
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from clipsweep_plots import program as plot
from test_program import schema

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("CLIPSWEEP", str(ROOT / "build/release/clipsweep"))
USAGE, DATA = 2, 3
NAN, INF = math.nan, math.inf


def call(*arguments, text: str = "", **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [PROGRAM, *map(str, arguments)],
        input=text if isinstance(text, bytes) else text.encode(),
        capture_output=True,
        timeout=120,
        check=False,
        **options,
    )


def advice(*arguments, text: str = "") -> dict:
    result = call("advise", "--json", *arguments, text=text)
    assert (result.returncode, result.stderr) == (0, b"")
    document = json.loads(result.stdout, parse_constant=lambda name: pytest.fail(name))
    assert list(schema("advice").iter_errors(document)) == []
    return document


def refusal(*arguments, text: str = "", code: int = DATA) -> str:
    result = call("advise", *arguments, text=text)
    assert (result.returncode, result.stdout) == (code, b"")
    message = result.stderr.decode()
    assert message.startswith("clipsweep: ") and message.count("\n") == 1
    return message


def training(steps: int = 3000, seed: int = 5) -> np.ndarray:
    """Return norms that fall, with spikes, NaN and Inf."""
    random = np.random.default_rng(seed)
    norms = np.exp(random.normal(0, 0.6, steps)) * (4 * np.exp(-np.arange(steps) / 800) + 0.3)
    norms[random.random(steps) < 0.005] *= 40
    norms[[100, 2000]] = NAN
    norms[2500] = INF
    return norms


def text_of(norms) -> str:
    return "".join(f"{norm!r}\n" for norm in map(float, norms))


# ---- The numbers, against numpy ------------------------------------------------------------------


def autoclip(norms: np.ndarray, percentile: float = 10) -> tuple[int, float]:
    """Return clipped steps and mean scale, by the formula of Seetharaman et al. (2020)."""
    limits = np.array([np.percentile(norms[: i + 1], percentile) for i in range(len(norms))])
    return int((norms > limits).sum()), float(np.minimum(1, limits / norms).mean())


def zclip(norms: np.ndarray, threshold: float = 2.5, decay: float = 0.97) -> tuple[int, float]:
    """Return clipped steps and mean scale, by the formulas of Kumar et al. (2025)."""
    mean, variance = norms[:25].mean(), norms[:25].var()
    clipped, scales = 0, [1.0] * 25
    for norm in norms[25:]:
        z = (norm - mean) / math.sqrt(variance)
        kept = norm
        if z > threshold:
            clipped += 1
            kept = mean + math.sqrt(variance) * threshold**2 / z
        scales.append(kept / norm)
        mean = decay * mean + (1 - decay) * kept
        variance = decay * variance + (1 - decay) * (kept - mean) ** 2
    return clipped, float(np.mean(scales))


def spikes(norms: np.ndarray) -> list[int]:
    """Return the indices of the norms above ten times the median of up to 100 before them."""
    return [
        i for i in range(1, len(norms)) if norms[i] > 10 * np.median(norms[max(0, i - 100) : i])
    ]


def check_numbers(answer: dict, norms: np.ndarray) -> None:
    finite = norms[np.isfinite(norms)]
    assert (answer["steps"], answer["finite"]) == (len(norms), len(finite))
    assert answer["mean"] == pytest.approx(finite.mean(), rel=1e-12)
    percents = [item["percent"] for item in answer["percentiles"]]
    assert percents == [0, 1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9, 100]
    found = [item["norm"] for item in answer["percentiles"]]
    assert found == pytest.approx(np.percentile(finite, percents), rel=1e-12)
    assert len(answer["curve"]) > 20 and answer["thresholds"] and answer["suggestions"]
    for effect in answer["thresholds"] + answer["suggestions"] + answer["curve"]:
        threshold = effect["threshold"]
        assert effect["clipped"] == (finite > threshold).sum()
        assert effect["clipped_share"] == pytest.approx((finite > threshold).mean(), rel=1e-12)
        scale = np.minimum(1, threshold / finite).mean()
        assert effect["mean_scale"] == pytest.approx(scale, rel=1e-12)
    for suggestion in answer["suggestions"]:
        share = suggestion["clipped_share"]
        assert share == pytest.approx(1 - suggestion["percentile"] / 100, abs=0.05)
        by_fifth = np.mean(suggestion["clipped_share_by_fifth"])
        assert by_fifth == pytest.approx(share, abs=5 / len(finite))
    for effect, expected in zip(answer["adaptive"], (autoclip, zclip), strict=True):
        clipped, scale = expected(finite)
        assert (effect["mode"], effect["clipped"]) == (expected.__name__, clipped)
        assert effect["mean_scale"] == pytest.approx(scale, rel=1e-9)


def test_the_numbers_of_a_training_are_those_of_numpy():
    norms = training()
    answer = advice("-", text=text_of(norms))
    check_numbers(answer, norms)
    assert answer["nan"] == {"count": 2, "first_steps": [101, 2001]}
    assert answer["infinite"] == {"count": 1, "first_steps": [2501]}
    finite = norms[np.isfinite(norms)]
    assert answer["spikes"]["count"] == len(spikes(finite)) > 5
    fifths = [np.median(part) for part in np.split(finite[: len(finite) // 5 * 5], 5)]
    assert answer["drift"]["medians"] == pytest.approx(fifths, rel=0.02)  # other ends of the parts
    assert answer["drift"]["direction"] == "falls"


def test_the_numbers_from_1_to_1000():
    answer = advice("-", text="\n".join(map(str, range(1, 1001))))
    check_numbers(answer, np.arange(1.0, 1001))
    shares = {effect["threshold"]: effect["clipped_share"] for effect in answer["thresholds"]}
    assert shares[500] == 0.5 and shares[1000] == 0
    assert [item["threshold"] for item in answer["suggestions"]] == [990, 900, 100]


def test_thresholds_can_be_given():
    answer = advice("-", "--threshold", "2,logspace(10,1000,3),inf", text=text_of([1, 5, 50]))
    found = [effect["threshold"] for effect in answer["thresholds"]]
    assert found == [2, 10, 100, 1000, "Infinity"]
    assert [effect["clipped"] for effect in answer["thresholds"]] == [2, 1, 0, 0, 0]
    for wrong in ("0", "-1", "x", "nan"):
        refusal("-", "--threshold", wrong, text="1\n", code=USAGE)


# ---- Formats -------------------------------------------------------------------------------------


def as_table(norms, delimiter: str = ",") -> str:
    """Write a table as Lightning does, with rows of another metric between."""
    stream = io.StringIO()
    writer = csv.writer(stream, delimiter=delimiter)
    writer.writerow(["epoch", "grad_norm", "note", "step", "train_loss", "val_loss"])
    for i, norm in enumerate(norms):
        writer.writerow([0, repr(float(norm)), 'a "note"\nof two lines', 10 * i, i / 2, ""])
        writer.writerow([0, "", "", 10 * i, "", 1.5])
    return stream.getvalue()


def as_trainer_state(norms) -> str:
    """Write what transformers.Trainer does: NaN without quotes, and evaluations between."""
    history = []
    for i, norm in enumerate(norms):
        history.append({"epoch": i / 9, "grad_norm": float(norm), "loss": i / 2, "step": 10 * i})
        history.append({"epoch": i / 9, "eval_loss": 1.5, "step": 10 * i})
    state = {"best_metric": None, "global_step": 9, "log_history": history, "max_steps": 9}
    return json.dumps(state, indent=2) + "\n"


def as_json_lines(norms) -> str:
    rows = [
        {"step": 10 * i, "grad_norm": float(norm), "loss": i / 2} for i, norm in enumerate(norms)
    ]
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.mark.parametrize(
    "write",
    [
        as_table,
        lambda norms: as_table(norms, "\t"),
        lambda norms: as_table(norms, ";"),
        as_trainer_state,
        as_json_lines,
    ],
)
def test_every_format_has_the_same_numbers(write, tmp_path):
    norms = training()
    log = tmp_path / "log"
    log.write_text(write(norms), encoding="utf-8", newline="")
    answer, plain = advice(log), advice("-", text=text_of(norms))
    found = answer["log"]
    assert (found["column"], found["step_column"]) == ("grad_norm", "step")
    assert (answer["first_step"], answer["last_step"]) == (0, 10 * (len(norms) - 1))
    assert answer["nan"]["first_steps"] == [1000, 20000]
    assert answer["loss"]["count"] == len(norms)
    assert answer["loss"]["first_median"] == pytest.approx(np.median(np.arange(600) / 2))
    for key in ("percentiles", "thresholds", "adaptive", "suggestions", "curve", "drift"):
        assert answer[key] == plain[key]


def test_a_step_log_of_this_program(tmp_path):
    out = tmp_path / "out"
    swept = call(
        *("sweep", "--task", "adding", "--length", 10, "--hidden", 4, "--batch-size", 4),
        *("--clip", "none", "--seeds", 1, "--epochs", 2, "--steps-per-epoch", 60, "--out", out),
    )
    assert swept.returncode == 0, swept.stderr
    (log,) = out.glob("runs/*/steps.jsonl")
    steps = [json.loads(line) for line in log.read_text().splitlines()[1:]]
    answer = advice(log)
    assert answer["log"]["column"] == "grad_norm_raw" and answer["log"]["rows_without_norm"] == 1
    check_numbers(answer, np.array([step["grad_norm_raw"] for step in steps]))
    assert (answer["first_step"], answer["last_step"]) == (1, 120)
    run = json.loads((log.parent / "run.json").read_text())
    assert answer["spikes"]["count"] == run["totals"]["spikes"]
    percentiles = {item["percent"]: item["norm"] for item in answer["percentiles"]}
    assert percentiles[90] == pytest.approx(run["totals"]["grad_norm_raw"]["p90"], rel=1e-12)


def test_a_file_a_pipe_and_standard_input_are_the_same(tmp_path):
    log = tmp_path / "log.txt"
    log.write_text("1\n2\n3\n")
    answers = [advice(log), advice("-", text="1\n2\n3\n"), advice(text="1\n2\n3\n")]
    answers.append(advice("/dev/stdin", text="1\n2\n3\n"))
    assert [answer["log"].pop("name") for answer in answers] == [
        *(str(log), "stdin", "stdin", "/dev/stdin")
    ]
    assert all(answer == answers[0] for answer in answers)


def test_a_log_of_clipped_norms_is_noticed():
    norms = training()
    clipped = np.minimum(norms[np.isfinite(norms)], 2.0)
    answer = advice("-", text=text_of(clipped))
    assert answer["pile_up"] == {"norm": 2, "count": int((clipped == 2).sum())}
    assert "after clipping" in answer["cautions"][0]
    assert advice("-", text=text_of(norms))["pile_up"] is None


def test_the_text_fits_a_terminal_and_has_the_numbers():
    text = call("advise", "-", text=as_table(training())).stdout.decode()
    assert max(map(len, text.splitlines())) <= 80
    for words in ("2 norms are NaN", "spikes", "autoclip:10", "zclip:2.5", "--clip none,global-"):
        assert words in text


def test_a_million_lines_take_modest_memory(tmp_path):
    norms = np.exp(np.random.default_rng(1).normal(size=1_000_000))
    log = tmp_path / "log.txt"
    log.write_text(text_of(norms))
    limited = ["bash", "-c", f'ulimit -v 200000; exec "{PROGRAM}" advise --json "{log}"']
    done = subprocess.run(limited, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["steps"] == 1_000_000


# ---- Bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, words",
    [
        ("", ("stdin: empty", "trainer_state.json")),
        ("\n \n", ("stdin: empty",)),
        (b"1\n\x00\n", ("stdin:2: is binary",)),
        (b"\x89PNG\r\n\x1a\n\x00\x00", ("stdin:2: is binary",)),
        (b"\x1f\x8b\x08\x00", ("gzip", "gunzip -c")),
        ("1\n2\n".encode("utf-16"), ("UTF-16", "UTF-8")),
        ("nan\nnan\n", ("stdin: none of 2 norms is finite",)),
        ("1\n-0.5\n", ("stdin:2: -0.5 is below 0",)),
        ("1\nabc\n", ('stdin:2: "abc" is not a number',)),
        ("grad_norm,x\nabc,1\n", ('stdin:2: grad_norm is "abc"',)),
        ("grad_norm,x\n1,2,3\n4,5\n", ("stdin:2: 3 values", "2 columns")),
        ("grad_norm,x\n,2\n,3\n", ("grad_norm has no numbers",)),
        ("1 2\n3 4\n", ("stdin:1: several numbers", "header")),
        ('{"a": [1,\n2]}', ("log_history",)),
        ('{"grad_norm":1}\n{"grad_norm":}\n{"grad_norm":1}\n', ("stdin:2: not valid JSON",)),
        ("1\n" + "9" * (1 << 21), ("stdin:2: a line of more than 1024 KiB",)),
    ],
)
def test_bad_logs_are_refused_with_their_place(text, words):
    message = refusal("-", text=text)
    assert message.startswith("clipsweep: stdin")
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    "arguments, text, words",
    [
        ((), "a,b\n1,2\n", ("--column NAME", "there are: a, b")),
        ((), "grad_norm,total_norm\n1,2\n", ("2 columns", "there are: grad_norm, total_norm")),
        (("--column", "grad-norm"), "grad_norm,b\n1,2\n", ('did you mean "grad_norm"?',)),
        (("--column", "x"), "1\n2\n", ("leave out --column",)),
        ((), '{"log_history": []}', ("no column", "there are: none")),
    ],
)
def test_a_column_that_is_not_clear_is_a_usage_error(arguments, text, words):
    message = refusal("-", *arguments, text=text, code=USAGE)
    assert all(word in message for word in words), message


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_a_file_that_cannot_be_read_is_named(name, tmp_path):
    message = refusal(tmp_path / name, code=USAGE)
    assert str(tmp_path / name).rstrip(".") in message and "cannot read" in message


# ---- The figure ----------------------------------------------------------------------------------


@pytest.fixture
def log(tmp_path, monkeypatch):
    monkeypatch.setenv("CLIPSWEEP", PROGRAM)
    path = tmp_path / "train.csv"
    path.write_text(as_table(training()), encoding="utf-8")
    return path


@pytest.mark.parametrize("width", [None, "3.3"])
def test_the_figure_has_norms_thresholds_and_shares(log, capsys, width):
    arguments = ["--norms", str(log), *(["--width", width] if width else [])]
    assert plot.main(arguments) == 0
    svg, png = (log.parent / f"train_norms.{ending}" for ending in ("svg", "png"))
    assert capsys.readouterr().out.split() == [str(svg), str(png)]
    assert png.read_bytes().startswith(b"\x89PNG")
    ids = {element.get("id") for element in ElementTree.parse(svg).iter()}
    thresholds = [item["threshold"] for item in advice(log)["suggestions"]]
    assert {"median", "range", "clipped-share", *(f"threshold-{t:g}" for t in thresholds)} <= ids
    before = svg.read_bytes()
    assert plot.main(arguments) == 0 and svg.read_bytes() == before


def test_the_figure_refuses_what_advise_refuses(log, capsys):
    log.write_text("grad_norm,total_norm\n1,2\n")
    assert plot.main(["--norms", str(log)]) == USAGE
    assert "plot.py: " in (message := capsys.readouterr().err) and "2 columns" in message
    assert plot.main(["--norms", str(log), "--column", "total_norm"]) == 0
    log.write_text("0\n0\n")
    assert plot.main(["--norms", str(log)]) == DATA


@pytest.mark.parametrize(
    "arguments",
    [["--norms", "a", "b"], ["--norms", "a", "--figure", "events"], ["a", "--column", "b"]],
)
def test_a_log_and_a_folder_are_not_drawn_together(arguments):
    with pytest.raises(SystemExit) as stop:
        plot.main(arguments)
    assert stop.value.code == USAGE


# ---- lib/docs/advise.md --------------------------------------------------------------------------


def snippets() -> list[str]:
    page = (ROOT / "lib/docs/advise.md").read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", page, re.DOTALL)


def test_the_snippets_are_python():
    names = ("torch", "keras", "jax", "tensorboard")
    for snippet, name in zip(snippets(), names, strict=True):
        assert name in snippet
        compile(snippet, "advise.md", "exec")


def test_event_files_of_tensorboard_are_read_by_the_last_snippet(tmp_path):
    event_file_writer = pytest.importorskip("tensorboard.summary.writer.event_file_writer")
    event_pb2 = pytest.importorskip("tensorboard.compat.proto.event_pb2")
    summary_pb2 = pytest.importorskip("tensorboard.compat.proto.summary_pb2")
    writer = event_file_writer.EventFileWriter(str(tmp_path))
    for step, norm in enumerate((1.5, NAN, 3.0)):
        value = summary_pb2.Summary.Value(tag="train/grad_norm", simple_value=norm)
        summary = summary_pb2.Summary(value=[value])
        writer.add_event(event_pb2.Event(step=step, summary=summary))
    writer.close()
    snippet = snippets()[-1].replace("runs/1", str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", snippet], capture_output=True, encoding="utf-8", check=True
    )
    answer = advice("-", text=done.stdout)
    assert (answer["steps"], answer["finite"], answer["last_step"]) == (3, 2, 2)


def test_the_page_names_every_member_of_the_schema():
    page = (ROOT / "lib/docs/advise.md").read_text(encoding="utf-8")
    document = schema("advice").schema
    effect = document["definitions"]["effect"]
    for name in [*document["properties"], *document["properties"]["log"]["properties"]]:
        assert name == "schema" or f"`{name}`" in page
    for name in effect["properties"]:
        assert f"`{name}`" in page
