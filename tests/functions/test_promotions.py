"""The doors of promotions and lanes: who may, approval by If-Match, versions, diffs, refusals with places."""

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from functions import applicable, lanes, promotions, versions
from shared.domain.users import Role
from shared.settings import settings
from tests.functions.doors import Doors
from tests.rows import percent_off

BODY = {"name": "Ten", "type": "seasonal", "starts_at": "2026-01-01", "rule": percent_off("10")}
WHOLE: dict[str, Any] = {
    "limits": [{"redemptions": 1, "per": "customer", "period": "day"}],
    "funding": [{"party": "brand", "share": 0.7}, {"party": "retailer", "share": "0.3"}],
    "windows": [{"weekdays": ["mon", "tue"], "from": "09:00", "to": "13:00"}],
    "on_return": "keep",
}


@pytest.fixture
def doors(app: None, conn: psycopg.Connection) -> Doors:  # noqa: ARG001
    return Doors(conn)


def drafted(doors: Doors, **changes: Any) -> dict[str, Any]:
    status, promotion = doors.call(promotions.create_promotion, body=BODY | changes)
    assert status == 201, promotion
    return promotion


def at(promotion: dict[str, Any], **others: str) -> dict[str, str]:
    return {"promotion_id": promotion["id"], **others}


def revised(doors: Doors, promotion: dict[str, Any], **changes: Any) -> dict[str, Any]:
    status, found = doors.call(
        promotions.update_promotion, path=at(promotion), headers={"if-match": "*"}, body=changes
    )
    assert status == 200, found
    return found


def test_what_is_said_is_read_back_as_it_was_said(doors: Doors) -> None:
    promotion = drafted(doors, **WHOLE)
    assert {name: promotion[name] for name in WHOLE} == WHOLE
    assert revised(doors, promotion, name="Eleven")["windows"] == WHOLE["windows"], "what is left out stays"
    emptied = revised(doors, promotion, limits=[], on_return="reprice")
    assert (emptied["limits"], emptied["on_return"], emptied["funding"]) == ([], "reprice", WHOLE["funding"])
    assert (drafted(doors)["limits"], drafted(doors)["on_return"]) == ([], "reprice")


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"limits": [{"redemptions": 1, "each": "day"}]}, "limits_invalid", "/limits/0/each"),
        ({"limits": {}}, "validation_failed", "/limits"),
        ({"funding": [{"party": "brand", "share": 0.7}]}, "funding_invalid", "/funding"),
        ({"windows": [{"from": "9", "to": "10:00"}]}, "schedule_invalid", "/windows/0/from"),
        ({"on_return": "refuse"}, "validation_failed", "/on_return"),
        ({"stores": {"in_group": str(UUID(int=1))}}, "group_unknown", "/stores/in_group"),
        ({"stores": {"in_group": "the north"}}, "filter_invalid", "/stores/in_group"),
    ],
    ids=["key", "array", "shares", "time", "choice", "group", "id"],
)
def test_what_is_wrong_is_told_with_its_place(
    doors: Doors, change: dict[str, Any], code: str, pointer: str
) -> None:
    status, problem = doors.call(promotions.create_promotion, body=BODY | change)
    assert (status, problem["code"], problem["errors"][0]["pointer"]) == (422, code, pointer)


def test_a_promotion_passes_through_other_hands(doors: Doors) -> None:
    promotion = drafted(doors)
    assert promotion["approval"] == {"state": "none", "user_id": None, "at": None, "reason": None}
    assert promotion["author"] == str(doors.user_ids[Role.ADMIN])
    status, problem = doors.call(promotions.publish_promotion, path=at(promotion))
    assert (status, problem["code"]) == (409, "approval_missing")
    status, submitted = doors.call(promotions.submit_promotion, path=at(promotion))
    assert (status, submitted["status"], submitted["approval"]["state"]) == (200, "Draft", "submitted")
    status, problem = doors.call(promotions.approve_promotion, path=at(promotion))
    assert (status, problem["code"]) == (403, "own_version")
    status, rejected = doors.call(
        promotions.reject_promotion, path=at(promotion), role=Role.BACK_OFFICE, body={"reason": "No"}
    )
    assert (status, rejected["approval"]["reason"]) == (200, "No")
    doors.call(promotions.submit_promotion, path=at(promotion))
    status, approved = doors.call(promotions.approve_promotion, path=at(promotion), role=Role.BACK_OFFICE)
    assert (status, approved["approval"]["user_id"]) == (200, str(doors.user_ids[Role.BACK_OFFICE]))
    status, problem = doors.call(promotions.approve_promotion, path=at(promotion), role=Role.BACK_OFFICE)
    assert (status, problem["code"]) == (409, "approval_out_of_turn")
    status, published = doors.call(promotions.publish_promotion, path=at(promotion))
    assert (status, published["status"]) == (200, "Active")


def test_what_waits_for_somebody_is_listed(doors: Doors) -> None:
    _, waiting = doors.call(promotions.submit_promotion, path=at(drafted(doors)))
    edited = drafted(doors)
    doors.call(promotions.submit_promotion, path=at(edited))
    revised(doors, edited, priority=5)

    def listed(**query: str) -> list[tuple[str, str]]:
        _, page = doors.call(promotions.list_promotions, query=query)
        return [(each["id"], each["approval"]) for each in page["items"]]

    assert listed() == [(edited["id"], "none"), (waiting["id"], "submitted")]
    assert listed(approval="submitted") == [(waiting["id"], "submitted")]
    assert listed(approval="none", status="Draft") == [(edited["id"], "none")]
    assert doors.call(promotions.list_promotions, query={"approval": "late"})[0] == 422


def test_what_was_read_is_what_is_approved(doors: Doors) -> None:
    promotion = drafted(doors)
    doors.call(promotions.submit_promotion, path=at(promotion))
    read = '"2"'
    revised(doors, promotion, priority=5)
    doors.call(promotions.submit_promotion, path=at(promotion))
    for door, role, body in (
        (promotions.approve_promotion, Role.BACK_OFFICE, None),
        (promotions.reject_promotion, Role.BACK_OFFICE, {"reason": "No"}),
        (promotions.submit_promotion, Role.ADMIN, None),
        (promotions.publish_promotion, Role.ADMIN, None),
    ):
        status, problem = doors.call(
            door, path=at(promotion), role=role, headers={"if-match": read}, body=body
        )
        assert (status, problem["code"]) == (412, "precondition_failed")
    status, approved = doors.call(
        promotions.approve_promotion, path=at(promotion), role=Role.BACK_OFFICE, headers={"if-match": '"4"'}
    )
    assert (status, approved["version"]) == (200, 2)


def test_where_no_approval_is_wanted_a_draft_is_published(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPROVAL_REQUIRED", "0")
    settings.cache_clear()
    status, published = doors.call(promotions.publish_promotion, path=at(drafted(doors)))
    assert (status, published["status"]) == (200, "Active")


def test_who_may_do_what(doors: Doors) -> None:
    path = at(drafted(doors))
    for door, others, body in (
        (promotions.submit_promotion, (Role.BACK_OFFICE, Role.STORE_USER), None),
        (promotions.approve_promotion, (Role.STORE_USER,), None),
        (promotions.reject_promotion, (Role.STORE_USER,), {"reason": "No"}),
        (promotions.publish_promotion, (Role.BACK_OFFICE, Role.STORE_USER), None),
    ):
        assert doors.call(door, path=path, role=None, body=body)[0] == 401
        for role in others:
            status, problem = doors.call(door, path=path, role=role, body=body)
            assert (status, problem["code"]) == (403, "permission_missing")
    for role in (Role.BACK_OFFICE, Role.STORE_USER):
        assert (
            doors.call(lanes.update_lane, path={"lane": "line"}, role=role, body={"mode": "best"})[0] == 403
        )


def test_versions_come_newest_first_in_pages(doors: Doors) -> None:
    promotion = drafted(doors)
    for priority in (1, 2, 3):
        revised(doors, promotion, priority=priority)
    _, page = doors.call(versions.list_promotion_versions, path=at(promotion), query={"limit": "3"})
    assert [each["version"] for each in page["items"]] == [4, 3, 2]
    _, page = doors.call(
        versions.list_promotion_versions, path=at(promotion), query={"cursor": page["next_cursor"]}
    )
    assert ([each["version"] for each in page["items"]], page["next_cursor"]) == ([1], None)
    status, problem = doors.call(versions.list_promotion_versions, path={"promotion_id": str(uuid4())})
    assert (status, problem["code"]) == (404, "promotion_not_found")


def test_a_version_stays_what_it_was(doors: Doors) -> None:
    promotion = drafted(doors, **WHOLE)
    doors.call(promotions.submit_promotion, path=at(promotion))
    doors.call(promotions.approve_promotion, path=at(promotion), role=Role.BACK_OFFICE)
    doors.call(promotions.publish_promotion, path=at(promotion))
    revised(doors, promotion, name="Eleven", limits=[])
    status, first = doors.call(versions.get_promotion_version, path=at(promotion, version="1"))
    assert (status, first["name"], first["limits"]) == (200, "Ten", WHOLE["limits"])
    assert (first["hash"], first["published"]) == (promotion["hash"], True)
    assert first["approval"]["state"] == "approved"
    _, second = doors.call(versions.get_promotion_version, path=at(promotion, version="2"))
    assert (second["name"], second["published"], second["approval"]["state"]) == ("Eleven", False, "none")
    for version in ("3", "0"):
        status, _ = doors.call(versions.get_promotion_version, path=at(promotion, version=version))
        assert status in {404, 422}


def test_a_diff_tells_what_a_version_says_otherwise(doors: Doors) -> None:
    promotion = drafted(doors)
    revised(
        doors, promotion, rule=percent_off("20", max_units={"units": 1, "per": "line"}), ends_at="2026-12-31"
    )
    revised(doors, promotion, windows=WHOLE["windows"])
    _, found = doors.call(versions.get_promotion_version_diff, path=at(promotion, version="2"))
    assert (found["version"], found["against"]) == (2, 1)
    assert found["changes"] == [
        {"pointer": "/ends_at", "kind": "changed", "before": None, "after": "2027-01-01T00:00:00"},
        {
            "pointer": "/rule/then/0/max_units",
            "kind": "added",
            "before": None,
            "after": {"units": 1, "per": "line"},
        },
        {"pointer": "/rule/then/0/percent", "kind": "changed", "before": "10", "after": "20"},
    ]
    _, back = doors.call(
        versions.get_promotion_version_diff, path=at(promotion, version="1"), query={"against": "3"}
    )
    assert [(each["pointer"], each["kind"]) for each in back["changes"]] == [
        ("/ends_at", "changed"),
        ("/rule/then/0/max_units", "removed"),
        ("/rule/then/0/percent", "changed"),
        ("/windows/0", "removed"),
    ]
    status, problem = doors.call(versions.get_promotion_version_diff, path=at(promotion, version="1"))
    assert (status, problem["code"]) == (404, "version_not_found"), "there is none before the first"


def test_a_lane_is_set(doors: Doors, conn: psycopg.Connection) -> None:
    _, found = doors.call(lanes.list_lanes, role=Role.STORE_USER)
    assert [(lane["name"], lane["mode"]) for lane in found] == [
        ("line", "best"),
        ("order", "best"),
        ("tender", "best"),
    ]
    status, lane = doors.call(lanes.update_lane, path={"lane": "order"}, body={"mode": "priority"})
    assert (status, lane["mode"]) == (200, "priority")
    assert doors.call(lanes.list_lanes)[1][1] == lane
    assert conn.execute("SELECT version, priority_lanes FROM rule_sets").fetchall() == [(1, ["order"])]
    assert doors.call(lanes.update_lane, path={"lane": "side"}, body={"mode": "best"})[0] == 422
    assert doors.call(lanes.update_lane, path={"lane": "line"}, body={"mode": "worst"})[0] == 422


def test_the_language_is_served_as_a_schema(doors: Doors) -> None:
    status, schema = doors.call(applicable.get_rule_schema, role=Role.STORE_USER)
    assert (status, schema["$schema"]) == (200, "https://json-schema.org/draft/2020-12/schema")
    assert {"if", "then", "schema"} <= set(schema["properties"])
