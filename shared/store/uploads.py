"""Uploads: tickets, progress and outcome."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from shared.domain.row_errors import RowError
from shared.domain.uploads import Mode, Rows, Upload, UploadKind, UploadStatus, WaitingUpload, Warned
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
                   retailer_id, waiting_for, cancel_requested AS cancelling,
                   warnings, errors, reason, reason_code,
                   created_at, expires_at, received_at, finished_at
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
                   retailer_id, waiting_for, cancel_requested AS cancelling,
                   warnings, reason, reason_code,
                   created_at, expires_at, received_at, finished_at
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
    retailer_id: str | None,
    created_by: UUID,
    now: datetime,
    expires_at: datetime,
) -> UUID:
    """The id of the new upload, which awaits its file."""
    return conn.execute(
        """
        INSERT INTO uploads (kind, filename, mode, validate_only, retailer_id, status, created_by, created_at,
                             expires_at)
        VALUES (%(kind)s, %(filename)s, %(mode)s, %(validate_only)s, %(retailer_id)s, 'awaiting',
                %(created_by)s, %(now)s, %(expires_at)s)
        RETURNING id
        """,
        {
            "kind": kind,
            "filename": filename,
            "mode": mode,
            "validate_only": validate_only,
            "retailer_id": retailer_id,
            "created_by": created_by,
            "now": now,
            "expires_at": expires_at,
        },
    ).fetchall()[0][0]


def update_cancelled(conn: Conn, upload_id: UUID, now: datetime) -> bool:
    """Cancel it if it still awaits its file, and else have whoever ingests it do so; False if it ended."""
    return (
        conn.execute(
            """
            UPDATE uploads
               SET cancel_requested = true,
                   status = CASE status WHEN 'awaiting' THEN 'cancelled' ELSE status END,
                   finished_at = CASE status WHEN 'awaiting' THEN %(now)s::timestamptz END
             WHERE id = %(upload_id)s
               AND status NOT IN ('completed', 'failed', 'cancelled')
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


def lock_target(conn: Conn, target: str) -> bool:
    """Make this transaction the only one that applies rows to the target; False when another does."""
    return conn.execute(
        "SELECT pg_try_advisory_xact_lock(hashtextextended('target ' || %(target)s, 0))", {"target": target}
    ).fetchall()[0][0]


def find_applying_id(conn: Conn, *, kinds: list[str], besides: UUID) -> UUID | None:
    """The upload of one of these kinds that is being applied and does not itself wait for another."""
    row = conn.execute(
        """
        SELECT id
          FROM uploads
         WHERE status = 'applying'
           AND waiting_for IS NULL
           AND kind = ANY (%(kinds)s)
           AND id <> %(besides)s
         ORDER BY progressed_at DESC
         LIMIT 1
        """,
        {"kinds": kinds, "besides": besides},
    ).fetchone()
    return None if row is None else row[0]


def update_limits(conn: Conn) -> None:
    """Let the statements of this transaction take as long as a large file takes."""
    conn.execute("SET LOCAL statement_timeout = '20min'")
    conn.execute("SET LOCAL idle_in_transaction_session_timeout = '10min'")
    conn.execute("SET LOCAL work_mem = '64MB'")


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
                   rows_read = 0, rows_inserted = 0, rows_updated = 0, rows_unchanged = 0,
                   waiting_for = NULL, attempts = attempts + 1, progressed_at = clock_timestamp(),
                   received_at = COALESCE(received_at, %(now)s)
             WHERE id = %(upload_id)s
               AND status NOT IN ('completed', 'failed', 'cancelled')
            RETURNING id, kind, filename, mode, validate_only, status, progress_pct AS progress,
                      jsonb_build_object('read', rows_read) AS rows, retailer_id,
                      cancel_requested AS cancelling,
                      reason, reason_code, created_at, expires_at, received_at, finished_at
            """,
            {"upload_id": upload_id, "etag": etag, "size": size, "now": now},
        )
        .fetchone()
    )


def update_progress(
    conn: Conn,
    upload_id: UUID,
    *,
    status: UploadStatus,
    progress: int,
    rows: Rows,
    waiting_for: UUID | None,
) -> bool:
    """Note how far it is, unless it is finished: by another delivery, when this one lost its connection.

    True when somebody wants it cancelled.
    """
    row = conn.execute(
        """
        UPDATE uploads
           SET status = %(status)s, progress_pct = %(progress)s, rows_read = %(read)s,
               rows_inserted = %(inserted)s, rows_updated = %(updated)s, rows_unchanged = %(unchanged)s,
               waiting_for = %(waiting_for)s, progressed_at = clock_timestamp()
         WHERE id = %(upload_id)s
           AND status NOT IN ('completed', 'failed', 'cancelled')
        RETURNING cancel_requested
        """,
        {
            "upload_id": upload_id,
            "status": status,
            "progress": progress,
            "read": rows.read,
            "inserted": rows.inserted,
            "updated": rows.updated,
            "unchanged": rows.unchanged,
            "waiting_for": waiting_for,
        },
    ).fetchone()
    return row is not None and row[0]


def update_failure(conn: Conn, upload_id: UUID, failure: str) -> None:
    """Note what a try met that could not finish it."""
    conn.execute(
        "UPDATE uploads SET last_failure = %(failure)s WHERE id = %(upload_id)s",
        {"upload_id": upload_id, "failure": failure},
    )


def find_waiting(conn: Conn, *, patience: timedelta, most: int) -> list[WaitingUpload]:
    """Uploads nothing was heard of for so long.

    Among them are those that still await their file, which may have come unnoticed.
    """
    return (
        conn.cursor(row_factory=of(WaitingUpload))
        .execute(
            """
            SELECT id, kind, status, attempts, COALESCE(last_failure, '') AS last_failure, expires_at
              FROM uploads
             WHERE status IN ('awaiting', 'received', 'validating', 'applying')
               AND progressed_at < clock_timestamp() - %(patience)s
             ORDER BY progressed_at
             LIMIT %(most)s
            """,
            {"patience": patience, "most": most},
        )
        .fetchall()
    )


def update_requeued(conn: Conn, upload_id: UUID) -> None:
    """Have patience with it anew."""
    conn.execute(
        "UPDATE uploads SET progressed_at = clock_timestamp() WHERE id = %(upload_id)s",
        {"upload_id": upload_id},
    )


def get_attempts(conn: Conn, upload_id: UUID) -> tuple[int, str] | None:
    """How often it was tried and what the last try met; None when it is finished or unknown."""
    return conn.execute(
        """
        SELECT attempts, COALESCE(last_failure, '')
          FROM uploads
         WHERE id = %(upload_id)s
           AND status NOT IN ('completed', 'failed', 'cancelled')
        """,
        {"upload_id": upload_id},
    ).fetchone()


def update_finished(
    conn: Conn,
    upload_id: UUID,
    *,
    status: UploadStatus,
    rows: Rows,
    warnings: Sequence[Warned] = (),
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
               warnings = %(warnings)s, errors = %(errors)s, waiting_for = NULL,
               reason = %(reason)s, reason_code = %(reason_code)s,
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
            "warnings": jsonb(warnings),
            "errors": jsonb(errors),
            "reason": reason,
            "reason_code": reason_code,
        },
    )
