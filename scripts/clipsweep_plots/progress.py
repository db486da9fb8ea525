"""How far a long piece of work is: a line that a terminal rewrites, elsewhere one now and then."""

import sys
import time
from collections.abc import Iterable, Iterator

SECONDS_BETWEEN_LINES = 10


class Progress:
    """Tells on stderr how many of `planned` things are done; a short piece of work stays silent."""

    def __init__(self, what: str, planned: int):
        self._what = what
        self._planned = planned
        self._last_line = time.monotonic()

    def over(self, things: Iterable) -> Iterator:
        """Yield each thing, and tell that it is done once the next one is asked for."""
        for done, thing in enumerate(things, start=1):
            yield thing
            self.show(done)

    def show(self, done: int) -> None:
        text = f"{self._what} {done} of {self._planned}"
        if sys.stderr.isatty():
            end = "\n" if done == self._planned else ""
            print(f"\r{text}", end=end, file=sys.stderr, flush=True)
        elif time.monotonic() - self._last_line >= SECONDS_BETWEEN_LINES:
            print(text, file=sys.stderr, flush=True)
            self._last_line = time.monotonic()
