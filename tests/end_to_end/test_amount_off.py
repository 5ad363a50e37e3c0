"""Amounts off, in all their forms, from the promotion that is drafted to the cents of each line."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from tests.end_to_end.conftest import Shop
from tests.end_to_end.driving import basket

LENSES = {"fact": "product.sku", "op": "starts_with", "value": "DEMO-LENS"}
PRICE = Decimal("33.33")


@contextmanager
def published(shop: Shop, benefit: dict[str, Any], **terms: Any) -> Iterator[str]:
    """A promotion of that benefit, on the three lenses at 33.33 unless it says otherwise."""
    benefit = {"kind": "amount_off", "currency": "EUR", "target": LENSES} | benefit
    draft = shop.admin.post(
        "promotions",
        json={
            "name": "Amount off",
            "type": "local",
            "starts_at": "2026-01-01",
            "rule": {"schema": 1, "then": [benefit]},
        }
        | terms,
    )
    assert draft.status_code == 201, draft.text
    promotion = f"promotions/{draft.json()['id']}"
    shop.publish(draft.json()["id"])
    yield draft.json()["id"]
    shop.admin.post(f"{promotion}/archive").raise_for_status()


def quote(shop: Shop, *lines: tuple[str, int]) -> dict[str, Any]:
    body = basket(lines=[{"sku": sku, "quantity": quantity} for sku, quantity in lines])
    answer = shop.seller.post("promotions/evaluate", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def money(value: str) -> dict[str, str]:
    return {"amount": value, "currency": "EUR"}


def per(what: str, amount: str, **more: Any) -> dict[str, Any]:
    return {"per": what, "amount": amount, **more}


CASES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("of each unit", per("unit", "5.00"), ["10.00", "5.00"]),
    ("of each line", per("line", "5.00"), ["5.00", "5.00"]),
    ("of the basket, a cent to nobody twice", per("basket", "10.00"), ["6.67", "3.33"]),
    ("of two units at most", per("unit", "5.00", max_units={"units": 2, "per": "basket"}), ["10.00", "0.00"]),
    (
        "of one unit a line at most",
        per("unit", "5.00", max_units={"units": 1, "per": "line"}),
        ["5.00", "5.00"],
    ),
    ("no more than the price of a unit", per("unit", "50.00"), ["66.66", "33.33"]),
    ("no more than the price of a line", per("line", "50.00"), ["50.00", "33.33"]),
    ("no more than the basket", per("basket", "500.00"), ["66.66", "33.33"]),
    ("of units, capped", per("unit", "5.00", max_discount=money("7.00")), ["4.67", "2.33"]),
    ("of lines, capped", per("line", "5.00", max_discount=money("7.00")), ["3.50", "3.50"]),
    ("of the basket, capped", per("basket", "10.00", max_discount=money("7.00")), ["4.67", "2.33"]),
    ("of units, to a floor", per("unit", "5.00", price_floor=money("30.00")), ["6.66", "3.33"]),
    ("of lines, to a floor", per("line", "5.00", price_floor=money("30.00")), ["5.00", "3.33"]),
    ("of the basket, to a floor", per("basket", "20.00", price_floor=money("30.00")), ["6.66", "3.33"]),
    ("to half the list price", per("unit", "20.00", price_floor={"percent": "50"}), ["33.32", "16.66"]),
    (
        "capped before the floor is met",
        per("unit", "5.00", price_floor=money("30.00"), max_discount=money("4.00")),
        ["2.67", "1.33"],
    ),
    ("with a floor above the price", per("unit", "5.00", price_floor=money("40.00")), ["0.00", "0.00"]),
]


@pytest.mark.parametrize(
    ("benefit", "discounts"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_an_amount_off(shop: Shop, benefit: dict[str, Any], discounts: list[str]) -> None:
    """Two of one lens and one of another, 33.33 each."""
    with published(shop, benefit) as promotion_id:
        quoted = quote(shop, ("DEMO-LENS-A", 2), ("DEMO-LENS-B", 1))
    assert [line["discount"] for line in quoted["lines"]] == discounts
    total = sum(map(Decimal, discounts))
    assert (quoted["gross"], quoted["discount"], quoted["net"]) == (
        "99.99",
        f"{total}",
        f"{3 * PRICE - total}",
    )
    [explained] = [each for each in quoted["promotions"] if each["promotion_id"] == promotion_id]
    assert (explained["outcome"] == "applied") is (total > 0)


def test_an_amount_off_the_order_comes_after_those_off_the_lines(shop: Shop) -> None:
    """5.00 off each unit leave 84.99; a third of that basket's 10.00 goes to each unit."""
    with (
        published(shop, per("unit", "5.00")),
        published(shop, per("basket", "10.00"), lane="order"),
    ):
        quoted = quote(shop, ("DEMO-LENS-A", 2), ("DEMO-LENS-B", 1))
    assert [line["discount"] for line in quoted["lines"]] == ["16.67", "8.33"]
    assert quoted["net"] == "74.99"


def test_frames_and_lenses_share_an_amount_by_their_price(shop: Shop) -> None:
    frame = next(
        product
        for product in shop.seller.get("products", params={"kind": "frame", "limit": 100}).json()["items"]
        if product["active"]
        and product["brand"] not in {"Fjordane", "Casa Merluna"}
        and Decimal(product["price"]) < 150
    )
    both = {"fact": "product.sku", "op": "in", "value": [frame["sku"], "DEMO-LENS-A"]}
    with published(shop, per("basket", "30.00", target=both)):
        quoted = quote(shop, (frame["sku"], 1), ("DEMO-LENS-A", 1))
    off_frame, off_lens = (Decimal(line["discount"]) for line in quoted["lines"])
    assert off_frame + off_lens == 30
    exact = 30 * Decimal(frame["price"]) / (Decimal(frame["price"]) + PRICE)
    assert abs(off_frame - exact) < Decimal("0.01")


@pytest.mark.parametrize(
    ("benefit", "place"),
    [
        (per("unit", "0.00"), "/rule/then/0/amount"),
        (per("unit", "-5.00"), "/rule/then/0/amount"),
        (per("unit", "5.001"), "/rule/then/0/amount"),
        (per("dozen", "5.00"), "/rule/then/0/per"),
        (per("unit", "5.00", currency="USD", price_floor=money("1.00")), "/rule/then/0/price_floor/currency"),
    ],
)
def test_an_amount_that_cannot_be_meant(shop: Shop, benefit: dict[str, Any], place: str) -> None:
    body = {
        "name": "x",
        "type": "local",
        "starts_at": "2026-01-01",
        "rule": {"schema": 1, "then": [{"kind": "amount_off", "currency": "EUR"} | benefit]},
    }
    problem = shop.admin.post("promotions", json=body)
    assert problem.status_code == 422, problem.text
    assert [each["pointer"] for each in problem.json()["errors"]] == [place]
