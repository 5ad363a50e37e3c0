"""Files the host remembers by, whole at every moment and shared by several workers."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4


def write(path: Path, text: str, *, mode: int = 0o644) -> None:
    """Replace the file; a reader, and a start after a crash, see the old text or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid4().hex}")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def kept(path: Path, make: Callable[[], str]) -> str:
    """What the file holds; the first to ask, of several processes, decides what that is."""
    with locked(path):
        if not path.exists():
            write(path, make())
        return path.read_text()


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process at a time, for what is read and then written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Lease:
    """A lock that its holder keeps until it releases it or dies, whatever way it dies."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("w")

    def take(self) -> bool:
        """Whether it is ours now."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        self._file.close()
