"""The models of the comparison, and how much of each a measurement trains."""

from dataclasses import dataclass

BATCH_SIZE = 32
LEARNING_RATE = 0.01
CLIP_NORM = 1.0
# Test images per step of a sweep: 10,000 at the default of 500 steps per epoch.
TEST_IMAGES_PER_STEP = 20


@dataclass(frozen=True)
class Model:
    """One row of the table.

    A peer that trains many runs at once trains `runs` of them. clipsweep's sweep has `seeds` runs
    of `steps` steps each, or one run per core: a few seconds. Few long runs rather than many short
    ones, because what a run costs once (initial weights, spectral radius) would weigh too much.
    `compiled`: torch.compile, which takes a minute, compiles this model too.
    """

    name: str
    title: str
    options: tuple[str, ...]
    runs: int
    seeds: int
    steps: int
    cell: str = "lstm"
    layers: int = 1
    compiled: bool = False

    @property
    def has_images(self) -> bool:
        return "--task" not in self.options


MODELS = (
    Model("lstm-10", "LSTM, H = 10: the classic example", (), 64, 32, 500, compiled=True),
    Model("lstm-64", "LSTM, H = 64", ("--hidden", "64"), 64, 4, 500),
    Model("lstm-128", "LSTM, H = 128", ("--hidden", "128"), 16, 2, 500),
    Model("lstm-256", "LSTM, H = 256", ("--hidden", "256"), 8, 1, 500),
    Model("gru-10", "GRU, H = 10", ("--cell", "gru"), 64, 16, 500, cell="gru"),
    Model("two-layers", "LSTM, 2 layers, H = 10", ("--layers", "2"), 64, 8, 500, layers=2),
    Model(
        "class-per-step",
        "LSTM, H = 128, a class at each step",
        ("--task", "copy", "--length", "30", "--hidden", "128"),
        runs=16,
        seeds=1,
        steps=500,
    ),
)
