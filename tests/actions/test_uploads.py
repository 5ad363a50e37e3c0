"""Uploads: asking for one and taking it back."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from shared.actions import uploads as actions
from shared.domain.audit import By
from shared.domain.uploads import Mode, Rows, UploadFinished, UploadKind, UploadStatus, UploadUnknown
from shared.store import uploads
from tests.rows import a_user

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def user_id(conn: psycopg.Connection) -> UUID:
    return a_user(conn)


def ask(conn: psycopg.Connection, user_id: UUID) -> UUID:
    upload_id, expires_at = actions.request(
        conn,
        NOW,
        kind=UploadKind.STORES,
        filename="shops.csv",
        mode=Mode.ALL_OR_NOTHING,
        validate_only=True,
        by=By(user_id),
    )
    assert expires_at == NOW + timedelta(minutes=15)
    return upload_id


def test_an_upload_awaits_its_file(conn: psycopg.Connection, user_id: UUID) -> None:
    upload = uploads.get(conn, ask(conn, user_id))
    assert upload is not None
    assert (upload.kind, upload.filename, upload.mode) == ("stores", "shops.csv", "all_or_nothing")
    assert (upload.validate_only, upload.status, upload.progress) == (True, UploadStatus.AWAITING, 0)
    assert (upload.rows, upload.errors, upload.rejected_url) == (Rows(), (), None)
    assert (upload.created_at, upload.received_at, upload.finished_at) == (NOW, None, None)


def test_one_that_awaits_can_be_cancelled_once(conn: psycopg.Connection, user_id: UUID) -> None:
    upload_id = ask(conn, user_id)
    later = NOW + timedelta(minutes=1)
    upload = actions.cancel(conn, later, upload_id, by=By(user_id))
    assert (upload.status, upload.finished_at) == (UploadStatus.CANCELLED, later)
    with pytest.raises(UploadFinished, match="is cancelled"):
        actions.cancel(conn, later, upload_id, by=By(user_id))


@pytest.mark.parametrize("status", ["received", "validating", "applying"])
def test_one_that_is_ingested_will_be(conn: psycopg.Connection, user_id: UUID, status: str) -> None:
    upload_id = ask(conn, user_id)
    conn.execute("UPDATE uploads SET status = %s", [status])
    upload = actions.cancel(conn, NOW, upload_id, by=By(user_id))
    assert (upload.status, upload.cancelling, upload.finished_at) == (status, True, None)


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_one_that_has_ended_cannot(conn: psycopg.Connection, user_id: UUID, status: str) -> None:
    upload_id = ask(conn, user_id)
    conn.execute("UPDATE uploads SET status = %s", [status])
    with pytest.raises(UploadFinished, match=status):
        actions.cancel(conn, NOW, upload_id, by=By(user_id))


def test_one_that_is_not_there_cannot(conn: psycopg.Connection) -> None:
    with pytest.raises(UploadUnknown):
        actions.cancel(conn, NOW, uuid4(), by=By(user_id))
