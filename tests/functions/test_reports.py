"""Reports at the door: figures of what was sold, page by page."""

from typing import Any

import pytest

from functions import reports
from shared.domain.quotes import TransactionStatus
from shared.domain.users import Role
from shared.jobs.audit_sealing import seal_due
from shared.jobs.rollups import roll_up_due
from shared.store import transaction_statuses
from tests.actions.selling import a_seller, publish, request, sell, sold, three_lenses
from tests.actions.test_returns import give_back
from tests.functions.doors import Doors
from tests.rows import NOW, Conn

pytestmark = pytest.mark.usefixtures("app")
JUNE = {"from": "2026-06-01", "until": "2026-06-30"}


@pytest.fixture
def doors(conn: Conn) -> Doors:
    return Doors(conn)


@pytest.fixture
def promotion(conn: Conn) -> str:
    """Ten percent off: two sales of 99.99 in one shop, of which one gives a lens back, and one in another."""
    three_lenses(conn)
    funding = ({"party": "brand", "share": "0.7"}, {"party": "retailer", "share": "0.3"})
    promotion_id = publish(conn, funding=funding)
    shops = {store_id: a_seller(conn, store_id) for store_id in ("S1", "S2")}
    sales = [sold(sell(conn, shops[each], request(store_id=each))) for each in ("S1", "S1", "S2")]
    give_back(conn, shops["S1"], sales[0], (0, 1))
    transaction_statuses.update(
        conn, sales[2:], to=TransactionStatus.VERIFIED, reason="Right", by=None, now=NOW
    )
    seal_due(NOW)
    roll_up_due()
    return str(promotion_id)


def report(doors: Doors, door: Any = reports.get_promotions_report, **query: str) -> list[dict[str, Any]]:
    """All pages, each of one figure."""
    items: list[dict[str, Any]] = []
    asked = JUNE | query | {"limit": "1"}
    while True:
        status, page = doors.call(door, role=Role.BACK_OFFICE, query=asked)
        assert status == 200, page
        assert len(page["items"]) <= 1
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        asked["cursor"] = page["next_cursor"]


def figures(items: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(item[name] for name in ("key", *names)) for item in items]


def test_by_promotion(doors: Doors, promotion: str) -> None:
    (item,) = report(doors)
    assert item == {
        "key": f"{promotion}/1",
        "name": "Ten percent",
        "currency": "EUR",
        "baskets": 3,
        "redemptions": 3,
        "units": None,
        "discount": "26.66",
        "revenue": "239.98",
    }
    assert report(doors, store_id="S2")[0]["discount"] == "10.00"
    assert report(doors, promotion_id="00000000-0000-7000-8000-000000000000") == []
    assert report(doors, until="2026-06-14") == []


def test_by_store_and_day(doors: Doors, promotion: str) -> None:
    names = ("baskets", "redemptions", "discount", "revenue")
    by_store = [("S1", 2, 2, "16.66", "149.99"), ("S2", 1, 1, "10.00", "89.99")]
    for query in ({}, {"promotion_id": promotion}):
        assert figures(report(doors, by="store", **query), *names) == by_store
        days = figures(report(doors, by="day", **query), *names)
        assert [day[0] for day in days] == sorted(day[0] for day in days)
        assert sum(day[1] for day in days) == 3


def test_by_sku_and_funder(doors: Doors, promotion: str) -> None:
    skus = report(doors, by="sku", promotion_id=promotion)
    assert figures(skus, "units", "discount") == [("A", 2, "6.68"), ("B", 3, "9.99"), ("C", 3, "9.99")]
    assert figures(report(doors, by="funder"), "discount") == [("brand", "18.66"), ("retailer", "8.00")]


@pytest.mark.usefixtures("app", "promotion")
def test_settlement_by_retailer_and_status(doors: Doors) -> None:
    items = report(doors, reports.get_settlement_report)
    assert items == [
        {
            "retailer_id": "S1",
            "status": "New",
            "currency": "EUR",
            "transactions": 3,
            "net": "149.99",
            "discount": "16.66",
            "funding": {"brand": "11.66", "retailer": "5.00"},
        },
        {
            "retailer_id": "S2",
            "status": "Verified",
            "currency": "EUR",
            "transactions": 1,
            "net": "89.99",
            "discount": "10.00",
            "funding": {"brand": "7.00", "retailer": "3.00"},
        },
    ]
    assert report(doors, reports.get_settlement_report, retailer_id="S2") == items[1:]


@pytest.mark.parametrize(
    ("query", "code", "pointer"),
    [
        ({"until": "2026-05-31"}, "report_period_invalid", "/until"),
        ({"by": "sku", "store_id": "S1"}, "report_filter_invalid", "/store_id"),
        ({"cursor": "x"}, "report_cursor_invalid", "/cursor"),
        ({"by": "planet"}, "validation_failed", "/by"),
        ({"from": "2026-02-30"}, "validation_failed", "/from"),
    ],
)
def test_what_cannot_be_told_is_refused(doors: Doors, query: dict[str, str], code: str, pointer: str) -> None:
    status, problem = doors.call(reports.get_promotions_report, query=JUNE | query)
    assert (status, problem["code"]) == (422, code)
    assert pointer in (problem.get("pointer"), problem["errors"][0]["pointer"])
