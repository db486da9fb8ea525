"""TensorBoard: one folder per run, named by its ID, with one event file, by tensorboard's writer.

A step is one event with all its scalars. TensorBoard reads that as well as one event per scalar,
and writing takes a tenth of the time. The same run gives the same bytes: the logs contain no time
per step, so the times of run.json are spread evenly over the steps.
"""

import math
import shutil
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from clipsweep_results.columns import EPOCH_COLUMNS, NUMBERS, names_of
from clipsweep_results.finished_run import FinishedRun
from clipsweep_results.values import to_count, to_float, to_optional_float
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.summary.writer.record_writer import RecordWriter

FILE_VERSION = "brain.Event:2"
# What is measured once per epoch, by its key in the log, and the keys of values by gate.
EPOCH_SCALARS = [column.name for column in EPOCH_COLUMNS if column.read in NUMBERS]


class EventFile:
    """The event file of one run."""

    def __init__(self, folder: Path, run: FinishedRun):
        self._started = datetime.fromisoformat(run.document["wall_started"]).timestamp()
        self._seconds_per_step = to_float(run.document["wall_seconds"]) / max(
            1, run.log.total_steps
        )
        path = folder / f"events.out.tfevents.{self._started:010.0f}.clipsweep"
        self._writer = RecordWriter(path.open("wb"))
        self._write(Event(wall_time=self._started, file_version=FILE_VERSION))

    def __enter__(self) -> "EventFile":
        return self

    def __exit__(self, *_) -> None:
        self._writer.close()

    def add_summary(self, step: int, summary: Summary) -> None:
        wall_time = self._started + step * self._seconds_per_step
        self._write(Event(wall_time=wall_time, step=step, summary=summary))

    def add_scalars(self, step: int, scalars: Iterable[tuple[str, float | None]]) -> None:
        """Add the scalars that have a value."""
        event = Event(wall_time=self._started + step * self._seconds_per_step, step=step)
        add_value = event.summary.value.add
        for tag, value in scalars:
            if value is not None:
                add_value(tag=tag, simple_value=value)
        self._write(event)

    def _write(self, event: Event) -> None:
        self._writer.write(event.SerializeToString())


def write_run(target: Path, run: FinishedRun) -> None:
    """Write the folder of one run in `target`, or nothing if its log is bad."""
    folder = target / run.id
    folder.mkdir()
    try:
        with EventFile(folder, run) as events:
            events.add_summary(0, hyperparameters(run))
            _add_steps(events, run)
            _add_epochs(events, run)
    except BaseException:
        shutil.rmtree(folder)
        raise


def _add_steps(events: EventFile, run: FinishedRun) -> None:
    """Add every number of each step, flags as 0 and 1.

    `tensors.NAME` is the tag `tensors/NAME`, which groups them.
    """
    places = [
        (column.name.replace(".", "/", 1), place)
        for place, column in enumerate(run.log.columns)
        if column.name != "step"
    ]
    for row in run.log:
        events.add_scalars(row[0], [(tag, row[place]) for tag, place in places])


def _add_epochs(events: EventFile, run: FinishedRun) -> None:
    """Add what is measured once per epoch, at the epoch's last step."""
    steps_per_epoch = to_count(run.document["settings"]["steps_per_epoch"])
    for number, values in enumerate(run.epoch_rows()):
        epoch = dict(zip(names_of(EPOCH_COLUMNS), values, strict=True))
        scalars = [(key, epoch[key]) for key in EPOCH_SCALARS if epoch[key] is not None]
        scalars += _values_by_gate(run.document["epochs"][number])
        events.add_scalars(epoch["epoch"] * steps_per_epoch, scalars)
    final = [("final_test_accuracy", run.final_test_accuracy)]
    events.add_scalars(run.log.total_steps, final)


def _values_by_gate(epoch: dict) -> Iterator[tuple[str, float | None]]:
    """Yield the norms and spectral radii of an epoch by gate: `gate_norms/i`."""
    groups = {"gate_norms": epoch.get("gate_norms")}
    for matrix, radii in (epoch.get("spectral_radius") or {}).items():
        groups[f"spectral_radius/{matrix}"] = radii
    for tag, values in groups.items():
        for gate, value in (values or {}).items():
            yield f"{tag}/{gate}", to_optional_float(value)


def hyperparameters(run: FinishedRun) -> Summary:
    """Return the hyperparameters of a run for the HParams tab, as the same bytes every time."""
    started = datetime.fromisoformat(run.document["wall_started"]).timestamp()
    summary = hparams_pb(dict(_settings(run)), trial_id=run.id, start_time_secs=started)
    plugin_data = summary.value[0].metadata.plugin_data
    content = HParamsPluginData.FromString(plugin_data.content)
    plugin_data.content = content.SerializeToString(deterministic=True)
    return summary


def _settings(run: FinishedRun) -> Iterator[tuple[str, str | float]]:
    spec = run.spec
    yield "mode", spec.clip.mode
    # TensorBoard sends these as JSON, which has no infinity: omitted, as in mode none.
    if spec.clip.threshold is not None and math.isfinite(spec.clip.threshold):
        yield "threshold", spec.clip.threshold
    yield "learning_rate", spec.learning_rate
    yield "seed", spec.seed
    for setting, value in spec.clip.setup.settings:
        if value is not None:
            yield setting, value
    yield "outcome", run.outcome
    for key, value in run.details.items():
        if not (isinstance(value, float) and math.isinf(value)):
            yield key, value
