"""What of the app's code and host.json was changed since the host read it."""

import os
from collections.abc import Iterator
from pathlib import Path

# Beside the app in the checkout, and no part of it.
NOT_THE_APP = {"bench", "devhost", "docs", "infra", "portal", "samples", "tests", "__pycache__"}

type Stamps = dict[str, tuple[int, int]]


class Changes:
    """Looked at now and then; a change counts once the files have stood still from one look to the next."""

    def __init__(self, app: Path) -> None:
        self._app = app
        self._known = self._stamps()
        self._latest = self._known

    def found(self) -> list[str]:
        """Files that were added, changed or removed since they were last reported."""
        before, self._latest = self._latest, self._stamps()
        if self._latest != before or self._latest == self._known:
            return []
        changed = {name for name, _ in self._known.items() ^ self._latest.items()}
        self._known = self._latest
        return sorted(changed)

    def _stamps(self) -> Stamps:
        stamps: Stamps = {}
        for path in self._files():
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            stamps[str(path.relative_to(self._app))] = (status.st_mtime_ns, status.st_size)
        return stamps

    def _files(self) -> Iterator[Path]:
        yield self._app / "host.json"
        for folder, folders, files in os.walk(self._app):
            folders[:] = [name for name in folders if name not in NOT_THE_APP and name[0] != "."]
            yield from (Path(folder, name) for name in files if name.endswith(".py"))
