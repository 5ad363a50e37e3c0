"""What a benefit may say of its target and its bounds.

"target": filter                                    on product.* facts at list price; absent: every line
"max_units": {"units": 2, "per": "line" | "basket"}

"max_applications": 3          units, lines for an amount per line, sets of what is bought together
"max_discount": {"amount": "50.00", "currency": "EUR"}      for the basket
"price_floor": {"amount": "20.00", "currency": "EUR"} | {"percent": "60"}      percent of the list price
"basis": "list" | "running"      what a percent is taken of, an amount is spread by; running unless said
"""

from typing import TypedDict, cast

from shared.domain import documents
from shared.domain.documents import at_key
from shared.domain.engine.grammar import FLOOR_IN_PERCENT, MAX_UNITS, MONEY
from shared.domain.engine.language_parts import Amounts, Found, basis, keys, percent, products, units
from shared.domain.engine.rule import Basis, MaxUnits, Per, PriceFloor
from shared.domain.filters import Filter


class Bounds(TypedDict):
    max_applications: int | None
    max_discount_minor: int | None
    price_floor: PriceFloor | None
    basis: Basis


class Targeted(Bounds):
    target: Filter | None
    max_units: MaxUnits | None


def parse_bounds(found: Found, at: str, amounts: Amounts) -> Bounds:
    return {
        "max_applications": units(found, "max_applications", at) if "max_applications" in found else None,
        "max_discount_minor": _max_discount(found, at, amounts),
        "price_floor": _price_floor(found, at, amounts),
        "basis": basis(found, at, Basis.RUNNING),
    }


def parse_targeted(found: Found, at: str, amounts: Amounts) -> Targeted:
    return {
        "target": products(found, "target", at),
        "max_units": _max_units(found, at),
        **parse_bounds(found, at, amounts),
    }


def _max_units(found: Found, at: str) -> MaxUnits | None:
    if "max_units" not in found:
        return None
    at = at_key(at, "max_units")
    limit = keys(found["max_units"], at, MAX_UNITS)
    per = documents.one_of(limit["per"], at_key(at, "per"), (Per.LINE, Per.BASKET))
    return MaxUnits(units(limit, "units", at), cast("Per", per))


def _max_discount(found: Found, at: str, amounts: Amounts) -> int | None:
    if "max_discount" not in found:
        return None
    at = at_key(at, "max_discount")
    return amounts.minor(keys(found["max_discount"], at, MONEY), at)


def _price_floor(found: Found, at: str, amounts: Amounts) -> PriceFloor | None:
    if "price_floor" not in found:
        return None
    at = at_key(at, "price_floor")
    floor = documents.an_object(found["price_floor"], at)
    if "percent" in floor:
        return PriceFloor(
            basis_points=percent(keys(floor, at, FLOOR_IN_PERCENT)["percent"], at_key(at, "percent"))
        )
    return PriceFloor(minor=amounts.minor(keys(floor, at, MONEY), at))
