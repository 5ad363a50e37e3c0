"""What a local run says on the terminal: a line a step, and the host's log as it grows."""

import json
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
    """Prints what is added to a host's log, whole lines only, each in the short form of a terminal."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._seen = log.stat().st_size

    def skip(self) -> None:
        """Leave unprinted what is there by now."""
        self._seen = self._log.stat().st_size

    def print_new(self) -> None:
        with self._log.open("rb") as file:
            file.seek(self._seen)
            lines, _, _ = file.read().rpartition(b"\n")
        if lines:
            self._seen += len(lines) + 1
            for line in lines.decode(errors="replace").splitlines():
                print(short(line), flush=True)


def short(line: str) -> str:
    """Time, level and message of a log line; what is no log line, such as a traceback at start, as it is."""
    try:
        said = json.loads(line)
        text = f"{said['timestamp'][11:19]} {said['level']:<7} {said['message']}"
    except (ValueError, TypeError, KeyError):
        return line
    return f"{text}\n{said['exception']}" if "exception" in said else text
