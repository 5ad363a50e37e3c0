"""Servers: what is measured, as processes, and all of it stopped at the end."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.world import Basket, write
from devhost.environment import ROOT, app_settings, child_environment, local_folder
from devhost.host_process import begin_host, wait_until_ready
from devhost.processes import Child, begin
from devhost.services.azurite import Azurite, Ports, install
from devhost.services.postgres import Postgres
from shared.schema.migrate import migrate
from shared.settings import settings

DATABASE = "bench"


@dataclass(frozen=True, slots=True)
class Site:
    """A durable PostgreSQL with the app's schema, and the environment of the app beside it."""

    folder: Path
    url: str
    environment: Mapping[str, str]
    postgres: Child

    @contextmanager
    def host(self, name: str = "host") -> Iterator[tuple[Child, tuple[str, int]]]:
        """The app on the local host, begun as `make run` does, and its address."""
        (port,) = _free_ports(1)
        child = begin_host(self.folder / name, app=ROOT, port=port, environment=self.environment)
        try:
            wait_until_ready(child)
            yield child, ("127.0.0.1", port)
        finally:
            child.stop()

    @contextmanager
    def bare(
        self, baskets: Sequence[Basket], reply_bytes: Sequence[int]
    ) -> Iterator[tuple[Child, tuple[str, int]]]:
        """The bare handler, and its address."""
        (port,), path = _free_ports(1), self.folder / "baskets.json"
        write(baskets, path)
        command = [
            sys.executable,
            *("-m", "bench.bare", "--port", str(port), "--baskets", str(path)),
            *("--reply-bytes", *map(str, reply_bytes)),
            *("--connections", str(settings().database_pool_max)),
        ]
        child = begin("bare", command, state=self.folder, environment=self.environment, working_folder=ROOT)
        try:
            wait_until_ready(child)
            yield child, ("127.0.0.1", port)
        finally:
            child.stop()


@contextmanager
def site() -> Iterator[Site]:
    """A database and a storage emulator for the time of the run. This process has the app's settings, too."""
    folder = local_folder() / "bench" / str(os.getpid())
    folder.mkdir(parents=True)
    with ExitStack() as stops:
        stops.callback(shutil.rmtree, folder, ignore_errors=True)
        azurite = Azurite(folder, installed_under=local_folder(), ports=Ports(*_free_ports(3)))
        install(local_folder())
        stops.callback(azurite.stop)
        azurite.start()
        postgres = Postgres(folder)
        stops.callback(postgres.stop)
        server = postgres.start()
        postgres.wait_until_ready()
        postgres.ensure_database(DATABASE)
        url = postgres.url(DATABASE)
        migrate(url)
        azurite.wait_until_ready()
        given = app_settings(
            database_url=url,
            storage=azurite.ports.connection_string(),
            # Selling sends no message: nobody listens there.
            msg91_url="http://127.0.0.1:9",
            secrets_folder=folder,
        )
        os.environ.update(given)
        yield Site(folder, url, child_environment(given), server)


def measure(address: tuple[str, int], requests: Sequence[str], **how: Any) -> dict[str, Any]:
    """What the load saw: `connections`, `seconds`, `warm_up_s`, or `most` requests."""
    given = {"address": address, "requests": requests, "seconds": 0, "warm_up_s": 0, "most": None} | how
    result = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    if result.returncode != 0:
        raise RuntimeError(f"the load failed:\n{result.stderr}")
    return json.loads(result.stdout)


def cpu_seconds(child: Child) -> float:
    """What the process and those it started have used of the processors."""
    process = psutil.Process(child.process.pid)
    return sum(
        each.cpu_times().user + each.cpu_times().system
        for each in (process, *process.children(recursive=True))
    )


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
