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
    match promo.kind:
        case "fixed":
            benefit: dict[str, Any] = {"kind": "fixed_price", "price": euros(promo.price), "currency": "EUR"}
        case "gift":
            (buy, bought), (get, got) = promo.picks
            benefit = {
                "kind": "buy_x_get_y",
                "buy": {"units": buy, "where": skus(*sorted(bought))},
                "get": {"units": get, "where": skus(*sorted(got)), "percent": _percent(promo.percent)},
                "choose": "cheapest" if promo.cheapest else "dearest",
            }
        case "bundle":
            items = [{"units": units, "where": skus(*sorted(names))} for units, names in promo.picks]
            benefit = {"kind": "bundle_price", "items": items, "price": euros(promo.price), "currency": "EUR"}
        case "tiered":
            benefit = _tiered(promo)
        case _ if promo.percent is not None:
            benefit = percent(_percent(promo.percent))
        case _:
            benefit = amount(euros(promo.amount), promo.per)
    if promo.kind not in {"gift", "bundle", "tiered"}:
        benefit["target"] = skus(*sorted(promo.skus))
    if promo.kind == "tiered":
        for tier in benefit["tiers"]:
            tier["then"].update(_bounds(promo))
    else:
        benefit.update(_bounds(promo))
    return benefit


def _tiered(promo: Promo) -> dict[str, Any]:
    tiers = [
        {
            "from": least if promo.by == "quantity" else euros(least),
            "then": percent(_percent(off)),
        }
        for least, off in promo.tiers
    ]
    found = {"kind": "tiered", "by": promo.by, "where": skus(*sorted(promo.skus)), "tiers": tiers}
    return found if promo.by == "quantity" else found | {"currency": "EUR", "basis": "list"}


def _bounds(promo: Promo) -> dict[str, Any]:
    bounds: dict[str, Any] = {}
    if promo.max_units is not None:
        bounds["max_units"] = {"units": promo.max_units, "per": promo.max_units_per}
    if promo.max_applications is not None:
        bounds["max_applications"] = promo.max_applications
    if promo.max_discount is not None:
        bounds["max_discount"] = {"amount": euros(promo.max_discount), "currency": "EUR"}
    if promo.floor_minor:
        bounds["price_floor"] = {"amount": euros(promo.floor_minor), "currency": "EUR"}
    elif promo.floor_percent:
        bounds["price_floor"] = {"percent": _percent(promo.floor_percent)}
    return bounds


def _percent(hundredths: int | None) -> str:
    return str(Decimal(hundredths or 0) / 100)


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


@st.composite
def any_promos(draw: st.DrawFn, most: int = 3) -> list[Promo]:
    """Promotions of every kind."""
    return [draw(_any_promo(f"p{number}")) for number in range(draw(st.integers(1, most)))]


def _any_promo(name: str) -> st.SearchStrategy[Promo]:
    return st.one_of(_promo(name), _fixed(name), gift_promo(name), _bundle(name), _tiers(name))


_names = st.frozensets(st.sampled_from(SKUS), min_size=1)
_floors = st.sampled_from([{}, {}, {"floor_minor": 150}, {"floor_percent": 5000}])
_applications = st.sampled_from([None, None, 1, 2])


@st.composite
def _common(draw: st.DrawFn, name: str) -> dict[str, Any]:
    return {
        "name": name,
        "priority": draw(st.sampled_from([0, 0, 1])),
        "stackable": draw(st.booleans()),
        "skus": draw(_names),
        "max_discount": draw(st.sampled_from([None, None, None, 100, 301])),
        "max_applications": draw(_applications),
        **draw(_floors),
    }


@st.composite
def _fixed(draw: st.DrawFn, name: str) -> Promo:
    return Promo(kind="fixed", price=draw(st.sampled_from([0, 50, 150, 300])), **draw(_common(name)))


@st.composite
def gift_promo(draw: st.DrawFn, name: str) -> Promo:
    common = draw(_common(name))
    picks = ((draw(st.integers(1, 2)), common["skus"]), (draw(st.integers(1, 2)), draw(_names)))
    percent = draw(st.sampled_from([10_000, 5000, 3333]))
    return Promo(kind="gift", picks=picks, cheapest=draw(st.booleans()), percent=percent, **common)


@st.composite
def _bundle(draw: st.DrawFn, name: str) -> Promo:
    common = draw(_common(name))
    picks = draw(st.lists(st.tuples(st.integers(1, 2), _names), min_size=1, max_size=2))
    price = draw(st.sampled_from([100, 250, 500, 900]))
    return Promo(kind="bundle", picks=tuple(picks), price=price, **common)


@st.composite
def _tiers(draw: st.DrawFn, name: str) -> Promo:
    by = draw(st.sampled_from(["quantity", "spend"]))
    least = [1, 2, 4] if by == "quantity" else [150, 600, 1200]
    tiers = tuple(zip(least[draw(st.integers(0, 2)) :], [1000, 2500, 6000], strict=False))
    return Promo(kind="tiered", by=by, tiers=tiers, **draw(_common(name)))
