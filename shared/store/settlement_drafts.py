"""Drafts of settlements: transactions are taken, and lines made of them.

The rows of a draft belong to one closing, and nobody else looks at them.
"""

from typing import NamedTuple
from uuid import UUID

from shared.domain.settlements import RETAILER
from shared.store import Conn


class Made(NamedTuple):
    """How many transactions got their lines, and the last of them."""

    transactions: int
    settlement_id: UUID
    transaction_id: UUID


def delete_abandoned_lines(conn: Conn, most: int) -> int:
    """Delete lines of drafts whose closing ended without issuing them; returns how many."""
    return conn.execute(
        """
        DELETE FROM settlement_lines
         WHERE (settlement_id, transaction_id, place) IN (
                 SELECT settlement_id, transaction_id, place
                   FROM abandoned_settlements
                   JOIN settlement_lines
                     ON settlement_id = id
                  LIMIT %(most)s
               )
        """,
        {"most": most},
    ).rowcount


def delete_abandoned_entries(conn: Conn, most: int) -> int:
    """As `delete_abandoned_lines`, once there are no lines: their transactions can be taken again."""
    return conn.execute(
        """
        DELETE FROM settlement_entries
         WHERE (transaction_id, turn) IN (
                 SELECT transaction_id, turn
                   FROM abandoned_settlements
                   JOIN settlement_entries
                     ON settlement_id = id
                  LIMIT %(most)s
               )
        """,
        {"most": most},
    ).rowcount


def delete_abandoned(conn: Conn) -> None:
    """The drafts themselves, once they have neither lines nor entries."""
    conn.execute(
        """
          WITH totals AS (
                 DELETE FROM settlement_totals
                  WHERE settlement_id IN (SELECT id FROM abandoned_settlements)
               )
        DELETE FROM settlement_documents
         WHERE settlement_id IN (SELECT id FROM abandoned_settlements)
        """
    )
    conn.execute(
        """
        DELETE FROM settlements
         WHERE id IN (SELECT id FROM abandoned_settlements)
        """
    )


def get_batch_end(
    conn: Conn, closing_id: UUID, *, after: int, retailers: int, transactions: int
) -> int | None:
    """The place of the last retailer of the next batch, or None when there is none left.

    So many retailers at most, or as many as have so many transactions to look at together, but one at least.
    """
    return conn.execute(
        """
          WITH counted AS (
                 SELECT place, sum(found) OVER (ORDER BY place) AS so_far, found
                   FROM (
                          SELECT place,
                                 (SELECT count(*)
                                    FROM transactions
                                   WHERE transactions.retailer_id = next.retailer_id
                                     AND transactions.id < id_from(next.until_at)
                                     AND (status = 'Verified' OR (kind <> 'sale' AND status = 'New'))
                                 ) AS found
                            FROM (
                                   SELECT place, retailer_id, until_at
                                     FROM settlement_closing_retailers
                                    WHERE closing_id = %(closing_id)s
                                      AND place > %(after)s
                                    ORDER BY place
                                    LIMIT %(retailers)s
                                 ) AS next
                        ) AS each
               )
        SELECT max(place)
          FROM counted
         WHERE so_far <= %(transactions)s
            OR so_far = found
        """,
        {"closing_id": closing_id, "after": after, "retailers": retailers, "transactions": transactions},
    ).fetchall()[0][0]


def insert_taken(conn: Conn, closing_id: UUID, *, after: int, until: int) -> int:
    """Take what can be stated of the retailers at these places, as of this moment: so many transactions.

    Sales that are Verified and on no statement; and what undoes a sale that is stated, or is taken here. A
    draft is made for each retailer and currency.
    """
    return conn.execute(
        """
          WITH candidate AS MATERIALIZED (
                 SELECT place, transactions.id, kind, original_id, currency,
                        transactions.id < id_from(from_at) AS carried_over,
                        coalesce(latest.turn + 1, 0) AS turn
                   FROM settlement_closing_retailers AS retailer
                   JOIN transactions
                     ON transactions.retailer_id = retailer.retailer_id
                    AND transactions.id < id_from(until_at)
                    AND (status = 'Verified' OR (kind <> 'sale' AND status = 'New'))
                        LEFT JOIN LATERAL (
                          SELECT turn
                            FROM settlement_entries
                           WHERE transaction_id = transactions.id
                           ORDER BY turn DESC
                           LIMIT 1
                        ) AS latest
                        ON true
                  WHERE closing_id = %(closing_id)s
                    AND place > %(after)s
                    AND place <= %(until)s
                    AND coalesce(latest.turn, 1) %% 2 = 1
               ),
               taken AS (
                 SELECT place, id, currency, carried_over, turn, 'statement' AS document
                   FROM candidate
                  WHERE kind = 'sale'
                 UNION ALL
                 SELECT undoing.place, undoing.id, undoing.currency, undoing.carried_over, undoing.turn,
                        CASE WHEN sale.id IS NULL THEN 'credit_note' ELSE 'statement' END
                   FROM candidate AS undoing
                   LEFT JOIN candidate AS sale
                     ON sale.id = undoing.original_id
                        LEFT JOIN LATERAL (
                          SELECT turn
                            FROM settlement_entries
                           WHERE transaction_id = undoing.original_id
                           ORDER BY turn DESC
                           LIMIT 1
                        ) AS stated
                        ON true
                  WHERE undoing.kind <> 'sale'
                    AND (sale.id IS NOT NULL OR stated.turn %% 2 = 0)
               ),
               draft AS (
                 INSERT INTO settlements (closing_id, retailer_id, retailer_name, zone, currency, from_on,
                                          until_on, from_at, until_at)
                 SELECT closing_id, retailer.retailer_id, name, zone, needed.currency, from_on, until_on,
                        from_at, until_at
                   FROM (SELECT DISTINCT place, currency FROM taken) AS needed
                   JOIN settlement_closing_retailers AS retailer
                     ON closing_id = %(closing_id)s
                    AND retailer.place = needed.place
                   JOIN settlement_closings
                     ON settlement_closings.id = closing_id
                  ORDER BY needed.place, needed.currency
                 RETURNING id, retailer_id, currency
               )
        INSERT INTO settlement_entries (transaction_id, turn, settlement_id, document, carried_over)
        SELECT taken.id, turn, draft.id, document, carried_over
          FROM taken
          JOIN settlement_closing_retailers AS retailer
            ON closing_id = %(closing_id)s
           AND retailer.place = taken.place
          JOIN draft
            ON draft.retailer_id = retailer.retailer_id
           AND draft.currency = taken.currency
         ORDER BY draft.id, taken.id
        """,
        {"closing_id": closing_id, "after": after, "until": until},
    ).rowcount


def insert_corrected(conn: Conn, closing_id: UUID) -> int:
    """Take what corrects a settlement, as of this moment; returns how many transactions.

    What it states and is Under Review is reversed, with what undoes it, unless that is paid; what of its
    period was verified since is taken. Needs `settlements.lock`.
    """
    return conn.execute(
        """
          WITH corrected AS (
                 SELECT settlements.id, closing.id AS closing_id, settlements.retailer_id, retailer_name,
                        zone, currency, settlements.from_on, settlements.until_on, from_at, until_at,
                        closing.reason
                   FROM settlement_closings AS closing
                   JOIN settlements
                     ON settlements.id = closing.corrects
                  WHERE closing.id = %(closing_id)s
               ),
               wrong AS MATERIALIZED (
                 SELECT entry.transaction_id AS id, entry.turn + 1 AS turn, entry.carried_over
                   FROM corrected
                   JOIN settlement_entries AS entry
                     ON settlement_id = corrected.id
                   JOIN transactions
                     ON transactions.id = entry.transaction_id
                  WHERE status = 'Under Review'
                    AND entry.turn %% 2 = 0
                    AND NOT EXISTS (
                          SELECT
                            FROM settlement_entries AS later
                           WHERE later.transaction_id = entry.transaction_id
                             AND later.turn = entry.turn + 1
                        )
               ),
               undoing AS MATERIALIZED (
                 SELECT transactions.id, latest.turn + 1 AS turn, latest.carried_over
                   FROM wrong
                   JOIN transactions
                     ON original_id = wrong.id
                        CROSS JOIN LATERAL (
                          SELECT turn, carried_over
                            FROM settlement_entries
                           WHERE transaction_id = transactions.id
                           ORDER BY turn DESC
                           LIMIT 1
                        ) AS latest
                  WHERE latest.turn %% 2 = 0
                    AND status <> 'Settlement Complete'
                    AND transactions.id NOT IN (SELECT id FROM wrong)
               ),
               candidate AS MATERIALIZED (
                 SELECT transactions.id, kind, original_id, coalesce(latest.turn + 1, 0) AS turn
                   FROM corrected
                   JOIN transactions
                     ON transactions.retailer_id = corrected.retailer_id
                    AND transactions.currency = corrected.currency
                    AND transactions.id >= id_from(from_at)
                    AND transactions.id < id_from(until_at)
                    AND (status = 'Verified' OR (kind <> 'sale' AND status = 'New'))
                        LEFT JOIN LATERAL (
                          SELECT turn
                            FROM settlement_entries
                           WHERE transaction_id = transactions.id
                           ORDER BY turn DESC
                           LIMIT 1
                        ) AS latest
                        ON true
                  WHERE coalesce(latest.turn, 1) %% 2 = 1
               ),
               taken AS (
                 SELECT id, turn, 'statement' AS document, carried_over FROM wrong
                 UNION ALL
                 SELECT id, turn, 'statement', carried_over FROM undoing
                 UNION ALL
                 SELECT id, turn, 'statement', false FROM candidate WHERE kind = 'sale'
                 UNION ALL
                 SELECT back.id, back.turn,
                        CASE WHEN sale.id IS NULL THEN 'credit_note' ELSE 'statement' END, false
                   FROM candidate AS back
                   LEFT JOIN candidate AS sale
                     ON sale.id = back.original_id
                        LEFT JOIN LATERAL (
                          SELECT turn
                            FROM settlement_entries
                           WHERE transaction_id = back.original_id
                           ORDER BY turn DESC
                           LIMIT 1
                        ) AS stated
                        ON true
                  WHERE back.kind <> 'sale'
                    AND (sale.id IS NOT NULL OR stated.turn %% 2 = 0)
                    AND back.original_id NOT IN (SELECT id FROM wrong)
               ),
               draft AS (
                 INSERT INTO settlements (closing_id, retailer_id, retailer_name, zone, currency, from_on,
                                          until_on, from_at, until_at, corrects, reason)
                 SELECT closing_id, retailer_id, retailer_name, zone, currency, from_on, until_on, from_at,
                        until_at, id, reason
                   FROM corrected
                  WHERE EXISTS (SELECT FROM taken)
                 RETURNING id
               )
        INSERT INTO settlement_entries (transaction_id, turn, settlement_id, document, carried_over)
        SELECT taken.id, turn, draft.id, document, carried_over
          FROM taken, draft
         ORDER BY taken.id
        """,
        {"closing_id": closing_id},
    ).rowcount


def insert_lines(conn: Conn, closing_id: UUID, *, after: tuple[UUID, UUID], most: int) -> Made | None:
    """Make the lines of the next so many transactions of the closing's drafts, of their own allocations.

    What is reversed gets the lines it had, with the signs the other way round. None when all have theirs.
    """
    row = conn.execute(
        """
          WITH entry AS MATERIALIZED (
                 SELECT settlement_id, transaction_id, document, 1 - 2 * (turn %% 2) AS sign
                   FROM settlements
                   JOIN settlement_entries
                     ON settlement_id = settlements.id
                  WHERE closing_id = %(closing_id)s
                    AND issued_at IS NULL
                    AND (settlement_id, transaction_id) > (%(settlement_id)s, %(transaction_id)s)
                  ORDER BY settlement_id, transaction_id
                  LIMIT %(most)s
               ),
               made AS (
                 INSERT INTO settlement_lines (settlement_id, transaction_id, place, document, line, sku,
                                               promotion_id, version, role, party, units, amount_minor)
                 SELECT settlement_id, transaction_id,
                        row_number() OVER (PARTITION BY transaction_id ORDER BY nth, party) - 1,
                        document, line, sku, promotion_id, version, role, party, sign * units,
                        sign * part.minor
                   FROM entry
                   JOIN transactions
                     ON transactions.id = transaction_id
                        CROSS JOIN ROWS FROM (
                          jsonb_to_recordset(allocations)
                          AS (line integer, sku text, promotion_id uuid, version integer, role text,
                              units integer, amount_minor bigint, funding jsonb)
                        ) WITH ORDINALITY AS allocation (line, sku, promotion_id, version, role, units,
                                                         amount_minor, funding, nth)
                        CROSS JOIN LATERAL (
                          SELECT party, minor::bigint
                            FROM jsonb_each_text(funding) AS borne (party, minor)
                          UNION ALL
                          SELECT %(retailer)s, amount_minor
                           WHERE funding = '{}'
                        ) AS part
               )
        SELECT (SELECT count(*) FROM entry), settlement_id, transaction_id
          FROM entry
         ORDER BY settlement_id DESC, transaction_id DESC
         LIMIT 1
        """,
        {
            "closing_id": closing_id,
            "settlement_id": after[0],
            "transaction_id": after[1],
            "most": most,
            "retailer": RETAILER,
        },
    ).fetchone()
    return None if row is None else Made(*row)


def count_taken(conn: Conn, closing_id: UUID) -> int:
    """How many transactions are in the closing's drafts."""
    return conn.execute(
        """
        SELECT count(*)
          FROM settlements
          JOIN settlement_entries
            ON settlement_id = id
         WHERE closing_id = %(closing_id)s
           AND issued_at IS NULL
        """,
        {"closing_id": closing_id},
    ).fetchall()[0][0]
