"""Settlements as they were issued: reading them, and marking them paid."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from uuid import UUID

from shared.domain.settlements import (
    Payable,
    Settlement,
    SettlementLine,
    SettlementStatus,
    StatedTotal,
    StoreTotal,
)
from shared.domain.users import EVERY_STORE, Reach
from shared.rows import of
from shared.store import Conn

# Rows that the server sends at a time.
_FETCHED = 2_000
_BEFORE_EVERY_LINE = (UUID(int=0), -1)


def get(conn: Conn, settlement_id: UUID, reach: Reach = EVERY_STORE) -> Settlement | None:
    """The settlement, if it was issued and its retailer is the root of the reach."""
    return (
        conn.cursor(row_factory=of(Settlement))
        .execute(
            """
            SELECT id, closing_id, retailer_id, retailer_name, zone, currency, from_on, until_on, from_at,
                   until_at, status, issued_at, issued_on, documents, owed, net_owed, corrects, reason,
                   corrected_by, paid_on, reference
              FROM issued_settlements
             WHERE id = %(settlement_id)s
               AND (%(root)s::text IS NULL OR (%(below)s AND retailer_id = %(root)s))
            """,
            {"settlement_id": settlement_id, "root": reach.root, "below": reach.below},
        )
        .fetchone()
    )


def find(
    conn: Conn,
    *,
    reach: Reach,
    retailer_id: str | None,
    closing_id: UUID | None,
    status: SettlementStatus | None,
    from_on: date | None,
    until_on: date | None,
    before: UUID | None,
    limit: int,
) -> list[Settlement]:
    """Newest first, those whose period has a day from `from_on` through `until_on`; None does not narrow."""
    return (
        conn.cursor(row_factory=of(Settlement))
        .execute(
            """
            SELECT id, closing_id, retailer_id, retailer_name, zone, currency, from_on, until_on, from_at,
                   until_at, status, issued_at, issued_on, documents, owed, net_owed, corrects, reason,
                   corrected_by, paid_on, reference
              FROM issued_settlements
             WHERE (%(root)s::text IS NULL OR (%(below)s AND retailer_id = %(root)s))
               AND (%(retailer_id)s::text IS NULL OR retailer_id = %(retailer_id)s)
               AND (%(closing_id)s::uuid IS NULL OR closing_id = %(closing_id)s)
               AND (%(status)s::text IS NULL OR status = %(status)s)
               AND (%(from_on)s::date IS NULL OR until_on >= %(from_on)s)
               AND (%(until_on)s::date IS NULL OR from_on <= %(until_on)s)
               AND (%(before)s::uuid IS NULL OR id < %(before)s)
             ORDER BY id DESC
             LIMIT %(limit)s
            """,
            {
                "root": reach.root,
                "below": reach.below,
                "retailer_id": retailer_id,
                "closing_id": closing_id,
                "status": status,
                "from_on": from_on,
                "until_on": until_on,
                "before": before,
                "limit": limit,
            },
        )
        .fetchall()
    )


def find_totals(conn: Conn, settlement_id: UUID) -> list[StatedTotal]:
    """The statement's first; within a document by the promotion's name."""
    return (
        conn.cursor(row_factory=of(StatedTotal))
        .execute(
            """
            SELECT document, total.promotion_id, total.version, versions.name, party, lines,
                   from_minor(amount_minor, settlements.currency) AS amount
              FROM settlement_totals AS total
              JOIN settlements
                ON settlements.id = settlement_id
              JOIN promotion_versions AS versions
                ON versions.promotion_id = total.promotion_id
               AND versions.version = total.version
             WHERE settlement_id = %(settlement_id)s
             ORDER BY document DESC, versions.name, promotion_id, version, party
            """,
            {"settlement_id": settlement_id},
        )
        .fetchall()
    )


def find_store_totals(conn: Conn, settlement_id: UUID) -> list[StoreTotal]:
    """What was stated of each store, by its id."""
    return (
        conn.cursor(row_factory=of(StoreTotal))
        .execute(
            """
            SELECT store_id, stores.name, count(*) AS transactions,
                   from_minor(coalesce(sum(borne.minor), 0)::bigint, settlements.currency) AS discount,
                   from_minor(coalesce(sum(borne.brand_minor), 0)::bigint, settlements.currency) AS owed
              FROM settlement_entries AS entries
              JOIN settlements
                ON settlements.id = settlement_id
              JOIN transactions
                ON transactions.id = transaction_id
              JOIN stores
                ON stores.id = store_id
              LEFT JOIN (
                     SELECT transaction_id, sum(amount_minor) AS minor,
                            sum(amount_minor) FILTER (WHERE party = 'brand') AS brand_minor
                       FROM settlement_lines
                      WHERE settlement_id = %(settlement_id)s
                      GROUP BY transaction_id
                   ) AS borne
             USING (transaction_id)
             WHERE entries.settlement_id = %(settlement_id)s
             GROUP BY store_id, stores.name, settlements.currency
             ORDER BY store_id COLLATE "C"
            """,
            {"settlement_id": settlement_id},
        )
        .fetchall()
    )


def find_lines(
    conn: Conn, settlement_id: UUID, *, after: tuple[UUID, int] | None, limit: int
) -> list[SettlementLine]:
    """The lines after a place, in the order in which the transactions were made."""
    transaction_id, place = after or _BEFORE_EVERY_LINE
    return (
        conn.cursor(row_factory=of(SettlementLine))
        .execute(
            """
            SELECT transaction_id, place, document, carried_over, reversed, kind, original_id, created_at,
                   sold_on, store_id, store_name, receipt_number, line, sku, promotion_id, version,
                   promotion_name, role, units, party, amount
              FROM settlement_line_details
             WHERE settlement_id = %(settlement_id)s
               AND (transaction_id, place) > (%(transaction_id)s, %(place)s)
             ORDER BY transaction_id, place
             LIMIT %(limit)s
            """,
            {
                "settlement_id": settlement_id,
                "transaction_id": transaction_id,
                "place": place,
                "limit": limit,
            },
        )
        .fetchall()
    )


def read_lines(conn: Conn, settlement_id: UUID) -> Iterator[SettlementLine]:
    """All lines in their order, some thousand at a time. `conn` must be in a transaction."""
    with conn.cursor(name="settlement_lines", row_factory=of(SettlementLine)) as cursor:
        cursor.itersize = _FETCHED
        cursor.execute(
            """
            SELECT transaction_id, place, document, carried_over, reversed, kind, original_id, created_at,
                   sold_on, store_id, store_name, receipt_number, line, sku, promotion_id, version,
                   promotion_name, role, units, party, amount
              FROM settlement_line_details
             WHERE settlement_id = %(settlement_id)s
             ORDER BY transaction_id, place
            """,
            {"settlement_id": settlement_id},
        )
        yield from cursor


def lock(conn: Conn, ids: Sequence[UUID]) -> list[Payable]:
    """Those of these settlements that were issued, held against who else would pay or correct them."""
    return (
        conn.cursor(row_factory=of(Payable))
        .execute(
            """
            SELECT id, retailer_id, zone, paid_on, reference,
                   (SELECT sum(transactions)::integer
                      FROM settlement_documents
                     WHERE settlement_id = id) AS transactions
              FROM settlements
             WHERE id = ANY(%(ids)s)
               AND issued_at IS NOT NULL
             ORDER BY id
               FOR UPDATE
            """,
            {"ids": list(ids)},
        )
        .fetchall()
    )


def lock_unpaid(conn: Conn, settlement_id: UUID) -> None:
    """Hold whatever may be corrected together with this settlement: all of its retailer that are not paid."""
    conn.execute(
        """
        SELECT 1
          FROM settlements
         WHERE retailer_id = (SELECT retailer_id FROM settlements WHERE id = %(settlement_id)s)
           AND issued_at IS NOT NULL
           AND paid_at IS NULL
         ORDER BY id
           FOR UPDATE
        """,
        {"settlement_id": settlement_id},
    )


def get_correcting(conn: Conn, settlement_id: UUID) -> UUID | None:
    """The closing that is about to take something off the settlement, if there is one."""
    row = conn.execute(
        """
        SELECT closing_id
          FROM settlement_entries AS entry
          JOIN settlement_entries AS later
            ON later.transaction_id = entry.transaction_id
           AND later.turn = entry.turn + 1
          JOIN settlements
            ON settlements.id = later.settlement_id
         WHERE entry.settlement_id = %(settlement_id)s
           AND entry.turn %% 2 = 0
           AND issued_at IS NULL
           AND settlements.id NOT IN (SELECT abandoned_settlements.id FROM abandoned_settlements)
         LIMIT 1
        """,
        {"settlement_id": settlement_id},
    ).fetchone()
    return None if row is None else row[0]


def find_stated_ids(conn: Conn, settlement_id: UUID, *, after: UUID, limit: int) -> list[UUID]:
    """The transactions that the settlement states and nothing has taken off since, after an id."""
    rows = conn.execute(
        """
        SELECT transaction_id
          FROM settlement_entries AS entry
         WHERE settlement_id = %(settlement_id)s
           AND transaction_id > %(after)s
           AND turn %% 2 = 0
           AND NOT EXISTS (
                 SELECT
                   FROM issued_entries AS later
                  WHERE later.transaction_id = entry.transaction_id
                    AND later.turn = entry.turn + 1
               )
         ORDER BY transaction_id
         LIMIT %(limit)s
        """,
        {"settlement_id": settlement_id, "after": after, "limit": limit},
    ).fetchall()
    return [row[0] for row in rows]


def has_corrections(conn: Conn, settlement_id: UUID) -> bool:
    """Whether a correction would find anything: something Under Review, or newly verified in its period."""
    return conn.execute(
        """
        SELECT EXISTS (
                 SELECT
                   FROM settlement_entries AS entry
                   JOIN transactions
                     ON transactions.id = transaction_id
                  WHERE settlement_id = %(settlement_id)s
                    AND turn %% 2 = 0
                    AND status = 'Under Review'
                    AND NOT EXISTS (
                          SELECT
                            FROM issued_entries AS later
                           WHERE later.transaction_id = entry.transaction_id
                             AND later.turn = entry.turn + 1
                        )
               )
               OR EXISTS (
                 SELECT
                   FROM settlements
                   JOIN transactions
                     ON transactions.retailer_id = settlements.retailer_id
                    AND transactions.currency = settlements.currency
                    AND transactions.id >= id_from(from_at)
                    AND transactions.id < id_from(until_at)
                  WHERE settlements.id = %(settlement_id)s
                    AND (status = 'Verified' OR (kind <> 'sale' AND status = 'New'))
                    AND 1 = (
                          SELECT coalesce(max(turn), 1) %% 2
                            FROM issued_entries
                           WHERE transaction_id = transactions.id
                        )
                    AND (kind = 'sale'
                         OR 0 = (
                              SELECT coalesce(max(turn), 1) %% 2
                                FROM issued_entries
                               WHERE transaction_id = transactions.original_id
                            ))
               )
        """,
        {"settlement_id": settlement_id},
    ).fetchall()[0][0]


def update_paid(
    conn: Conn, settlement_id: UUID, *, paid_on: date, reference: str, user_id: UUID, now: datetime
) -> None:
    conn.execute(
        """
        UPDATE settlements
           SET paid_at = %(now)s,
               paid_on = %(paid_on)s,
               paid_by = %(user_id)s,
               reference = %(reference)s
         WHERE id = %(settlement_id)s
        """,
        {
            "settlement_id": settlement_id,
            "paid_on": paid_on,
            "reference": reference,
            "user_id": user_id,
            "now": now,
        },
    )
