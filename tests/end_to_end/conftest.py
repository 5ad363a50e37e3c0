"""One host with the sample data a module; its tests meet on it as strangers would."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from devhost.environment import app_settings
from devhost.services.postgres import Postgres
from samples.load import publish
from tests.conftest import StorageAccounts
from tests.end_to_end.driving import ADMIN, REVIEWER, SELLER, client, load_samples
from tests.harness import Msg91, RunningHost, Services


@dataclass(frozen=True, slots=True)
class Shop:
    """A running host, and clients signed in as the sample users."""

    host: RunningHost
    database_url: str
    msg91: Msg91
    admin: httpx.Client
    seller: httpx.Client
    reviewer: httpx.Client
    stranger: httpx.Client

    def publish(self, promotion_id: str) -> dict[str, Any]:
        """Have what the administrator wrote approved by somebody else, and publish it."""
        return publish(self.admin, self.reviewer, promotion_id)


@dataclass(frozen=True, slots=True)
class Premises:
    """What a host needs: each has a database and a storage account of its own."""

    services: Services
    postgres: Postgres
    server_connection: psycopg.Connection
    azurite: StorageAccounts
    msg91: Msg91
    folders: pytest.TempPathFactory

    @contextmanager
    def host(self, kind: str, *, template: str) -> Iterator[tuple[str, RunningHost]]:
        """The name of a clone of a database, and a host that runs on it."""
        name = f"{kind}_{uuid4().hex}"
        self.server_connection.execute(
            SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                Identifier(name), Identifier(template)
            )
        )
        settings = app_settings(
            database_url=self.postgres.url(name),
            storage=self.azurite.connection_string(),
            msg91_url=self.msg91.url,
            secrets_folder=self.services.folder / "secrets",
        )
        host = RunningHost(self.folders.mktemp(kind), settings)
        host.start()
        try:
            yield name, host
        finally:
            host.stop()


@pytest.fixture(scope="session")
def premises(
    services: Services,
    postgres: Postgres,
    server_connection: psycopg.Connection,
    azurite: StorageAccounts,
    msg91_server: Msg91,
    tmp_path_factory: pytest.TempPathFactory,
) -> Premises:
    return Premises(services, postgres, server_connection, azurite, msg91_server, tmp_path_factory)


@pytest.fixture(scope="session")
def sample_database(premises: Premises, template_database: str) -> str:
    """The name of a database with the sample data, loaded as the first `make run` does; shops clone it."""
    with premises.host("samples", template=template_database) as (name, host):
        load_samples(host, premises.msg91, premises.postgres.url(name))
    return name


@pytest.fixture(scope="module")
def shop(premises: Premises, sample_database: str) -> Iterator[Shop]:
    msg91 = premises.msg91
    with (
        premises.host("shop", template=sample_database) as (name, host),
        client(host, msg91, ADMIN) as admin,
        client(host, msg91, SELLER) as seller,
        client(host, msg91, REVIEWER) as reviewer,
        client(host, msg91) as stranger,
    ):
        yield Shop(host, premises.postgres.url(name), msg91, admin, seller, reviewer, stranger)
    premises.server_connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))
