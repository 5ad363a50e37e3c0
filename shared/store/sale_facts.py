"""Sale facts: everything an evaluation reads, in one round trip."""

from collections import Counter as Counted
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from shared.domain.baskets import Earlier, PricedProduct, SaleFacts, SaleRequest, SellingStore, facts_of
from shared.domain.counters import Counter, CounterKey
from shared.domain.customers import KnownCustomer, history_facts
from shared.domain.limits import Limit, Measure, Scope
from shared.domain.live import LiveRules
from shared.domain.money import EXPONENTS
from shared.store import Conn

# Not in the function as elsewhere: so far to the left it has less than the 4,096 characters beyond which
# psycopg would parse it anew for each sale.
_SELECT = """
  WITH store AS (
         SELECT zone, facts, (%(now)s AT TIME ZONE zone)::date AS today
           FROM store_facts
          WHERE id = %(store_id)s
            AND active
       ),
       product AS MATERIALIZED (
         SELECT sku, price, currency, tax_rate_pct, facts
           FROM product_facts
          WHERE sku = ANY(%(skus)s)
            AND active
       ),
       customer AS (
         SELECT id, attributes
           FROM customers
          WHERE id = %(customer_id)s::uuid
             OR phone_hash = %(phone_hash)s::bytea
       ),
       -- All that promotions could take off, in minor units.
       worth AS (
         SELECT ceil(
                  (%(overridden)s + coalesce(sum(price * quantity), 0)) * 10.0 ^ %(exponent)s::int
                ) AS minor
           FROM product
           JOIN unnest(%(skus)s::text[], %(quantities)s::bigint[]) AS asked (sku, quantity)
          USING (sku)
       )
SELECT (SELECT coalesce(max(version), 0)
          FROM rule_sets),
       (SELECT ARRAY[zone, facts]
          FROM store),
       (SELECT array_agg(ARRAY[sku, price::text, currency, tax_rate_pct::text, facts])
          FROM product),
       (SELECT jsonb_build_array(id, attributes)
          FROM customer),
       (SELECT customer_purchases(customer.id, %(now)s, zone, %(currency)s)
          FROM customer, store
         WHERE %(history)s),
       (SELECT customer_redemptions(id, %(now)s, %(counting)s::uuid[])
          FROM customer
         WHERE %(counting)s::uuid[] <> '{}'),
       (SELECT array_agg(
                 ARRAY[
                   since - date '0001-01-01', coalesce(ample.cap, every.cap),
                   coalesce(ample.room, every.room), coalesce(ample.room, own), other, fullest
                 ]
                 ORDER BY place
               )
          FROM store
         CROSS JOIN unnest(
                 %(limited)s::uuid[], %(names)s::text[], %(scopes)s::text[], %(periods)s::text[],
                 %(budgets)s::bool[], %(caps)s::bigint[]
               ) WITH ORDINALITY AS wanted (promotion, limited, scope, period, budget, cap, place)
         CROSS JOIN LATERAL start_of(wanted.period, store.today) AS since
         CROSS JOIN LATERAL (
                 SELECT CASE scope
                          WHEN 'promotion' THEN ''
                          WHEN 'store' THEN %(store_id)s
                          WHEN 'customer' THEN (SELECT id::text FROM customer)
                        END
               ) AS whose (id)
          LEFT JOIN LATERAL (
                 SELECT cap, room
                   FROM limit_counters
                  WHERE (promotion_id, name, subject, starts_on) = (promotion, limited, whose.id, since)
                    AND slot = CASE scope WHEN 'promotion' THEN %(own)s ELSE 0 END
                    AND cap = wanted.cap
                    AND room >= greatest(CASE WHEN budget THEN (SELECT minor FROM worth) END, 1)
                    AND NOT %(whole_counters)s
               ) AS ample
            ON true
          LEFT JOIN LATERAL (
                 SELECT min(cap) AS cap, sum(room)::bigint AS room,
                        max(room) FILTER (WHERE slot = %(own)s) AS own,
                        max(room) FILTER (WHERE slot = %(other)s) AS other,
                        max(room * 128 + slot) FILTER (WHERE slot >= 0) AS fullest
                   FROM limit_counters
                  WHERE (promotion_id, name, subject, starts_on) = (promotion, limited, whose.id, since)
                    AND ample.cap IS NULL
               ) AS every
            ON true),
       (SELECT jsonb_build_array(transaction_id, encode(request_hash, 'hex'))
          FROM idempotency_keys
         WHERE user_id = %(user_id)s
           AND key = %(key)s),
       (SELECT jsonb_build_array(transaction_id, encode(request_hash, 'hex'))
          FROM receipt_keys
         WHERE store_id = %(store_id)s
           AND receipt_number = %(receipt_number)s)
"""


def get(
    conn: Conn,
    now: datetime,
    *,
    request: SaleRequest,
    live: LiveRules,
    new_customer_id: UUID,
    slots: tuple[int, int],
    whole_counters: bool,
    user_id: UUID,
    key: str | None,
) -> SaleFacts:
    """Everything an evaluation reads, in one round trip: catalogue, customer, limits, an earlier sale.

    `live` says which limits, gifts and history to read; rules newer than these show by their version. A
    customer who is not known yet gets `new_customer_id`.

    Of a counter the first of the slots is read. Where that alone holds more than the sale can use, the limit
    does not bind and the other rows say nothing more, unless `whole_counters` are asked for; otherwise all
    rows are added up, and the other slot and the one that holds most are told as well.
    """
    customer = request.customer
    quantities = Counted(live.gifts)
    for line in request.lines:
        quantities[line.sku] += 0 if line.unit_price is not None else line.quantity
    row = conn.execute(
        _SELECT,
        {
            "now": now,
            "store_id": request.store_id,
            "skus": list(quantities),
            "quantities": list(quantities.values()),
            "overridden": sum(
                line.quantity * line.unit_price for line in request.lines if line.unit_price is not None
            ),
            "exponent": EXPONENTS.get(request.currency, max(EXPONENTS.values())),
            "currency": request.currency,
            "customer_id": None if customer is None else customer.id,
            "phone_hash": None if customer is None else customer.phone_hash,
            "history": bool(live.history),
            "counting": sorted(live.counting),
            "limited": [promotion_id for promotion_id, _ in live.limits],
            "names": [limit.name for _, limit in live.limits],
            "scopes": [limit.per.value for _, limit in live.limits],
            "periods": [limit.period.value for _, limit in live.limits],
            "budgets": [limit.measure is Measure.BUDGET for _, limit in live.limits],
            "caps": [limit.most for _, limit in live.limits],
            "own": slots[0],
            "other": slots[1],
            "whole_counters": whole_counters,
            "user_id": user_id,
            "key": key,
            "receipt_number": request.receipt_number,
        },
    ).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    version, store, products, found_customer, history, counts, counters, by_key, by_receipt = row
    known = _customer(request, live, new_customer_id, found_customer, (history, counts))
    return SaleFacts(
        version,
        None if store is None else SellingStore(request.store_id, store[0], facts_of("store", store[1])),
        {product[0]: _product(*product) for product in products or ()},
        known,
        _counters(request, live, known, slots, counters or ()),
        None if by_key is None else Earlier(UUID(by_key[0]), by_key[1]),
        None if by_receipt is None else Earlier(UUID(by_receipt[0]), by_receipt[1]),
    )


def _product(sku: str, price: str, currency: str, tax_rate_pct: str, facts: str) -> PricedProduct:
    return PricedProduct(sku, Decimal(price), currency, Decimal(tax_rate_pct), facts_of("product", facts))


def _customer(
    request: SaleRequest,
    live: LiveRules,
    new_customer_id: UUID,
    found: Sequence[Any] | None,
    history: tuple[Mapping[str, int | None] | None, Mapping[str, list[int]] | None],
) -> KnownCustomer | None:
    if found is None and (request.customer is None or request.customer.phone_hash is None):
        return None
    purchases, redemptions = history
    facts = history_facts(live.history, live.counting, purchases or {}, redemptions or {}, request.currency)
    if found is None:
        return KnownCustomer(id=new_customer_id, attributes={}, history=facts, is_new=True)
    return KnownCustomer(id=UUID(found[0]), attributes=found[1], history=facts, is_new=False)


def _counters(
    request: SaleRequest,
    live: LiveRules,
    customer: KnownCustomer | None,
    slots: tuple[int, int],
    found: Sequence[Sequence[int | None]],
) -> tuple[Counter, ...]:
    customer_id = None if customer is None else str(customer.id)
    subjects = {Scope.PROMOTION: "", Scope.STORE: request.store_id, Scope.CUSTOMER: customer_id}
    return tuple(
        _counter(promotion_id, limit, subjects[limit.per], slots, counted)
        for (promotion_id, limit), counted in zip(live.limits, found, strict=False)
    )


def _counter(
    promotion_id: UUID,
    limit: Limit,
    subject: str | None,
    slots: tuple[int, int],
    counted: Sequence[int | None],
) -> Counter:
    days, cap, room, own, other, fullest = counted
    rooms = {slot: each for slot, each in zip(slots, (own, other), strict=True) if each is not None}
    if fullest is not None:
        rooms.setdefault(fullest % 128, fullest // 128)
    key = None
    if subject is not None:
        key = CounterKey(promotion_id, limit.name, subject, date.min + timedelta(days=days or 0))
    return Counter(promotion_id, limit, key, cap, room or 0, rooms)
