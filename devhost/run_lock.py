"""One run a checkout: a lock the kernel releases whatever becomes of its holder."""

import fcntl
import os
import time
from pathlib import Path
from typing import TextIO

STOPPING = "stopping"
WAIT_FOR_STOPPING_S = 30


class RunLockedError(Exception):
    """Another run holds this folder; the message names it."""


class RunLock:
    """Held from construction until the process ends."""

    def __init__(self, local: Path) -> None:
        local.mkdir(parents=True, exist_ok=True)
        self._file = (local / "lock").open("a+")
        deadline = time.monotonic() + WAIT_FOR_STOPPING_S
        while not _try(self._file):
            self._file.seek(0)
            pid, _, state = self._file.read().strip().partition(" ")
            # A run that was told to stop a moment ago is worth waiting for.
            if state != STOPPING or time.monotonic() > deadline:
                raise RunLockedError(f"`make run` runs already in this checkout (process {pid}, {local})")
            time.sleep(0.1)
        self._say("running")

    def say_stopping(self) -> None:
        self._say(STOPPING)

    def _say(self, state: str) -> None:
        self._file.truncate(0)
        self._file.write(f"{os.getpid()} {state}")
        self._file.flush()


def _try(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
