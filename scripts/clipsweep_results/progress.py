"""Progress of long work on stderr: one line that a terminal rewrites, elsewhere one now and then."""

import sys
import time
from collections.abc import Iterable, Iterator

SECONDS_BETWEEN_LINES = 10


class Progress:
    """Shows how many of `planned` items are done; short work prints nothing outside a terminal."""

    def __init__(self, what: str, planned: int):
        self._what = what
        self._planned = planned
        self._last_line = time.monotonic()

    def over(self, items: Iterable) -> Iterator:
        """Yield each item, and show it as done once the next one is requested."""
        for done, item in enumerate(items, start=1):
            yield item
            self.show(done)

    def show(self, done: int) -> None:
        text = f"{self._what} {done} of {self._planned}"
        if sys.stderr.isatty():
            end = "\n" if done == self._planned else ""
            print(f"\r{text}", end=end, file=sys.stderr, flush=True)
        elif time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            print(text, file=sys.stderr, flush=True)
            self._last_line = time.monotonic()
