"""What the local Event Grid has delivered, kept on disk so that a restart neither loses nor repeats."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

type Version = tuple[str, str]
"""A blob's name and etag."""


class DeliveredLog:
    """Delivered blob versions by subscription."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, autocommit=True)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS delivered (subscription TEXT, name TEXT, etag TEXT,"
            " PRIMARY KEY (subscription, name, etag)) WITHOUT ROWID"
        )

    def read(self, subscription: str) -> set[Version]:
        query = "SELECT name, etag FROM delivered WHERE subscription = ?"
        return set(self._database.execute(query, (subscription,)))

    def add(self, subscription: str, version: Version) -> None:
        self._database.execute("INSERT OR IGNORE INTO delivered VALUES (?, ?, ?)", (subscription, *version))

    def remove(self, subscription: str, versions: Iterable[Version]) -> None:
        """Forget versions that are no longer in the container."""
        rows = [(subscription, *version) for version in versions]
        query = "DELETE FROM delivered WHERE subscription = ? AND name = ? AND etag = ?"
        self._database.executemany(query, rows)

    def close(self) -> None:
        self._database.close()
