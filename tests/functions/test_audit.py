"""The audit at the door: what was done is found, and the chain is verified."""

from datetime import UTC, datetime
from typing import Any

import pytest

from functions import audit, groups
from functions.timers import run_due_work
from shared.domain.users import Role
from tests.functions.doors import Doors
from tests.rows import Conn

pytestmark = pytest.mark.usefixtures("app")
FILTER = {"fact": "product.brand", "op": "eq", "value": "Lumen"}


@pytest.fixture
def doors(conn: Conn) -> Doors:
    return Doors(conn)


class Tick:
    past_due = False


def run_timer() -> None:
    run_due_work.build().get_user_function()(Tick())


def listed(doors: Doors, **query: str) -> list[dict[str, Any]]:
    status, page = doors.call(audit.list_audit_entries, role=Role.BACK_OFFICE, query=query)
    assert status == 200, page
    return page["items"]


def test_what_was_done_is_told_sealed_by_the_timer_and_verified(doors: Doors) -> None:
    headers = {"x-request-id": "request-7"}
    for name in ("One", "Two"):
        body = {"name": name, "filter": FILTER}
        status, group = doors.call(groups.create_product_group, headers=headers, body=body)
        assert status == 201
    newest, oldest = listed(doors)
    assert (newest["action"], newest["subject_kind"], newest["subject_id"]) == (
        "group.created",
        "group",
        group["id"],
    )
    assert newest["actor"] == str(doors.user_ids[Role.ADMIN])
    assert newest["request_id"] == "request-7"
    assert (newest["before"], newest["after"]["name"]) == (None, "Two")
    assert newest["position"] is None
    assert listed(doors, subject_kind="group", subject_id=group["id"]) == [newest]
    assert listed(doors, actor=newest["actor"], action="group.created", cursor=newest["id"]) == [oldest]
    assert listed(doors, until=oldest["at"]) == []
    assert listed(doors, **{"from": newest["at"]}) == [newest]

    run_timer()
    assert [entry["position"] for entry in listed(doors)] == [2, 1]
    today = listed(doors)[0]["sealed_on"]
    status, report = doors.call(audit.get_audit_chain, query={"day": today})
    assert status == 200
    assert (report["links"], report["exported"], report["broken"]) == (2, 2, None)


def test_a_broken_chain_says_where(doors: Doors, conn: Conn) -> None:
    doors.call(groups.create_product_group, body={"name": "One", "filter": FILTER})
    run_timer()
    entry = listed(doors)[0]
    conn.execute("SET session_replication_role = replica")
    conn.execute("UPDATE audit_entries SET actor = gen_random_uuid()")
    _, report = doors.call(audit.get_audit_chain, query={"day": entry["sealed_on"]})
    assert report["links"] == 0
    assert report["broken"] == {
        "damage": "changed",
        "day": entry["sealed_on"],
        "position": 1,
        "entry_id": entry["id"],
    }


def test_a_day_on_which_nothing_was_sealed_holds(doors: Doors) -> None:
    status, report = doors.call(audit.get_audit_chain, query={"day": "2001-01-01"})
    assert (status, report["links"], report["broken"]) == (200, 0, None)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"subject_id": "x"}, ""),
        ({"action": "group.exploded"}, "/action"),
        ({"subject_kind": "planet"}, "/subject_kind"),
        ({"from": "2026-01-01T00:00:00"}, "/from"),
        ({"until": "yesterday"}, "/until"),
        ({"actor": "me"}, "/actor"),
        ({"limit": "101"}, "/limit"),
    ],
)
def test_what_cannot_be_meant_is_refused_where_it_stands(
    doors: Doors, query: dict[str, str], pointer: str
) -> None:
    status, problem = doors.call(audit.list_audit_entries, query=query)
    assert (status, problem["code"]) == (422, "validation_failed")
    assert problem["errors"][0]["pointer"] == pointer


def test_nobody_else_reads_it(doors: Doors) -> None:
    for door in (audit.list_audit_entries, audit.get_audit_chain):
        status, problem = doors.call(
            door, role=Role.STORE_USER, store_id="S1", query={"day": datetime.now(UTC).date().isoformat()}
        )
        assert (status, problem["code"]) == (403, "permission_missing")
