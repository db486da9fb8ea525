"""`--task sequences --data FILE`: the user's own arrays and time series, in the real program."""

import gzip
import importlib.util
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from small_data import FASHION_MNIST, small_data
from test_program import USAGE, call, refusal
from test_tasks import sweep as runs_of_sweep
from test_trace import replay  # noqa: F401 (a fixture)

INVALID_DATA = 3
SHORT = ("--seeds", "2", "--epochs", "2", "--steps-per-epoch", "20", "--batch-size", "10")
RNG = np.random.default_rng


def own(path: Path, *options: str) -> tuple:
    return ("--task", "sequences", "--data", path, *options)


def sweep(folder: Path, *arguments) -> dict[str, dict]:
    """Train, check every log, and return run.json of each run by its ID without the hash."""
    return {run["id"][:-9]: run for run in runs_of_sweep(folder, *arguments)}


def numbers(run: dict) -> tuple:
    """Return everything of a run that its samples decide."""
    hashes = [run["sha256"][key] for key in ("initial_weights", "batch_order", "final_weights")]
    return run["outcome"], run["epochs"], hashes


def sweep_json(folder: Path) -> dict:
    return json.loads((folder / "sweep.json").read_text())


def example(**changes) -> dict[str, np.ndarray]:
    """Return arrays of 60 training and 20 test sequences of 5 steps with 3 inputs, 3 classes."""
    random = RNG(0)
    arrays = {
        "x_train": random.normal(size=(60, 5, 3)),
        "y_train": np.arange(60) % 3,
        "x_test": random.normal(size=(20, 5, 3)),
        "y_test": np.arange(20) % 3,
    }
    arrays.update(changes)
    return {name: array for name, array in arrays.items() if array is not None}


def save(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    np.savez(path, **arrays)
    return path


def idx(name: str, header: int) -> np.ndarray:
    return np.frombuffer(gzip.decompress((FASHION_MNIST / name).read_bytes()), np.uint8, offset=header)


# ---- The same numbers as the built-in task ---------------------------------------------------------


@pytest.fixture(scope="module")
def images() -> dict[str, np.ndarray]:
    """Fashion-MNIST as arrays of bytes."""
    return {
        "x_train": idx("train-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28),
        "y_train": idx("train-labels-idx1-ubyte.gz", 8),
        "x_test": idx("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 28, 28),
        "y_test": idx("t10k-labels-idx1-ubyte.gz", 8),
    }


def divided(images: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return them as a user would write them: x / 255, in float32."""
    return {
        name: array.astype("f4") / np.float32(255) if name[0] == "x" else array
        for name, array in images.items()
    }


def test_images_as_an_npz_file_give_the_losses_of_the_built_in_task(images, tmp_path):
    options = ("--clip", "none,value:0.05", "--seeds", "2", "--epochs", "2", "--steps-per-epoch", "40")
    built_in = sweep(tmp_path / "built-in", "--data", str(FASHION_MNIST), *options)
    floats = save(tmp_path / "floats.npz", divided(images))
    bytes_ = save(tmp_path / "bytes.npz", images)
    by_floats = sweep(tmp_path / "a", *own(floats), *options)
    by_bytes = sweep(tmp_path / "b", *own(bytes_, "--scale", "unit"), *options)
    assert len(built_in) == len(by_floats) == len(by_bytes) == 4
    for name, run in built_in.items():
        assert numbers(run) == numbers(by_floats[name]) == numbers(by_bytes[name])
        logs = []
        for folder in ("built-in", "a", "b"):
            (log,) = tmp_path.glob(f"{folder}/runs/{name}_*/steps.jsonl")
            logs.append(log.read_text().splitlines()[1:])
        assert logs[0] == logs[1] == logs[2]
    summaries = [json.loads((tmp_path / folder / "summary.json").read_text()) for folder in ("built-in", "a")]
    for key in ("chance_accuracy", "test_samples", "target_accuracy", "answer"):
        assert summaries[0][key] == summaries[1][key]
    assert "classes" not in sweep_json(tmp_path / "a")["data"]


def test_a_few_images_give_the_losses_of_the_built_in_task(images, tmp_path):
    data = small_data(tmp_path / "data")
    few = {name: array[: 300 if "train" in name else 200] for name, array in divided(images).items()}
    options = (*SHORT[:-1], "17", "--clip", "none", "--layers", "2")
    built_in = sweep(tmp_path / "built-in", "--data", data, *options)
    ours = sweep(tmp_path / "ours", *own(save(tmp_path / "few.npz", few)), *options)
    assert {name: numbers(run) for name, run in built_in.items()} == {
        name: numbers(run) for name, run in ours.items()
    }


# ---- How the data are stored does not matter -------------------------------------------------------


def test_the_same_values_are_the_same_sweep_however_they_are_stored(tmp_path):
    arrays = example(x_train=RNG(1).integers(0, 100, (60, 5, 3)), x_test=RNG(2).integers(0, 100, (20, 5, 3)))
    variants = []
    for x_type, y_type in (("<i8", "<i8"), (">f4", ">i2"), ("<f2", "u1"), ("i1", "<i4"), (">f8", ">u8")):
        typed = {name: array.astype(x_type if name[0] == "x" else y_type) for name, array in arrays.items()}
        variants.append(save(tmp_path / f"{len(variants)}.npz", typed))
    np.savez_compressed(tmp_path / "compressed.npz", **arrays)
    variants.append(tmp_path / "compressed.npz")
    folder = tmp_path / "arrays"
    folder.mkdir()
    for name, array in arrays.items():
        np.save(folder / name, array)
    variants.append(folder)
    found = set()
    for number, variant in enumerate(variants):
        out = tmp_path / f"out{number}"
        runs = sweep(out, *own(variant), *SHORT, "--clip", "none")
        found.add((sweep_json(out)["data"]["sha256"], tuple(sorted(run["id"] for run in runs.values()))))
    assert len(found) == 1
    again = call("sweep", *own(variants[1]), *SHORT, "--clip", "none", "--out", tmp_path / "out0")
    assert again.returncode == 0 and "nothing to train" in again.stderr


def test_other_values_are_another_sweep(tmp_path):
    sweep(tmp_path / "out", *own(save(tmp_path / "a.npz", example())), *SHORT, "--clip", "none")
    changed = example()
    changed["x_test"][3, 2, 1] += 1
    arguments = (*own(save(tmp_path / "b.npz", changed)), *SHORT, "--clip", "none")
    assert "its data differ" in refusal("sweep", *arguments, "--out", tmp_path / "out", code=USAGE)


# ---- Classes, classes at each step, numbers --------------------------------------------------------


def test_labels_are_numbered_in_sorted_order_and_named_in_the_logs(tmp_path):
    labels = np.array([10, -3, 7])
    arrays = example(y_train=labels[np.arange(60) % 3], y_test=labels[np.arange(20) % 3])
    plain = example(y_train=np.array([2, 0, 1])[np.arange(60) % 3], y_test=np.array([2, 0, 1])[np.arange(20) % 3])
    named = sweep(tmp_path / "a", *own(save(tmp_path / "a.npz", arrays)), *SHORT, "--clip", "none")
    numbered = sweep(tmp_path / "b", *own(save(tmp_path / "b.npz", plain)), *SHORT, "--clip", "none")
    assert [numbers(run) for run in named.values()] == [numbers(run) for run in numbered.values()]
    assert sweep_json(tmp_path / "a")["data"]["classes"] == [-3, 7, 10]
    assert "classes" not in sweep_json(tmp_path / "b")["data"]


def test_chance_is_the_share_of_the_most_frequent_class(tmp_path):
    path = save(tmp_path / "a.npz", example(y_test=np.array([0] * 9 + [1] * 6 + [2] * 5)))
    sweep(tmp_path / "out", *own(path), *SHORT, "--clip", "none")
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert (summary["chance_accuracy"], summary["test_samples"]) == (0.45, 20)


def test_a_class_at_each_step_is_learnt(tmp_path):
    x = RNG(3).normal(size=(300, 6))
    y = np.where(x > 0, 5, 2)
    path = save(tmp_path / "steps.npz", {"x_train": x, "y_train": y})
    options = ("--test-share", "0.2", "--optimizer", "adam", "--lr", "0.05", "--clip", "none")
    (run,) = sweep(tmp_path / "out", *own(path, *options), "--epochs", "2", "--seeds", "1").values()
    assert run["epochs"][-1]["test_accuracy"] > 0.8
    assert sweep_json(tmp_path / "out")["data"]["classes"] == [2, 5]


def test_a_number_is_learnt(tmp_path):
    x = RNG(4).uniform(size=(400, 5, 1))
    y = 100 * x.sum((1, 2)) / 5 / 50
    path = save(tmp_path / "numbers.npz", {"x_train": x, "y_train": y})
    options = ("--test-share", "0.25", "--optimizer", "adam", "--lr", "0.01", "--clip", "none")
    (run,) = sweep(tmp_path / "out", *own(path, *options), "--epochs", "4", "--seeds", "1").values()
    # Far below the variance of the targets, the loss of the best constant.
    assert run["epochs"][-1]["test_loss"] < 0.1 * y.var()
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert summary["test_samples"] == 100
    assert summary["chance_accuracy"] < 0.4 < run["epochs"][-1]["test_accuracy"]


def test_the_split_is_the_same_for_all_runs_and_the_seed_changes_it(tmp_path):
    path = save(tmp_path / "a.npz", example(x_test=None, y_test=None))
    losses = []
    for seed in ("0", "0", "1"):
        out = tmp_path / str(len(losses))
        options = ("--test-share", "0.25", "--split-seed", seed, "--clip", "none")
        runs = sweep(out, *own(path, *options), *SHORT)
        losses.append([run["epochs"][-1]["test_loss"] for run in runs.values()])
        assert sweep_json(out)["data"]["test_samples"] == 15
    assert losses[0] == losses[1] != losses[2]


# ---- Time series -----------------------------------------------------------------------------------

TS_HEADER = """# drawn for a test
@problemName Waves
@timeStamps false
@missing false
@univariate false
@dimensions 2
@equalLength true
@seriesLength 4
@classLabel true up down
@data
"""


def ts_text(x: np.ndarray, labels: list[str]) -> str:
    """Return series [N, T, I] as a .ts file."""
    rows = (":".join(",".join(map(repr, map(float, d))) for d in series.T) for series in x)
    return TS_HEADER + "".join(f"{row}:{label}\n" for row, label in zip(rows, labels))


def test_time_series_give_the_losses_of_the_same_arrays(tmp_path):
    x = RNG(5).normal(size=(50, 4, 2))
    labels = np.array(["up", "down"])[np.arange(50) % 2]
    folder = tmp_path / "Waves"
    folder.mkdir()
    (folder / "Waves_TRAIN.ts").write_text(ts_text(x[:30], labels[:30]))
    (folder / "Waves_TEST.ts").write_text(ts_text(x[30:], labels[30:]))
    y = (labels == "up").astype(int)  # in the order of the texts, down is 0
    path = save(tmp_path / "a.npz", {"x_train": x[:30], "y_train": y[:30], "x_test": x[30:], "y_test": y[30:]})
    arrays = sweep(tmp_path / "a", *own(path), *SHORT, "--clip", "none")
    (folder / "Another_TRAIN.ts").write_text("the folder's own name comes first")
    by_folder = sweep(tmp_path / "b", *own(folder), *SHORT, "--clip", "none")
    by_file = sweep(tmp_path / "c", *own(folder / "Waves_TRAIN.ts"), *SHORT, "--clip", "none")
    for name, run in arrays.items():
        assert numbers(run) == numbers(by_folder[name]) == numbers(by_file[name])
    assert sweep_json(tmp_path / "b")["data"]["classes"] == ["down", "up"]


def test_tsv_files_of_the_ucr_archive_train(tmp_path):
    x = RNG(6).normal(size=(40, 7))
    for part, rows in (("TRAIN", slice(0, 30)), ("TEST", slice(30, 40))):
        lines = ("\t".join([str(1 + n % 2), *map(repr, map(float, row))]) for n, row in enumerate(x[rows]))
        (tmp_path / f"Coffee_{part}.tsv").write_text("\n".join(lines) + "\n")
    runs = sweep(tmp_path / "out", *own(tmp_path / "Coffee_TRAIN.tsv"), *SHORT, "--clip", "none")
    assert all(run["outcome"] == "completed" for run in runs.values())
    assert sweep_json(tmp_path / "out")["data"]["classes"] == [1, 2]


# ---- Sequences of different lengths ----------------------------------------------------------------


def with_lengths(**changes) -> dict[str, np.ndarray]:
    return example(lengths_train=1 + np.arange(60) % 5, lengths_test=1 + np.arange(20) % 4, **changes)


def padded_with(value: float, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the arrays with this number behind the end of each sequence."""
    for part in ("train", "test"):
        for sequence, length in zip(arrays[f"x_{part}"], arrays[f"lengths_{part}"]):
            sequence[length:] = value
    return arrays


def logs(folder: Path) -> dict[str, bytes]:
    return {log.parent.name: log.read_bytes() for log in folder.glob("runs/*/steps.jsonl")}


@pytest.mark.parametrize("scale", ["none", "standard"])
def test_what_is_behind_the_end_of_a_sequence_does_not_matter(scale, tmp_path):
    options = ("--scale", scale, *SHORT, "--clip", "none,value:0.01")
    found = []
    for value in (0, 7, np.nan, np.inf):
        path = save(tmp_path / f"{value}.npz", padded_with(value, with_lengths()))
        runs = sweep(tmp_path / str(value), *own(path), *options)
        assert {run["outcome"] for run in runs.values()} == {"completed"}
        found.append((logs(tmp_path / str(value)), {name: numbers(run) for name, run in runs.items()}))
    assert len(found[0][0]) == 4
    assert found[0] == found[1] == found[2] == found[3]


def test_a_run_of_sequences_of_different_lengths_is_the_same_alone_and_with_others(tmp_path):
    each_step = {"y_train": RNG(1).integers(0, 2, (60, 5)), "y_test": RNG(2).integers(0, 2, (20, 5))}
    path = save(tmp_path / "a.npz", with_lengths(**each_step))
    together = sweep(tmp_path / "a", *own(path), *SHORT, "--clip", "none,backprop:0.001")
    for mode in ("none", "backprop:0.001"):
        alone = sweep(tmp_path / mode, *own(path), "--seeds", "1", *SHORT[2:], "--clip", mode, "--workers", "1")
        assert len(alone) == 1
        for name, run in alone.items():
            assert numbers(run) == numbers(together[name])
        assert logs(tmp_path / mode).items() <= logs(tmp_path / "a").items()


def test_the_end_of_a_sequence_decides_its_class(tmp_path):
    """The class is the sign of the last input; padding after it would make the network forget it."""
    random = RNG(8)
    lengths = random.integers(2, 30, 600)
    y = np.arange(600) % 2
    x = np.zeros((600, 30, 1))
    x[np.arange(600), lengths - 1, 0] = 2 * y - 1
    arrays = {"x_train": x[:400], "y_train": y[:400], "lengths_train": lengths[:400]}
    arrays |= {"x_test": x[400:], "y_test": y[400:], "lengths_test": lengths[400:]}
    options = ("--optimizer", "adam", "--lr", "0.02", "--clip", "none", "--epochs", "1", "--steps-per-epoch", "200")
    (run,) = sweep(tmp_path / "out", *own(save(tmp_path / "a.npz", arrays)), "--seeds", "1", *options).values()
    assert run["epochs"][-1]["test_accuracy"] == 1


def test_the_loss_of_a_class_at_each_step_is_the_mean_over_all_steps(tmp_path):
    """With a learning rate of almost 0 the loss of the test set is that of the initial weights."""
    y = RNG(9).integers(0, 3, (20, 5))
    x = RNG(0).normal(size=(20, 5, 3))
    lengths = 1 + np.arange(20) % 5
    losses = {}
    for name, chosen in {"all": lengths > 0, **{n: lengths == n for n in range(1, 6)}}.items():
        part = {"x_test": x[chosen], "y_test": y[chosen], "lengths_test": lengths[chosen]}
        path = save(tmp_path / f"{name}.npz", {"x_train": x, "y_train": y, "lengths_train": lengths, **part})
        options = ("--lr", "1e-30", "--clip", "none", "--seeds", "1", "--batch-size", "10")
        (run,) = sweep(tmp_path / str(name), *own(path, *options), "--epochs", "1", "--steps-per-epoch", "1").values()
        losses[name] = run["epochs"][0]["test_loss"]
    mean = sum(n * losses[n] for n in range(1, 6)) / sum(range(1, 6))
    assert losses["all"] == pytest.approx(mean, rel=1e-6)


def test_time_series_of_different_lengths_give_the_losses_of_the_same_arrays(tmp_path):
    arrays = with_lengths()
    text = TS_HEADER.replace("2\n@equalLength true\n@seriesLength 4", "3\n@equalLength false").replace("up down", "0 1 2")
    for part in ("train", "test"):
        series = [x[:n] for x, n in zip(arrays[f"x_{part}"].astype("f4"), arrays[f"lengths_{part}"])]
        rows = (":".join(",".join(map(str, dimension)) for dimension in s.T) for s in series)
        lines = (f"{row}:{label}\n" for row, label in zip(rows, arrays[f"y_{part}"]))
        (tmp_path / f"Own_{part.upper()}.ts").write_text(text + "".join(lines))
    options = (*SHORT, "--clip", "none", "--cell", "gru", "--layers", "2")
    by_arrays = sweep(tmp_path / "a", *own(save(tmp_path / "a.npz", arrays)), *options)
    by_series = sweep(tmp_path / "b", *own(tmp_path / "Own_TRAIN.ts"), *options)
    assert [numbers(run) for run in by_arrays.values()] == [numbers(run) for run in by_series.values()]


# ---- Several numbers, many classes -----------------------------------------------------------------


def test_the_japanese_vowels_are_told_apart(tmp_path):
    """Utterances of 7 to 29 steps by nine speakers (Kudo et al., 1999), in the package of aeon."""
    (package,) = importlib.util.find_spec("aeon").submodule_search_locations
    path = Path(package) / "datasets/data/JapaneseVowels/JapaneseVowels_TRAIN.ts"
    options = ("--scale", "standard", "--hidden", "32", "--optimizer", "adam", "--lr", "0.01")
    options += ("--clip", "global-norm:1", "--seeds", "1", "--epochs", "2", "--steps-per-epoch", "200")
    (run,) = sweep(tmp_path / "out", *own(path, *options)).values()
    assert sweep_json(tmp_path / "out")["data"]["classes"] == list(range(1, 10))
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert (summary["test_samples"], summary["chance_accuracy"]) == (370, 88 / 370)
    assert run["epochs"][-1]["test_accuracy"] > 0.9


def test_several_numbers_are_learnt(tmp_path):
    x = RNG(4).uniform(size=(400, 5, 2))
    y = x.mean(1) + [0, 3]
    path = save(tmp_path / "numbers.npz", {"x_train": x, "y_train": y})
    options = ("--test-share", "0.25", "--optimizer", "adam", "--lr", "0.02", "--clip", "none", "--seeds", "1")
    (run,) = sweep(tmp_path / "out", *own(path, *options), "--epochs", "4").values()
    variance = y.var(0).mean()  # the loss of the best constant
    assert run["epochs"][-1]["test_loss"] < 0.1 * variance
    summary = json.loads((tmp_path / "out/summary.json").read_text())
    assert summary["test_samples"] == 100
    assert summary["chance_accuracy"] < 0.3 < 0.6 < run["epochs"][-1]["test_accuracy"]


def test_one_number_may_have_any_of_its_shapes(tmp_path):
    y = RNG(5).normal(size=80)
    found = []
    for name, shape in {"a": (-1,), "b": (-1, 1), "c": (-1, 1, 1)}.items():
        arrays = example(y_train=y[:60].reshape(shape), y_test=y[60:].reshape(shape))
        sweep(tmp_path / name, *own(save(tmp_path / f"{name}.npz", arrays)), *SHORT, "--clip", "none")
        found.append(logs(tmp_path / name))
    assert found[0] == found[1] == found[2]


def test_as_many_numbers_as_time_steps_are_told_from_a_number_at_each_step(tmp_path):
    arrays = example(y_train=np.ones((60, 1, 5)), y_test=np.ones((20, 1, 5)))
    sweep(tmp_path / "out", *own(save(tmp_path / "a.npz", arrays)), *SHORT, "--clip", "none")


@pytest.mark.parametrize("each_step", [False, True])
def test_a_thousand_classes_train(each_step, tmp_path):
    x = RNG(6).normal(size=(1000, 2, 2))
    y = np.arange(1000)[:, None] * [1, 1] if each_step else np.arange(1000)
    arrays = {"x_train": x, "y_train": y, "x_test": x[400:410], "y_test": y[400:410]}
    (run,) = sweep(
        tmp_path / "out", *own(save(tmp_path / "a.npz", arrays)), "--seeds", "1", *SHORT[2:], "--clip", "none"
    ).values()
    # As good as guessing among a thousand.
    assert run["epochs"][-1]["test_loss"] == pytest.approx(np.log(1000), rel=0.1)
    assert sweep_json(tmp_path / "out")["data"].get("classes") is None


# ---- PyTorch replays it ----------------------------------------------------------------------------


@pytest.mark.parametrize("lengths", [False, True], ids=["one-length", "lengths"])
@pytest.mark.parametrize("kind", ["classes", "each-step", "number", "numbers"])
def test_pytorch_replays_own_sequences(kind, lengths, replay, tmp_path):
    random = RNG(7)
    x = 5 + 3 * random.normal(size=(60, 5, 3))
    targets = {
        "classes": 4 + 3 * (np.arange(60) % 3),
        "each-step": random.integers(-1, 2, (60, 5)),
        "number": random.normal(size=60),
        "numbers": random.normal(size=(60, 2)),
    }
    scale = {"classes": "none", "each-step": "unit", "number": "standard", "numbers": "standard"}[kind]
    y = targets[kind]
    arrays = {"x_train": x, "y_train": y, "x_test": x[:9], "y_test": y[:9]}
    if lengths:
        arrays["lengths_train"] = random.integers(1, 6, 60)
        arrays["lengths_test"] = arrays["lengths_train"][:9]
    path = save(tmp_path / "a.npz", arrays)
    options = ("--scale", scale, "--clip", "global-norm:0.3", "--cell", "gru", "--steps", "50")
    traced = call("trace", *own(path, *options))
    assert traced.returncode == 0, traced.stderr
    code, printed = replay(json.loads(traced.stdout), path)
    assert code == 0, printed


def test_a_trace_names_rows_of_the_training_array(tmp_path):
    path = save(tmp_path / "a.npz", example(x_test=None, y_test=None))
    options = ("--test-share", "0.5", "--clip", "none", "--batch-size", "5", "--steps", "40")
    traced = json.loads(call("trace", *own(path, *options)).stdout)
    rows = {row for batch in traced["batches"] for row in batch}
    assert len(rows) == 30 and max(rows) > 30


# ---- Mistakes --------------------------------------------------------------------------------------


def nan_at(place: tuple) -> np.ndarray:
    x = example()["x_train"]
    x[place] = np.nan
    return x


MISTAKES = {
    "no-array": (example(x_train=None), "no array x_train; it has x_test, y_test, y_train; name them"),
    "no-y-test": (example(y_test=None), "has x_test but no y_test"),
    "no-test": (example(x_test=None, y_test=None), "has no test set; add one"),
    "counts": (example(y_train=np.zeros(59, int)), "y_train: its shape is (59,), with 60 sequences"),
    "rank": (example(x_train=np.zeros((60, 5, 3, 1))), "x_train: its shape is (60, 5, 3, 1); allowed: [N, T]"),
    "one-hot": (example(y_train=np.eye(3, dtype=int)[np.arange(60) % 3]), "of one-hot classes take numpy.argmax"),
    "nan": (example(x_train=nan_at((7, 4, 2))), "x_train[7, 4, 2] is NaN in float32; remove or replace it"),
    "nan-target": (example(y_train=np.full(60, np.nan)), "y_train[0] is NaN"),
    "kinds": (example(y_test=np.zeros(20)), "y_test: its type and shape (20,) do not fit y_train"),
    "inputs": (example(x_test=np.zeros((20, 5, 2))), "x_train has 3 inputs at each step, x_test 2"),
    "new-class": (example(y_test=np.arange(20)), "y_test[3] is 3, which"),
    "one-class": (example(y_train=np.zeros(60, int)), "all labels are 0, one class only: chance level is 100 %"),
    "objects": (example(x_train=np.array([[1, None]] * 60)), "holds Python objects"),
    "texts": (example(y_train=np.array(["a", "b", "c"] * 20)), "numpy.unique"),
    "empty": (example(x_train=np.zeros((0, 5, 3))), "x_train: is empty: its shape is (0, 5, 3)"),
    "column-order": (example(x_train=np.asfortranarray(example()["x_train"])), "numpy.ascontiguousarray"),
    "lengths": (
        example(lengths_train=np.arange(60), lengths_test=np.ones(20, int)),
        "lengths_train[0]: the length 0 is not from 1 to 5",
    ),
    "lengths-of-one-set": (example(lengths_train=np.ones(60, int)), "has lengths_train but no lengths_test; add"),
    "lengths-with-fractions": (
        example(lengths_train=np.ones(60), lengths_test=np.ones(20, int)),
        "lengths_train: holds floats; allowed: a whole number for each of the 60 sequences",
    ),
    "lengths-of-steps": (
        example(lengths_train=np.ones((60, 5), int), lengths_test=np.ones(20, int)),
        "lengths_train: its shape is (60, 5); allowed: [N], the time steps of each of the 60 sequences",
    ),
    "numbers-each-step": (example(y_train=np.zeros((60, 5))), "y_train: floats of shape (60, 5), as many as"),
    "other-numbers": (example(y_train=np.zeros((60, 2)), y_test=np.zeros((20, 3))), "(20, 3) do not fit y_train"),
    "many-numbers": (example(y_train=np.zeros((60, 70_000), "f2")), "at most 65,536 numbers of a sequence"),
    "many-classes": (
        example(x_train=np.zeros((65_537, 1)), y_train=np.arange(65_537), x_test=np.zeros((20, 1))),
        "65,537 classes; at most 65,536 are supported",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_bad_arrays_are_refused_before_training(mistake, tmp_path):
    arrays, words = MISTAKES[mistake]
    code = USAGE if mistake == "no-test" else INVALID_DATA
    path = save(tmp_path / "data.npz", arrays)
    message = refusal("sweep", *own(path), "--clip", "none", "--out", tmp_path / "out", code=code)
    assert words in message and str(path) in message
    assert not (tmp_path / "out").exists()


def test_nan_in_inputs_goes_through_if_it_is_allowed(tmp_path):
    path = save(tmp_path / "a.npz", example(x_train=nan_at((7, 4, 2))))
    runs = sweep(tmp_path / "out", *own(path, "--allow-nonfinite"), *SHORT, "--clip", "none")
    assert {run["outcome"] for run in runs.values()} == {"diverged"}


def test_lengths_that_are_all_the_longest_train(tmp_path):
    arrays = example(lengths_train=np.full(60, 5), lengths_test=np.full(20, 5))
    sweep(tmp_path / "out", *own(save(tmp_path / "a.npz", arrays)), *SHORT, "--clip", "none")


SETTINGS = [
    (("--task", "sequences"), "no data are named; add --data FILE.npz"),
    (("--scale", "unit"), "scale applies to --task sequences"),
    (("--task", "adding", "--test-share", "0.1"), "test_share applies to --task sequences"),
    (("--data", "a.npz"), "--data: --task fashion-mnist reads no such file; add --task sequences"),
    (("--task", "sequences", "--data", "a.npz", "--scale", "units"), 'did you mean "unit"?'),
    (("--task", "sequences", "--data", "a.npz", "--split-seed", "1"), "is not split; add for example --test-share"),
    (("--task", "sequences", "--data", "a.npz", "--length", "5"), "length applies to generated tasks"),
    (("--task", "sequences", "--data", "a.npz", "--target-scale", "5"), "has the targets that are in the data"),
    (("--task", "sequences", "--data", "a.npz", "--test-share", "1.5"), "--test-share"),
]


@pytest.mark.parametrize(("arguments", "words"), SETTINGS, ids=lambda text: str(text)[:60])
def test_settings_that_do_not_fit_are_refused(arguments, words, tmp_path):
    assert words in refusal("sweep", *arguments, "--out", tmp_path / "out", code=USAGE)


def test_settings_that_do_not_fit_the_data_are_refused(tmp_path):
    path = save(tmp_path / "a.npz", example())
    out = ("--clip", "none", "--out", tmp_path / "out")
    message = refusal("sweep", *own(path, "--test-share", "0.1"), *out, code=USAGE)
    assert "has a test set of its own; remove --test-share" in message
    message = refusal("sweep", *own(path, "--batch-size", "61"), *out, code=USAGE)
    assert "61 samples per step are more than the 60 of the training set" in message


def test_files_of_other_kinds_are_refused(tmp_path):
    def message(path: Path) -> str:
        return refusal("sweep", *own(path), "--clip", "none", "--out", tmp_path / "out", code=INVALID_DATA)

    assert "no such file or folder" in message(tmp_path / "none.npz")
    (tmp_path / "a.csv").write_text("1,2\n")
    assert "allowed: .npz, .ts, .tsv" in message(tmp_path / "a.csv")
    (tmp_path / "a.npz").write_bytes(b"not a zip")
    assert "not a readable zip archive" in message(tmp_path / "a.npz")
    (tmp_path / "empty").mkdir()
    assert "no x_train.npy, NAME_TRAIN.ts" in message(tmp_path / "empty")
    for name in ("A_TRAIN.ts", "B_TRAIN.ts"):
        (tmp_path / "empty" / name).write_text("")
    assert "both A_TRAIN.ts and B_TRAIN.ts are in this folder" in message(tmp_path / "empty")
    (tmp_path / "X_TEST.ts").write_text("@data\n")
    assert "name the training file, X_TRAIN.ts" in message(tmp_path / "X_TEST.ts")
    with zipfile.ZipFile(tmp_path / "climbs.npz", "w") as archive:
        archive.writestr("../x_train.npy", b"")
    assert "outside the archive's folder" in message(tmp_path / "climbs.npz")


def test_a_damaged_archive_is_refused(tmp_path):
    path = save(tmp_path / "a.npz", example())
    content = bytearray(path.read_bytes())
    content[400] ^= 1  # in the values of x_train
    path.write_bytes(content)
    message = refusal("sweep", *own(path), "--clip", "none", "--out", tmp_path / "out", code=INVALID_DATA)
    assert "x_train.npy: damaged: CRC error" in message


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    """A header that says 8 GiB, over 8 MB of deflated zeros: its declared size must be its own."""
    path = tmp_path / "bomb.npz"
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (2000000000, 4), }\n"
    start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x_train.npy", start + bytes(8_000_000))
        archive.writestr("y_train.npy", start + bytes(100))
    message = refusal("sweep", *own(path), "--clip", "none", "--out", tmp_path / "out", code=INVALID_DATA)
    assert "at most 2,147,483,648 numbers are read" in message
