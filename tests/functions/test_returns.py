"""Returns at the door: refunds to the cent, previews, what is refused and where."""

from typing import Any
from uuid import uuid4

import pytest

from functions import returns, transactions
from shared.domain.engine.ruleset import OnReturn
from shared.domain.users import Role
from shared.edge import openapi
from tests.actions.selling import publish
from tests.functions.doors import Doors
from tests.rows import Conn, a_product, a_store

PRICES = {"A": "10.00", "B": "6.00", "FRAME": "80.00", "LENS": "20.00", "X": "150.00", "Y": "100.00"}
PRICES |= {"DEAR": "199.00", "CHEAP": "2.00", "GIFT": "5.00"}

type Json = dict[str, Any]


def rule(*then: Json, when: Json | None = None) -> Json:
    return {"schema": 1, "then": list(then)} | ({"if": when} if when else {})


def skus(sku: str) -> Json:
    return {"fact": "product.sku", "op": "eq", "value": sku}


def above_200(percent: str) -> Json:
    when = {"sum_amount": "lines", "basis": "list", "currency": "EUR", "op": "ge", "value": "200.00"}
    return rule({"kind": "percent_off", "percent": percent}, when=when)


THIRD = rule({"kind": "buy_x_get_y", "buy": {"units": 2}, "get": {"units": 1}})
BUNDLE = rule(
    {
        "kind": "bundle_price",
        "items": [{"units": 1, "where": skus("FRAME")}, {"units": 2, "where": skus("LENS")}],
        "price": "100.00",
        "currency": "EUR",
    }
)
TIERED = rule(
    {
        "kind": "tiered",
        "by": "quantity",
        "where": skus("A"),
        "tiers": [
            {"from": least, "then": {"kind": "percent_off", "percent": off}}
            for least, off in ((2, "10"), (4, "20"))
        ],
    }
)


class Shop:
    """A shop with a till, whose promotions end at no time."""

    def __init__(self, conn: Conn) -> None:
        self.conn, self.doors = conn, Doors(conn)
        a_store(conn, "S1")
        for sku, price in PRICES.items():
            a_product(conn, sku, price)

    def publish(self, document: Json, **changes: Any) -> str:
        return str(publish(self.conn, rule=document, ends_at=None, **changes))

    def sell(self, **lines: int) -> str:
        body = {
            "store_id": "S1",
            "currency": "EUR",
            "channel": "store",
            "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines.items()],
        }
        status, sale = self._call(transactions.create_transaction, body=body, headers=key())
        assert status == 201
        return sale["transaction"]["id"]

    def ask(self, sale: str, body: Json, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        return self._call(
            returns.create_return, path={"transaction_id": sale}, body=body, headers=headers or {}
        )

    def give_back(self, sale: str, **lines: int) -> Json:
        """Return units by SKU, which the preview has told to the letter."""
        body: Json = {"lines": [{"sku": sku, "quantity": units} for sku, units in lines.items()] or None}
        status, preview = self.ask(sale, body)
        assert status == 200
        assert (preview["id"], preview["number"], preview["reason"]) == (None, None, None)
        status, refund = self.ask(sale, body | {"confirm": True, "reason": "Too small"}, key())
        assert status == 201
        own = ("id", "number", "reason", "returned_at")
        assert {name: refund[name] for name in refund if name not in own} == {
            name: preview[name] for name in preview if name not in own
        }
        return refund

    def listed(self, sale: str) -> Json:
        status, found = self._call(returns.list_returns, path={"transaction_id": sale})
        assert status == 200
        return found

    def _call(self, door: Any, **asked: Any) -> tuple[int, Any]:
        return self.doors.call(door, role=Role.STORE_USER, store_id="S1", **asked)


def key() -> dict[str, str]:
    return {"idempotency-key": str(uuid4())}


@pytest.fixture
def shop(app: None, conn: Conn) -> Shop:  # noqa: ARG001
    return Shop(conn)


@pytest.mark.parametrize(
    ("document", "changes", "bought", "steps"),
    [
        # 10.00, 10.00 and a free 6.00 of which one 10.00 comes back: what is kept costs 16.00.
        (THIRD, {}, {"A": 2, "B": 1}, [({"A": 1}, "4.00"), ({"B": 1}, "6.00"), ({"A": 1}, "10.00")]),
        (THIRD, {}, {"A": 2, "B": 1}, [({"B": 1}, "0.00"), ({"A": 2}, "20.00")]),
        (
            THIRD,
            {"on_return": OnReturn.KEEP},
            {"A": 2, "B": 1},
            [({"A": 1}, "10.00"), ({"A": 1}, "10.00"), ({"B": 1}, "0.00")],
        ),
        # 225.00 with ten percent; 150.00 alone has none.
        (above_200("10"), {}, {"X": 1, "Y": 1}, [({"Y": 1}, "75.00"), ({"X": 1}, "150.00")]),
        # 100.50 with half off; the 199.00 alone would cost more than was paid for both.
        (above_200("50"), {}, {"DEAR": 1, "CHEAP": 1}, [({"CHEAP": 1}, "0.00"), ({"DEAR": 1}, "100.50")]),
        # Frame and one lens cost as much as frame and two.
        (BUNDLE, {}, {"FRAME": 1, "LENS": 2}, [({"LENS": 1}, "0.00"), ({"LENS": 1}, "20.00")]),
        (TIERED, {}, {"A": 4}, [({"A": 1}, "5.00"), ({"A": 2}, "17.00"), ({"A": 1}, "10.00")]),
        (TIERED, {}, {"A": 4}, [({}, "32.00")]),
    ],
    ids=["third", "the free one", "keep", "threshold", "not below zero", "bundle", "tiers", "all"],
)
def test_refunds_to_the_cent(
    shop: Shop,
    document: Json,
    changes: Json,
    bought: dict[str, int],
    steps: list[tuple[dict[str, int], str]],
) -> None:
    shop.publish(document, **changes)
    sale = shop.sell(**bought)
    told = [shop.give_back(sale, **lines) for lines, _ in steps]
    assert [each["refund"] for each in told] == [refund for _, refund in steps]
    assert shop.listed(sale)["items"] == told
    assert [each["number"] for each in told] == list(range(1, len(told) + 1))


def test_a_refund_tells_lines_promotions_and_what_is_left(shop: Shop) -> None:
    """The worked example in full; prices include 22 % tax."""
    funding = ({"party": "brand", "share": "0.7"}, {"party": "retailer", "share": "0.3"})
    third = shop.publish(THIRD, name="Third", funding=funding)
    sale = shop.sell(A=2, B=1)
    refund = shop.give_back(sale, A=1)
    allocation = {"promotion_id": third, "version": 1}
    assert refund == {
        "id": refund["id"],
        "original_id": sale,
        "number": 1,
        "reason": "Too small",
        "returned_at": refund["returned_at"],
        "currency": "EUR",
        "refund": "4.00",
        "gross": "10.00",
        "discount": "6.00",
        "tax": "0.73",
        "points": 0,
        "lines": [
            {
                "line": 0,
                "sku": "A",
                "units": 1,
                "gross": "10.00",
                "discount": "0.00",
                "net": "10.00",
                "tax": "1.81",
                "allocations": [
                    allocation | {"role": "trigger", "units": 1, "amount": "0.00", "funding": []}
                ],
            },
            {
                "line": 1,
                "sku": "B",
                "units": 0,
                "gross": "0.00",
                "discount": "6.00",
                "net": "-6.00",
                "tax": "-1.08",
                "allocations": [
                    allocation
                    | {
                        "role": "discounted",
                        "units": 0,
                        "amount": "6.00",
                        "funding": [
                            {"party": "brand", "amount": "4.20"},
                            {"party": "retailer", "amount": "1.80"},
                        ],
                    }
                ],
            },
        ],
        "promotions": [
            allocation
            | {"name": "Third", "before": "6.00", "after": "0.00", "points_before": 0, "points_after": 0}
        ],
        "returnable": [
            {"line": 0, "sku": "A", "quantity": 1, "gift": False},
            {"line": 1, "sku": "B", "quantity": 1, "gift": False},
        ],
    }


def test_points_and_gifts_come_back(shop: Shop) -> None:
    shop.publish(
        rule({"kind": "gift", "sku": "GIFT", "units": 1}, {"kind": "points", "per_unit_of_currency": "2"})
    )
    sale = shop.sell(A=2)
    assert shop.listed(sale) == {
        "items": [],
        "returnable": [
            {"line": 0, "sku": "A", "quantity": 2, "gift": False},
            {"line": 1, "sku": "GIFT", "quantity": 1, "gift": True},
        ],
    }
    first = shop.give_back(sale, A=1)
    (promotion,) = first["promotions"]
    assert (first["points"], promotion["points_before"], promotion["points_after"]) == (20, 40, 20)
    assert (promotion["before"], promotion["after"]) == ("5.00", "5.00")
    last = shop.give_back(sale)
    assert (last["refund"], last["points"], last["discount"], last["returnable"]) == ("10.00", 20, "5.00", [])


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        ({"lines": [{"line": 2, "quantity": 1}]}, 422, "line_not_sold", "/lines/0/line"),
        ({"lines": [{"sku": "X", "quantity": 1}]}, 422, "sku_not_sold", "/lines/0/sku"),
        ({"lines": [{"sku": "A", "quantity": 3}]}, 409, "more_than_left", "/lines/0/quantity"),
        ({"lines": []}, 422, "out_of_range", "/lines"),
        ({"lines": [{"line": 0, "quantity": 0}]}, 422, "out_of_range", "/lines/0/quantity"),
        ({"lines": [{"line": 0, "sku": "A", "quantity": 1}]}, 422, "invalid", "/lines/0"),
        ({"lines": [{"quantity": 1}]}, 422, "invalid", "/lines/0"),
        ({"confirm": True}, 422, "missing", "/reason"),
        ({"confirm": True, "reason": None}, 422, "missing", "/reason"),
        ({"confirm": True, "reason": "Too small"}, 400, "idempotency_key_missing", None),
        ({"refund": "10.00"}, 422, "unknown_field", "/refund"),
    ],
    ids=[
        *(
            "line",
            "sku",
            "more",
            "no lines",
            "no units",
            "line and sku",
            "neither",
            "no reason",
            "reason null",
        ),
        *("no key", "unknown field"),
    ],
)
def test_what_is_refused(shop: Shop, body: Json, status: int, code: str, pointer: str | None) -> None:
    sale = shop.sell(A=2, B=1)
    answered, problem = shop.ask(sale, body)
    assert answered == status
    errors = problem.get("errors") or [problem]
    assert [(each["code"], each.get("pointer")) for each in errors] == [(code, pointer)]
    assert shop.listed(sale)["items"] == []


def test_a_voided_sale_and_one_that_came_back_whole(shop: Shop) -> None:
    sale, other = shop.sell(A=2), shop.sell(A=1)
    recorded = {"confirm": True, "reason": "Too small"}
    status, _ = shop._call(
        transactions.void_transaction,
        path={"transaction_id": sale},
        body={"reason": "Mistake"},
        headers=key(),
    )
    assert status == 201
    refund = shop.give_back(other)
    for transaction_id, code in (
        (sale, "already_voided"),
        (other, "nothing_left"),
        (refund["id"], "not_a_sale"),
    ):
        for body, headers in (({}, None), (recorded, key())):
            status, problem = shop.ask(transaction_id, body, headers)
            assert (status, problem["code"]) == (409, code)
    status, problem = shop._call(
        transactions.void_transaction,
        path={"transaction_id": other},
        body={"reason": "Mistake"},
        headers=key(),
    )
    assert (status, problem["code"]) == (409, "nothing_left")


def test_both_answers_are_described() -> None:
    described = openapi.document()["paths"]["/transactions/{transaction_id}/returns"]["post"]["responses"]
    assert {"200", "201"} <= described.keys()
    assert described["200"]["content"] == described["201"]["content"]
