"""Sums of drafted settlements: made of their lines, and held against the transactions."""

from collections.abc import Sequence
from uuid import UUID

from shared.domain.settlements import BRAND, RETAILER, Document
from shared.store import Conn


def find_next_ids(conn: Conn, closing_id: UUID, *, after: UUID, transactions: int) -> list[UUID]:
    """The next drafts of a closing that together have so many transactions, but one at least."""
    rows = conn.execute(
        """
        SELECT id
          FROM (
                 SELECT id, found, sum(found) OVER (ORDER BY id) AS so_far
                   FROM (
                          SELECT id,
                                 (SELECT count(*)
                                    FROM settlement_entries
                                   WHERE settlement_id = next.id) AS found
                            FROM (
                                   SELECT id
                                     FROM settlements
                                    WHERE closing_id = %(closing_id)s
                                      AND issued_at IS NULL
                                      AND id > %(after)s
                                    ORDER BY id
                                    LIMIT 1000
                                 ) AS next
                        ) AS each
               ) AS counted
         WHERE so_far <= %(transactions)s
            OR so_far = found
         ORDER BY id
        """,
        {"closing_id": closing_id, "after": after, "transactions": transactions},
    ).fetchall()
    return [row[0] for row in rows]


def insert_totals(conn: Conn, ids: Sequence[UUID]) -> None:
    """The sums of the lines of these drafts by document, promotion, version and party."""
    conn.execute(
        """
        INSERT INTO settlement_totals (settlement_id, document, promotion_id, version, party, lines,
                                       amount_minor)
        SELECT settlement_id, document, promotion_id, version, party, count(*), sum(amount_minor)
          FROM settlement_lines
         WHERE settlement_id = ANY(%(ids)s)
         GROUP BY settlement_id, document, promotion_id, version, party
        """,
        {"ids": list(ids)},
    )


def insert_documents(conn: Conn, ids: Sequence[UUID]) -> None:
    """The documents of these drafts, without numbers: of what was taken, and of the sums of their lines.

    Each has a statement, and a credit note where something is in it.
    """
    conn.execute(
        """
        INSERT INTO settlement_documents (settlement_id, document, transactions, carried_over, reversed,
                                          lines, gross_minor, discount_minor, owed_minor, retailer_minor,
                                          others_minor)
        SELECT settlement_id, document, coalesce(stated.transactions, 0), coalesce(stated.carried_over, 0),
               coalesce(stated.reversed, 0), coalesce(borne.lines, 0), coalesce(gross_minor, 0),
               coalesce(borne.minor, 0), coalesce(brand_minor, 0), coalesce(retailer_minor, 0),
               coalesce(borne.minor - brand_minor - retailer_minor, 0)
          FROM (
                 SELECT settlement_id, document, count(*) AS transactions,
                        count(*) FILTER (WHERE carried_over) AS carried_over,
                        count(*) FILTER (WHERE turn %% 2 = 1) AS reversed,
                        sum((1 - 2 * (turn %% 2)) * transactions.gross_minor) AS gross_minor
                   FROM settlement_entries
                   JOIN transactions
                     ON transactions.id = transaction_id
                  WHERE settlement_id = ANY(%(ids)s)
                  GROUP BY settlement_id, document
               ) AS stated
          FULL JOIN (
                 SELECT settlement_id, %(statement)s AS document
                   FROM unnest(%(ids)s::uuid[]) AS settlement_id
               ) AS needed
         USING (settlement_id, document)
          LEFT JOIN (
                 SELECT settlement_id, document, sum(lines) AS lines, sum(amount_minor) AS minor,
                        coalesce(sum(amount_minor) FILTER (WHERE party = %(brand)s), 0) AS brand_minor,
                        coalesce(sum(amount_minor) FILTER (WHERE party = %(retailer)s), 0) AS retailer_minor
                   FROM settlement_totals
                  WHERE settlement_id = ANY(%(ids)s)
                  GROUP BY settlement_id, document
               ) AS borne
         USING (settlement_id, document)
        """,
        {"ids": list(ids), "statement": Document.STATEMENT, "brand": BRAND, "retailer": RETAILER},
    )


def count_differences(conn: Conn, ids: Sequence[UUID]) -> int:
    """How many sums of these drafts do not agree; there must be none.

    By document, promotion, version and party: the transactions' own allocations, the lines, and the totals.
    By document: what the transactions say was taken off in all, and what the document does.
    """
    return conn.execute(
        """
          WITH entry AS MATERIALIZED (
                 SELECT settlement_id, document, 1 - 2 * (turn %% 2) AS sign, discount_minor, allocations
                   FROM settlement_entries
                   JOIN transactions
                     ON transactions.id = transaction_id
                  WHERE settlement_id = ANY(%(ids)s)
               ),
               allocation AS (
                 SELECT settlement_id, document, sign, promotion_id, version, amount_minor, funding
                   FROM entry
                        CROSS JOIN jsonb_to_recordset(allocations)
                        AS each (promotion_id uuid, version integer, amount_minor bigint, funding jsonb)
               ),
               allocated AS (
                 SELECT settlement_id, document, promotion_id, version, party, sum(minor) AS minor
                   FROM (
                          SELECT settlement_id, document, promotion_id, version, %(retailer)s AS party,
                                 sign * amount_minor AS minor
                            FROM allocation
                           WHERE funding = '{}'
                          UNION ALL
                          SELECT settlement_id, document, promotion_id, version, party, sign * minor::bigint
                            FROM allocation
                                 CROSS JOIN jsonb_each_text(funding) AS borne (party, minor)
                        ) AS each
                  GROUP BY settlement_id, document, promotion_id, version, party
               ),
               lined AS (
                 SELECT settlement_id, document, promotion_id, version, party, sum(amount_minor) AS minor
                   FROM settlement_lines
                  WHERE settlement_id = ANY(%(ids)s)
                  GROUP BY settlement_id, document, promotion_id, version, party
               ),
               totalled AS (
                 SELECT settlement_id, document, promotion_id, version, party, amount_minor AS minor
                   FROM settlement_totals
                  WHERE settlement_id = ANY(%(ids)s)
               ),
               discounted AS (
                 SELECT settlement_id, document, sum(sign * discount_minor) AS minor
                   FROM entry
                  GROUP BY settlement_id, document
               ),
               documented AS (
                 SELECT settlement_id, document, discount_minor AS minor
                   FROM settlement_documents
                  WHERE settlement_id = ANY(%(ids)s)
               )
        SELECT (SELECT count(*)
                  FROM allocated
                  FULL JOIN lined
                 USING (settlement_id, document, promotion_id, version, party)
                  FULL JOIN totalled
                 USING (settlement_id, document, promotion_id, version, party)
                 WHERE allocated.minor IS DISTINCT FROM lined.minor
                    OR lined.minor IS DISTINCT FROM totalled.minor)
               + (SELECT count(*)
                    FROM documented
                    FULL JOIN discounted
                   USING (settlement_id, document)
                   WHERE documented.minor IS DISTINCT FROM coalesce(discounted.minor, 0))
        """,
        {"ids": list(ids), "retailer": RETAILER},
    ).fetchall()[0][0]
