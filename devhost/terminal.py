"""What a local run says on the terminal: a line a step, and the host's log as it grows."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def step(name: str) -> Iterator[None]:
    """Names the work before it is done and its duration after."""
    print(f"  {name:<58}", end="", flush=True)
    began = time.monotonic()
    try:
        yield
    except BaseException:
        print(flush=True)
        raise
    print(f"{time.monotonic() - began:5.1f} s", flush=True)


class Follower:
    """Prints what is added to a log file, whole lines only."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._seen = log.stat().st_size

    def print_new(self) -> None:
        with self._log.open("rb") as file:
            file.seek(self._seen)
            lines, _, _ = file.read().rpartition(b"\n")
        if lines:
            self._seen += len(lines) + 1
            print(lines.decode(errors="replace"), flush=True)
