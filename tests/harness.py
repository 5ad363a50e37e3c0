"""What a test run shares, a PostgreSQL and an Azurite, and the Functions host as a process to mistreat."""

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil
import psycopg
from psycopg.sql import SQL, Identifier

from devhost.environment import ROOT, child_environment, local_folder
from devhost.host_process import begin_events, begin_host, wait_until_ready
from devhost.processes import Child
from devhost.services.azurite import Account, Azurite, Ports, install
from devhost.services.msg91 import Behaviour, Message, Mode, StandIn
from devhost.services.postgres import Postgres
from shared import pool, rulesets
from shared.edge import callers, msg91, rate_limits, signing_keys, tokens
from shared.schema.migrate import migrate
from shared.settings import settings

TEMPLATE = "template_app"
TEMPLATE_LOCK = 1
# One a test, all named when Azurite starts; with their keys they must fit one environment variable.
ACCOUNTS = 2000
# Linux's own folder in memory, and how much of it has to be free for a run, in bytes.
MEMORY = Path("/dev/shm")  # noqa: S108 - what is made there is closed to others, or PostgreSQL's
ROOM = 4 * 2**30


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on at the moment, all different."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def eventually[T](look: Callable[[], T], *, within_s: float = 60) -> T:
    """The first true value of `look`. The limit is for what hangs, not a measure of speed."""
    deadline = time.monotonic() + within_s
    while not (value := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"still not so after {within_s:.0f} s")
        time.sleep(0.02)
    return value


def _runs() -> Path:
    """Where test runs keep their files: in memory where there is room.

    Each test has a database of hundreds of files. An ext4 without a journal leaves the numbers of deleted
    files alone for minutes, and steps over all of them for each file that it makes.
    """
    if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= ROOM:
        return MEMORY / f"promopartner-tests-{os.getuid()}"
    return local_folder() / "test-runs"


class Services:
    """One PostgreSQL and one Azurite, each begun when first asked for. Only their owner stops them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running = ExitStack()

    @classmethod
    def begin_run(cls) -> "Services":
        runs = _runs()
        for abandoned in runs.glob("[0-9]*"):
            if not psutil.pid_exists(int(abandoned.name)):
                shutil.rmtree(abandoned)
        services = cls(runs / str(os.getpid()))
        services.folder.mkdir(parents=True, exist_ok=True)
        return services

    @cached_property
    def postgres(self) -> Postgres:
        postgres = Postgres(self.folder, durable=False)
        self._running.callback(postgres.stop)
        postgres.start()
        postgres.wait_until_ready()
        return postgres

    @cached_property
    def ports(self) -> Ports:
        """Where Azurite is."""
        install(local_folder())
        ports = Ports(*free_ports(3))
        azurite = Azurite(
            self.folder,
            installed_under=local_folder(),
            ports=ports,
            accounts=[account(number) for number in range(ACCOUNTS)],
        )
        self._running.callback(azurite.stop)
        azurite.start()
        azurite.wait_until_ready()
        return ports

    def for_worker(self) -> dict[str, Any]:
        """What a pytest-xdist worker needs to use these services."""
        _ = self.postgres
        return {"folder": str(self.folder), "ports": [self.ports.blob, self.ports.queue, self.ports.table]}

    @classmethod
    def of_controller(cls, sent: Mapping[str, Any]) -> "Services":
        services = cls(Path(sent["folder"]))
        services.__dict__["postgres"] = Postgres(services.folder, durable=False)
        services.__dict__["ports"] = Ports(*sent["ports"])
        return services

    def stop(self) -> None:
        self._running.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def account(number: int) -> Account:
    return Account.named(f"test{number:04}")


def make_template(postgres: Postgres) -> str:
    """The name of the migrated database that tests clone; made by whichever worker comes first."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", [TEMPLATE_LOCK])
        if conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", [TEMPLATE]).fetchone() is None:
            # Renamed only when whole: a failed migration never passes for a template.
            conn.execute("DROP DATABASE IF EXISTS template_partial")
            conn.execute("CREATE DATABASE template_partial")
            migrate(postgres.url("template_partial"))
            conn.execute(SQL("ALTER DATABASE template_partial RENAME TO {}").format(Identifier(TEMPLATE)))
    return TEMPLATE


def forget_app() -> None:
    """Close what the app keeps for the life of a process, so that the next test begins as a new one."""
    pool.close()
    settings.cache_clear()
    signing_keys.ring.cache_clear()
    signing_keys.accepted.cache_clear()
    tokens._verified.cache_clear()
    callers._ended = callers._Ended()
    rate_limits.forget()
    if msg91._one_client.cache_info().currsize:
        msg91._one_client().close()
    msg91._one_client.cache_clear()
    with rulesets._lock:
        rulesets._compiled.clear()


@dataclass(frozen=True, slots=True)
class Msg91:
    """The stand-in of MSG91, running in a thread of the test process."""

    url: str
    stand_in: StandIn

    def messages(self, to: str | None = None) -> list[Message]:
        """What was accepted, newest last; `to` as it is written anywhere, with or without a plus sign."""
        return self.stand_in.mailbox.messages(to)

    def behave(self, mode: str, *, seconds: float = 10.0, times: int | None = None) -> None:
        """Answer the next sends (or only `times` of them) in this mode; see devhost.services.msg91.Mode."""
        self.stand_in.mailbox.behave(Behaviour(Mode(mode), seconds, times))


def run_msg91(auth_key: str) -> Iterator[Msg91]:
    with StandIn(port=0, auth_key=auth_key) as stand_in:
        thread = threading.Thread(target=stand_in.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Msg91(stand_in.url, stand_in)
        stand_in.stopping.set()
        stand_in.shutdown()
        thread.join()


class RunningHost:
    """The app on the local Functions host with its Event Grid, on one port across restarts."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self._folder = folder
        self.settings = dict(settings)
        self._port = free_ports(1)[0]
        self._host: Child | None = None
        self._events: Child | None = None
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        if self._host is not None and self._host.running():
            raise AssertionError("the host runs already")
        self._host = begin_host(
            self._folder, port=self._port, environment=child_environment(self.settings), app=ROOT
        )
        wait_until_ready(self._host)
        if self._events is None:
            self._events = begin_events(
                self._folder, functions_url=self.url, environment=child_environment(self.settings)
            )

    def kill(self) -> None:
        """SIGKILL to the host alone: no handler runs, nothing is said to clients."""
        self._child.kill()

    def stop(self) -> None:
        """Tell host and Event Grid to end, and return when they are gone."""
        for child in (self._events, self._host):
            if child is not None:
                child.stop()
        self._events = None

    def restart(self) -> None:
        """Stop what still runs and start again, on the same port and state."""
        self.stop()
        self.start()

    def log(self, since: int = 0) -> str:
        """What the host wrote since its last start, or later: since `logged` was so much."""
        with self._child.log.open("rb") as log:
            log.seek(since)
            return log.read().decode()

    @property
    def logged(self) -> int:
        """How many bytes the host has written since its last start."""
        return self._child.log.stat().st_size

    @property
    def _child(self) -> Child:
        if self._host is None:
            raise AssertionError("the host was not started")
        return self._host
