"""The number of processor cores that this process may use."""

import os


def usable_cores() -> int:
    """Return it; systems without CPU affinity (macOS, Windows) count every core."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
