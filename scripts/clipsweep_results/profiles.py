"""through_time.jsonl: the gradient norm at each time step, for a few training steps.

A log has a profile every --through-time-every training steps and at each event. Of a run only the
few profiles that a figure shows are kept.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np

from .columns import Number
from .log_file import lines_after_header, open_log, read_header, stored_log
from .step_log import check_order, decode_line, numbers, parse_header
from .strict_json import MALFORMED, DataError, describe

THROUGH_TIME_SCHEMA = "clipsweep/through-time-1"
SPREAD_PROFILES = 5  # over the training, including its first and its last step


class ProfileRecord(msgspec.Struct, gc=False):
    """A line of the log: norms of dL/dh at the time steps 1 to T."""

    step: int
    epoch: int
    event: bool
    norms: list[Number]


_decode_profile = msgspec.json.Decoder(ProfileRecord).decode


@dataclass(frozen=True, eq=False)
class Profile:
    """The gradient through time at one training step."""

    step: int
    event: bool
    norms: np.ndarray  # [T], from the first time step to the last

    @property
    def length(self) -> int:
        return self.norms.size


@dataclass(frozen=True, eq=False)
class ThroughTime:
    """The profiles of one run that are drawn, in the order of their training steps."""

    profiles: tuple[Profile, ...]
    is_cut_off: bool  # the log ends within its last line


def through_time_path(folder: Path, run_id: str) -> Path:
    """Return where the log is: through_time.jsonl or through_time.jsonl.gz."""
    return stored_log(folder / "runs" / run_id / "through_time.jsonl")


def read_through_time(path: Path, run_id: str, planned_steps: int) -> ThroughTime | None:
    """Read the profiles of one run, None without a log; raise DataError, with the line, if bad."""
    try:
        with open_log(path) as log:
            parse_header(path, read_header(log), THROUGH_TIME_SCHEMA, run_id)
            profiles, is_cut_off = _read_profiles(path, log, planned_steps)
    except FileNotFoundError:
        return None
    return ThroughTime(_choose(profiles), is_cut_off)


def _read_profiles(path: Path, log: BinaryIO, planned_steps: int) -> tuple[list[Profile], bool]:
    profiles, previous = [], 0
    for number, line in lines_after_header(path, log):
        if not line.endswith(b"\n"):
            return profiles, True
        try:
            record = decode_line(_decode_profile, line)
            check_order(record.step, previous, planned_steps)
            profiles.append(Profile(record.step, record.event, _norms(record.norms)))
        except MALFORMED as error:
            raise DataError(f"{path}:{number}: bad line: {describe(error)}") from error
        previous = record.step
    return profiles, False


def _norms(values: list[float | str]) -> np.ndarray:
    """Return norms as float64; a negative norm or an empty list is an error."""
    if not values:
        raise ValueError("no norms")
    norms = numbers(values)
    if (norms < 0).any():
        raise ValueError(f"the norm {norms[norms < 0][0]:g}")
    return norms


def _choose(profiles: list[Profile]) -> tuple[Profile, ...]:
    """Choose a few profiles spread over the training, and the event of the largest norm."""
    regular = [profile for profile in profiles if not profile.event] or profiles
    spread = np.linspace(0, len(regular) - 1, min(SPREAD_PROFILES, len(regular)))
    chosen = {regular[round(place)].step: regular[round(place)] for place in spread}
    if profiles:
        chosen[profiles[-1].step] = profiles[-1]
    events = [profile for profile in profiles if profile.event]
    if events:
        largest = max(events, key=_largest)
        chosen[largest.step] = largest
    return tuple(chosen[step] for step in sorted(chosen))


def _largest(profile: Profile) -> float:
    """Return a profile's largest norm; NaN counts as larger than any number."""
    return float(np.where(np.isnan(profile.norms), np.inf, profile.norms).max())
