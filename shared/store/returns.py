"""Returns: one statement to record one, and a sale read with all of them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from shared.domain.allocations import Allocated
from shared.domain.redemptions import Redemption
from shared.domain.returns import ReturnableSale
from shared.domain.transactions import IdempotencyKeyReused
from shared.domain.users import Reach
from shared.rows import constraints, jsonb, of
from shared.store import Conn


def get(conn: Conn, transaction_id: UUID, reach: Reach) -> ReturnableSale | None:
    """The transaction as it was recorded, with its returns, if its store is within reach."""
    return (
        conn.cursor(row_factory=of(ReturnableSale))
        .execute(
            """
            SELECT id, kind, store_id, engine_semantics, seen, quote::json AS quote,
                   (SELECT transaction_id
                      FROM voids
                     WHERE voids.original_id = sale.id) AS voided_by,
                   (SELECT coalesce(
                             json_agg(
                               json_build_object(
                                 'id', back.id, 'number', returns.number, 'reason', back.reason,
                                 'user_id', back.user_id, 'quote', back.quote::json
                               )
                               ORDER BY returns.number
                             ),
                             '[]'
                           )
                      FROM returns
                      JOIN transactions AS back
                        ON back.id = returns.transaction_id
                     WHERE returns.original_id = sale.id) AS returns
              FROM transactions AS sale
             WHERE id = %(transaction_id)s
               AND store_in_reach(store_id, %(root)s, %(below)s)
            """,
            {"transaction_id": transaction_id, "root": reach.root, "below": reach.below},
        )
        .fetchone()
    )


def lock(conn: Conn, transaction_id: UUID, reach: Reach) -> ReturnableSale | None:
    """The same, held against everybody else who would undo it until the transaction ends."""
    conn.execute(
        """
        SELECT 1
          FROM transactions
         WHERE id = %(transaction_id)s
           FOR UPDATE
        """,
        {"transaction_id": transaction_id},
    )
    # Read after the lock is held: a locking join would not see what was returned while it waited.
    return get(conn, transaction_id, reach)


def find_redemptions(conn: Conn, transaction_id: UUID) -> list[Redemption]:
    """What promotions gave in a sale, and what its returns took back of it."""
    return (
        conn.cursor(row_factory=of(Redemption))
        .execute(
            """
            SELECT promotion_id, version, redeemed, wanted_minor, granted_minor, points, taken
              FROM redemptions
             WHERE transaction_id = ANY(ARRAY(
                     SELECT %(transaction_id)s
                      UNION ALL
                     SELECT returns.transaction_id
                       FROM returns
                      WHERE original_id = %(transaction_id)s
                   ))
             -- The sale comes first: of the parts of a charge, what it was is told by it.
             ORDER BY promotion_id, redeemed DESC, granted_minor DESC
            """,
            {"transaction_id": transaction_id},
        )
        .fetchall()
    )


# The sale is held, so whoever has the key had it for something else.
@constraints({"idempotency_keys_pkey": IdempotencyKeyReused})
def insert(
    conn: Conn,
    *,
    original_id: UUID,
    number: int,
    reason: str,
    gross_minor: int,
    discount_minor: int,
    net_minor: int,
    tax_minor: int,
    user_id: UUID,
    request_id: str | None,
    allocations: Sequence[Allocated],
    quote: str,
    redemptions: Sequence[Redemption],
    key: str,
    request_hash: bytes,
    now: datetime,
) -> UUID:
    """A row that takes back a part of the sale, with what it redeemed; returns its id. Needs `lock`.

    Amounts are below zero. Raises IdempotencyKeyReused when the key was used meanwhile.
    """
    row = conn.execute(
        """
          WITH back AS (
                 INSERT INTO transactions (
                   id, kind, original_id, reason, store_id, retailer_id, receipt_number, status,
                   currency, gross_minor, discount_minor, net_minor, tax_minor, channel, user_id,
                   customer_id, rule_set_version, engine_semantics, allocations, seen, quote, created_at
                 )
                 SELECT transaction_id(%(now)s), 'return', id, %(reason)s, store_id, retailer_id,
                        receipt_number, 'New', currency, %(gross_minor)s, %(discount_minor)s,
                        %(net_minor)s, %(tax_minor)s, channel, %(user_id)s, customer_id,
                        rule_set_version, engine_semantics, %(allocations)s, '{}', %(quote)s, %(now)s
                   FROM transactions
                  WHERE id = %(original_id)s
                 RETURNING id, store_id, customer_id, created_at, transaction_facts(transactions) AS facts
               ),
               entry AS (
                 INSERT INTO audit_entries (
                   id, at, actor, action, subject_kind, subject_id, after, request_id
                 )
                 SELECT id, created_at, %(user_id)s, 'transaction.recorded', 'transaction', id, facts,
                        %(request_id)s
                   FROM back
               ),
               numbered AS (
                 INSERT INTO returns (original_id, number, transaction_id)
                 SELECT %(original_id)s, %(number)s, id
                   FROM back
               ),
               key AS (
                 INSERT INTO idempotency_keys (user_id, key, request_hash, transaction_id, created_at)
                 SELECT %(user_id)s, %(key)s, %(request_hash)s, id, created_at
                   FROM back
               ),
               redemption AS (
                 INSERT INTO redemptions (
                   transaction_id, promotion_id, version, store_id, customer_id, redeemed, wanted_minor,
                   granted_minor, points, taken, at
                 )
                 SELECT back.id, given.promotion_id, version, back.store_id, back.customer_id, redeemed,
                        wanted_minor, granted_minor, points, taken, created_at
                   FROM back, jsonb_populate_recordset(NULL::redemptions, %(redemptions)s) AS given
               )
        SELECT id
          FROM back
        """,
        {
            "original_id": original_id,
            "number": number,
            "reason": reason,
            "gross_minor": gross_minor,
            "discount_minor": discount_minor,
            "net_minor": net_minor,
            "tax_minor": tax_minor,
            "user_id": user_id,
            "request_id": request_id,
            "allocations": jsonb(allocations),
            "quote": quote,
            "redemptions": jsonb(redemptions),
            "key": key,
            "request_hash": request_hash,
            "now": now,
        },
    ).fetchone()
    assert row is not None  # noqa: S101 - the caller holds the sale
    return row[0]
