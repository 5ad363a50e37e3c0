"""One host on the fixture app for the whole run; tests that mistreat a host start their own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import StorageAccounts
from tests.devhost.programs import Api, Host


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory, azurite: StorageAccounts) -> Iterator[Host]:
    host = Host(tmp_path_factory.mktemp("devhost"), azurite.connection_string())
    host.start()
    yield host
    host.blobs.close()
    host.stop()


@pytest.fixture(scope="session")
def api(request: pytest.FixtureRequest) -> Api:
    """The host on the fixture app; with CONFORMANCE_URL the one that runs there, whoever made it."""
    url = os.environ.get("CONFORMANCE_URL")
    if url:
        return Api(url.rstrip("/"))
    host: Host = request.getfixturevalue("host")
    return host.api


@pytest.fixture
def own_host(tmp_path: Path, uploads_storage: str) -> Iterator[Host]:
    """Not started."""
    host = Host(tmp_path, uploads_storage)
    yield host
    host.blobs.close()
    if host.running:
        host.stop()
