"""Uploads in the database: pages, locks, and the sum that must hold."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import psycopg
import pytest

from shared.domain.row_errors import RowError
from shared.domain.uploads import Mode, Rows, UploadKind, UploadStatus
from shared.store import uploads
from tests.rows import a_user

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def insert(conn: psycopg.Connection) -> UUID:
    return uploads.insert(
        conn,
        kind=UploadKind.STORES,
        filename="shops.csv",
        mode=Mode.VALID_ROWS,
        validate_only=False,
        retailer_id=None,
        created_by=a_user(conn),
        now=NOW,
        expires_at=NOW,
    )


def tell(conn: psycopg.Connection, upload_id: UUID) -> bool:
    return uploads.update_progress(
        conn,
        upload_id,
        status=UploadStatus.VALIDATING,
        progress=10,
        rows=Rows(read=5, inserted=2),
        waiting_for=None,
    )


def test_pages_go_from_the_newest_back(conn: psycopg.Connection) -> None:
    ids = [insert(conn) for _ in range(5)]
    first = uploads.find(conn, before=None, limit=2)
    assert [upload.id for upload in first] == [ids[4], ids[3]]
    assert [upload.id for upload in uploads.find(conn, before=ids[3], limit=9)] == ids[2::-1]


def test_errors_are_in_the_upload_and_not_in_the_list(conn: psycopg.Connection) -> None:
    upload_id = insert(conn)
    error = RowError(2, "Name", "missing", "", "This column must have a value.", "Fill the cell in.")
    uploads.update_finished(
        conn, upload_id, status=UploadStatus.COMPLETED, rows=Rows(read=1, rejected=1), errors=[error]
    )
    upload = uploads.get(conn, upload_id)
    assert upload is not None
    assert upload.errors == (error,)
    assert uploads.find(conn, before=None, limit=1)[0].errors == ()


def test_rows_that_do_not_add_up_are_refused(conn: psycopg.Connection) -> None:
    upload_id = insert(conn)
    with pytest.raises(psycopg.errors.CheckViolation, match="uploads_rows_add_up"):
        uploads.update_finished(conn, upload_id, status=UploadStatus.COMPLETED, rows=Rows(read=2, inserted=1))


@pytest.mark.parametrize("status", [UploadStatus.COMPLETED, UploadStatus.FAILED, UploadStatus.CANCELLED])
def test_a_finished_upload_receives_nothing(conn: psycopg.Connection, status: UploadStatus) -> None:
    upload_id = insert(conn)
    conn.execute("UPDATE uploads SET status = %s", [status])
    assert uploads.update_received(conn, upload_id, etag='"1"', size=1, now=NOW) is None
    assert uploads.update_received(conn, uuid4(), etag='"1"', size=1, now=NOW) is None


def test_a_latecomer_does_not_reopen_a_finished_upload(conn: psycopg.Connection) -> None:
    upload_id = insert(conn)
    tell(conn, upload_id)
    upload = uploads.get(conn, upload_id)
    assert upload is not None
    assert (upload.status, upload.progress, upload.rows.read) == (UploadStatus.VALIDATING, 10, 5)
    uploads.update_finished(conn, upload_id, status=UploadStatus.COMPLETED, rows=Rows(read=1, inserted=1))
    finished = uploads.get(conn, upload_id)
    tell(conn, upload_id)
    assert uploads.get(conn, upload_id) == finished


def test_one_transaction_at_a_time_works_on_an_upload(conn: psycopg.Connection, database_url: str) -> None:
    upload_id, other_id = uuid4(), uuid4()
    with psycopg.connect(database_url) as other:
        assert uploads.lock(other, upload_id)
        assert not uploads.lock(conn, upload_id)
        assert uploads.lock(conn, other_id)
        other.commit()
        assert uploads.lock(conn, upload_id)
