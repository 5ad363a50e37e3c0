"""The site: a database, a storage emulator and hosts of the app, for the time of a run."""

import os
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from devhost.environment import ROOT, app_settings, child_environment, local_folder
from devhost.host_process import begin_events, begin_host, wait_until_ready
from devhost.processes import Child
from devhost.services.azurite import Azurite, Ports, install
from devhost.services.postgres import Postgres
from shared.schema.migrate import migrate

type Address = tuple[str, int]

DATABASE = "bench"


@dataclass(frozen=True, slots=True)
class Site:
    """A durable PostgreSQL with the app's schema, and the environment of the app beside it."""

    folder: Path
    url: str
    environment: Mapping[str, str]

    @contextmanager
    def host(self, name: str, *, events: bool = False) -> Iterator[tuple[Child, Address]]:
        """The app on the local host, as `make run` begins it, and its address; `events` brings it blobs."""
        (port,), state = free_ports(1), self.folder / name
        with ExitStack() as stops:
            child = begin_host(state, app=ROOT, port=port, environment=self.environment)
            stops.callback(child.stop)
            wait_until_ready(child)
            if events:
                url = f"http://127.0.0.1:{port}"
                stops.callback(begin_events(state, functions_url=url, environment=self.environment).stop)
            yield child, ("127.0.0.1", port)


@contextmanager
def site() -> Iterator[Site]:
    """A database and a storage emulator for the time of the run. This process has the app's settings, too."""
    folder = local_folder() / "bench" / str(os.getpid())
    folder.mkdir(parents=True)
    with ExitStack() as stops:
        stops.callback(shutil.rmtree, folder, ignore_errors=True)
        azurite = Azurite(folder, installed_under=local_folder(), ports=Ports(*free_ports(3)))
        install(local_folder())
        stops.callback(azurite.stop)
        azurite.start()
        postgres = Postgres(folder)
        stops.callback(postgres.stop)
        postgres.start()
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
        yield Site(folder, url, child_environment(given))


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
