"""`--data` with folders of images other than Fashion-MNIST: labels, types, layouts, identity."""

import gzip
import hashlib
import json
import shutil
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from test_program import BAD_DATA, USAGE, assert_valid, call, refusal, sweep
from test_trace import replay  # noqa: F401 (a fixture)

NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
RUN = ("--clip", "none", "--seeds", "1", "--epochs", "1", "--steps-per-epoch", "20", "--batch-size", "8")


def idx(array: np.ndarray) -> bytes:
    """Return an array as an IDX file: magic, sizes, numbers, all big-endian."""
    magic = CODES[array.dtype.newbyteorder("=").str[1:]] << 8 | array.ndim
    sizes = struct.pack(f">{1 + array.ndim}I", magic, *array.shape)
    return sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()


def images(labels: np.ndarray, shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Draw an image for each label: noise, and a bright column that tells the label."""
    numbers = np.random.default_rng(seed)
    pixels = numbers.integers(0, 60, (len(labels), *shape), dtype="u1")
    for pixel, label in zip(pixels, labels):
        pixel[:, label % shape[1]] += 180
    return pixels


def write(folder: Path, arrays: list[np.ndarray], packed=True) -> Path:
    folder.mkdir(parents=True)
    for name, array in zip(NAMES, arrays):
        content = gzip.compress(idx(array), mtime=0) if packed else idx(array)
        (folder / (name + ".gz" if packed else name)).write_bytes(content)
    return folder


def arrays(labels: Sequence[int], shape=(12, 9), count=120) -> list[np.ndarray]:
    """Return training and test images and labels; every label occurs in both."""
    train, test = (np.resize(np.array(labels), n) for n in (count, count // 2))
    return [images(train, shape, 1), train, images(test, shape, 2), test]


def u1(labels: Sequence[int], **options) -> list[np.ndarray]:
    return [array.astype("u1") for array in arrays(labels, **options)]


def of_qmnist(labels: np.ndarray) -> np.ndarray:
    columns = np.tile(np.arange(8, dtype="i4"), (len(labels), 1))
    columns[:, 0] = labels
    return columns


def change(data: list[np.ndarray], of_images=None, of_labels=None) -> list[np.ndarray]:
    changes = (of_images or (lambda array: array), of_labels or (lambda array: array))
    return [changes[i % 2](array) for i, array in enumerate(data)]


def sweep_json(out: Path) -> dict:
    return json.loads((out / "sweep.json").read_text(encoding="utf-8"))


# ---- The numbers ---------------------------------------------------------------------------------

LAYOUTS = {
    "letters": u1(range(1, 27)),
    # Unequally frequent: otherwise the gradient of the output biases cancels, to 3e-4 of the others.
    "two-classes": u1([4, 9, 9]),
    "256-classes": u1(range(256), count=256 * 2),
    "300-classes": change(u1(range(10), count=600), of_labels=lambda array: np.arange(len(array), dtype=">i4") % 300),
    "int16-labels": change(u1(range(10)), of_labels=lambda array: array.astype("i2") - 5),
    "qmnist": change(u1(range(10)), of_labels=of_qmnist),
    "float32": change(u1(range(10)), lambda array: (array / 200).astype("f4")),
    "float64": change(u1(range(10)), lambda array: array / 300 - 0.5),
    "int8": change(u1(range(10)), lambda array: (array // 2).astype("i1") - 20),
    "int16": change(u1(range(10)), lambda array: array.astype("i2") * 17 - 400),
    "int32": change(u1(range(10)), lambda array: array.astype("i4") * 70_000),
    "rgb": u1(range(10), shape=(6, 7, 3)),
    "rgb-float32": change(u1(range(10), shape=(6, 7, 3)), lambda array: (array / 200).astype("f4")),
}


def trace(data: Path, *settings) -> dict:
    arguments = ("--data", data, "--clip", "global-norm:0.3", "--lr", "0.1", "--batch-size", "20")
    result = call("trace", *arguments, *settings, "--steps", "30")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("columns", [(), ("--read-columns",)], ids=["rows", "columns"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_pytorch_replays_every_layout(layout, columns, replay, tmp_path):  # noqa: F811
    data = write(tmp_path / "data", LAYOUTS[layout])
    document = trace(data, *columns)
    labels = LAYOUTS[layout][1].reshape(len(LAYOUTS[layout][1]), -1)[:, 0]
    assert len(document["initial"]["output.bias"]) == len(np.unique(labels))
    code, printed = replay(document, data)
    assert code == 0, printed


def test_columns_of_transposed_images_are_rows(tmp_path):
    data = u1(range(10))
    rows = trace(write(tmp_path / "rows", data))
    columns = trace(
        write(tmp_path / "columns", change(data, lambda array: array.swapaxes(1, 2))), "--read-columns"
    )
    assert columns["steps"] == rows["steps"]
    assert columns["run"] != rows["run"]


def test_pixels_of_transposed_images_are_in_the_same_order(tmp_path):
    data = u1(range(10), shape=(3, 4, 2))
    transposed = change(data, lambda array: array.swapaxes(1, 2))
    pixels = ("--task", "fashion-mnist-pixels", "--permute-seed", "1")
    rows = trace(write(tmp_path / "rows", data), *pixels)
    columns = trace(write(tmp_path / "columns", transposed), *pixels, "--read-columns")
    assert columns["steps"] == rows["steps"]
    assert len(rows["initial"]["lstm.weight_ih"][0]) == 2


def test_letters_train_and_the_log_names_them(tmp_path):
    data = u1(range(1, 27))
    data[3][:13] = 7  # the most frequent label of the test set
    out = tmp_path / "out"
    result = sweep(*RUN, "--data", write(tmp_path / "data", data), "--out", out)
    assert "Labels: 1 to 26, numbered as classes 0 to 25.\n" in result.stderr
    assert_valid(out)
    described = sweep_json(out)["data"]
    assert described["classes"] == list(range(1, 27))
    most = np.bincount(data[3]).max() / len(data[3])
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert described["chance_accuracy"] == summary["chance_accuracy"] == pytest.approx(most)


def test_what_bytes_of_ten_classes_need_not_say_is_not_said(tmp_path):
    out = tmp_path / "out"
    sweep(*RUN, "--data", write(tmp_path / "data", u1(range(10))), "--out", out)
    keys = ["folder", "sha256", "files", "test_samples", "chance_accuracy"]
    assert list(sweep_json(out)["data"]) == keys


def test_the_divisor_of_whole_numbers_is_in_the_log(tmp_path):
    data, out = LAYOUTS["int16"], tmp_path / "out"
    sweep(*RUN, "--data", write(tmp_path / "data", data), "--out", out)
    assert sweep_json(out)["data"]["pixel_divisor"] == np.abs(data[0]).max()
    assert_valid(out)


def test_one_class_is_refused_as_sequences_of_one_class_are(tmp_path):
    data = write(tmp_path / "data", u1(range(3, 4)))
    for command in (("sweep", "--out", tmp_path / "out"), ("plan",), ("trace", "--steps", "1")):
        line = refusal(command[0], *RUN, "--data", data, *command[1:], code=BAD_DATA)
        assert "all labels are 3, one class only: chance level is 100 %" in line
        assert f"{NAMES[1]}.gz" in line and "add images of other classes" in line
    assert not (tmp_path / "out").exists()


# ---- The summary of each layout ------------------------------------------------------------------


def most_frequent_share(labels: np.ndarray) -> float:
    return np.unique(labels, return_counts=True)[1].max() / len(labels)


def unequal(labels: Sequence[int]) -> list[np.ndarray]:
    """Return arrays in whose test set the first label is more frequent than the others."""
    train = np.tile(np.array(labels), 8)
    test = np.concatenate([np.tile(np.array(labels), 4), np.full(len(labels), labels[0])])
    shape = (9, 30)
    data = [images(train, shape, 1), train, images(test, shape, 2), test]
    return [array.astype("u1") for array in data]


def prefixed(folder: Path, prefix: str, names: dict[str, str]) -> None:
    for name in NAMES:
        (folder / f"{name}.gz").rename(folder / f"{prefix}{names.get(name, name)}.gz")


def emnist(folder: Path, data: list[np.ndarray]) -> Path:
    """Lay files out as EMNIST has them: a prefix, test instead of t10k, transposed images."""
    write(folder, change(data, lambda array: array.swapaxes(1, 2)))
    test = {name: name.replace("t10k", "test") for name in NAMES}
    prefixed(folder, "emnist-letters-", test)
    return folder / "emnist-letters"


def qmnist(folder: Path, data: list[np.ndarray]) -> Path:
    """Lay files out as QMNIST has them: labels of eight int32 columns, names of its own."""
    write(folder, change(data, of_labels=of_qmnist))
    names = {
        NAMES[1]: "train-labels-idx2-int",
        NAMES[2]: "test-images-idx3-ubyte",
        NAMES[3]: "test-labels-idx2-int",
    }
    prefixed(folder, "qmnist-", names)
    return folder


def torchvision(folder: Path, data: list[np.ndarray]) -> Path:
    """Lay files out as torchvision does: ROOT/KMNIST/raw, packed and unpacked."""
    raw = write(folder / "KMNIST/raw", data)
    for name in NAMES:
        (raw / name).write_bytes(gzip.decompress((raw / f"{name}.gz").read_bytes()))
    return folder / "KMNIST"


@pytest.mark.parametrize(
    ("layout", "labels", "options"),
    [
        (emnist, range(1, 27), ("--read-columns",)),
        (qmnist, range(10), ()),
        (write, range(10), ()),  # KMNIST has the names of MNIST
        (torchvision, range(10), ()),
    ],
    ids=["EMNIST", "QMNIST", "KMNIST", "torchvision"],
)
def test_a_known_layout_trains_and_its_summary_has_classes_and_chance(layout, labels, options, tmp_path):
    arrays_ = unequal(labels)
    data, out = layout(tmp_path / "data", arrays_), tmp_path / "out"
    learns = ("--optimizer", "adam", "--lr", "0.02", "--clip", "none,global-norm:1")
    sweep("--data", data, *options, *learns, "--epochs", "2", "--steps-per-epoch", "150", "--out", out)
    assert_valid(out)
    described, summary = sweep_json(out)["data"], json.loads((out / "summary.json").read_text())
    chance = most_frequent_share(arrays_[3])
    assert chance > 1.5 / len(labels)
    assert summary["chance_accuracy"] == described["chance_accuracy"] == pytest.approx(chance)
    assert summary["test_samples"] == len(arrays_[3])
    assert described.get("classes", list(range(10))) == list(labels)
    for arm in summary["arms"]:
        assert arm["late_test_accuracy"]["mean"] > 1.5 * chance, arm
        assert arm["better_than_chance"] is True


# ---- Identity ------------------------------------------------------------------------------------


def gunzip(folder: Path) -> None:
    for path in list(folder.iterdir()):
        (folder / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()


def run_ids(out: Path) -> list[str]:
    return [run["id"] for run in sweep_json(out)["runs"]]


def test_gunzip_makes_no_other_sweep_of_it(tmp_path):
    data, out = write(tmp_path / "data", u1(range(10))), tmp_path / "out"
    sweep(*RUN, "--data", data, "--out", out)
    ids = run_ids(out)
    gunzip(data)
    assert "nothing to train" in sweep(*RUN, "--data", data, "--out", out).stderr
    sweep(*RUN, "--data", data, "--out", tmp_path / "other")
    assert run_ids(out) == run_ids(tmp_path / "other") == ids


def test_other_data_are_refused(tmp_path):
    first, out = u1(range(10)), tmp_path / "out"
    sweep(*RUN, "--data", write(tmp_path / "data", first), "--out", out)
    other = [first[0] + 1, *first[1:]]
    arguments = (*RUN, "--data", write(tmp_path / "other", other), "--out", out)
    assert "its data differ" in refusal("sweep", *arguments, code=USAGE)


def former_checksum(data: Path) -> str:
    """Return what identified data in earlier versions: the digests of the files as they are stored."""
    digests = [
        hashlib.sha256((data / f"{name}.gz").read_bytes()).hexdigest() for name in NAMES
    ]
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def former_id(checksum: str) -> str:
    """Return the ID of the run of RUN with seed 0, from its documentation."""
    identity = {
        "data": checksum,
        "learning_rate": 0.01,
        "mode": "none",
        "seed": 0,
        "settings": {"batch_size": 8, "epochs": 1, "steps_per_epoch": 20},
        "threshold": None,
    }
    digits = hashlib.sha256(json.dumps(identity, separators=(",", ":")).encode()).hexdigest()[:8]
    return f"none_lr-0.01_seed-0_{digits}"


def of_an_earlier_version(out: Path, data: Path, old: Path) -> str:
    """Write the plan that an earlier version made of these data to a folder; return its run's ID."""
    plan = sweep_json(out)
    del plan["sha256"]
    plan["data"]["sha256"] = former_checksum(data)
    plan["runs"][0]["id"] = former_id(plan["data"]["sha256"])
    old.mkdir()
    (old / "sweep.json").write_text(json.dumps(plan), encoding="utf-8")
    return plan["runs"][0]["id"]


def test_a_sweep_of_an_earlier_version_continues_with_its_ids(tmp_path):
    data, out, old = write(tmp_path / "data", u1(range(10))), tmp_path / "out", tmp_path / "old"
    sweep(*RUN, "--data", data, "--out", out)
    name = of_an_earlier_version(out, data, old)
    result = sweep(*RUN, "--data", data, "--out", old)
    assert "Training 1 run" in result.stderr and "Dropped" not in result.stderr
    assert run_ids(old) == [name] and name != run_ids(out)[0]
    assert (old / "runs" / name / "run.json").exists()
    assert_valid(old)


def test_trace_finds_a_run_by_the_id_of_an_earlier_version(tmp_path):
    data = write(tmp_path / "data", u1(range(10)))
    name = former_id(former_checksum(data))
    result = call("trace", *RUN, "--data", data, "--steps", "1", "--run", name)
    assert json.loads(result.stdout)["run"] == name


# It had ten outputs for them.
def test_a_sweep_of_an_earlier_version_with_fewer_classes_is_another(tmp_path):
    data, out, old = write(tmp_path / "data", u1(range(2))), tmp_path / "out", tmp_path / "old"
    sweep(*RUN, "--data", data, "--out", out)
    of_an_earlier_version(out, data, old)
    assert "its data differ" in refusal("sweep", *RUN, "--data", data, "--out", old, code=USAGE)


def test_fashion_mnist_keeps_its_ids():
    arguments = ("plan", "--clip", "none,value:0.5", "--seeds", "1", "--json")
    ids = [run["id"] for run in json.loads(call(*arguments).stdout)["runs"]]
    assert ids == FASHION_MNIST_IDS


# As clipsweep 0.1.0 printed them, of the files of Debian's dataset-fashion-mnist.
FASHION_MNIST_IDS = ["none_lr-0.01_seed-0_4d71417a", "value-0.5_lr-0.01_seed-0_33b83c32"]


# ---- Messages ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (NAMES[1], b"<!DOCTYPE html><title>404</title>", "this is a web page (HTML)"),
        (NAMES[1], b"version https://git-lfs.github.com/spec/v1\noid", "this is a Git LFS pointer"),
        (NAMES[1], b"\1\x08\0\0\x78\0\0\0" + bytes(120), "little-endian (its first four bytes"),
        (NAMES[1], idx(np.zeros(120, "f4")), "float32 [120]: labels are whole numbers"),
        (NAMES[1], idx(np.zeros((120, 12, 9), "u1")), "labels have one dimension; are these images?"),
        (NAMES[0], idx(np.zeros((120, 108), "u1")), "images have three dimensions"),
        (NAMES[0], idx(np.full((120, 12, 9), np.nan, "f4")), "NaN at image 0, row 0, column 0"),
        (NAMES[2], idx(np.zeros((60, 12, 9), "i2")), "training images are uint8, test images int16"),
        (NAMES[3], idx(np.full(60, 11, "u1")), "label 11 at position 0"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else "",
)
def test_what_a_file_is_instead_is_said(name, content, words, tmp_path):
    data = write(tmp_path / "data", u1(range(10)), packed=False)
    (data / name).write_bytes(content)
    line = refusal("sweep", "--data", data, "--out", tmp_path / "out", code=BAD_DATA)
    assert words in line and str(data / name) in line, line
    assert not (tmp_path / "out").exists()


def test_two_files_of_one_part_must_agree(tmp_path):
    data = write(tmp_path / "data", u1(range(10)))
    packed = data / f"{NAMES[0]}.gz"
    (data / NAMES[0]).write_bytes(gzip.decompress(packed.read_bytes()))
    assert call("plan", *RUN, "--data", data).returncode == 0
    (data / NAMES[0]).write_bytes(idx(np.zeros((120, 12, 9), "u1")))
    line = refusal("plan", *RUN, "--data", data, code=BAD_DATA)
    assert f"{packed} and {data / NAMES[0]} hold different data" in line


def test_a_folder_without_the_files_is_described(tmp_path):
    def line() -> str:
        return refusal("plan", "--data", tmp_path / "data", code=BAD_DATA)

    assert "there is no such folder" in line()
    (tmp_path / "data").mkdir()
    assert "this folder is empty" in line()
    (tmp_path / "data/train.csv").touch()
    assert "which has train.csv" in line()
    shutil.rmtree(tmp_path / "data")
    (tmp_path / "data").touch()
    assert "this is a file" in line()


def test_columns_are_for_images_only():
    line = refusal("plan", "--task", "adding", "--read-columns", code=USAGE)
    assert "--task adding has no images" in line
