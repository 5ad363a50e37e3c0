"""Slips: recorded sales and receipts, as reconciliation compares them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.domain.quotes import TransactionStatus
from shared.domain.reconciliation.matching import How
from shared.domain.reconciliation.runs import StoredReceipt, StoredSale
from shared.domain.reconciliation.slips import Slip, SlipKind, units_of
from shared.store import Conn


def find_receipts(
    conn: Conn, store_ids: Sequence[str], *, from_at: datetime, until_at: datetime
) -> list[StoredReceipt]:
    """The receipts of the stores from an instant until before another, by the till's clock."""
    return _receipts(
        conn.execute(
            """
            SELECT r.id, r.store_id, r.kind, r.number, r.sold_at, r.currency, r.net_minor, r.lines,
                   m.transaction_id, m.how
              FROM receipts AS r
              LEFT JOIN reconciled_sales AS m
                ON m.receipt_id = r.id
             WHERE r.store_id = ANY(%(store_ids)s)
               AND r.sold_at >= %(from_at)s
               AND r.sold_at < %(until_at)s
            """,
            {"store_ids": list(store_ids), "from_at": from_at, "until_at": until_at},
        )
    )


def find_receipts_named(
    conn: Conn, numbers: Sequence[tuple[str, str]], ids: Sequence[UUID]
) -> list[StoredReceipt]:
    """The receipts of these numbers of stores, and those of these ids."""
    return _receipts(
        conn.execute(
            """
            SELECT r.id, r.store_id, r.kind, r.number, r.sold_at, r.currency, r.net_minor, r.lines,
                   m.transaction_id, m.how
              FROM (
                     SELECT id
                       FROM unnest(%(stores)s::text[], %(numbers)s::text[]) AS named (store_id, number)
                       JOIN receipts
                      USING (store_id, number)
                      UNION
                     SELECT unnest(%(ids)s::uuid[])
                   ) AS wanted
              JOIN receipts AS r
             USING (id)
              LEFT JOIN reconciled_sales AS m
                ON m.receipt_id = r.id
            """,
            {
                "stores": [store_id for store_id, _ in numbers],
                "numbers": [number for _, number in numbers],
                "ids": list(ids),
            },
        )
    )


def find_sales(
    conn: Conn, store_ids: Sequence[str], *, from_at: datetime, until_at: datetime
) -> list[StoredSale]:
    """The transactions of the stores from an instant until before another, both of whole milliseconds."""
    return _sales(
        conn.execute(
            """
            SELECT t.id, t.store_id, t.kind, t.receipt_number, t.created_at, t.currency, t.net_minor,
                   (SELECT json_agg(json_build_array(line -> 'sku', line -> 'quantity'))
                      FROM json_array_elements(t.quote::json -> 'lines') AS line),
                   CASE t.allocations
                     WHEN '[]' THEN NULL
                     ELSE jsonb_path_query_array(t.allocations, '$[*].promotion_id')
                   END,
                   t.original_id, t.status, m.receipt_id, m.how, m.status
              FROM transactions AS t
              LEFT JOIN reconciled_sales AS m
                ON m.transaction_id = t.id
             WHERE t.store_id = ANY(%(store_ids)s)
               AND t.id >= id_from(%(from_at)s)
               AND t.id < id_from(%(until_at)s)
            """,
            {"store_ids": list(store_ids), "from_at": from_at, "until_at": until_at},
        )
    )


def find_sales_named(conn: Conn, numbers: Sequence[tuple[str, str]], ids: Sequence[UUID]) -> list[StoredSale]:
    """The sales of these receipt numbers of stores, and the transactions of these ids."""
    return _sales(
        conn.execute(
            """
            SELECT t.id, t.store_id, t.kind, t.receipt_number, t.created_at, t.currency, t.net_minor,
                   (SELECT json_agg(json_build_array(line -> 'sku', line -> 'quantity'))
                      FROM json_array_elements(t.quote::json -> 'lines') AS line),
                   CASE t.allocations
                     WHEN '[]' THEN NULL
                     ELSE jsonb_path_query_array(t.allocations, '$[*].promotion_id')
                   END,
                   t.original_id, t.status, m.receipt_id, m.how, m.status
              FROM (
                     SELECT transaction_id AS id
                       FROM unnest(%(stores)s::text[], %(numbers)s::text[])
                            AS named (store_id, receipt_number)
                       JOIN receipt_keys
                      USING (store_id, receipt_number)
                      UNION
                     SELECT unnest(%(ids)s::uuid[])
                   ) AS wanted
              JOIN transactions AS t
             USING (id)
              LEFT JOIN reconciled_sales AS m
                ON m.transaction_id = t.id
            """,
            {
                "stores": [store_id for store_id, _ in numbers],
                "numbers": [number for _, number in numbers],
                "ids": list(ids),
            },
        )
    )


def _receipts(rows: Iterable[Sequence[Any]]) -> list[StoredReceipt]:
    return [
        StoredReceipt(
            Slip(
                id=row[0],
                kind=SlipKind(row[2]),
                number=row[3],
                at=row[4],
                currency=row[5],
                net_minor=row[6],
                units=units_of((line["sku"], line["quantity"]) for line in row[7]),
                claims=tuple(dict.fromkeys(line["promotion"] for line in row[7] if line["promotion"])),
            ),
            store_id=row[1],
            sale_id=row[8],
            how=None if row[9] is None else How(row[9]),
        )
        for row in rows
    ]


def _sales(rows: Iterable[Sequence[Any]]) -> list[StoredSale]:
    return [
        StoredSale(
            slip=Slip(
                id=row[0],
                kind=SlipKind.SALE if row[2] == "sale" else SlipKind.RETURN,
                number=row[3],
                at=row[4],
                currency=row[5],
                net_minor=row[6],
                units=units_of((sku, quantity) for sku, quantity in row[7] or ()),
                promotions=tuple(UUID(each) for each in dict.fromkeys(row[8] or ())),
                undoes=row[9] if row[2] == "void" else None,
            ),
            store_id=row[1],
            status=TransactionStatus(row[10]),
            receipt_id=row[11],
            how=None if row[12] is None else How(row[12]),
            given=None if row[13] is None else TransactionStatus(row[13]),
        )
        for row in rows
    ]
