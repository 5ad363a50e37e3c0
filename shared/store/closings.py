"""Closings: what was asked, of which retailers, and how far it is."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from shared.domain.audit import By
from shared.domain.closings import Closing, Retailer, RetailerPeriod
from shared.rows import of
from shared.store import Conn


def lock(conn: Conn) -> None:
    """Whoever asks for a closing waits for whoever else does, until the transaction ends."""
    conn.execute("SELECT pg_advisory_xact_lock(hashtext('settlement_closings'))")


def get_under_way(conn: Conn, retailer_id: str | None) -> UUID | None:
    """A closing of the retailer, or of any (None), whose job has not ended."""
    row = conn.execute(
        """
        SELECT settlement_closings.id
          FROM settlement_closings
          JOIN jobs
            ON jobs.id = job_id
         WHERE finished_at IS NULL
           AND (%(retailer_id)s::text IS NULL OR retailer_id IS NULL OR retailer_id = %(retailer_id)s)
         LIMIT 1
        """,
        {"retailer_id": retailer_id},
    ).fetchone()
    return None if row is None else row[0]


def find_retailers(conn: Conn, retailer_id: str | None) -> list[Retailer]:
    """The retailer, or all of them, by id: stores at the top, and those that were when something was sold."""
    return (
        conn.cursor(row_factory=of(Retailer))
        .execute(
            """
            SELECT id, name, zone
              FROM stores
             WHERE (%(retailer_id)s::text IS NULL OR id = %(retailer_id)s)
               AND (retailer_id = id
                    OR EXISTS (
                         SELECT
                           FROM transactions
                          WHERE transactions.retailer_id = stores.id
                            AND (status = 'Verified' OR (kind <> 'sale' AND status = 'New'))
                       ))
             ORDER BY id
            """,
            {"retailer_id": retailer_id},
        )
        .fetchall()
    )


def new_id(conn: Conn) -> UUID:
    return conn.execute("SELECT uuidv7()").fetchall()[0][0]


def insert(
    conn: Conn,
    *,
    closing_id: UUID,
    job_id: UUID,
    retailer_id: str | None,
    from_on: date,
    until_on: date,
    corrects: UUID | None,
    reason: str | None,
    user_id: UUID,
    request_id: str | None,
    key: str,
    request_hash: bytes,
    now: datetime,
) -> None:
    conn.execute(
        """
        INSERT INTO settlement_closings (id, job_id, retailer_id, from_on, until_on, corrects, reason,
                                         user_id, request_id, key, request_hash, created_at)
        VALUES (%(id)s, %(job_id)s, %(retailer_id)s, %(from_on)s, %(until_on)s, %(corrects)s, %(reason)s,
                %(user_id)s, %(request_id)s, %(key)s, %(request_hash)s, %(now)s)
        """,
        {
            "id": closing_id,
            "job_id": job_id,
            "retailer_id": retailer_id,
            "from_on": from_on,
            "until_on": until_on,
            "corrects": corrects,
            "reason": reason,
            "user_id": user_id,
            "request_id": request_id,
            "key": key,
            "request_hash": request_hash,
            "now": now,
        },
    )


def insert_retailers(conn: Conn, closing_id: UUID, periods: Sequence[RetailerPeriod]) -> None:
    """The retailers of a closing, whose places count from 1 in the order given."""
    conn.execute(
        """
        INSERT INTO settlement_closing_retailers (closing_id, place, retailer_id, name, zone, from_at,
                                                  until_at)
        SELECT %(closing_id)s, place, retailer_id, name, zone, from_at, until_at
          FROM unnest(%(ids)s::text[], %(names)s::text[], %(zones)s::text[], %(from_at)s::timestamptz[],
                      %(until_at)s::timestamptz[])
               WITH ORDINALITY AS each (retailer_id, name, zone, from_at, until_at, place)
        """,
        {
            "closing_id": closing_id,
            "ids": [period.retailer.id for period in periods],
            "names": [period.retailer.name for period in periods],
            "zones": [period.retailer.zone for period in periods],
            "from_at": [period.from_at for period in periods],
            "until_at": [period.until_at for period in periods],
        },
    )


def insert_correction_retailer(conn: Conn, closing_id: UUID, settlement_id: UUID) -> None:
    """The retailer of a correction, with the very period of the settlement that it corrects."""
    conn.execute(
        """
        INSERT INTO settlement_closing_retailers (closing_id, place, retailer_id, name, zone, from_at,
                                                  until_at)
        SELECT %(closing_id)s, 1, retailer_id, retailer_name, zone, from_at, until_at
          FROM settlements
         WHERE id = %(settlement_id)s
        """,
        {"closing_id": closing_id, "settlement_id": settlement_id},
    )


def get(conn: Conn, closing_id: UUID) -> Closing | None:
    """The closing. Of one whose job was deleted long after its end nothing is told but what it issued."""
    return (
        conn.cursor(row_factory=of(Closing))
        .execute(
            """
            SELECT closing.id, job_id, retailer_id, from_on, until_on, corrects, closing.reason,
                   closing.created_at, status, done, total, jobs.reason AS failure,
                   (SELECT count(*)
                      FROM settlements
                     WHERE closing_id = closing.id
                       AND issued_at IS NOT NULL) AS settlements
              FROM settlement_closings AS closing
              LEFT JOIN jobs
                ON jobs.id = job_id
             WHERE closing.id = %(closing_id)s
            """,
            {"closing_id": closing_id},
        )
        .fetchone()
    )


def get_by_key(conn: Conn, *, user_id: UUID, key: str) -> tuple[UUID, bytes] | None:
    """What was asked under an idempotency key: the closing, and the hash of the request."""
    row = conn.execute(
        """
        SELECT id, request_hash
          FROM settlement_closings
         WHERE user_id = %(user_id)s
           AND key = %(key)s
        """,
        {"user_id": user_id, "key": key},
    ).fetchone()
    return None if row is None else (row[0], row[1])


def get_by(conn: Conn, closing_id: UUID) -> By | None:
    """Who asked for the closing, in which request."""
    return (
        conn.cursor(row_factory=of(By))
        .execute(
            """
            SELECT user_id, request_id
              FROM settlement_closings
             WHERE id = %(closing_id)s
            """,
            {"closing_id": closing_id},
        )
        .fetchone()
    )
