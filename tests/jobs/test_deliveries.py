"""Deliveries: crashes, repeats and latecomers lose nothing and apply nothing twice."""

from datetime import UTC, datetime
from threading import Thread
from typing import Any
from uuid import UUID

import psycopg
import pytest
from azure.core.exceptions import ResourceModifiedError

from shared.actions import uploads as actions
from shared.domain.audit import By
from shared.domain.uploads import Rows, UploadStatus
from shared.edge import blobs
from shared.jobs.ingest import ingest
from shared.store import uploads
from tests.harness import eventually
from tests.jobs.conftest import NOW, Client

LENS = "New Code,Name,Price,Currency,Tax Rate %"
DELIVER = """
import sys
from datetime import UTC, datetime
from shared.edge import blobs, storage
from shared.jobs.ingest import ingest
client = storage.service().get_blob_client(storage.UPLOADS, sys.argv[1])
ingest(sys.argv[1], blobs.source(client), datetime.now(UTC))
"""


def lenses(count: int, price: str = "10.00") -> bytes:
    return "\n".join(
        [LENS, *(f"L{number:05},Lens {number},{price},EUR,22" for number in range(count)), ""]
    ).encode()


def prices(conn: psycopg.Connection) -> list[tuple[str, str]]:
    return conn.execute("SELECT sku, price::text FROM products ORDER BY sku").fetchall()


def test_a_second_delivery_does_nothing(client: Client, conn: psycopg.Connection) -> None:
    first = client.send("products_lens", lenses(10))
    client.send("products_lens", lenses(10, "11.00"))
    again = client.deliver(first.id)
    assert again == first
    assert {price for _, price in prices(conn)} == {"11.00"}


def test_a_delivery_during_another_returns_at_once(client: Client, database_url: str) -> None:
    ticket = client.ask("products_lens")
    client.put(ticket, lenses(10))
    with psycopg.connect(database_url) as other:
        assert uploads.lock(other, ticket.upload_id)
        assert client.deliver(ticket.upload_id).status is UploadStatus.AWAITING
    assert client.deliver(ticket.upload_id).rows == Rows(read=10, inserted=10)


def test_rows_and_outcome_are_seen_at_the_same_time_and_progress_before(
    client: Client, conn: psycopg.Connection, database_url: str
) -> None:
    ticket = client.ask("products_lens")
    client.put(ticket, lenses(1_000))
    with psycopg.connect(database_url) as other:
        assert uploads.lock_target(other, "products")
        worker = Thread(target=client.deliver_aside, args=[ticket.upload_id])
        worker.start()
        eventually(lambda: client.status(ticket.upload_id).status is UploadStatus.APPLYING)
        during = client.status(ticket.upload_id)
        assert (during.progress, during.rows) == (50, Rows(read=1_000))
        assert during.received_at == NOW
        assert prices(conn) == []
    worker.join()
    assert client.status(ticket.upload_id).rows == Rows(read=1_000, inserted=1_000)
    assert len(prices(conn)) == 1_000


def test_two_files_of_one_target_are_applied_one_after_the_other(
    client: Client, conn: psycopg.Connection
) -> None:
    tickets = [client.ask("products_lens") for _ in range(3)]
    for number, ticket in enumerate(tickets):
        body = lenses(2_000, f"{number}.00").decode().splitlines()
        # Opposite orders would deadlock if both applied at once.
        client.put(ticket, "\n".join([body[0], *body[1:][:: (-1) ** number]]).encode())
    workers = [Thread(target=client.deliver_aside, args=[ticket.upload_id]) for ticket in tickets]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    done = [client.status(ticket.upload_id) for ticket in tickets]
    assert [upload.status for upload in done] == [UploadStatus.COMPLETED] * 3
    assert sorted((upload.rows.inserted, upload.rows.updated) for upload in done) == [
        (0, 2_000),
        (0, 2_000),
        (2_000, 0),
    ]
    assert len({price for _, price in prices(conn)}) == 1


def test_what_the_database_cannot_do_is_raised_and_done_later(
    client: Client, conn: psycopg.Connection
) -> None:
    ticket = client.ask("products_lens")
    client.put(ticket, lenses(10))
    conn.execute("ALTER TABLE products RENAME TO away")
    with pytest.raises(psycopg.errors.UndefinedTable):
        client.deliver(ticket.upload_id)
    assert client.status(ticket.upload_id).finished_at is None
    conn.execute("ALTER TABLE away RENAME TO products")
    assert client.deliver(ticket.upload_id).rows == Rows(read=10, inserted=10)


def test_a_file_replaced_while_it_is_read_is_not_mixed(client: Client, conn: psycopg.Connection) -> None:
    ticket = client.ask("products_lens")
    client.put(ticket, lenses(10))
    seen = blobs.source(client.blob(ticket.upload_id))
    client.blob(ticket.upload_id).upload_blob(lenses(20), overwrite=True)
    with pytest.raises(ResourceModifiedError):
        ingest(client.name(ticket.upload_id), seen, NOW)
    assert prices(conn) == []
    assert client.deliver(ticket.upload_id).rows == Rows(read=20, inserted=20)


def test_a_deleted_file_fails_the_upload(client: Client) -> None:
    ticket = client.ask("products_lens")
    client.put(ticket, lenses(10))
    client.blob(ticket.upload_id).delete_blob()
    upload = client.deliver(ticket.upload_id)
    assert (upload.status, upload.reason_code) == (UploadStatus.FAILED, "file_gone")


def test_a_cancelled_upload_is_left_alone(client: Client, conn: psycopg.Connection) -> None:
    ticket = client.ask("products_lens")
    client.put(ticket, lenses(10))
    assert uploads.update_cancelled(conn, ticket.upload_id, datetime.now(UTC))
    assert client.deliver(ticket.upload_id).status is UploadStatus.CANCELLED
    assert prices(conn) == []


@pytest.mark.parametrize("name", ["notes.txt", f"{UUID(int=7)}.csv", f"stores/{UUID(int=7)}.csv"])
def test_a_file_nobody_asked_for_is_left_alone(client: Client, conn: psycopg.Connection, name: str) -> None:
    ticket = client.ask("products_lens")
    client.put(ticket, lenses(10))
    ingest(name, blobs.source(client.blob(ticket.upload_id)), NOW)
    assert prices(conn) == []
    assert client.status(ticket.upload_id).status is UploadStatus.AWAITING


def test_who_waits_for_another_file_says_so(client: Client, database_url: str) -> None:
    client.send("products_lens", lenses(1))
    first, second = client.ask("products_lens"), client.ask("products_frame")
    client.put(first, lenses(10, "11.00"))
    client.put(second, lenses(10).replace(b"New Code", b"SKU Code").replace(b"L0", b"F0"))
    workers = [Thread(target=client.deliver_aside, args=[each.upload_id]) for each in (first, second)]
    with psycopg.connect(database_url) as other:
        # The first file holds the target and waits for this row.
        other.execute("SELECT FROM products FOR UPDATE")
        workers[0].start()
        eventually(lambda: not _is_target_free(database_url))
        workers[1].start()
        eventually(lambda: client.status(second.upload_id).waiting_for == first.upload_id)
    for worker in workers:
        worker.join()
    done = [client.status(each.upload_id) for each in (first, second)]
    assert [(each.status, each.waiting_for) for each in done] == [(UploadStatus.COMPLETED, None)] * 2


def _is_target_free(database_url: str) -> bool:
    with psycopg.connect(database_url) as other:
        return uploads.lock_target(other, "products")


def test_a_running_ingest_can_be_cancelled(
    client: Client, conn: psycopg.Connection, database_url: str
) -> None:
    client.send("products_lens", lenses(5))
    ticket = client.ask("products_lens")
    client.put(ticket, lenses(1_000, "11.00"))
    with psycopg.connect(database_url) as other:
        assert uploads.lock_target(other, "products")
        worker = Thread(target=client.deliver_aside, args=[ticket.upload_id])
        worker.start()
        eventually(lambda: client.status(ticket.upload_id).status is UploadStatus.APPLYING)
        asked = actions.cancel(conn, NOW, ticket.upload_id, by=By(client.user_id))
        assert (asked.status, asked.cancelling) == (UploadStatus.APPLYING, True)
        worker.join()
    upload = client.status(ticket.upload_id)
    assert (upload.status, upload.rows) == (UploadStatus.CANCELLED, Rows())
    assert {price for _, price in prices(conn)} == {"10.00"}
    assert client.deliver(ticket.upload_id) == upload


def test_one_cancelled_before_its_delivery_is_cancelled_by_it(
    client: Client, conn: psycopg.Connection
) -> None:
    ticket = client.ask("products_lens")
    client.put(ticket, lenses(10))
    conn.execute("UPDATE uploads SET status = 'received'")
    actions.cancel(conn, NOW, ticket.upload_id, by=By(client.user_id))
    assert client.deliver(ticket.upload_id).status is UploadStatus.CANCELLED
    assert prices(conn) == []


def test_progress_moves_while_rows_are_read_and_while_they_are_applied(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.jobs.progress._PAUSE_S", 0)
    for name in ("_PAGES_AT_ONCE", "_PAGES"):
        monkeypatch.setattr(f"shared.jobs.applying.{name}", 20)
    told: list[tuple[str, int, int, int]] = []
    tell = uploads.update_progress

    def listen(*args: Any, **given: Any) -> bool:
        rows = given["rows"]
        told.append((given["status"], given["progress"], rows.read, rows.inserted))
        return tell(*args, **given)

    monkeypatch.setattr(uploads, "update_progress", listen)
    client.send("products_lens", lenses(20_000))
    read = [each for each in told if each[0] == "validating"]
    applied = [each for each in told if each[0] == "applying"]
    # Before the first row is applied each check is told: of so many rows one takes half a second.
    assert len({each[1] for each in applied if not each[3]}) >= 3
    assert len({each[2] for each in read}) >= 5
    assert len({each[3] for each in applied}) >= 5
    assert [each[1] for each in told] == sorted(each[1] for each in told)
