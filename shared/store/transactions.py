"""Transactions: one statement to record a sale, and reading what was recorded."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.domain.allocations import Allocated
from shared.domain.baskets import Earlier
from shared.domain.counters import Take
from shared.domain.customers import CustomerAppeared
from shared.domain.limits import LimitContended
from shared.domain.quotes import RecordedSale
from shared.domain.redemptions import Redemption
from shared.domain.transactions import (
    AlreadyRecorded,
    RecordedEvaluation,
    Transaction,
)
from shared.domain.users import EVERY_STORE, Reach
from shared.rows import constraints, jsonb, of
from shared.store import Conn

# Not in the function as elsewhere: so far to the left it has less than the 4,096 characters beyond which
# psycopg would parse it anew for each sale.
_INSERT = """
  WITH sale AS (
         INSERT INTO transactions (
           id, store_id, retailer_id, receipt_number, status, currency, gross_minor,
           discount_minor, net_minor, tax_minor, channel, user_id, customer_id,
           rule_set_version, engine_semantics, allocations, seen, quote, created_at
         )
         SELECT transaction_id(%(now)s), id, retailer_id, %(receipt_number)s, 'New', %(currency)s,
                %(gross_minor)s, %(discount_minor)s, %(net_minor)s, %(tax_minor)s, %(channel)s,
                %(user_id)s, %(customer_id)s, %(rule_set_version)s, %(engine_semantics)s,
                %(allocations)s, %(seen)s, %(quote)s, %(now)s
           FROM stores
          WHERE id = %(store_id)s
         RETURNING id, status, receipt_number, created_at, transaction_facts(transactions) AS facts
       ),
       entry AS (
         INSERT INTO audit_entries (id, at, actor, action, subject_kind, subject_id, after, request_id)
         SELECT id, created_at, %(user_id)s, 'transaction.recorded', 'transaction', id, facts,
                %(request_id)s
           FROM sale
       ),
       key AS (
         INSERT INTO idempotency_keys (user_id, key, request_hash, transaction_id, created_at)
         SELECT %(user_id)s, %(key)s, %(request_hash)s, id, created_at
           FROM sale
         RETURNING 1
       ),
       receipt AS (
         INSERT INTO receipt_keys (store_id, receipt_number, request_hash, transaction_id)
         SELECT %(store_id)s, receipt_number, %(request_hash)s, id
           FROM sale
          WHERE receipt_number IS NOT NULL
         RETURNING 1
       ),
       new_customer AS (
         INSERT INTO customers (id, phone_hash, first_active_at, last_active_at)
         SELECT %(customer_id)s, %(new_phone_hash)s, created_at, created_at
           FROM sale
          WHERE %(new_phone_hash)s::bytea IS NOT NULL
         RETURNING 1
       ),
       known_customer AS (
         UPDATE customers
            SET last_active_at = greatest(last_active_at, %(now)s)
          WHERE id = (
                  -- Another sale of the customer at this moment says as much.
                  SELECT id
                    FROM customers
                   WHERE id = %(customer_id)s
                     FOR NO KEY UPDATE SKIP LOCKED
                )
         RETURNING 1
       ),
       redemption AS (
         INSERT INTO redemptions (
           transaction_id, promotion_id, version, store_id, customer_id, redeemed,
           wanted_minor, granted_minor, points, taken, at
         )
         SELECT id, promotion_id, version, %(store_id)s, %(customer_id)s, redeemed,
                wanted_minor, granted_minor, points, taken, created_at
           FROM sale, jsonb_populate_recordset(NULL::redemptions, %(redemptions)s)
         RETURNING 1
       ),
       -- What others wait for comes last, and by everybody in one order.
       taken AS (
         INSERT INTO limit_counters AS counter (
           promotion_id, name, subject, starts_on, slot, cap, room
         )
         SELECT promotion_id, name, subject, starts_on, slot, cap, room
           FROM jsonb_populate_recordset(NULL::limit_counters, %(takes)s) WITH ORDINALITY
          WHERE 0 < (SELECT count(*)
                        FROM (TABLE key UNION ALL TABLE receipt UNION ALL TABLE new_customer
                              UNION ALL TABLE known_customer UNION ALL TABLE redemption) AS done)
          ORDER BY ordinality
             ON CONFLICT ON CONSTRAINT limit_counters_pkey DO UPDATE
            SET cap = excluded.cap,
                room = CASE
                         -- Slots change their cap together or not at all.
                         WHEN counter.slot <> 0 AND counter.cap <> excluded.cap THEN -1
                         ELSE counter.room - counter.cap + excluded.room
                       END
       )
SELECT id, status, receipt_number, created_at
  FROM sale
"""


@constraints(
    {
        "idempotency_keys_pkey": AlreadyRecorded,
        "receipt_keys_pkey": AlreadyRecorded,
        "limit_counters_hold": LimitContended,
        "customers_phone_hash_key": CustomerAppeared,
    }
)
def insert(
    conn: Conn,
    *,
    store_id: str,
    receipt_number: str | None,
    currency: str,
    gross_minor: int,
    discount_minor: int,
    net_minor: int,
    tax_minor: int,
    channel: str,
    user_id: UUID,
    request_id: str | None,
    customer_id: UUID | None,
    new_phone_hash: bytes | None,
    rule_set_version: int,
    engine_semantics: int,
    allocations: Sequence[Allocated],
    seen: str,
    quote: str,
    redemptions: Sequence[Redemption],
    takes: Iterable[Take],
    key: str,
    request_hash: bytes,
    now: datetime,
) -> RecordedSale:
    """Record the sale with its idempotency key, its receipt, its customer and what it takes of limits.

    All or nothing, in one statement. `new_phone_hash` is that of a customer who is not recorded yet. Raises
    AlreadyRecorded when the key or the receipt was recorded meanwhile, LimitContended when a counter has not
    enough left or another cap by now, CustomerAppeared when another sale recorded the customer meanwhile.

    The counters come last, since others wait for them, and by everybody in one order. The slots of a counter
    change their cap together or not at all: one with another cap has no room.
    """
    cursor = conn.cursor(row_factory=of(RecordedSale))
    sale = cursor.execute(
        _INSERT,
        {
            "store_id": store_id,
            "receipt_number": receipt_number,
            "currency": currency,
            "gross_minor": gross_minor,
            "discount_minor": discount_minor,
            "net_minor": net_minor,
            "tax_minor": tax_minor,
            "channel": channel,
            "user_id": user_id,
            "request_id": request_id,
            "customer_id": customer_id,
            "new_phone_hash": new_phone_hash,
            "rule_set_version": rule_set_version,
            "engine_semantics": engine_semantics,
            "allocations": jsonb(allocations),
            "seen": seen,
            "quote": quote,
            "redemptions": jsonb(redemptions),
            "takes": jsonb([_taken(take) for take in takes]),
            "key": key,
            "request_hash": request_hash,
            "now": now,
        },
    ).fetchone()
    assert sale is not None  # noqa: S101 - it was inserted, or the statement raised
    return sale


def update_verified(conn: Conn, *, transaction_id: UUID, challenge_id: UUID, now: datetime) -> bool:
    """Use the challenge up for the sale; False, and nothing done, when it was used before.

    Not part of `insert`: few sales have a code, and psycopg parses anew what is 4,096 characters long.
    """
    return (
        conn.execute(
            """
              WITH used AS (
                     UPDATE otp_challenges
                        SET used_at = %(now)s
                      WHERE id = %(challenge_id)s
                        AND used_at IS NULL
                     RETURNING id
                   )
            UPDATE transactions
               SET otp_challenge_id = used.id,
                   otp_verified_at = %(now)s
              FROM used
             WHERE transactions.id = %(transaction_id)s
            """,
            {"transaction_id": transaction_id, "challenge_id": challenge_id, "now": now},
        ).rowcount
        == 1
    )


def get(conn: Conn, transaction_id: UUID, reach: Reach = EVERY_STORE) -> Transaction | None:
    """The transaction, if its store is within reach."""
    return (
        conn.cursor(row_factory=of(Transaction))
        .execute(
            """
            SELECT id, kind, original_id, reason, store_id, retailer_id, receipt_number, status, channel,
                   user_id, customer_id, rule_set_version, otp_challenge_id, otp_verified_at, created_at,
                   quote::json AS quote,
                   (SELECT transaction_id
                      FROM voids
                     WHERE voids.original_id = transactions.id) AS voided_by
              FROM transactions
             WHERE id = %(transaction_id)s
               AND store_in_reach(store_id, %(root)s, %(below)s)
            """,
            {"transaction_id": transaction_id, "root": reach.root, "below": reach.below},
        )
        .fetchone()
    )


def exists(conn: Conn, transaction_id: UUID, reach: Reach) -> bool:
    """Whether there is such a transaction, and its store is within reach."""
    return conn.execute(
        """
        SELECT EXISTS (SELECT
                         FROM transactions
                        WHERE id = %(transaction_id)s
                          AND store_in_reach(store_id, %(root)s, %(below)s))
        """,
        {"transaction_id": transaction_id, "root": reach.root, "below": reach.below},
    ).fetchall()[0][0]


def get_evaluation(conn: Conn, transaction_id: UUID, reach: Reach) -> RecordedEvaluation | None:
    """What the engine was given for a sale, and what it answered, as the texts that were kept."""
    return (
        conn.cursor(row_factory=of(RecordedEvaluation))
        .execute(
            """
            SELECT id, kind, store_id, engine_semantics, gross_minor, discount_minor, net_minor, tax_minor,
                   seen, quote
              FROM transactions
             WHERE id = %(transaction_id)s
               AND store_in_reach(store_id, %(root)s, %(below)s)
            """,
            {"transaction_id": transaction_id, "root": reach.root, "below": reach.below},
        )
        .fetchone()
    )


def get_by_key(conn: Conn, *, user_id: UUID, key: str) -> Earlier | None:
    """What was recorded under an idempotency key."""
    return (
        conn.cursor(row_factory=of(Earlier))
        .execute(
            """
            SELECT transaction_id, encode(request_hash, 'hex') AS request_hash
              FROM idempotency_keys
             WHERE user_id = %(user_id)s
               AND key = %(key)s
            """,
            {"user_id": user_id, "key": key},
        )
        .fetchone()
    )


def _taken(take: Take) -> dict[str, Any]:
    """The row of the counter as it would be, were this the first that it is charged with."""
    return {
        "promotion_id": take.key.promotion_id,
        "name": take.key.name,
        "subject": take.key.subject,
        "starts_on": take.key.starts_on,
        "slot": take.slot,
        "cap": take.cap,
        "room": take.cap - take.amount,
    }
