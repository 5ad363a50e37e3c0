"""Settlements at the door: what is asked for, page by page, and what is refused where."""

from typing import Any

import pytest

from functions import settlements as doors
from shared.domain.users import Role
from tests.functions.doors import Doors
from tests.rows import Conn, tampering
from tests.settling import Cut, Till

pytestmark = pytest.mark.usefixtures("app")

JUNE = {"from": "2026-06-01", "until": "2026-06-30"}
KEY = {"idempotency-key": "once"}


@pytest.fixture
def till(conn: Conn) -> Till:
    till = Till(conn)
    till.store("R1")
    ten = till.promotion()
    for minor in (100, 20, 3):
        till.sell("R1", [Cut(ten, minor, {"brand": minor})])
    return till


@pytest.fixture
def app_doors(conn: Conn) -> Doors:
    return Doors(conn)


def code(answer: tuple[int, Any]) -> tuple[int, str, str | None]:
    status, body = answer
    pointers = [each["pointer"] for each in body["errors"]]
    return status, body["code"], pointers[0] if pointers else None


def test_what_is_wrong_is_told_with_its_place(till: Till, app_doors: Doors) -> None:
    def close(body: Any, headers: dict[str, str] = KEY) -> tuple[int, str, str | None]:
        return code(app_doors.call(doors.close_period, body=body, headers=headers))

    assert close(JUNE, {})[:2] == (400, "idempotency_key_missing")
    assert close({"from": "2026-06-30", "until": "2026-06-01"}) == (422, "period_invalid", "/until")
    assert close({"from": "2026-06-01", "until": "2999-01-01"})[1:] == ("period_invalid", "/until")
    assert close({"from": "2998-06-01", "until": "2998-06-02"})[1:] == ("period_not_over", "/until")
    assert close(JUNE | {"retailer_id": "R9"})[1:] == ("retailer_unknown", "/retailer_id")
    assert close(JUNE | {"from": "June"})[1:] == ("validation_failed", "/from")
    (settlement,) = till.close()
    path = {"settlement_id": str(settlement.id)}
    future = {"reference": "Bank 7", "paid_on": "2998-01-01"}
    assert code(app_doors.call(doors.pay_settlement, path=path, body=future)) == (
        422,
        "paid_in_future",
        "/paid_on",
    )
    twice = {"reference": "Bank 7", "paid_on": "2026-07-01", "ids": [str(settlement.id)] * 2}
    assert code(app_doors.call(doors.pay_settlements, body=twice)) == (
        422,
        "settlement_named_twice",
        "/ids/1",
    )
    till.sell("R1", [Cut(till.promotion(), 5, {"brand": 5})])
    (another,) = till.close()
    with tampering(till.conn):
        till.conn.execute("UPDATE settlement_documents SET transactions = 250001")
    both = twice | {"ids": [str(settlement.id), str(another.id)]}
    assert code(app_doors.call(doors.pay_settlements, body=both)) == (422, "payment_too_large", "/ids")
    asked = app_doors.call(doors.list_settlement_lines, path=path, query={"cursor": "x"})
    assert code(asked) == (422, "line_cursor_invalid", "/cursor")


def test_lines_come_page_by_page(till: Till, app_doors: Doors) -> None:
    (settlement,) = till.close()
    amounts: list[str] = []
    query = {"limit": "1"}
    while True:
        _, page = app_doors.call(
            doors.list_settlement_lines,
            role=Role.BACK_OFFICE,
            path={"settlement_id": str(settlement.id)},
            query=query,
        )
        amounts += [each["amount"] for each in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert amounts == ["1.00", "0.20", "0.03"]


def test_a_transaction_leads_to_its_settlement(till: Till, app_doors: Doors) -> None:
    """And to none before there is one, or while it is drafted."""
    (sale_id,) = till.conn.execute("SELECT id FROM transactions ORDER BY discount_minor LIMIT 1").fetchall()[
        0
    ]
    path = {"transaction_id": str(sale_id)}
    assert app_doors.call(doors.list_transaction_settlements, path=path) == (200, [])
    (settlement,) = till.close()
    status, (entry,) = app_doors.call(doors.list_transaction_settlements, role=Role.BACK_OFFICE, path=path)
    assert (status, entry["settlement_id"], entry["number"]) == (200, str(settlement.id), settlement.number)
    assert (entry["document"], entry["status"], entry["reversed"]) == ("statement", "issued", False)
    assert (entry["owed"], [line["amount"] for line in entry["lines"]]) == ("0.03", ["0.03"])
    _, page = app_doors.call(doors.list_settlement_lines, path={"settlement_id": str(settlement.id)})
    assert entry["lines"] == [each for each in page["items"] if each["transaction_id"] == str(sale_id)]
    path = {"transaction_id": str(settlement.id)}
    assert app_doors.call(doors.list_transaction_settlements, path=path)[1]["code"] == "transaction_not_found"


def test_settlements_are_found_by_period_status_and_retailer(till: Till, app_doors: Doors) -> None:
    (settlement,) = till.close()

    def found(**query: str) -> int:
        return len(app_doors.call(doors.list_settlements, query=query)[1]["items"])

    assert found() == found(status="issued") == found(retailer_id="R1") == 1
    assert found(**{"from": "2026-06-30", "until": "2026-07-31"}) == 1
    assert found(**{"from": "2026-07-01"}) == found(until="2026-05-31") == found(status="paid") == 0
    assert found(retailer_id="R2") == found(closing_id=str(settlement.id)) == 0
    assert found(closing_id=str(settlement.closing_id)) == 1
