"""One host with the sample data a module; its tests meet on it as strangers would."""

from collections.abc import Iterator
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


@pytest.fixture(scope="module")
def shop(
    services: Services,
    postgres: Postgres,
    template_database: str,
    server_connection: psycopg.Connection,
    azurite: StorageAccounts,
    msg91_server: Msg91,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Shop]:
    name = f"shop_{uuid4().hex}"
    server_connection.execute(
        SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(template_database))
    )
    settings = app_settings(
        database_url=postgres.url(name),
        storage=azurite.connection_string(),
        msg91_url=msg91_server.url,
        secrets_folder=services.folder / "secrets",
    )
    host = RunningHost(tmp_path_factory.mktemp("shop"), settings)
    host.start()
    try:
        load_samples(host, msg91_server, postgres.url(name))
        with (
            client(host, msg91_server, ADMIN) as admin,
            client(host, msg91_server, SELLER) as seller,
            client(host, msg91_server, REVIEWER) as reviewer,
            client(host, msg91_server) as stranger,
        ):
            yield Shop(host, postgres.url(name), msg91_server, admin, seller, reviewer, stranger)
    finally:
        host.stop()
        server_connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))
