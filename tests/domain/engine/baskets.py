"""Promotions and baskets that tests begin with, and hypothesis strategies for any of them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from shared.domain.engine import Basket, BasketLine, PromotionTerms, StoreFacts, parse_rule
from shared.domain.filters import parse_filter
from tests.domain.engine.oracle import Piece, Promo

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
SKUS = "abc"


def percent(value: str, **more: Any) -> dict[str, Any]:
    return {"kind": "percent_off", "percent": value, **more}


def amount(value: str, per: str = "unit", **more: Any) -> dict[str, Any]:
    return {"kind": "amount_off", "amount": value, "currency": "EUR", "per": per, **more}


def skus(*names: str) -> dict[str, Any]:
    return {"fact": "product.sku", "op": "in", "value": list(names)}


def promotion(
    name: str, *benefits: dict[str, Any], when: dict[str, Any] | None = None, **more: Any
) -> PromotionTerms:
    stores = more.pop("stores", None)
    terms: dict[str, Any] = {
        "version": 1,
        "name": f"Promotion {name}",
        "lane": "line",
        "priority": 0,
        "exclusive": False,
        "stackable": False,
        "starts_at": None,
        "ends_at": None,
        "zone_policy": "store",
    }
    return PromotionTerms(
        **(terms | more),
        promotion_id=name,
        stores=None if stores is None else parse_filter(stores, namespaces={"store"}),
        rule=parse_rule({"schema": 1, "if": when or {}, "then": list(benefits)}),
    )


def line(sku: str, price: int, quantity: int = 1, **facts: Any) -> BasketLine:
    return BasketLine(
        sku, quantity, price, Decimal(22), {f"product.{name}": fact for name, fact in facts.items()}
    )


def basket(*lines: BasketLine, currency: str = "EUR", **store: Any) -> Basket:
    facts = {"store.city": "Roma", "store.attributes.cluster": "north"}
    return Basket(StoreFacts("S1", "Europe/Rome", facts, **store), currency, "pos", (), tuple(lines))


def euros(minor: int) -> str:
    return f"{Decimal(minor) / 100:.2f}"


def benefit_of(promo: Promo) -> dict[str, Any]:
    """Return the document of a promotion of the oracle."""
    if promo.percent is not None:
        benefit = percent(str(Decimal(promo.percent) / 100))
    else:
        benefit = amount(euros(promo.amount), promo.per)
    benefit["target"] = skus(*sorted(promo.skus))
    if promo.max_units is not None:
        benefit["max_units"] = {"units": promo.max_units, "per": promo.max_units_per}
    if promo.max_discount is not None:
        benefit["max_discount"] = {"amount": euros(promo.max_discount), "currency": "EUR"}
    if promo.floor_minor:
        benefit["price_floor"] = {"amount": euros(promo.floor_minor), "currency": "EUR"}
    elif promo.floor_percent:
        benefit["price_floor"] = {"percent": str(Decimal(promo.floor_percent) / 100)}
    return benefit


def terms_of(promo: Promo, **more: Any) -> PromotionTerms:
    return promotion(
        promo.name, benefit_of(promo), priority=promo.priority, stackable=promo.stackable, **more
    )


def lines_of(pieces: Sequence[Piece]) -> list[BasketLine]:
    return [line(piece.sku, piece.price, pieces.count(piece)) for piece in dict.fromkeys(pieces)]


@st.composite
def pieces(draw: st.DrawFn, most: int = 4) -> list[Piece]:
    prices = [draw(st.sampled_from([7, 100, 200, 333, 500, 1000])) for _ in SKUS]
    chosen = draw(st.lists(st.integers(0, len(SKUS) - 1), min_size=1, max_size=most))
    return [Piece(SKUS[place], prices[place]) for place in chosen]


@st.composite
def promos(draw: st.DrawFn, most: int = 3) -> list[Promo]:
    return [draw(_promo(f"p{number}")) for number in range(draw(st.integers(1, most)))]


@st.composite
def _promo(draw: st.DrawFn, name: str) -> Promo:
    kind = draw(st.sampled_from(["percent", "percent", "unit", "line", "basket"]))
    value: dict[str, Any] = {"percent": draw(st.sampled_from([1000, 2000, 3333, 5000, 6000, 9000, 10_000]))}
    if kind != "percent":
        value = {"amount": draw(st.sampled_from([50, 100, 101, 250, 700])), "per": kind}
    floor = draw(
        st.sampled_from([{}, {}, {}, {"floor_minor": 150}, {"floor_percent": 2525}, {"floor_percent": 5000}])
    )
    rarely = st.sampled_from([False, False, True])
    return Promo(
        name=name,
        priority=draw(st.sampled_from([0, 0, 1])),
        stackable=draw(st.booleans()),
        skus=frozenset(draw(st.sets(st.sampled_from(SKUS), min_size=1))),
        max_units=draw(st.integers(1, 3)) if draw(rarely) else None,
        max_units_per=draw(st.sampled_from(["basket", "line"])),
        max_discount=draw(st.sampled_from([33, 100, 301])) if draw(rarely) else None,
        **value,
        **floor,
    )
