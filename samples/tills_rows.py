"""Days of tills as rows: stores, goods and transactions for a database, receipts as a retailer's file."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg

from samples.tills import Day, sku_of
from shared.domain.reconciliation.slips import Slip, SlipKind

ZONE = "Europe/Rome"
RETAILER = "TILLS"
HEADER = ("Store ID", "Receipt Number", "Sold At", "SKU", "Quantity", "Amount", "Promotion", "Currency")

_NOBODY = UUID(int=1)
_STORES = """
INSERT INTO stores (id, name, parent_id, country, zone, active, attributes, upload_id, created_at, updated_at)
SELECT id, 'A store', nullif(%(retailer)s, id), 'IT', %(zone)s, true, '{}', %(upload)s, now(), now()
  FROM (SELECT DISTINCT unnest(%(ids)s::text[]) AS id) AS wanted
 WHERE NOT EXISTS (SELECT FROM stores WHERE stores.id = wanted.id)
"""
_GOODS = """
INSERT INTO products (sku, kind, name, price, currency, tax_rate_pct, active, attributes, upload_id,
                      created_at, updated_at)
SELECT sku, 'lens', 'A lens', 20, 'EUR', 22, true, '{}', %(upload)s, now(), now()
  FROM unnest(%(skus)s::text[]) AS sku
    ON CONFLICT DO NOTHING
"""
_SALES = """
COPY transactions (id, kind, original_id, reason, store_id, retailer_id, receipt_number, status, currency,
                   gross_minor, discount_minor, net_minor, tax_minor, channel, user_id, rule_set_version,
                   engine_semantics, created_at, allocations, seen, quote) FROM STDIN
"""
_KEYS = """
INSERT INTO receipt_keys (store_id, receipt_number, request_hash, transaction_id)
SELECT store_id, receipt_number, '', id
  FROM transactions
 WHERE receipt_number IS NOT NULL
    ON CONFLICT DO NOTHING
"""


def load(conn: psycopg.Connection[Any], days: Sequence[Day], *, skus: int, user_id: UUID) -> None:
    """Write the stores of the days, all of one retailer, the goods, and what was recorded of the sales."""
    stores = {"retailer": RETAILER, "zone": ZONE, "upload": _NOBODY}
    conn.execute(_STORES, {**stores, "ids": [RETAILER, *(day.store_id for day in days)]})
    conn.execute(_GOODS, {"upload": _NOBODY, "skus": [sku_of(number) for number in range(skus)]})
    with conn.cursor().copy(_SALES) as copy:
        for day in days:
            for sale in day.sales:
                copy.write_row(_sale_row(day, sale, user_id))
    conn.execute(_KEYS)


def receipts(days: Iterable[Day]) -> Iterator[list[str]]:
    """The receipts of the days, as rows of a file under HEADER; what was paid stands on the first line."""
    zone = ZoneInfo(ZONE)
    for day in days:
        for receipt in day.receipts:
            at = receipt.at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
            paid = receipt.net_minor
            for sku, quantity in receipt.units:
                yield [
                    day.store_id,
                    receipt.number or "",
                    at,
                    sku,
                    str(quantity),
                    f"{'-' if paid < 0 else ''}{abs(paid) // 100}.{abs(paid) % 100:02}",
                    receipt.claims[0] if receipt.claims else "",
                    receipt.currency,
                ]
                paid = 0


def _sale_row(day: Day, sale: Slip, user_id: UUID) -> list[Any]:
    back = sale.kind is SlipKind.RETURN
    net = f"{sale.net_minor / 100:.2f}"
    lines = [
        {
            "sku": sku,
            "quantity": quantity,
            "unit_price": "20.00",
            "gross": net,
            "discount": "0.00",
            "net": net,
            "tax": "0.00",
            "allocations": [],
            "gift": False,
            "price_overridden": False,
        }
        for sku, quantity in sale.units
    ]
    return [
        sale.id,
        "return" if back else "sale",
        _NOBODY if back else None,
        "Came back" if back else None,
        day.store_id,
        RETAILER,
        sale.number,
        "New",
        sale.currency,
        sale.net_minor,
        0,
        sale.net_minor,
        0,
        "store",
        user_id,
        0,
        1,
        sale.at,
        "[]",
        "{}",
        json.dumps({"currency": "EUR", "gross": net, "net": net, "lines": lines, "promotions": []}),
    ]
