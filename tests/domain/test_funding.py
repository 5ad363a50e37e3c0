"""Funding: who bears what, read strictly."""

from typing import Any

import pytest

from shared.domain.documents import exact
from shared.domain.engine.ruleset import Funder
from shared.domain.funding import FundingInvalid, parse_funding

BRAND = {"party": "brand", "share": "0.70"}
RETAILER = {"party": "retailer", "share": "0.30"}


def test_shares_are_read_in_order_however_they_are_written() -> None:
    expected = (Funder("brand", 7000), Funder("retailer", 3000))
    assert parse_funding([BRAND, RETAILER]) == expected
    assert parse_funding(exact([{**BRAND, "share": 0.7}, {**RETAILER, "share": 0.3}])) == expected
    assert parse_funding([{"party": "brand", "share": 1}]) == (Funder("brand", 10_000),)
    assert parse_funding([]) == ()


def test_thirds_need_somebody_to_bear_the_rest() -> None:
    thirds = [{"party": name, "share": "0.3333"} for name in "abc"]
    with pytest.raises(FundingInvalid, match=r"0\.9999"):
        parse_funding(thirds)
    assert len(parse_funding([*thirds[:2], {"party": "c", "share": "0.3334"}])) == 3


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ([BRAND], "/funding"),
        ([BRAND, {**RETAILER, "share": "0.31"}], "/funding"),
        ([BRAND, {**BRAND, "share": "0.30"}], "/funding/1"),
        ([{**BRAND, "share": "1.1"}], "/funding/0/share"),
        ([{**BRAND, "share": "0"}, {**RETAILER, "share": "1"}], "/funding/0/share"),
        ([{**BRAND, "share": "-0.7"}], "/funding/0/share"),
        ([BRAND, {**RETAILER, "share": "0.30001"}], "/funding/1/share"),
        ([{**BRAND, "share": True}], "/funding/0/share"),
        ([{**BRAND, "party": ""}, RETAILER], "/funding/0/party"),
        ([{**BRAND, "percent": "70"}], "/funding/0/percent"),
        ([{"party": "brand"}], "/funding/0"),
        (["brand"], "/funding/0"),
        ([{"party": str(number), "share": "0.05"} for number in range(20)], "/funding"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_funding_is_refused_at_its_place(document: list[Any], pointer: str) -> None:
    with pytest.raises(FundingInvalid) as refusal:
        parse_funding(document)
    assert refusal.value.pointer == pointer
