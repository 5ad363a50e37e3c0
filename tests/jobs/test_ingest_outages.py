"""Outages in the midst of an ingest: the storage is busy, the database goes down; nothing is lost."""

import gc
import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import psycopg
import pytest
from azure.core.exceptions import HttpResponseError

from devhost.services.postgres import Postgres
from shared.domain.uploads import Rows, UploadStatus
from shared.edge import blobs, storage
from shared.jobs.ingest_recovery import ATTEMPTS, recover
from shared.pool import DatabaseUnavailable
from shared.schema.migrate import migrate
from shared.store import uploads
from tests.harness import eventually
from tests.jobs.conftest import NOW, Client
from tests.jobs.storage_proxy import StorageProxy, storage_proxy
from tests.jobs.test_deliveries import lenses, prices
from tests.jobs.test_ingest_recovery import long_ago

# The SDK leaves the connection of a reply that it did not like to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
ROWS = 3_000


@pytest.fixture
def proxy(uploads_storage: str) -> Iterator[StorageProxy]:
    with storage_proxy(uploads_storage) as proxy:
        yield proxy
    gc.collect()


@pytest.fixture
def app_environment(app_environment: dict[str, str], proxy: StorageProxy) -> dict[str, str]:
    """The app's settings, with the storage behind the proxy."""
    return app_environment | {"UPLOADS_STORAGE": proxy.connection_string}


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of ROWS comes in several chunks, and nobody waits a second between two tries."""
    monkeypatch.setattr(blobs, "CHUNK", 20_000)
    for name in ("initial_backoff", "increment_base", "random_jitter_range"):
        monkeypatch.setitem(storage._OPTIONS, name, 0)


@pytest.mark.usefixtures("small_chunks")
def test_a_storage_that_is_busy_for_a_moment_is_asked_again(client: Client, proxy: StorageProxy) -> None:
    ticket = client.ask("products_lens")
    client.put(ticket, lenses(ROWS))
    proxy.busy = 2
    assert client.deliver(ticket.upload_id).rows == Rows(read=ROWS, inserted=ROWS)
    assert proxy.told_busy == 2
    assert next(proxy.downloads) > 2


@pytest.mark.usefixtures("small_chunks")
def test_a_storage_that_is_busy_for_long_loses_nothing(
    client: Client, conn: psycopg.Connection, proxy: StorageProxy
) -> None:
    ticket = client.ask("products_lens")
    client.put(ticket, lenses(ROWS))
    proxy.busy = 3
    with pytest.raises(HttpResponseError, match="ServerBusy"):
        client.deliver(ticket.upload_id)
    assert client.status(ticket.upload_id).finished_at is None
    assert prices(conn) == []
    long_ago(conn, ticket.upload_id)
    assert recover(NOW) == 1, "it is queued again"
    assert client.deliver(ticket.upload_id).rows == Rows(read=ROWS, inserted=ROWS)


@pytest.mark.usefixtures("small_chunks")
def test_a_storage_that_is_always_busy_fails_the_upload_in_the_end(
    client: Client, conn: psycopg.Connection, proxy: StorageProxy
) -> None:
    ticket = client.ask("products_lens")
    client.put(ticket, lenses(10))
    proxy.busy = 10_000
    for _ in range(ATTEMPTS):
        with pytest.raises(HttpResponseError, match="ServerBusy"):
            client.deliver(ticket.upload_id)
        assert client.status(ticket.upload_id).finished_at is None
        long_ago(conn, ticket.upload_id)
        assert recover(NOW) == 1
    upload = client.status(ticket.upload_id)
    assert (upload.status, upload.reason_code) == (UploadStatus.FAILED, "gave_up")
    assert upload.reason == "It was tried 15 times without success; the last try met HttpResponseError."
    assert prices(conn) == []


class TestDatabase:
    """The server itself stops and starts again, while nobody else needs it."""

    @pytest.fixture
    def server(self, tmp_path: Path) -> Iterator[Postgres]:
        # One that is hasty forgets in a crash what it said was committed.
        server = Postgres(tmp_path)
        server.start()
        try:
            server.wait_until_ready()
            server.ensure_database("app")
            migrate(server.url("app"))
            yield server
        finally:
            server.stop()

    @pytest.fixture
    def database_url(self, server: Postgres) -> str:
        return server.url("app")

    @pytest.mark.parametrize(
        ("stop_signal", "phase"),
        [(signal.SIGQUIT, "copy"), (signal.SIGINT, "apply")],
        ids=["in a crash, at the COPY", "in order, before rows are applied"],
    )
    @pytest.mark.usefixtures("small_chunks")
    def test_a_server_that_restarts_in_the_middle_loses_nothing(
        self, client: Client, server: Postgres, proxy: StorageProxy, stop_signal: signal.Signals, phase: str
    ) -> None:
        upload_id = client.send("products_lens", lenses(100)).id
        ticket = client.ask("products_lens")
        client.put(ticket, lenses(ROWS, "12.00"))
        failures: list[Exception] = []

        def deliver() -> None:
            try:
                client.deliver_aside(ticket.upload_id)
            except DatabaseUnavailable as error:
                failures.append(error)

        worker = Thread(target=deliver)
        holder = psycopg.connect(server.url("app"))
        if phase == "copy":
            proxy.held_back = next(proxy.downloads) + 3
            worker.start()
            assert proxy.reached.wait(60)
        else:
            assert uploads.lock_target(holder, "products")
            worker.start()
            eventually(lambda: client.status(ticket.upload_id).status is UploadStatus.APPLYING)
        assert server.child is not None
        server.child.process.send_signal(stop_signal)
        server.child.process.wait()
        proxy.release.set()
        worker.join()
        holder.close()
        assert len(failures) == 1

        server.start()
        server.wait_until_ready()
        with psycopg.connect(server.url("app"), autocommit=True) as conn:
            after = Client(conn, client.user_id)
            assert after.status(upload_id).status is UploadStatus.COMPLETED
            assert after.status(ticket.upload_id).finished_at is None
            assert {price for _, price in prices(conn)} == {"10.00"}
            long_ago(conn, ticket.upload_id)
            assert recover(NOW) == 1, "it is queued again"
            upload = after.deliver(ticket.upload_id)
            assert upload.rows == Rows(read=ROWS, inserted=ROWS - 100, updated=100)
            assert prices(conn) == [(f"L{number:05}", "12.00") for number in range(ROWS)]
            assert after.deliver(ticket.upload_id) == upload
