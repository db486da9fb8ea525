"""The text of results/speed.md, from measurements. Pure: nothing is measured here."""

import statistics
import textwrap
from dataclasses import dataclass, field

from .models import Model

CLIPSWEEP = "clipsweep"

INTRODUCTION = """\
# Speed against Keras, PyTorch and JAX

`scripts/bench_peers --out results/speed.md` wrote this page. It measures in one run, on one machine, how many
*run-steps* per second each of them trains. A run-step is one update of one network on one batch of 32 samples:
forward pass, loss, backward pass, clipping by the global norm, SGD.

- **clipsweep**: a whole `clipsweep sweep` of one epoch of 500 steps, from process start to exit, with each step
  logged, an evaluation on the test set, and the summary.
- **Keras fit**: the way of the tutorials, `model.fit` on arrays in memory. One run.
- **PyTorch loop**: the usual loop with `nn.LSTM` or `nn.GRU`, eager. One run; with a thread per core, which is the
  default, and with one thread.
- **PyTorch vmap, compiled**: `torch.func.vmap` over R runs and `torch.compile`. It compiles for a minute per model,
  so only the classic example was tried.
- **JAX vmap + scan**: `vmap` over R runs, `lax.scan` over time steps, `jit`.

The peers only train: they log nothing and evaluate nothing. They have clipsweep's own initial weights and batches,
which `clipsweep trace` prints; R runs have those of four seeds in turn. Their losses in the first three steps agree
with clipsweep's to 1e-4 (relative), otherwise there would be no table. Compilation and warm-up are not counted. The
contenders take turns; the tables have medians.
"""


@dataclass
class Measurement:
    """Run-steps per second of one contender on one model, or why there are none."""

    model: str  # its title
    contender: str
    cores: int
    rates: list[float] = field(default_factory=list)
    failure: str | None = None

    @property
    def rate(self) -> float | None:
        return statistics.median(self.rates) if self.rates else None


@dataclass
class Trained:
    """What was trained of one model, on all cores."""

    model: Model
    time_steps: int
    inputs: int
    outputs: int
    sweep_runs: int
    sweep_steps: int
    engine: str


def find(measurements: list[Measurement], model: str, contender: str) -> Measurement | None:
    matches = [m for m in measurements if (m.model, m.contender) == (model, contender)]
    return matches[0] if matches else None


def number(value: float) -> str:
    """Write three digits at least: 8,712, 45.1, 3.24."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def factor(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def paragraph(text: str) -> str:
    return textwrap.fill(text, 115, break_long_words=False, break_on_hyphens=False) + "\n"


def cell(measurement: Measurement | None, clipsweep: Measurement | None) -> str:
    """Return a peer's entry: its rate, and how many times as fast clipsweep is."""
    if measurement is None:
        return ""
    if measurement.rate is None:
        return "failed"
    if clipsweep is None or clipsweep.rate is None:
        return number(measurement.rate)
    return f"{number(measurement.rate)} ({factor(clipsweep.rate / measurement.rate)}x)"


def table(rows: list[list[str]]) -> str:
    header, *others = (f"| {' | '.join(row)} |" for row in rows)
    return "\n".join([header, "|---" * len(rows[0]) + "|", *others])


def rates_table(measurements: list[Measurement]) -> str:
    """Return the table of one number of cores: a row per model, a column per contender."""
    models = list(dict.fromkeys(m.model for m in measurements))
    names = dict.fromkeys(m.contender for m in measurements)
    peers = [name for name in names if name != CLIPSWEEP]
    rows = [["", CLIPSWEEP, *peers]]
    for model in models:
        own = find(measurements, model, CLIPSWEEP)
        own_rate = number(own.rate) if own and own.rate is not None else "failed"
        cells = [cell(find(measurements, model, peer), own) for peer in peers]
        rows.append([model, own_rate, *cells])
    return table(rows)


def trained_table(trained: list[Trained]) -> str:
    rows = [["", "T", "inputs", "classes", "R", "runs x steps of the sweep", "engine"]]
    for each in trained:
        sizes = [each.time_steps, each.inputs, each.outputs, each.model.runs]
        sweep = f"{each.sweep_runs} x {each.sweep_steps}"
        rows.append([each.model.title, *map(str, sizes), sweep, each.engine])
    return table(rows)


def leads(measurements: list[Measurement]) -> list[tuple[float, Measurement]]:
    """Return clipsweep's rate by that of each peer, smallest first."""
    found = []
    for peer in measurements:
        on_these_cores = [m for m in measurements if m.cores == peer.cores]
        own = find(on_these_cores, peer.model, CLIPSWEEP)
        if peer.contender != CLIPSWEEP and peer.rate and own and own.rate:
            found.append((own.rate / peer.rate, peer))
    return sorted(found, key=lambda lead: lead[0])


def cores_phrase(cores: int) -> str:
    return "one core" if cores == 1 else f"{cores} cores"


def smallest_lead(measurements: list[Measurement]) -> str:
    """Say in one sentence where clipsweep's lead is smallest, or that it has none there."""
    ranked = leads(measurements)
    if not ranked:
        return "No peer was measured next to clipsweep."
    lead, peer = ranked[0]
    where = f"{peer.contender}, {peer.model}, {cores_phrase(peer.cores)}"
    if lead < 1:
        return (
            f"clipsweep is not the fastest everywhere: it reaches {factor(lead)} times the speed of "
            f"the fastest peer ({where})."
        )
    return f"clipsweep's smallest lead is a factor of {factor(lead)} ({where})."


def spread(measurements: list[Measurement]) -> str:
    """Say how much repetitions differ."""
    spreads = [
        (max(m.rates) - min(m.rates)) / m.rate for m in measurements if m.rate and len(m.rates) > 1
    ]
    if not spreads:
        return "Each was measured once."
    repetitions = max(len(m.rates) for m in measurements)
    return (
        f"Each was measured {repetitions} times. The fastest and the slowest of these differ by "
        f"{statistics.median(spreads):.0%} of the median in the median case, and by "
        f"{max(spreads):.0%} at most."
    )


def failures(measurements: list[Measurement]) -> str:
    return "".join(
        f"- {m.contender}, {m.model}, {cores_phrase(m.cores)}: failed, {m.failure}\n"
        for m in measurements
        if m.failure
    )


def speed_page(
    measurements: list[Measurement], trained: list[Trained], machine: str, versions: str
) -> str:
    """Return the page as Markdown."""
    parts = [INTRODUCTION, QUICK if any(t.sweep_steps < t.model.steps for t in trained) else ""]
    parts += [paragraph(f"{smallest_lead(measurements)} {spread(measurements)}")]
    for cores in sorted({m.cores for m in measurements}):
        parts.append(f"## Run-steps per second on {cores_phrase(cores)}\n")
        parts.append("In brackets: how many times as fast clipsweep is.\n")
        parts.append(rates_table([m for m in measurements if m.cores == cores]) + "\n")
    if failures(measurements):
        parts.append(failures(measurements))
    parts.append("## What was trained\n")
    parts.append(trained_table(trained) + "\n")
    parts.append(CLASS_PER_STEP if any(not t.model.has_images for t in trained) else "")
    parts.append(paragraph(f"Machine: {machine}. Versions: {versions}."))
    return "\n".join(part for part in parts if part)


QUICK = """\
**A first impression:** the sweeps were so short that their start and end weigh more than in a real one.
"""

CLASS_PER_STEP = """\
A class at each step is the task `copy` with a pause of 30 steps.
"""
