"""Realistic baskets: how often the best combination is proved, and how far the tail is from the median.

The promotions are the twenty of the whole benchmark (`bench.offers`: opticians' offers with caps, floors,
thresholds and stackable ones) and eight that pack; baskets are one to twelve lines of frames and lenses, one
or two pieces of most, as an optician sells them, three in a hundred with a dozen pieces of something.
"""

from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from time import perf_counter
from typing import Any
from uuid import UUID

from bench.figures import percentile
from bench.offers import offers
from bench.rules.ours import CURRENCY
from samples import frames, lenses
from shared.domain.engine import (
    Basket,
    BasketLine,
    PromotionTerms,
    RuleSet,
    StoreFacts,
    compile_rule_set,
    evaluate,
    parse_rule,
)
from shared.domain.engine.basket import Facts
from shared.domain.promotions import PublishedVersion, Terms

NOW = datetime(2026, 6, 15, 10, 0, tzinfo=UTC)
type Json = dict[str, Any]

_CHUNK = 1_000


def run(*, baskets: int) -> dict[str, Any]:
    """Microseconds of an evaluation, its tail, and the share of results proved to be the best."""
    products = _products()
    rules = _rule_set()
    dice = Random(5)  # noqa: S311 - a sample, not a secret
    times: list[float] = []
    proved = discounts = 0
    for start in range(0, baskets, _CHUNK):
        for basket in [_basket(dice, products) for _ in range(min(_CHUNK, baskets - start))]:
            began = perf_counter()
            evaluation = evaluate(rules, basket, NOW)
            times.append((perf_counter() - began) * 1e6)
            proved += evaluation.optimal
            discounts += sum(1 for promotion in evaluation.promotions if promotion.outcome == "applied")
    times.sort()
    points = {f"p{point:g}_us": round(percentile(times, point), 1) for point in (50, 90, 99, 99.9)}
    return {
        "baskets": baskets,
        "live": len(rules.promotions),
        "optimal_share": proved / baskets,
        "applied_mean": round(discounts / baskets, 2),
        **points,
        "greatest_us": round(times[-1], 1),
        "p99_to_p50": round(percentile(times, 99) / percentile(times, 50), 2),
    }


def _basket(dice: Random, products: dict[str, list[BasketLine]]) -> Basket:
    """A pair of glasses or two, or some things from the shelf."""
    lines: list[BasketLine] = []
    for _ in range(dice.choice((1, 1, 1, 2, 2, 3))):
        if dice.random() < 0.8:
            lines += [_of(dice, products["frame"], 1), _of(dice, products["lens"], 2)]
        else:
            lines += [_of(dice, products[dice.choice(("frame", "lens"))], dice.choice((1, 1, 2)))]
    lines += [_of(dice, products["lens"], dice.choice((1, 2))) for _ in range(dice.choice((0, 0, 0, 1, 3)))]
    if dice.random() < 0.03:
        lines.append(_of(dice, products["lens"], 12))
    store = StoreFacts("S1", "Europe/Rome", dice.choice(_STORES))
    return Basket(store, CURRENCY, "store", (), tuple(lines))


def _of(dice: Random, products: list[BasketLine], quantity: int) -> BasketLine:
    found = dice.choice(products)
    return BasketLine(found.sku, quantity, found.unit_price, found.tax_rate_pct, found.facts)


_STORES = [
    Facts({"store.country": country, "store.city": city, "store.attributes.Cluster": cluster})
    for country, city in (("IT", "Roma"), ("IT", "Milano"), ("FR", "Lyon"))
    for cluster in ("Mall", "High street")
]


def _products() -> dict[str, list[BasketLine]]:
    return {
        "lens": [_line("lens", lenses.HEADER, row) for row in lenses.lenses(4_000, 7)],
        "frame": [_line("frame", frames.HEADER, row) for row in frames.frames(1_000, 7)],
    }


def _line(kind: str, header: tuple[str, ...], row: tuple[str, ...]) -> BasketLine:
    sku, name, *rest = row
    found = dict(zip(header[2:], rest, strict=True))
    price, tax = Decimal(found.pop("Price")), Decimal(found.pop("Tax Rate %"))
    del found["Currency"], found["Active"]
    facts = {"product.kind": kind, "product.name": name}
    facts |= {f"product.{column.lower()}": found.pop(column) for column in ("Brand", "Collection", "Type")}
    facts |= {f"product.attributes.{column}": value for column, value in found.items()}
    return BasketLine(sku, 1, int(price * 100), tax, Facts(facts))


def _rule_set() -> RuleSet:
    """Fourteen of the usual twenty offers, six that pack, fix a price or go by tiers, and three to come."""
    usual = offers(NOW)
    kept = usual[:9] + usual[12:14] + usual[15:18] + usual[20:]
    return compile_rule_set(1, [*(_terms(place, terms) for place, terms in enumerate(kept)), *_packing()])


def _terms(place: int, terms: Terms) -> PromotionTerms:
    document: Json = {
        field.name: getattr(terms, field.name)
        for field in fields(PublishedVersion)
        if hasattr(terms, field.name)
    }
    return PublishedVersion(**document, promotion_id=UUID(int=place), version=1).terms()


def _packing() -> Iterator[PromotionTerms]:
    frame, lens = _product("kind", "frame"), _product("kind", "lens")
    benefits: list[Json] = [
        {"kind": "buy_x_get_y", "buy": {"units": 1, "where": frame}, "get": {"units": 1, "percent": "50"}},
        {"kind": "buy_x_get_y", "buy": {"units": 3, "where": lens}, "get": {"units": 1}},
        {
            "kind": "bundle_price",
            "items": [
                {"units": 1, "where": _product("brand", frames.BRANDS[0].name)},
                {"units": 2, "where": _product("type", "Single vision")},
            ],
            "price": "149.00",
            "currency": CURRENCY,
        },
        {
            "kind": "bundle_price",
            "items": [
                {"units": 1, "where": frame},
                {"units": 2, "where": _product("attributes.Index", "1.74")},
            ],
            "price": "499.00",
            "currency": CURRENCY,
            "max_applications": 1,
        },
        {
            "kind": "fixed_price",
            "price": "39.00",
            "currency": CURRENCY,
            "target": _product("brand", frames.BRANDS[4].name),
        },
        {
            "kind": "tiered",
            "by": "quantity",
            "where": _product("brand", lenses.BRANDS[3].name),
            "tiers": [
                {"from": least, "then": {"kind": "percent_off", "percent": percent}}
                for least, percent in ((2, "5"), (4, "10"))
            ],
        },
    ]
    for number, benefit in enumerate(benefits):
        yield PromotionTerms(
            promotion_id=str(UUID(int=100 + number)),
            version=1,
            name=f"pack {number}",
            lane="line",
            priority=0,
            exclusive=False,
            stackable=False,
            starts_at=None,
            ends_at=None,
            zone_policy="store",
            stores=None,
            rule=parse_rule({"schema": 1, "then": [benefit]}),
        )


def _product(name: str, value: str) -> Json:
    return {"fact": f"product.{name}", "op": "eq", "value": value}
