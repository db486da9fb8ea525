"""Time limits as Slurm writes them."""

import re

# minutes, minutes:seconds, hours:minutes:seconds, days-hours, days-hours:minutes and
# days-hours:minutes:seconds, as sbatch(1) says
_DAYS = re.compile(r"(\d+)-(\d+)(?::(\d+))?(?::(\d+))?", re.ASCII)
_TIME = re.compile(r"(?:(\d+):)?(\d+):(\d+)", re.ASCII)


def parse_time_limit(text: str) -> int:
    """Return the seconds of a limit; raise ValueError if it is none, or zero."""
    if re.fullmatch(r"\d+", text, re.ASCII):
        seconds = 60 * int(text)
    elif match := _DAYS.fullmatch(text):
        days, hours, minutes, rest = (int(part or 0) for part in match.groups())
        seconds = ((24 * days + hours) * 60 + minutes) * 60 + rest
    elif match := _TIME.fullmatch(text):
        hours, minutes, rest = (int(part or 0) for part in match.groups())
        seconds = (60 * hours + minutes) * 60 + rest
    else:
        raise ValueError(text)
    if seconds == 0:
        raise ValueError(text)
    return seconds
