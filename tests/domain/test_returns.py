"""Which units of a sale come back: by line, by SKU from the last line, never more than is left."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from shared.domain.errors import PromoPartnerError
from shared.domain.limits import Limit, Measure, Period, Scope, measured_by
from shared.domain.quotes import Quote, QuotedLine
from shared.domain.returns import (
    LineNotSold,
    MoreThanLeft,
    NothingLeft,
    RequestedUnits,
    SkuNotSold,
    return_hash,
    units_of,
)
from shared.domain.transactions import void_hash
from tests.rows import UPLOAD

ZERO = Decimal("0.00")


def sold(*lines: tuple[str, int], gift: str | None = None) -> Quote:
    found = [QuotedLine(sku, units, ZERO, ZERO, ZERO, ZERO, ZERO, ()) for sku, units in lines]
    if gift is not None:
        found.append(replace(found[0], sku=gift, quantity=1, gift=True))
    now = datetime(2026, 6, 15, tzinfo=UTC)
    return Quote("EUR", ZERO, ZERO, ZERO, ZERO, True, ZERO, tuple(found), (), now)


def of_line(line: int, quantity: int) -> RequestedUnits:
    return RequestedUnits(line=line, quantity=quantity)


def of_sku(sku: str, quantity: int) -> RequestedUnits:
    return RequestedUnits(sku=sku, quantity=quantity)


SALE = sold(("A", 2), ("B", 1), ("A", 3), gift="A")


@pytest.mark.parametrize(
    ("wanted", "units"),
    [
        (None, [2, 1, 3, 1]),
        ([of_line(0, 1)], [1, 0, 0, 0]),
        ([of_line(0, 1), of_line(0, 1)], [2, 0, 0, 0]),
        ([of_sku("A", 1)], [0, 0, 0, 1]),
        ([of_sku("A", 4)], [0, 0, 3, 1]),
        ([of_sku("A", 2), of_sku("A", 3)], [1, 0, 3, 1]),
        # What names its line is served first, wherever it stands.
        ([of_sku("A", 2), of_line(3, 1)], [0, 0, 2, 1]),
        ([of_line(3, 1), of_sku("A", 2)], [0, 0, 2, 1]),
        ([of_sku("A", 6), of_sku("B", 1)], [2, 1, 3, 1]),
    ],
    ids=["all", "a line", "twice", "gift first", "then the last", "on", "line first", "either way", "every"],
)
def test_which_units_come_back(wanted: list[RequestedUnits] | None, units: list[int]) -> None:
    assert units_of(wanted, SALE) == units


@pytest.mark.parametrize(
    ("wanted", "error", "pointer", "values"),
    [
        ([of_line(0, 1), of_line(4, 1)], LineNotSold, "/lines/1/line", {"line": 4, "lines": 4}),
        ([of_sku("C", 1)], SkuNotSold, "/lines/0/sku", {"sku": "C"}),
        ([of_line(1, 2)], MoreThanLeft, "/lines/0/quantity", {"left": 1, "quantity": 2}),
        ([of_line(0, 2), of_line(0, 1)], MoreThanLeft, "/lines/1/quantity", {"left": 0, "quantity": 1}),
        ([of_sku("A", 7)], MoreThanLeft, "/lines/0/quantity", {"left": 6, "quantity": 7}),
        ([of_sku("A", 5), of_line(0, 2)], MoreThanLeft, "/lines/0/quantity", {"left": 4, "quantity": 5}),
    ],
    ids=["line", "sku", "more of a line", "more in two", "more of a sku", "more after lines"],
)
def test_what_cannot_come_back(
    wanted: list[RequestedUnits], error: type[PromoPartnerError], pointer: str, values: dict[str, Any]
) -> None:
    with pytest.raises(error) as refusal:
        units_of(wanted, SALE)
    assert (refusal.value.pointer, refusal.value.values) == (pointer, values)


def test_nothing_comes_back_of_nothing() -> None:
    with pytest.raises(NothingLeft):
        units_of(None, sold(("A", 0)))
    with pytest.raises(MoreThanLeft):
        units_of([of_sku("A", 1)], sold(("A", 0)))


def test_wishes_differ_by_all_they_say() -> None:
    wishes = [
        (None, "a"),
        (None, "b"),
        ([of_line(0, 1)], "a"),
        ([of_line(1, 1)], "a"),
        ([of_line(0, 2)], "a"),
        ([of_sku("0", 1)], "a"),
        ([of_line(0, 1), of_line(0, 1)], "a"),
    ]
    hashes = {return_hash(UPLOAD, reason, wanted) for wanted, reason in wishes}
    assert len(hashes) == len(wishes)
    assert void_hash(UPLOAD, "a") not in hashes


@pytest.mark.parametrize("measure", Measure)
def test_a_limits_name_tells_what_it_counts(measure: Measure) -> None:
    for per in Scope:
        for period in Period:
            assert measured_by(Limit(measure, 1, per, period).name) is measure
