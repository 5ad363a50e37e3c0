"""Lists of transactions: narrowed by this and that, newest first, a page at a time."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.domain.money import from_minor
from shared.domain.quotes import TransactionKind, TransactionStatus
from shared.domain.transactions import TransactionFilter, TransactionSummary
from shared.store import Conn


def find(
    conn: Conn, wanted: TransactionFilter, *, before: UUID | None, limit: int
) -> list[TransactionSummary]:
    """Those of all stores, newest first.

    Planned anew each time (`prepare=False`), for what is asked and no more: there is an index for each
    filter, and a plan that suits them all would use none.
    """
    rows = conn.execute(
        """
        SELECT id, kind, original_id, store_id, retailer_id, receipt_number, status, created_at, currency,
               gross_minor, discount_minor, net_minor
          FROM transactions
         WHERE (%(store_id)s::text IS NULL OR store_id = %(store_id)s)
           AND (%(retailer_id)s::text IS NULL OR retailer_id = %(retailer_id)s)
           AND (%(status)s::text IS NULL OR status = %(status)s)
           AND (%(kind)s::text IS NULL OR kind = %(kind)s)
           AND (%(customer_id)s::uuid IS NULL OR customer_id = %(customer_id)s)
           AND (%(from_at)s::timestamptz IS NULL OR id >= id_from(%(from_at)s))
           AND (%(until_at)s::timestamptz IS NULL OR id < id_from(%(until_at)s))
           AND (%(before)s::uuid IS NULL OR id < %(before)s)
         ORDER BY id DESC
         LIMIT %(limit)s
        """,
        _asked(wanted, before, limit),
        prepare=False,
    )
    return [_summary(*row) for row in rows]


def find_of_stores(
    conn: Conn,
    store_ids: Sequence[str],
    wanted: TransactionFilter,
    *,
    before: UUID | None,
    limit: int,
) -> list[TransactionSummary]:
    """The same of some stores: the newest of each are looked up, and the newest of those are the answer.

    All at once would be a walk through everybody's sales until enough are theirs.
    """
    rows = conn.execute(
        """
        SELECT newest.*
          FROM unnest(%(store_ids)s::text[]) AS seen (store_id)
               CROSS JOIN LATERAL (
                 SELECT id, kind, original_id, store_id, retailer_id, receipt_number, status, created_at,
                        currency, gross_minor, discount_minor, net_minor
                   FROM transactions
                  WHERE store_id = seen.store_id
                    AND (%(retailer_id)s::text IS NULL OR retailer_id = %(retailer_id)s)
                    AND (%(status)s::text IS NULL OR status = %(status)s)
                    AND (%(kind)s::text IS NULL OR kind = %(kind)s)
                    AND (%(customer_id)s::uuid IS NULL OR customer_id = %(customer_id)s)
                    AND (%(from_at)s::timestamptz IS NULL OR id >= id_from(%(from_at)s))
                    AND (%(until_at)s::timestamptz IS NULL OR id < id_from(%(until_at)s))
                    AND (%(before)s::uuid IS NULL OR id < %(before)s)
                  ORDER BY id DESC
                  LIMIT %(limit)s
               ) AS newest
         ORDER BY newest.id DESC
         LIMIT %(limit)s
        """,
        {**_asked(wanted, before, limit), "store_ids": list(store_ids)},
        prepare=False,
    )
    return [_summary(*row) for row in rows]


def find_of_promotion(
    conn: Conn,
    promotion_id: UUID,
    wanted: TransactionFilter,
    *,
    store_ids: Sequence[str] | None,
    before: UUID | None,
    limit: int,
) -> list[TransactionSummary]:
    """The same of those in which a promotion gave something or got it back, found by its redemptions."""
    rows = conn.execute(
        """
        SELECT id, kind, original_id, transactions.store_id, retailer_id, receipt_number, status,
               created_at, currency, gross_minor, discount_minor, net_minor
          FROM redemptions
          JOIN transactions
            ON id = transaction_id
         WHERE promotion_id = %(promotion_id)s
           AND (%(store_ids)s::text[] IS NULL OR transactions.store_id = ANY(%(store_ids)s))
           AND (%(store_id)s::text IS NULL OR transactions.store_id = %(store_id)s)
           AND (%(retailer_id)s::text IS NULL OR retailer_id = %(retailer_id)s)
           AND (%(status)s::text IS NULL OR status = %(status)s)
           AND (%(kind)s::text IS NULL OR kind = %(kind)s)
           AND (%(customer_id)s::uuid IS NULL OR transactions.customer_id = %(customer_id)s)
           AND (%(from_at)s::timestamptz IS NULL OR transaction_id >= id_from(%(from_at)s))
           AND (%(until_at)s::timestamptz IS NULL OR transaction_id < id_from(%(until_at)s))
           AND (%(before)s::uuid IS NULL OR transaction_id < %(before)s)
         ORDER BY transaction_id DESC
         LIMIT %(limit)s
        """,
        {
            **_asked(wanted, before, limit),
            "promotion_id": promotion_id,
            "store_ids": None if store_ids is None else list(store_ids),
        },
        prepare=False,
    )
    return [_summary(*row) for row in rows]


def find_of_receipt(
    conn: Conn,
    receipt_number: str,
    wanted: TransactionFilter,
    *,
    promotion_id: UUID | None,
    store_ids: Sequence[str] | None,
    before: UUID | None,
    limit: int,
) -> list[TransactionSummary]:
    """The same of the sales with a receipt number and of what undid them: a few, found by the keys."""
    rows = conn.execute(
        """
          WITH sale AS MATERIALIZED (
                 SELECT transaction_id AS id
                   FROM receipt_keys
                  WHERE receipt_number = %(receipt_number)s
                    AND (%(store_id)s::text IS NULL OR store_id = %(store_id)s)
                    AND (%(store_ids)s::text[] IS NULL OR store_id = ANY(%(store_ids)s))
               )
        SELECT id, kind, original_id, store_id, retailer_id, receipt_number, status, created_at, currency,
               gross_minor, discount_minor, net_minor
          FROM transactions
         WHERE id = ANY(ARRAY(
                 SELECT id
                   FROM sale
                 UNION ALL
                 SELECT undoing.id
                   FROM sale
                   JOIN transactions AS undoing
                     ON undoing.original_id = sale.id
               ))
           AND (%(promotion_id)s::uuid IS NULL
                OR EXISTS (SELECT
                             FROM redemptions
                            WHERE transaction_id = id
                              AND promotion_id = %(promotion_id)s))
           AND (%(retailer_id)s::text IS NULL OR retailer_id = %(retailer_id)s)
           AND (%(status)s::text IS NULL OR status = %(status)s)
           AND (%(kind)s::text IS NULL OR kind = %(kind)s)
           AND (%(customer_id)s::uuid IS NULL OR customer_id = %(customer_id)s)
           AND (%(from_at)s::timestamptz IS NULL OR id >= id_from(%(from_at)s))
           AND (%(until_at)s::timestamptz IS NULL OR id < id_from(%(until_at)s))
           AND (%(before)s::uuid IS NULL OR id < %(before)s)
         ORDER BY id DESC
         LIMIT %(limit)s
        """,
        {
            **_asked(wanted, before, limit),
            "receipt_number": receipt_number,
            "promotion_id": promotion_id,
            "store_ids": None if store_ids is None else list(store_ids),
        },
        prepare=False,
    )
    return [_summary(*row) for row in rows]


def _summary(  # noqa: PLR0917 - the columns of both lists
    transaction_id: UUID,
    kind: str,
    original_id: UUID | None,
    store_id: str,
    retailer_id: str,
    receipt_number: str | None,
    status: str,
    created_at: datetime,
    currency: str,
    gross_minor: int,
    discount_minor: int,
    net_minor: int,
) -> TransactionSummary:
    """Amounts from the row's own columns: to parse the quotes of a page takes longer than to find it."""
    return TransactionSummary(
        id=transaction_id,
        kind=TransactionKind(kind),
        original_id=original_id,
        store_id=store_id,
        retailer_id=retailer_id,
        receipt_number=receipt_number,
        status=TransactionStatus(status),
        created_at=created_at,
        currency=currency,
        gross=from_minor(gross_minor, currency),
        discount=from_minor(discount_minor, currency),
        net=from_minor(net_minor, currency),
    )


def _asked(wanted: TransactionFilter, before: UUID | None, limit: int) -> dict[str, Any]:
    return {
        "store_id": wanted.store_id,
        "retailer_id": wanted.retailer_id,
        "status": wanted.status,
        "kind": wanted.kind,
        "customer_id": wanted.customer_id,
        "from_at": wanted.from_at,
        "until_at": wanted.until_at,
        "before": before,
        "limit": limit,
    }
