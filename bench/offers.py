"""Offers: twenty live promotions of the shapes that opticians run, and three that have yet to start."""

from datetime import datetime, timedelta
from typing import Any

from samples.frames import BRANDS as FRAME_BRANDS
from samples.lenses import BRANDS as LENS_BRANDS
from shared.domain.engine import Lane
from shared.domain.promotions import Terms

type Json = dict[str, Any]


def offers(now: datetime) -> list[Terms]:
    """Terms of 23 promotions, 20 of them live at `now`."""
    began = now.replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0) - timedelta(days=30)
    starts = began + timedelta(days=390)
    return [
        *(_terms(number, began, each) for number, each in enumerate(_live(), 1)),
        *(_terms(number, starts, _off_group("brand", LENS_BRANDS[0].name, "50")) for number in (21, 22, 23)),
    ]


def _live() -> list[Json]:
    lenses, frames = ([brand.name for brand in brands] for brands in (LENS_BRANDS, FRAME_BRANDS))
    return [
        # Percent off a group.
        _off_group("brand", lenses[0], "10"),
        _off_group("brand", lenses[1], "15"),
        _off_group("brand", frames[0], "20"),
        _off_group("brand", frames[1], "12.5"),
        _off_group("attributes.Coating", "Antireflective, blue filter", "8", priority=5, stackable=True),
        _off_group("attributes.Index", "1.67", "5", stackable=True),
        # An amount off every piece, not below a floor.
        _off_piece("20.00", _product("kind", "eq", "frame"), _product("price", "ge", "150.00")),
        _off_piece("15.00", _product("type", "starts_with", "Progressive")),
        _off_piece("5.00", _product("type", "starts_with", "Sun"), stackable=True),
        # A quantity first.
        _off_from(2, _product("type", "starts_with", "Progressive"), "12"),
        _off_from(3, _product("kind", "eq", "lens"), "7", priority=2),
        _off_from(4, _product("brand", "in", lenses[2:5]), "18"),
        _off_from(2, _product("kind", "eq", "frame"), "30", max_units={"units": 1, "per": "basket"}),
        # A frame with lenses.
        _bundle(_product("kind", "eq", "frame"), _product("type", "starts_with", "Single vision"), "25"),
        _bundle(_product("brand", "eq", frames[2]), _product("kind", "eq", "lens"), "10"),
        # Some shops only.
        _off_group("brand", lenses[5], "9", stores=_fact("store.country", "eq", "IT")),
        _off_group("brand", lenses[6], "11", stores=_fact("store.attributes.Cluster", "eq", "Mall")),
        # Off what the rest costs.
        _off_basket("300.00", "10.00"),
        _off_basket("600.00", "25.00", priority=1),
        _off_basket("200.00", "5.00", stores=_fact("store.city", "in", ["Roma", "Milano", "Torino"])),
    ]


def _terms(number: int, starts_at: datetime, given: Json) -> Terms:
    usual: Json = {
        "name": f"Offer {number}",
        "type": "benchmark",
        "description": "",
        "lane": Lane.LINE,
        "priority": 0,
        "exclusive": False,
        "stackable": False,
        "starts_at": starts_at,
        "ends_at": starts_at + timedelta(days=360),
        "zone_policy": "store",
        "stores": None,
    }
    return Terms(**(usual | given))


def _rule(benefit: Json, condition: Json | None = None) -> Json:
    return {"schema": 1, "if": condition or {}, "then": [benefit]}


def _fact(name: str, op: str, value: Any) -> Json:
    return {"fact": name, "op": op, "value": value}


def _product(name: str, op: str, value: Any) -> Json:
    return _fact(f"product.{name}", op, value)


def _off_group(fact: str, value: str, percent: str, **terms: Any) -> Json:
    benefit = {"kind": "percent_off", "percent": percent, "target": _product(fact, "eq", value)}
    return {"rule": _rule(benefit), **terms}


def _off_piece(amount: str, *filters: Json, **terms: Any) -> Json:
    benefit = {
        "kind": "amount_off",
        "amount": amount,
        "currency": "EUR",
        "per": "unit",
        "target": {"all": list(filters)},
        "price_floor": {"amount": "9.90", "currency": "EUR"},
    }
    return {"rule": _rule(benefit), **terms}


def _off_from(quantity: int, target: Json, percent: str, *, priority: int = 0, **benefit: Any) -> Json:
    rule = _rule(
        {"kind": "percent_off", "percent": percent, "target": target, **benefit},
        {"sum_quantity": "lines", "where": target, "op": "ge", "value": quantity},
    )
    return {"rule": rule, "priority": priority}


def _bundle(first: Json, second: Json, percent: str) -> Json:
    bought = [{"count": "lines", "where": each, "op": "ge", "value": 1} for each in (first, second)]
    return {"rule": _rule({"kind": "percent_off", "percent": percent, "target": second}, {"all": bought})}


def _off_basket(threshold: str, amount: str, **terms: Any) -> Json:
    condition = {
        "sum_amount": "lines",
        "op": "ge",
        "value": threshold,
        "currency": "EUR",
        "basis": "running",
    }
    benefit = {"kind": "amount_off", "amount": amount, "currency": "EUR", "per": "basket"}
    return {"rule": _rule(benefit, condition), "lane": Lane.ORDER, **terms}
