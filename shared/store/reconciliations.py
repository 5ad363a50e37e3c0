"""Reconciliations: runs and the days they go through, and what is known of each sale."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from shared.domain.quotes import TransactionStatus
from shared.domain.reconciliation.days import Kept
from shared.domain.reconciliation.runs import DayDone, DueDay, Reconciliation
from shared.rows import jsonb, of
from shared.store import Conn


def new_id(conn: Conn) -> UUID:
    """An id for a run, which its job must know before the run is written."""
    return conn.execute("SELECT uuidv7()").fetchall()[0][0]


def insert(
    conn: Conn,
    *,
    reconciliation_id: UUID,
    job_id: UUID,
    retailer_id: str | None,
    upload_id: UUID | None,
    user_id: UUID | None,
    now: datetime,
) -> None:
    conn.execute(
        """
        INSERT INTO reconciliations (id, job_id, retailer_id, upload_id, created_by, created_at)
        VALUES (%(id)s, %(job_id)s, %(retailer_id)s, %(upload_id)s, %(user_id)s, %(now)s)
        """,
        {
            "id": reconciliation_id,
            "job_id": job_id,
            "retailer_id": retailer_id,
            "upload_id": upload_id,
            "user_id": user_id,
            "now": now,
        },
    )


def insert_days_of_upload(conn: Conn, reconciliation_id: UUID, upload_id: UUID) -> int:
    """The days of stores that the upload touched, which are remembered no longer than until now."""
    return conn.execute(
        """
          WITH touched AS (
                 DELETE FROM receipt_days
                  WHERE upload_id = %(upload_id)s
                 RETURNING day, store_id
               )
        INSERT INTO reconciliation_days (reconciliation_id, day, store_id)
        SELECT %(reconciliation_id)s, day, store_id
          FROM touched
        """,
        {"reconciliation_id": reconciliation_id, "upload_id": upload_id},
    ).rowcount


def insert_days(
    conn: Conn,
    reconciliation_id: UUID,
    *,
    retailer_id: str | None,
    store_id: str | None,
    from_on: date,
    until_on: date,
) -> int:
    """Each day of each store of the retailer, of the one store, or of all; None does not narrow."""
    return conn.execute(
        """
        INSERT INTO reconciliation_days (reconciliation_id, day, store_id)
        SELECT %(reconciliation_id)s, day::date, id
          FROM stores, generate_series(%(from_on)s::timestamp, %(until_on)s::timestamp, '1 day') AS day
         WHERE (%(retailer_id)s::text IS NULL OR retailer_id = %(retailer_id)s)
           AND (%(store_id)s::text IS NULL OR id = %(store_id)s)
        """,
        {
            "reconciliation_id": reconciliation_id,
            "retailer_id": retailer_id,
            "store_id": store_id,
            "from_on": from_on,
            "until_on": until_on,
        },
    ).rowcount


def insert_days_of_differences(conn: Conn, reconciliation_id: UUID, difference_ids: Sequence[UUID]) -> int:
    """The days of stores that these differences are of."""
    return conn.execute(
        """
        INSERT INTO reconciliation_days (reconciliation_id, day, store_id)
        SELECT DISTINCT %(reconciliation_id)s::uuid, day, store_id
          FROM differences
         WHERE id = ANY(%(ids)s)
        """,
        {"reconciliation_id": reconciliation_id, "ids": list(difference_ids)},
    ).rowcount


def find_due(conn: Conn, reconciliation_id: UUID, *, most: int) -> list[DueDay]:
    """The next days of stores to go through, all of one date."""
    return (
        conn.cursor(row_factory=of(DueDay))
        .execute(
            """
            SELECT store_id, coalesce(retailer_id, store_id) AS retailer_id, day,
                   day::timestamp AT TIME ZONE zone AS begins,
                   (day + 1)::timestamp AT TIME ZONE zone AS ends
              FROM reconciliation_days
              JOIN stores
                ON stores.id = store_id
             WHERE reconciliation_id = %(id)s
               AND NOT done
               AND day = (SELECT min(day)
                            FROM reconciliation_days
                           WHERE reconciliation_id = %(id)s
                             AND NOT done)
             ORDER BY store_id
             LIMIT %(most)s
            """,
            {"id": reconciliation_id, "most": most},
        )
        .fetchall()
    )


def find_days_of(conn: Conn, store_id: str, moments: Sequence[datetime]) -> list[DueDay]:
    """The days of the store, by its own clock, on which these moments are."""
    return (
        conn.cursor(row_factory=of(DueDay))
        .execute(
            """
            SELECT DISTINCT id AS store_id, coalesce(retailer_id, id) AS retailer_id, day,
                   day::timestamp AT TIME ZONE zone AS begins,
                   (day + 1)::timestamp AT TIME ZONE zone AS ends
              FROM stores, unnest(%(moments)s::timestamptz[]) AS moment,
                   LATERAL (SELECT (moment AT TIME ZONE zone)::date) AS local (day)
             WHERE id = %(store_id)s
             ORDER BY day
            """,
            {"store_id": store_id, "moments": list(moments)},
        )
        .fetchall()
    )


def update_matched(conn: Conn, *, sale_id: UUID, receipt_id: UUID, store_id: str, now: datetime) -> None:
    """Somebody says that the receipt is of the sale; of whatever else either was, it is no longer."""
    conn.execute(
        """
        UPDATE reconciled_sales
           SET receipt_id = NULL, how = NULL, updated_at = %(now)s
         WHERE receipt_id = %(receipt_id)s
           AND transaction_id <> %(sale_id)s
        """,
        {"receipt_id": receipt_id, "sale_id": sale_id, "now": now},
    )
    conn.execute(
        """
        INSERT INTO reconciled_sales (transaction_id, store_id, receipt_id, how, updated_at)
        VALUES (%(sale_id)s, %(store_id)s, %(receipt_id)s, 'person', %(now)s)
            ON CONFLICT (transaction_id) DO UPDATE
           SET receipt_id = excluded.receipt_id, how = excluded.how, updated_at = excluded.updated_at
        """,
        {"receipt_id": receipt_id, "sale_id": sale_id, "store_id": store_id, "now": now},
    )


def lock_stores(conn: Conn, store_ids: Sequence[str]) -> None:
    """Be the only one who reconciles these stores until the transaction ends."""
    conn.execute(
        """
        SELECT pg_advisory_xact_lock(hashtextextended('reconcile ' || store_id, 0))
          FROM unnest(%(store_ids)s::text[]) AS store_id
        """,
        {"store_ids": sorted(store_ids)},
    )


def count_days(conn: Conn, reconciliation_id: UUID) -> int:
    return conn.execute(
        "SELECT count(*) FROM reconciliation_days WHERE reconciliation_id = %(id)s",
        {"id": reconciliation_id},
    ).fetchall()[0][0]


def exists(conn: Conn, reconciliation_id: UUID) -> bool:
    return conn.execute(
        "SELECT EXISTS (SELECT FROM reconciliations WHERE id = %(id)s)", {"id": reconciliation_id}
    ).fetchall()[0][0]


def update_done(conn: Conn, reconciliation_id: UUID, days: Sequence[DayDone]) -> None:
    conn.execute(
        """
        UPDATE reconciliation_days AS d
           SET done = true, sales = n.sales, receipts = n.receipts, matched = n.matched,
               verified = n.verified, reviewed = n.reviewed, waiting = n.waiting, found = n.found
          FROM jsonb_populate_recordset(NULL::reconciliation_days, %(days)s) AS n
         WHERE d.reconciliation_id = %(id)s
           AND (d.day, d.store_id) = (n.day, n.store_id)
        """,
        {"id": reconciliation_id, "days": jsonb(days)},
    )


def find(
    conn: Conn, *, reconciliation_id: UUID | None, before: UUID | None, limit: int
) -> list[Reconciliation]:
    """The runs older than `before`, newest first, or the one of this id."""
    return (
        conn.cursor(row_factory=of(Reconciliation))
        .execute(
            """
            SELECT r.id, r.job_id, j.status, r.retailer_id, r.upload_id, r.created_by, r.created_at,
                   counted.*, (SELECT coalesce(jsonb_object_agg(kind, count), '{}')
                                 FROM (SELECT kind, sum(count::integer) AS count
                                         FROM reconciliation_days, jsonb_each_text(found)
                                                                   AS each (kind, count)
                                        WHERE reconciliation_id = r.id
                                        GROUP BY kind) AS kinds) AS found
              FROM (
                     SELECT *
                       FROM reconciliations
                      WHERE (%(id)s::uuid IS NULL OR id = %(id)s)
                        AND (%(before)s::uuid IS NULL OR id < %(before)s)
                      ORDER BY id DESC
                      LIMIT %(limit)s
                   ) AS r
              JOIN jobs AS j
                ON j.id = r.job_id
             CROSS JOIN LATERAL (
                     SELECT min(day) AS from_on, max(day) AS until_on,
                            count(*) FILTER (WHERE done) AS done, count(*) AS total,
                            coalesce(sum(sales), 0) AS sales, coalesce(sum(receipts), 0) AS receipts,
                            coalesce(sum(matched), 0) AS matched, coalesce(sum(verified), 0) AS verified,
                            coalesce(sum(reviewed), 0) AS reviewed, coalesce(sum(waiting), 0) AS waiting
                       FROM reconciliation_days
                      WHERE reconciliation_id = r.id
                   ) AS counted
             ORDER BY r.id DESC
            """,
            {"id": reconciliation_id, "before": before, "limit": limit},
        )
        .fetchall()
    )


def update_sales(conn: Conn, sales: Sequence[tuple[UUID, str]], pairs: Sequence[Kept], now: datetime) -> None:
    """Remember the receipts of these sales (id, store), and of those without a pair that they have none."""
    receipts = {pair.sale_id: pair for pair in pairs}
    found = [receipts.get(sale_id) for sale_id, _ in sales]
    conn.execute(
        """
          WITH wanted AS (
                 SELECT *
                   FROM unnest(%(sales)s::uuid[], %(stores)s::text[], %(receipts)s::uuid[], %(hows)s::text[])
                        AS given (transaction_id, store_id, receipt_id, how)
               ),
               -- A receipt that another sale has now is no longer of the one it was of.
               freed AS (
                 UPDATE reconciled_sales AS m
                    SET receipt_id = NULL, how = NULL, updated_at = %(now)s
                   FROM wanted
                  WHERE wanted.receipt_id = m.receipt_id
                    AND wanted.transaction_id <> m.transaction_id
                    AND m.transaction_id <> ALL(%(sales)s::uuid[])
               )
        INSERT INTO reconciled_sales AS m (transaction_id, store_id, receipt_id, how, updated_at)
        SELECT transaction_id, store_id, receipt_id, how, %(now)s
          FROM wanted
            ON CONFLICT (transaction_id) DO UPDATE
           SET receipt_id = excluded.receipt_id,
               how = excluded.how,
               updated_at = excluded.updated_at
         WHERE (m.receipt_id, m.how) IS DISTINCT FROM (excluded.receipt_id, excluded.how)
        """,
        {
            "sales": [sale_id for sale_id, _ in sales],
            "stores": [store_id for _, store_id in sales],
            "receipts": [None if pair is None else pair.receipt_id for pair in found],
            "hows": [None if pair is None else pair.how for pair in found],
            "now": now,
        },
    )


def update_given(conn: Conn, sale_ids: Sequence[UUID], status: TransactionStatus, now: datetime) -> None:
    """Remember that reconciliation gave these sales their status."""
    conn.execute(
        """
        UPDATE reconciled_sales
           SET status = %(status)s, updated_at = %(now)s
         WHERE transaction_id = ANY(%(ids)s)
        """,
        {"ids": list(sale_ids), "status": status, "now": now},
    )
