"""Hostile rule sets: what an administrator could write to make the search run away."""

from collections.abc import Iterator
from decimal import Decimal
from time import process_time
from typing import Any

from bench.rules.ours import CURRENCY, NOW
from shared.domain.engine import (
    Basket,
    BasketLine,
    PromotionTerms,
    StoreFacts,
    compile_rule_set,
    evaluate,
    parse_rule,
)

type Json = dict[str, Any]


def run() -> list[dict[str, Any]]:
    """Milliseconds of CPU of one evaluation (the best and the worst of three), and whether it was proved."""
    found: list[dict[str, Any]] = []
    for name, rules, basket in _sets():
        rule_set = compile_rule_set(1, [_terms(place, rule) for place, rule in enumerate(rules)])
        evaluation, times = evaluate(rule_set, basket, NOW), list[float]()
        for _ in range(3):
            began = process_time()
            evaluate(rule_set, basket, NOW)
            times.append((process_time() - began) * 1000)
        found.append(
            {
                "name": name,
                "best_ms": round(min(times), 1),
                "worst_ms": round(max(times), 1),
                "optimal": evaluation.optimal,
                "discount": evaluation.discount,
                "bound": evaluation.bound,
            }
        )
    return found


def _sets() -> Iterator[tuple[str, list[Json], Basket]]:
    everything: Json = {"fact": "product.price", "op": "ge", "value": "0"}
    yield (
        "100 overlapping promotions, capped, limited and spread, 20 lines",
        [_overlapping(number, everything) for number in range(100)],
        _basket((f"S{number:02}", 3, 1000 + 137 * number) for number in range(20)),
    )
    yield (
        "three buy-x-get-y offers, 5,000 pieces of each of 2 SKUs",
        [_buy_get(2, 1, "100"), _buy_get(3, 1, "100"), _buy_get(3, 2, "50")],
        _basket([("A", 5000, 1999), ("B", 5000, 1499)]),
    )
    yield (
        "7 packing offers, 30 lines",
        [_packing(number) for number in range(7)],
        _basket((f"S{number:02}", 1 + number % 4, 900 + 211 * number) for number in range(30)),
    )
    yield (
        "40 stackable promotions with floors, 10 lines",
        [_stackable(number) for number in range(40)],
        _basket((f"S{number:02}", 5, 5000 + 731 * number) for number in range(10)),
    )


def _overlapping(number: int, target: Json) -> Json:
    shapes: list[Json] = [
        {"kind": "percent_off", "percent": str(5 + number % 20), "max_units": {"units": 7, "per": "basket"}},
        {"kind": "percent_off", "percent": str(5 + number % 30), "max_discount": _amount(2500 + 10 * number)},
        {"kind": "amount_off", **_amount(1500 + 15 * number), "per": "basket"},
        {
            "kind": "amount_off",
            **_amount(120 + number),
            "per": "unit",
            "max_units": {"units": 2, "per": "line"},
        },
    ]
    return {**shapes[number % 4], "target": target}


def _buy_get(buy: int, get: int, percent: str) -> Json:
    return {"kind": "buy_x_get_y", "buy": {"units": buy}, "get": {"units": get, "percent": percent}}


def _packing(number: int) -> Json:
    if number % 2:
        return _buy_get(1 + number % 3, 1, "100" if number % 3 else "60")
    dearer: Json = {"fact": "product.price", "op": "ge", "value": f"{10 + 5 * number}.00"}
    items: list[Json] = [{"units": 1, "where": dearer}, {"units": 2}]
    return {"kind": "bundle_price", "items": items, "price": f"{30 + 7 * number}.00", "currency": CURRENCY}


def _stackable(number: int) -> Json:
    return {
        "kind": "percent_off",
        "percent": str(1 + number % 15),
        "price_floor": {"percent": str(30 + number % 50)},
        "max_units": {"units": 3 + number % 9, "per": "basket"},
    }


def _amount(minor: int) -> Json:
    return {"amount": f"{Decimal(minor) / 100:.2f}", "currency": CURRENCY}


def _terms(place: int, benefit: Json) -> PromotionTerms:
    return PromotionTerms(
        promotion_id=f"hostile-{place:03}",
        version=1,
        name=f"hostile {place}",
        lane="line",
        priority=0,
        exclusive=False,
        stackable="price_floor" in benefit,
        starts_at=None,
        ends_at=None,
        zone_policy="store",
        stores=None,
        rule=parse_rule({"schema": 1, "then": [benefit]}),
    )


def _basket(lines: Any) -> Basket:
    return Basket(
        StoreFacts("S1", "Europe/Rome", {}),
        CURRENCY,
        "store",
        (),
        tuple(BasketLine(sku, quantity, price, Decimal(22), {}) for sku, quantity, price in lines),
    )
