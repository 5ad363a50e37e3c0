"""Uploads: tickets, progress and outcome."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from shared.domain.row_errors import RowError
from shared.domain.uploads import Mode, Rows, Upload, UploadKind, UploadStatus
from shared.rows import jsonb, of
from shared.store import Conn


def get(conn: Conn, upload_id: UUID) -> Upload | None:
    return (
        conn.cursor(row_factory=of(Upload))
        .execute(
            """
            SELECT id, kind, filename, mode, validate_only, status, progress_pct AS progress,
                   jsonb_build_object('read', rows_read, 'inserted', rows_inserted, 'updated', rows_updated,
                                      'unchanged', rows_unchanged, 'rejected', rows_rejected) AS rows,
                   errors, reason, reason_code, created_at, expires_at, received_at, finished_at
              FROM uploads
             WHERE id = %(upload_id)s
            """,
            {"upload_id": upload_id},
        )
        .fetchone()
    )


def find(conn: Conn, *, before: UUID | None, limit: int) -> list[Upload]:
    """The uploads older than `before`, newest first, without their errors."""
    return (
        conn.cursor(row_factory=of(Upload))
        .execute(
            """
            SELECT id, kind, filename, mode, validate_only, status, progress_pct AS progress,
                   jsonb_build_object('read', rows_read, 'inserted', rows_inserted, 'updated', rows_updated,
                                      'unchanged', rows_unchanged, 'rejected', rows_rejected) AS rows,
                   reason, reason_code, created_at, expires_at, received_at, finished_at
              FROM uploads
             WHERE %(before)s::uuid IS NULL
                OR id < %(before)s
             ORDER BY id DESC
             LIMIT %(limit)s
            """,
            {"before": before, "limit": limit},
        )
        .fetchall()
    )


def insert(
    conn: Conn,
    *,
    kind: UploadKind,
    filename: str,
    mode: Mode,
    validate_only: bool,
    created_by: UUID,
    now: datetime,
    expires_at: datetime,
) -> UUID:
    """The id of the new upload, which awaits its file."""
    return conn.execute(
        """
        INSERT INTO uploads (kind, filename, mode, validate_only, status, created_by, created_at, expires_at)
        VALUES (%(kind)s, %(filename)s, %(mode)s, %(validate_only)s, 'awaiting', %(created_by)s, %(now)s,
                %(expires_at)s)
        RETURNING id
        """,
        {
            "kind": kind,
            "filename": filename,
            "mode": mode,
            "validate_only": validate_only,
            "created_by": created_by,
            "now": now,
            "expires_at": expires_at,
        },
    ).fetchall()[0][0]


def update_cancelled(conn: Conn, upload_id: UUID, now: datetime) -> bool:
    """Cancel it if it still awaits its file."""
    return (
        conn.execute(
            """
            UPDATE uploads
               SET status = 'cancelled', finished_at = %(now)s
             WHERE id = %(upload_id)s
               AND status = 'awaiting'
            """,
            {"upload_id": upload_id, "now": now},
        ).rowcount
        == 1
    )


def lock(conn: Conn, upload_id: UUID) -> bool:
    """Make this transaction the only one that works on the upload; False when another does."""
    return conn.execute(
        "SELECT pg_try_advisory_xact_lock(hashtextextended('upload ' || %(upload_id)s::text, 0))",
        {"upload_id": upload_id},
    ).fetchall()[0][0]


def lock_target(conn: Conn, target: str) -> None:
    """Wait until no other transaction applies rows to the target."""
    conn.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('target ' || %(target)s, 0))", {"target": target}
    )


def update_limits(conn: Conn) -> None:
    """Let the statements of this transaction take as long as a large file takes."""
    conn.execute("SET LOCAL statement_timeout = '20min'")
    conn.execute("SET LOCAL idle_in_transaction_session_timeout = '10min'")


def update_received(
    conn: Conn, upload_id: UUID, *, etag: str | None, size: int | None, now: datetime
) -> Upload | None:
    """Note that its file is there; None when nothing is to be done with it any more, or it is unknown.

    A second delivery starts the count again but keeps the time of the first.
    """
    return (
        conn.cursor(row_factory=of(Upload))
        .execute(
            """
            UPDATE uploads
               SET status = 'received', etag = %(etag)s, size_bytes = %(size)s, progress_pct = 0,
                   rows_read = 0, received_at = COALESCE(received_at, %(now)s)
             WHERE id = %(upload_id)s
               AND status NOT IN ('completed', 'failed', 'cancelled')
            RETURNING id, kind, filename, mode, validate_only, status, progress_pct AS progress,
                      jsonb_build_object('read', rows_read) AS rows,
                      reason, reason_code, created_at, expires_at, received_at, finished_at
            """,
            {"upload_id": upload_id, "etag": etag, "size": size, "now": now},
        )
        .fetchone()
    )


def update_progress(conn: Conn, upload_id: UUID, *, status: UploadStatus, progress: int, read: int) -> None:
    """Note how far it is, unless it is finished: by another delivery, when this one lost its connection."""
    conn.execute(
        """
        UPDATE uploads
           SET status = %(status)s, progress_pct = %(progress)s, rows_read = %(read)s
         WHERE id = %(upload_id)s
           AND status NOT IN ('completed', 'failed', 'cancelled')
        """,
        {"upload_id": upload_id, "status": status, "progress": progress, "read": read},
    )


def update_finished(
    conn: Conn,
    upload_id: UUID,
    *,
    status: UploadStatus,
    rows: Rows,
    errors: Sequence[RowError] = (),
    reason: str | None = None,
    reason_code: str | None = None,
) -> None:
    """Write the outcome, in the transaction of the rows it tells of."""
    conn.execute(
        """
        UPDATE uploads
           SET status = %(status)s, progress_pct = 100, rows_read = %(read)s, rows_inserted = %(inserted)s,
               rows_updated = %(updated)s, rows_unchanged = %(unchanged)s, rows_rejected = %(rejected)s,
               errors = %(errors)s, reason = %(reason)s, reason_code = %(reason_code)s,
               finished_at = clock_timestamp()
         WHERE id = %(upload_id)s
        """,
        {
            "upload_id": upload_id,
            "status": status,
            "read": rows.read,
            "inserted": rows.inserted,
            "updated": rows.updated,
            "unchanged": rows.unchanged,
            "rejected": rows.rejected,
            "errors": jsonb(errors),
            "reason": reason,
            "reason_code": reason_code,
        },
    )
