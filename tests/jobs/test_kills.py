"""Kills: a process that ingests dies in the midst of each phase, and what comes after is as if it had not."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest

from devhost.environment import ROOT
from shared.domain.uploads import Rows, UploadStatus
from shared.store import uploads
from tests.harness import eventually
from tests.jobs.conftest import Client
from tests.jobs.storage_proxy import StorageProxy, storage_proxy
from tests.jobs.test_deliveries import lenses, prices

ROWS = 10_000
DELIVER = """
import sys
from datetime import UTC, datetime
from shared.edge import blobs, storage
from shared.jobs.ingest import ingest
blobs.CHUNK = 50_000
client = storage.service().get_blob_client(storage.UPLOADS, sys.argv[1])
ingest(sys.argv[1], blobs.source(client), datetime.now(UTC))
"""
# What each phase waits for when somebody holds it, which is how a phase is made to last.
HELD = {
    "claim": "SELECT FROM uploads WHERE id = %(upload_id)s FOR UPDATE",
    "check": "SELECT pg_advisory_xact_lock(hashtextextended('target products', 0))",
    "apply": "SELECT FROM products WHERE sku = 'L00007' FOR UPDATE",
}


def begin(app_environment: dict[str, str], name: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", DELIVER, name], cwd=ROOT, env=os.environ | app_environment)


def waits(conn: psycopg.Connection, statement: str) -> bool:
    """Whether a statement of the app waits for a lock."""
    return bool(
        conn.execute(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
            "AND wait_event_type = 'Lock' AND query ~ %s",
            [statement],
        ).fetchone()
    )


def is_free(database_url: str, upload_id: UUID) -> bool:
    with psycopg.connect(database_url) as other:
        return uploads.lock(other, upload_id)


def recovered(client: Client, conn: psycopg.Connection, database_url: str, upload_id: UUID) -> None:
    """After a delivery more, table and status are what the file says."""
    # The server notices the death of its client when its statement ends.
    eventually(lambda: is_free(database_url, upload_id))
    upload = client.deliver(upload_id)
    assert (upload.status, upload.progress) == (UploadStatus.COMPLETED, 100)
    assert upload.rows == Rows(read=ROWS, inserted=ROWS - 100, updated=100)
    assert prices(conn) == [(f"L{number:05}", "12.00") for number in range(ROWS)]
    assert client.deliver(upload_id) == upload


def asked(client: Client) -> UUID:
    client.send("products_lens", lenses(100))
    ticket = client.ask("products_lens")
    assert client.put(ticket, lenses(ROWS, "12.00")).status_code == 201
    return ticket.upload_id


@pytest.fixture
def proxy(uploads_storage: str) -> Iterator[StorageProxy]:
    with storage_proxy(uploads_storage) as proxy:
        yield proxy


@pytest.mark.parametrize(("phase", "chunk"), [("download", 1), ("copy", 5)])
def test_a_kill_between_two_chunks(
    client: Client,
    conn: psycopg.Connection,
    database_url: str,
    app_environment: dict[str, str],
    proxy: StorageProxy,
    phase: str,
    chunk: int,
) -> None:
    upload_id = asked(client)
    proxy.held_back = chunk
    process = begin(app_environment | {"UPLOADS_STORAGE": proxy.connection_string}, client.name(upload_id))
    assert proxy.reached.wait(60)
    if phase == "copy":
        eventually(lambda: copied(conn))
    else:
        assert not copied(conn)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert client.status(upload_id).finished_at is None
    assert {price for _, price in prices(conn)} == {"10.00"}
    recovered(client, conn, database_url, upload_id)


def copied(conn: psycopg.Connection) -> int:
    """How many rows the server has taken in a COPY that still goes on."""
    rows = conn.execute(
        "SELECT tuples_processed FROM pg_stat_progress_copy WHERE datname = current_database()"
    ).fetchall()
    return sum(taken for (taken,) in rows)


@pytest.mark.parametrize("phase", ["claim", "check", "apply", "report"])
def test_a_kill_in_a_phase(
    client: Client,
    conn: psycopg.Connection,
    database_url: str,
    app_environment: dict[str, str],
    phase: str,
) -> None:
    upload_id = asked(client)
    with psycopg.connect(database_url) as held, psycopg.connect(database_url) as told:
        held.execute(HELD["apply" if phase == "report" else phase], {"upload_id": upload_id})
        process = begin(app_environment, client.name(upload_id))
        match phase:
            case "claim":
                eventually(lambda: waits(conn, "UPDATE uploads"))
            case "check":
                eventually(lambda: client.status(upload_id).status is UploadStatus.APPLYING)
            case "apply":
                eventually(lambda: waits(conn, "MERGE INTO products"))
            case _:
                eventually(lambda: waits(conn, "MERGE INTO products"))
                told.execute(HELD["claim"], {"upload_id": upload_id})
                held.rollback()
                eventually(lambda: waits(conn, "UPDATE uploads"))
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert client.status(upload_id).finished_at is None
    assert {price for _, price in prices(conn)} == {"10.00"}
    recovered(client, conn, database_url, upload_id)


@pytest.mark.soak
@pytest.mark.parametrize("number", range(20))
def test_a_kill_at_any_moment(
    client: Client,
    conn: psycopg.Connection,
    database_url: str,
    app_environment: dict[str, str],
    number: int,
) -> None:
    upload_id = asked(client)
    process = begin(app_environment, client.name(upload_id))
    eventually(lambda: client.status(upload_id).status is not UploadStatus.AWAITING)
    try:
        process.wait(number / 40)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
    eventually(lambda: is_free(database_url, upload_id))
    upload = client.deliver(upload_id)
    assert upload.rows == Rows(read=ROWS, inserted=ROWS - 100, updated=100)
    recovered(client, conn, database_url, upload_id)
