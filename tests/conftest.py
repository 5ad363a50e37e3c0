"""Fixtures: real services for the run, a database and a storage account of its own for each test."""

import gc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from uuid import uuid4

import hypothesis
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from devhost.environment import MSG91_AUTH_KEY, ROOT, app_settings
from devhost.services.azurite import Ports
from devhost.services.postgres import Postgres
from tests.harness import (
    ACCOUNTS,
    Msg91,
    RunningHost,
    Services,
    account,
    forget_app,
    make_template,
    run_msg91,
)

SERVICES = pytest.StashKey[Services]()
SLOW = {"end_to_end", "devhost", "bench", "test_house.py"}

# How long a machine takes to make an example says nothing of the code.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    sent = getattr(config, "workerinput", None)
    config.stash[SERVICES] = (
        Services.begin_run() if sent is None else Services.of_controller(sent["services"])
    )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Called by pytest-xdist for each worker, in the process that starts them."""
    node.workerinput["services"] = node.config.stash[SERVICES].for_worker()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that start processes come first: a worker that ends with them would leave the others idle."""
    items.sort(key=lambda item: not SLOW.intersection(item.path.relative_to(ROOT).parts))


def pytest_collection_finish() -> None:
    """What was imported and collected stays to the end: no collection of garbage has to go through it."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.stash[SERVICES].stop()


@pytest.fixture(scope="session")
def services(pytestconfig: pytest.Config) -> Services:
    return pytestconfig.stash[SERVICES]


@pytest.fixture
def reachable_path(services: Services) -> Path:
    """A folder of this test's own that PostgreSQL's user can reach.

    Not below pytest's: each session that begins closes that folder to everybody else.
    """
    folder = Path(mkdtemp(dir=services.folder))
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def postgres(services: Services) -> Postgres:
    """The server; `.url(name)` is the URL of a database on it."""
    return services.postgres


@pytest.fixture(scope="session")
def template_database(postgres: Postgres) -> str:
    """The name of a database with every migration applied; nobody connects to it."""
    return make_template(postgres)


@pytest.fixture(scope="session")
def server_connection(postgres: Postgres) -> Iterator[psycopg.Connection]:
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as conn:
        yield conn


@pytest.fixture
def database_url(
    postgres: Postgres, template_database: str, server_connection: psycopg.Connection
) -> Iterator[str]:
    """The URL of a migrated database that only this test uses."""
    name = f"test_{uuid4().hex}"
    server_connection.execute(
        SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
            Identifier(name), Identifier(template_database)
        )
    )
    yield postgres.url(name)
    server_connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


@pytest.fixture
def conn(database_url: str) -> Iterator[psycopg.Connection]:
    """An autocommit connection to this test's database."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@dataclass(frozen=True, slots=True)
class StorageAccounts:
    """Azurite's accounts that belong to this worker, handed out one by one."""

    ports: Ports
    numbers: Iterator[int]

    def connection_string(self) -> str:
        """The connection string of an empty account nobody else has."""
        number = next(self.numbers)
        if number >= ACCOUNTS:
            raise AssertionError("more tests want storage than tests.harness.ACCOUNTS allows for")
        return self.ports.connection_string(account(number))


@pytest.fixture(scope="session")
def azurite(services: Services, pytestconfig: pytest.Config) -> StorageAccounts:
    """`.connection_string()` opens an account; `uploads_storage` is the test's own."""
    sent: dict[str, Any] = getattr(pytestconfig, "workerinput", {"workerid": "gw0", "workercount": 1})
    first, workers = int(sent["workerid"].removeprefix("gw")), int(sent["workercount"])
    return StorageAccounts(services.ports, count(first, workers))


@pytest.fixture
def uploads_storage(azurite: StorageAccounts) -> str:
    """The connection string of a storage account that only this test uses."""
    return azurite.connection_string()


@pytest.fixture(scope="session")
def msg91_server() -> Iterator[Msg91]:
    yield from run_msg91(MSG91_AUTH_KEY)


@pytest.fixture
def msg91(msg91_server: Msg91) -> Msg91:
    """The stand-in of MSG91, empty and well-behaved at the start of each test."""
    msg91_server.stand_in.mailbox.forget()
    return msg91_server


@pytest.fixture
def app_environment(
    services: Services, database_url: str, uploads_storage: str, msg91: Msg91
) -> dict[str, str]:
    """The app's settings for this test, as they stand in the environment of its process."""
    return app_settings(
        database_url=database_url,
        storage=uploads_storage,
        msg91_url=msg91.url,
        secrets_folder=services.folder / "secrets",
    )


@pytest.fixture
def running_host(app_environment: dict[str, str], tmp_path: Path) -> Iterator[Callable[..., RunningHost]]:
    """Starts the app on the local host in a process; keywords override its settings.

    Each call is another host, with this test's database, storage and messages unless told otherwise.
    """
    hosts: list[RunningHost] = []

    def start(**settings: str) -> RunningHost:
        host = RunningHost(tmp_path / f"host-{len(hosts)}", app_environment | settings)
        hosts.append(host)
        host.start()
        return host

    yield start
    for host in hosts:
        host.stop()


@pytest.fixture
def app(app_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process as the app's own: its settings, and a pool on this test's database."""
    for name, value in app_environment.items():
        monkeypatch.setenv(name, value)
    forget_app()
    yield
    forget_app()
