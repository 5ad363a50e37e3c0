"""Ingest recovery: lost events, killed hosts and poison leave no upload hanging."""

import base64
import json
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest
from azure.storage.queue import QueueClient

from shared.domain.uploads import Rows, UploadStatus
from shared.edge import poison
from shared.jobs.ingest_recovery import ATTEMPTS, recover
from shared.settings import settings
from shared.store import uploads
from tests.jobs.conftest import NOW, Client

LENS = b"New Code,Name,Price,Currency,Tax Rate %\nA,Lens,1,EUR,22\n"


def long_ago(conn: psycopg.Connection, upload_id: UUID, **columns: object) -> None:
    """As if nothing had been heard of it for an hour."""
    conn.execute("UPDATE uploads SET progressed_at = now() - interval '1 hour' WHERE id = %s", [upload_id])
    for name, value in columns.items():
        conn.execute(f"UPDATE uploads SET {name} = %s WHERE id = %s", [value, upload_id])  # type: ignore[arg-type]


def put(client: Client) -> UUID:
    ticket = client.ask("products_lens")
    assert client.put(ticket, LENS).status_code == 201
    return ticket.upload_id


def etag(client: Client, upload_id: UUID) -> str:
    return client.blob(upload_id).get_blob_properties().etag


@pytest.mark.parametrize("status", ["awaiting", "received", "validating", "applying"])
def test_what_nobody_is_at_work_on_is_put_again(
    client: Client, conn: psycopg.Connection, status: str
) -> None:
    upload_id = put(client)
    long_ago(conn, upload_id, status=status)
    before = etag(client, upload_id)
    assert recover(NOW) == 1
    assert etag(client, upload_id) != before
    assert recover(NOW) == 0, "it is given time"
    assert client.deliver(upload_id).rows == Rows(read=1, inserted=1)
    long_ago(conn, upload_id)
    assert recover(NOW) == 0


def test_what_somebody_is_at_work_on_is_left_to_them(
    client: Client, conn: psycopg.Connection, database_url: str
) -> None:
    upload_id = put(client)
    long_ago(conn, upload_id, status="applying")
    before = etag(client, upload_id)
    with psycopg.connect(database_url) as other:
        assert uploads.lock(other, upload_id)
        assert recover(NOW) == 0
    assert etag(client, upload_id) == before


def test_one_whose_file_never_came_fails_in_the_end(client: Client, conn: psycopg.Connection) -> None:
    upload_id = client.ask("products_lens").upload_id
    long_ago(conn, upload_id)
    expires_at = client.status(upload_id).expires_at
    assert recover(expires_at) == 0
    assert client.status(upload_id).status is UploadStatus.AWAITING
    long_ago(conn, upload_id)
    assert recover(expires_at + timedelta(hours=2)) == 1
    assert client.status(upload_id).reason_code == "file_never_came"


def test_one_whose_file_was_deleted_fails(client: Client, conn: psycopg.Connection) -> None:
    upload_id = put(client)
    client.blob(upload_id).delete_blob()
    long_ago(conn, upload_id, status="received")
    assert recover(NOW) == 1
    assert client.status(upload_id).reason_code == "file_gone"


def test_one_tried_too_often_fails_with_what_it_met(client: Client, conn: psycopg.Connection) -> None:
    upload_id = put(client)
    long_ago(conn, upload_id, status="validating", attempts=ATTEMPTS, last_failure="DiskFull")
    assert recover(NOW) == 1
    upload = client.status(upload_id)
    assert (upload.status, upload.reason_code) == (UploadStatus.FAILED, "gave_up")
    assert upload.reason == "It was tried 15 times without success; the last try met DiskFull."


@pytest.fixture
def queue(client: Client) -> QueueClient:  # noqa: ARG001 - the settings are the client's
    made = QueueClient.from_connection_string(settings().uploads_connection_string or "", poison.QUEUE)
    made.create_queue()
    return made


def give_up(queue: QueueClient, container: str, name: str) -> None:
    message = {"FunctionId": "Host.Functions.x", "ContainerName": container, "BlobName": name}
    queue.send_message(base64.b64encode(json.dumps(message).encode()).decode())


def test_poison_fails_the_upload_with_its_reason(
    client: Client, conn: psycopg.Connection, queue: QueueClient
) -> None:
    upload_id = put(client)
    conn.execute("ALTER TABLE products RENAME TO away")
    with pytest.raises(psycopg.errors.UndefinedTable):
        client.deliver(upload_id)
    give_up(queue, "uploads", client.name(upload_id))
    assert recover(NOW) == 1
    upload = client.status(upload_id)
    assert (upload.status, upload.reason_code) == (UploadStatus.FAILED, "gave_up")
    assert "UndefinedTable" in (upload.reason or "")
    assert not list(queue.peek_messages())


def test_poison_of_an_outage_is_tried_again(
    client: Client, conn: psycopg.Connection, queue: QueueClient
) -> None:
    upload_id = put(client)
    long_ago(conn, upload_id, status="validating", last_failure="database_unavailable")
    give_up(queue, "uploads", client.name(upload_id))
    assert recover(NOW) == 1
    assert client.deliver(upload_id).status is UploadStatus.COMPLETED
    assert not list(queue.peek_messages())


def test_poison_that_is_no_upload_is_forgotten(client: Client, queue: QueueClient) -> None:
    upload_id = put(client)
    client.deliver(upload_id)
    give_up(queue, "uploads", "notes.txt")
    give_up(queue, "jobs", client.name(upload_id))
    give_up(queue, "uploads", client.name(upload_id))
    queue.send_message("not one of ours")
    assert recover(NOW) == 0
    assert not list(queue.peek_messages())
    assert client.status(upload_id).status is UploadStatus.COMPLETED


def test_with_the_storage_away_it_is_left_to_the_next_run(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(client)
    monkeypatch.setenv(
        "UPLOADS_STORAGE",
        "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;BlobEndpoint=http://127.0.0.1:1/a;"
        "QueueEndpoint=http://127.0.0.1:1/a",
    )
    settings.cache_clear()
    assert recover(NOW) == 0
