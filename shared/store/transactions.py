"""Transactions: one read before an evaluation, one statement to record a sale."""

from datetime import datetime
from uuid import UUID

from shared.domain.baskets import SaleFacts
from shared.domain.quotes import RecordedSale
from shared.domain.transactions import (
    AlreadyRecorded,
    Transaction,
    TransactionSummary,
)
from shared.rows import constraints, of
from shared.store import Conn


def get_facts(
    conn: Conn,
    *,
    store_id: str,
    skus: list[str],
    user_id: UUID,
    key: str | None,
    receipt_number: str | None,
) -> SaleFacts:
    """Everything an evaluation reads, in one round trip: the catalogue, the rule set, an earlier sale."""
    facts = (
        conn.cursor(row_factory=of(SaleFacts))
        .execute(
            """
            SELECT (SELECT coalesce(max(version), 0)
                      FROM rule_sets) AS rule_set_version,
                   (SELECT jsonb_build_object(
                             'id', id,
                             'zone', zone,
                             'attributes', attributes,
                             'facts', jsonb_build_object(
                               'name', name, 'city', city, 'region', region, 'country', country,
                               'postal_code', postal_code
                             )
                           )
                      FROM stores
                     WHERE id = %(store_id)s
                       AND active) AS store,
                   (SELECT coalesce(
                             jsonb_agg(
                               jsonb_build_object(
                                 'sku', sku,
                                 'price', price::text,
                                 'currency', currency,
                                 'tax_rate_pct', tax_rate_pct::text,
                                 'attributes', attributes,
                                 'facts', jsonb_build_object(
                                   'kind', kind, 'name', name, 'brand', brand, 'collection', collection,
                                   'type', type
                                 )
                               )
                             ),
                             '[]'
                           )
                      FROM products
                     WHERE sku = ANY(%(skus)s)
                       AND active) AS products,
                   (SELECT jsonb_build_object(
                             'transaction_id', transaction_id,
                             'request_hash', encode(request_hash, 'hex')
                           )
                      FROM idempotency_keys
                     WHERE user_id = %(user_id)s
                       AND key = %(key)s) AS by_key,
                   (SELECT jsonb_build_object(
                             'transaction_id', transaction_id,
                             'request_hash', encode(request_hash, 'hex')
                           )
                      FROM receipt_keys
                     WHERE store_id = %(store_id)s
                       AND receipt_number = %(receipt_number)s) AS by_receipt
            """,
            {
                "store_id": store_id,
                "skus": skus,
                "user_id": user_id,
                "key": key,
                "receipt_number": receipt_number,
            },
        )
        .fetchone()
    )
    assert facts is not None  # noqa: S101 - a SELECT without FROM has one row
    return facts


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
    rule_set_version: int,
    engine_semantics: int,
    seen: str,
    quote: str,
    key: str,
    request_hash: bytes,
    now: datetime,
) -> RecordedSale:
    """Record the sale with its idempotency key and its receipt, all or nothing, in one statement.

    Raises AlreadyRecorded when the key or the receipt was recorded meanwhile.
    """
    with constraints({"idempotency_keys_pkey": AlreadyRecorded, "receipt_keys_pkey": AlreadyRecorded}):
        sale = (
            conn.cursor(row_factory=of(RecordedSale))
            .execute(
                """
                  WITH sale AS (
                         INSERT INTO transactions (
                           store_id, receipt_number, status, currency, gross_minor, discount_minor, net_minor,
                           tax_minor, channel, user_id, rule_set_version, engine_semantics, seen, quote,
                           created_at
                         )
                         VALUES (%(store_id)s, %(receipt_number)s, 'New', %(currency)s, %(gross_minor)s,
                                 %(discount_minor)s, %(net_minor)s, %(tax_minor)s, %(channel)s, %(user_id)s,
                                 %(rule_set_version)s, %(engine_semantics)s, %(seen)s, %(quote)s, %(now)s)
                         RETURNING id, status, receipt_number, created_at
                       ),
                       key AS (
                         INSERT INTO idempotency_keys (user_id, key, request_hash, transaction_id, created_at)
                         SELECT %(user_id)s, %(key)s, %(request_hash)s, id, created_at
                           FROM sale
                       ),
                       receipt AS (
                         INSERT INTO receipt_keys (store_id, receipt_number, request_hash, transaction_id)
                         SELECT %(store_id)s, receipt_number, %(request_hash)s, id
                           FROM sale
                          WHERE receipt_number IS NOT NULL
                       )
                SELECT id, status, receipt_number, created_at
                  FROM sale
                """,
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
                    "rule_set_version": rule_set_version,
                    "engine_semantics": engine_semantics,
                    "seen": seen,
                    "quote": quote,
                    "key": key,
                    "request_hash": request_hash,
                    "now": now,
                },
            )
            .fetchone()
        )
    assert sale is not None  # noqa: S101 - it was inserted, or the statement raised
    return sale


def get(conn: Conn, transaction_id: UUID) -> Transaction | None:
    return (
        conn.cursor(row_factory=of(Transaction))
        .execute(
            """
            SELECT id, store_id, receipt_number, status, channel, user_id, rule_set_version, created_at,
                   quote::json AS quote
              FROM transactions
             WHERE id = %(transaction_id)s
            """,
            {"transaction_id": transaction_id},
        )
        .fetchone()
    )


def find(conn: Conn, *, store_id: str | None, before: UUID | None, limit: int) -> list[TransactionSummary]:
    """Newest first; None for every store."""
    return (
        conn.cursor(row_factory=of(TransactionSummary))
        .execute(
            """
            SELECT id, store_id, receipt_number, status, created_at, currency,
                   quote::json ->> 'gross' AS gross,
                   quote::json ->> 'discount' AS discount,
                   quote::json ->> 'net' AS net
              FROM transactions
             WHERE (%(store_id)s::text IS NULL OR store_id = %(store_id)s)
               AND (%(before)s::uuid IS NULL OR id < %(before)s)
             ORDER BY id DESC
             LIMIT %(limit)s
            """,
            {"store_id": store_id, "before": before, "limit": limit},
        )
        .fetchall()
    )
