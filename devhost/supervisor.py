"""`make run`: starts everything in order, watches it, stops it in the opposite order."""

import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import NoReturn

import psycopg

from devhost import addresses, welcome
from devhost.addresses import Addresses
from devhost.environment import ROOT, app_settings, child_environment
from devhost.host_process import begin_events, wait_until_ready
from devhost.hosts import Hosts
from devhost.options import Options
from devhost.processes import Child, ChildError, begin, how_it_ended, on_leash, stop_leftovers
from devhost.run_lock import RunLock
from devhost.services import azurite
from devhost.services.azurite import Azurite
from devhost.services.postgres import Postgres
from devhost.terminal import step

DATABASE = "promopartner"
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
WATCH_EVERY_S = 0.2


class Stop(BaseException):
    """Ctrl-C or SIGTERM; not an error, so that no handler of errors takes it."""


class Supervisor:
    """One local run, all of whose files are in `local`."""

    def __init__(self, local: Path, where: Addresses, options: Options) -> None:
        self._local = local
        self._where = where
        self._options = options
        self._hosts: Hosts | None = None
        self._children: list[Child] = []
        self._stops = ExitStack()
        self._environment: dict[str, str] = {}

    def run(self) -> None:
        """Returns when told to stop; raises ChildError when a child ends by itself and cannot be begun again.

        All are stopped then.
        """
        lock = RunLock(self._local)
        try:
            for number in STOP_SIGNALS:
                signal.signal(number, _stop)
            began = time.monotonic()
            self._start()
            print(f"\n  Ready after {time.monotonic() - began:.1f} s. Ctrl-C stops everything.\n", flush=True)
            self._watch()
        except Stop:
            print("\n  stopping", flush=True)
        finally:
            _ignore_signals()
            lock.say_stopping()
            self._stops.close()
            # A child that was begun in the very moment of the signal is known by its pid file only.
            stop_leftovers(self._local)

    def _start(self) -> None:
        for name in stop_leftovers(self._local):
            print(f"  stopped {name}, left by a run that was killed", flush=True)
        addresses.check_free(self._where)
        storage = self._begin_storage()
        database_url = self._start_database()
        self._environment = child_environment(
            app_settings(
                database_url=database_url,
                storage=storage,
                msg91_url=self._where.msg91,
                secrets_folder=self._local / "secrets",
            )
        ) | {"API_URL": self._where.api}
        with step("Database migrations"):
            self._run_module("shared.schema.migrate")
        with step("Stand-in of MSG91"):
            wait_until_ready(self._begin_msg91())
        with step("Functions host and Event Grid"):
            self._start_host()
        if not _has_sample_data(database_url):
            with step("Sample data, once"):
                self._run_module("samples.load")
        if self._hosts is not None:
            self._hosts.skip_log()
        print(welcome.text(self._where, database_url=database_url, storage=storage))

    def _begin_storage(self) -> str:
        """Azurite, unless the environment names an account; the connection string."""
        if self._where.storage_connection_string is not None:
            return self._where.storage_connection_string
        if not azurite.is_installed(self._local):
            with step("Installing Azurite from its lock file, once"):
                azurite.install(self._local)
        emulator = Azurite(
            self._local,
            installed_under=self._local,
            ports=self._where.storage,
            data=self._local / "azurite-data",
        )
        with step("Azurite"):
            self._stops.callback(emulator.stop)
            self._children.append(emulator.start())
            emulator.wait_until_ready()
        return self._where.storage.connection_string()

    def _start_database(self) -> str:
        """PostgreSQL, unless the environment names a database; its URL."""
        if self._where.database_url is not None:
            return self._where.database_url
        postgres = Postgres(self._local)
        with step("PostgreSQL 18"):
            self._stops.callback(postgres.stop)
            self._children.append(postgres.start())
            postgres.wait_until_ready()
            postgres.ensure_database(DATABASE)
        return postgres.url(DATABASE)

    def _begin_msg91(self) -> Child:
        return self._watched(
            begin(
                "msg91",
                [sys.executable, "-m", "devhost.services.msg91", "--port", str(self._where.msg91_port)],
                state=self._local,
                environment=self._environment,
                working_folder=ROOT,
            )
        )

    def _start_host(self) -> None:
        if self._where.host_url is None:
            self._hosts = Hosts(
                self._local,
                app=ROOT,
                port=self._where.api_port,
                environment=self._environment,
                options=self._options,
            )
            self._stops.callback(self._hosts.stop)
            self._hosts.start()
        self._watched(begin_events(self._local, functions_url=self._where.api, environment=self._environment))

    def _watched(self, child: Child) -> Child:
        self._stops.callback(child.stop)
        self._children.append(child)
        return child

    def _run_module(self, module: str) -> None:
        result = subprocess.run(
            on_leash([sys.executable, "-m", module], death_signal=signal.SIGKILL),
            check=False,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            start_new_session=True,
        )
        if result.returncode != 0:
            raise ChildError(f"python -m {module} failed:\n{result.stdout}{result.stderr}")

    def _watch(self) -> NoReturn:
        while True:
            if self._hosts is not None:
                self._hosts.watch()
            for child in self._children:
                code = child.process.poll()
                if code is not None:
                    said = f"the end of {child.log}:\n{child.log_tail()}"
                    raise ChildError(f"{child.name} ended by itself ({how_it_ended(code)}); {said}")
            time.sleep(WATCH_EVERY_S)


def _stop(_number: int, _frame: FrameType | None) -> NoReturn:
    # One is enough: a second, impatient Ctrl-C must not cut the stopping short.
    _ignore_signals()
    raise Stop


def _ignore_signals() -> None:
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _has_sample_data(database_url: str) -> bool:
    """Whether a user works in a store: what the loader writes last, so that a run cut short loads again."""
    with psycopg.connect(database_url) as conn:
        return conn.execute("SELECT FROM user_stores LIMIT 1").fetchone() is not None
