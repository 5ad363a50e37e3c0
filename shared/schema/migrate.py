"""Migrations: plain SQL files, forward only, each in a transaction of its own, under one advisory lock."""

import hashlib
import re
import sys
from pathlib import Path

import psycopg

from shared.settings import settings

FOLDER = Path(__file__).parent
# Any constant will do, as long as every deployment that migrates this database uses the same.
LOCK_KEY = 0x70_72_6F_6D_6F


class MigrationError(Exception):
    """The files and what the database says was applied do not agree."""


def migrate(conninfo: str, folder: Path = FOLDER) -> list[str]:
    """Apply what is missing and return the names applied, in order.

    Files are `NNNN_name.sql`. Raises MigrationError when an applied file was changed or is gone, when two
    files share a number, or when a new file sorts before an applied one; nothing is applied then.
    """
    files = _files(folder)
    with psycopg.connect(conninfo, autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", [LOCK_KEY])
        conn.execute(
            """
            CREATE TABLE IF NOT EXISTS schema_migrations (
                name       text        PRIMARY KEY,
                checksum   text        NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now()
            )
            """
        )
        applied = dict(conn.execute("SELECT name, checksum FROM schema_migrations").fetchall())
        pending = _pending(files, applied)
        for name in pending:
            with conn.transaction():
                conn.execute(files[name])
                conn.execute(
                    "INSERT INTO schema_migrations (name, checksum) VALUES (%s, %s)",
                    [name, _checksum(files[name])],
                )
        return pending


def _files(folder: Path) -> dict[str, bytes]:
    paths = sorted(path for path in folder.glob("*.sql") if re.fullmatch(r"\d{4}_\w+\.sql", path.name))
    numbers = [path.name[:4] for path in paths]
    if len(set(numbers)) != len(numbers):
        raise MigrationError(f"two migrations share a number in {folder}")
    return {path.name: path.read_bytes() for path in paths}


def _pending(files: dict[str, bytes], applied: dict[str, str]) -> list[str]:
    for name, checksum in applied.items():
        if name not in files:
            raise MigrationError(f"{name} was applied but its file is gone")
        if checksum != _checksum(files[name]):
            raise MigrationError(f"{name} was changed after it was applied")
    pending = [name for name in files if name not in applied]
    if pending and applied and pending[0] < max(applied):
        raise MigrationError(f"{pending[0]} sorts before {max(applied)}, which is applied already")
    return pending


def _checksum(content: bytes) -> str:
    # Line ends differ between checkouts; the meaning does not.
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()


if __name__ == "__main__":
    names = migrate(settings().database_url)
    sys.stdout.write("".join(f"applied {name}\n" for name in names) or "nothing to apply\n")
