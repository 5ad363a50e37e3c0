"""Undoing: one statement to record what takes back a sale, or a part of it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from shared.domain.allocations import Allocated
from shared.domain.redemptions import Redemption
from shared.domain.transactions import AlreadyVoided, IdempotencyKeyReused
from shared.rows import constraints, jsonb
from shared.store import Conn


# The sale is held, so whoever has the key had it for something else.
@constraints({"voids_pkey": AlreadyVoided, "idempotency_keys_pkey": IdempotencyKeyReused})
def insert(
    conn: Conn,
    *,
    original_id: UUID,
    number: int | None,
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
    """A row that takes back of the sale, with what it redeemed; returns its id.

    With a number it is that return of the sale, and without one its void. Needs `returns.lock`. Amounts are
    below zero. Raises AlreadyVoided, and IdempotencyKeyReused when the key was used meanwhile.
    """
    row = conn.execute(
        """
          WITH undoing AS (
                 INSERT INTO transactions (
                   id, kind, original_id, reason, store_id, retailer_id, receipt_number, status,
                   currency, gross_minor, discount_minor, net_minor, tax_minor, channel, user_id,
                   customer_id, rule_set_version, engine_semantics, allocations, seen, quote, created_at
                 )
                 SELECT transaction_id(%(now)s),
                        CASE WHEN %(number)s::integer IS NULL THEN 'void' ELSE 'return' END,
                        id, %(reason)s, store_id, retailer_id, receipt_number, 'New', currency,
                        %(gross_minor)s, %(discount_minor)s, %(net_minor)s, %(tax_minor)s, channel,
                        %(user_id)s, customer_id, rule_set_version, engine_semantics, %(allocations)s,
                        '{}', %(quote)s, %(now)s
                   FROM transactions
                  WHERE id = %(original_id)s
                 RETURNING id, kind, store_id, customer_id, created_at,
                           transaction_facts(transactions) AS facts
               ),
               entry AS (
                 INSERT INTO audit_entries (
                   id, at, actor, action, subject_kind, subject_id, after, request_id
                 )
                 SELECT id, created_at, %(user_id)s, 'transaction.recorded', 'transaction', id, facts,
                        %(request_id)s
                   FROM undoing
               ),
               voided AS (
                 INSERT INTO voids (original_id, transaction_id)
                 SELECT %(original_id)s, id
                   FROM undoing
                  WHERE kind = 'void'
               ),
               numbered AS (
                 INSERT INTO returns (original_id, number, transaction_id)
                 SELECT %(original_id)s, %(number)s, id
                   FROM undoing
                  WHERE kind = 'return'
               ),
               key AS (
                 INSERT INTO idempotency_keys (user_id, key, request_hash, transaction_id, created_at)
                 SELECT %(user_id)s, %(key)s, %(request_hash)s, id, created_at
                   FROM undoing
               ),
               redemption AS (
                 INSERT INTO redemptions (
                   transaction_id, promotion_id, version, store_id, customer_id, redeemed, wanted_minor,
                   granted_minor, points, taken, at
                 )
                 SELECT undoing.id, given.promotion_id, version, undoing.store_id, undoing.customer_id,
                        redeemed, wanted_minor, granted_minor, points, taken, created_at
                   FROM undoing, jsonb_populate_recordset(NULL::redemptions, %(redemptions)s) AS given
               )
        SELECT id
          FROM undoing
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
