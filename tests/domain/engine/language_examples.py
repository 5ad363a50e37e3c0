"""Documents of the rule language that tests begin with."""

from typing import Any

from tests.domain.engine.baskets import percent

TEN = percent("10")


def rule(*benefits: Any, **more: Any) -> dict[str, Any]:
    return {"schema": 1, "then": list(benefits), **more}


SHOES = {"fact": "product.type", "op": "eq", "value": "shoe"}
BUY = {"kind": "buy_x_get_y", "buy": {"units": 2}, "get": {"units": 1}}
BUNDLE = {"kind": "bundle_price", "items": [{"units": 2, "where": SHOES}], "price": "9", "currency": "EUR"}
GIFT = {"kind": "gift", "sku": "X"}
POINTS = {"kind": "points", "fixed": 5}
TIERED = {"kind": "tiered", "by": "quantity", "tiers": [{"from": 2, "then": TEN}, {"from": 5, "then": TEN}]}
SPEND = {
    "kind": "tiered",
    "by": "spend",
    "currency": "EUR",
    "basis": "list",
    "tiers": [{"from": "10", "then": TEN}, {"from": "20.00", "then": TEN}],
}
GROUP = "0000000a-aaaa-4bbb-8ccc-00000000000b"


def tiers(*found: Any, **more: Any) -> dict[str, Any]:
    return rule({**TIERED, "tiers": list(found), **more})


def when(condition: object) -> dict[str, Any]:
    return rule(TEN, **{"if": condition})


COUNT = {"count": "lines", "op": "ge", "value": 2}
SUM = {"sum_amount": "lines", "op": "ge", "value": "10.00", "currency": "EUR", "basis": "list"}
