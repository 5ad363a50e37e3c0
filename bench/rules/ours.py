"""The engine on the offers of the comparison; it imports nothing but the standard library, as deployed."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from bench.rules.offers import Json, Offer, Product
from shared.domain.engine import (
    Basket,
    BasketLine,
    Evaluation,
    PromotionTerms,
    RuleSet,
    StoreFacts,
    compile_rule_set,
    evaluate,
    parse_rule,
)
from shared.domain.engine.basket import Facts
from shared.domain.filters import parse_filter

NOW = datetime(2026, 6, 15, 10, 0, tzinfo=UTC)
CURRENCY = "EUR"
_TAX = Decimal(22)


class Ours:
    """A rule set and the catalogue it is used with; facts are kept per product, as the app keeps them."""

    def __init__(self, offers: Sequence[Offer], products: dict[str, Product]) -> None:
        self.rule_set = rule_set(offers, products)
        self.lone = [rule_set([offer], products) for offer in offers]
        self.facts = {product.sku: Facts({"product.brand": product.brand}) for product in products.values()}
        self.stores = {
            (region, tier): Facts({"store.attributes.region": region, "store.attributes.tier": tier})
            for region in ("north", "south")
            for tier in ("gold", "silver")
        }

    def basket(self, found: Json) -> Basket:
        """The basket as the engine takes it."""
        store = found["store"]
        lines = [
            BasketLine(line["sku"], line["qty"], line["price"], _TAX, self.facts[line["sku"]])
            for line in found["lines"]
        ]
        facts = self.stores[store["region"], store["tier"]]
        return Basket(StoreFacts("S1", "Europe/Rome", facts), CURRENCY, "store", (), tuple(lines))

    def evaluate(self, found: Json) -> Evaluation:
        """What the app does between its two statements: the basket made, priced, combined, explained."""
        return evaluate(self.rule_set, self.basket(found), NOW)

    def alone(self, found: Json) -> list[int]:
        """What each offer takes off when it is the only one: what the peers reckon."""
        basket = self.basket(found)
        return [evaluate(rule_set, basket, NOW).discount for rule_set in self.lone]


def rule_set(offers: Sequence[Offer], products: dict[str, Product]) -> RuleSet:
    return compile_rule_set(1, [_terms(offer, products) for offer in offers])


def _terms(offer: Offer, products: dict[str, Product]) -> PromotionTerms:
    year, month, day = offer.starts // 10_000, offer.starts // 100 % 100, offer.starts % 100
    return PromotionTerms(
        promotion_id=offer.name,
        version=1,
        name=offer.name,
        lane="line",
        priority=0,
        exclusive=False,
        stackable=False,
        starts_at=datetime(year, month, day),  # noqa: DTZ001 - schedules are local
        ends_at=None,
        zone_policy="store",
        stores=_stores(offer),
        rule=parse_rule(_rule(offer, products)),
    )


def _stores(offer: Offer) -> Any:
    wanted = {"region": offer.region, "tier": offer.tier}
    found = [_eq(f"store.attributes.{name}", value) for name, value in wanted.items() if value]
    return parse_filter({"all": found}, namespaces={"store"}) if found else None


def _rule(offer: Offer, products: dict[str, Product]) -> Json:
    brand = _eq("product.brand", offer.brand)
    when: Json = {}
    match offer.kind:
        case "percent":
            then: Json = {"kind": "percent_off", "percent": str(offer.percent), "target": brand}
        case "amount":
            least = {"op": "ge", "value": _money(offer.threshold), "currency": CURRENCY, "basis": "list"}
            when = {"sum_amount": "lines", "where": brand, **least}
            amount = {"amount": _money(offer.amount), "currency": CURRENCY, "per": "basket"}
            then = {"kind": "amount_off", "target": brand, **amount}
        case "third":
            sku = _eq("product.sku", offer.skus[0])
            then = {"kind": "buy_x_get_y", "buy": {"units": 2, "where": sku}, "get": {"units": 1}}
        case "tiered":
            tiers = [
                {"from": least, "then": {"kind": "percent_off", "percent": str(percent)}}
                for least, percent in offer.tiers
            ]
            then = {"kind": "tiered", "by": "quantity", "where": brand, "tiers": tiers}
        case _:
            price = sum(products[sku].price for sku in offer.skus) - offer.amount
            items = [{"units": 1, "where": _eq("product.sku", sku)} for sku in offer.skus]
            then = {"kind": "bundle_price", "items": items, "price": _money(price), "currency": CURRENCY}
    return {"schema": 1, "if": when, "then": [then]}


def _eq(fact: str, value: str) -> Json:
    return {"fact": fact, "op": "eq", "value": value}


def _money(minor: int) -> str:
    return f"{Decimal(minor) / 100:.2f}"
