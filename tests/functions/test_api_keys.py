"""API keys: made for a user with some of what they may do, told once, and void at once when revoked."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from functions import api_keys, auth, catalogue, promotions, uploads
from shared.domain.api_keys import NOT_FOR_KEYS
from shared.domain.users import PERMISSIONS, Permission, Role
from tests.functions.doors import Doors
from tests.rows import Conn, a_store, a_user

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def doors(conn: Conn) -> Doors:
    return Doors(conn)


def till(user_id: UUID, **changes: Any) -> dict[str, Any]:
    """What asks for the key of a till in the store S1."""
    ends = datetime.now(UTC) + timedelta(days=30)
    return {
        "name": "The till",
        "user_id": str(user_id),
        "store_id": "S1",
        "permissions": ["catalogue.read", "baskets.evaluate"],
        "expires_at": ends.isoformat(),
    } | changes


def made(doors: Doors, body: dict[str, Any]) -> dict[str, Any]:
    status, key = doors.call(api_keys.create_api_key, body=body)
    assert status == 201, key
    return key


def use(doors: Doors, key: str, door: Any, **request: Any) -> tuple[int, Any]:
    return doors.call(door, role=None, headers={"x-api-key": key}, **request)


@pytest.fixture
def seller(conn: Conn) -> UUID:
    for store_id in ("S1", "S2"):
        a_store(conn, store_id)
    return a_user(conn, Role.STORE_USER, store_id="S1")


def test_a_key_acts_for_its_user_in_its_store_with_what_it_was_given(doors: Doors, seller: UUID) -> None:
    key = made(doors, till(seller))["key"]
    status, me = use(doors, key, auth.get_me)
    assert (status, me["id"]) == (200, str(seller))
    _, page = use(doors, key, catalogue.list_stores)
    assert [store["id"] for store in page["items"]] == ["S1"]
    assert use(doors, key, catalogue.get_store, path={"store_id": "S2"})[0] == 404
    status, problem = use(doors, key, promotions.list_promotions)
    assert (status, problem["code"]) == (403, "permission_missing"), "its user may, the key may not"


def test_a_key_is_told_once_and_not_kept(doors: Doors, conn: Conn, seller: UUID) -> None:
    key = made(doors, till(seller))
    assert key["key"].endswith(key["ending"])
    _, page = doors.call(api_keys.list_api_keys)
    _, one = doors.call(api_keys.get_api_key, path={"api_key_id": key["id"]})
    assert page["items"] == [one]
    assert one == {name: value for name, value in key.items() if name != "key"}
    kept = conn.execute(
        "SELECT string_agg(t, '') FROM (SELECT k::text AS t FROM api_keys AS k "
        "UNION ALL SELECT a::text FROM audit_entries AS a) AS x"
    ).fetchone()
    assert kept is not None
    assert key["key"] not in kept[0]


def test_a_key_that_is_revoked_is_refused_at_once_and_for_good(
    doors: Doors, conn: Conn, seller: UUID
) -> None:
    key, other = made(doors, till(seller)), made(doors, till(seller))
    assert use(doors, key["key"], auth.get_me)[0] == 200
    status, revoked = doors.call(api_keys.revoke_api_key, path={"api_key_id": key["id"]})
    assert status == 200
    assert revoked["revoked_at"] is not None
    status, problem = use(doors, key["key"], auth.get_me)
    assert (status, problem["code"]) == (401, "api_key_invalid")
    assert use(doors, other["key"], auth.get_me)[0] == 200
    assert doors.call(api_keys.revoke_api_key, path={"api_key_id": key["id"]}) == (200, revoked)
    entries = conn.execute(
        "SELECT actor, action, subject_id FROM audit_entries WHERE subject_kind = 'api_key' ORDER BY id"
    ).fetchall()
    admin = doors.user_ids[Role.ADMIN]
    assert entries == [
        (admin, "api_key.created", key["id"]),
        (admin, "api_key.created", other["id"]),
        (admin, "api_key.revoked", key["id"]),
    ]


VOID = {
    "its time is over": "UPDATE api_keys SET expires_at = now() - interval '1 second'",
    "its user is disabled": "UPDATE users SET active = false WHERE id = (SELECT user_id FROM api_keys)",
    "its user works there no more": "DELETE FROM user_stores",
    "its store is closed": "UPDATE stores SET active = false",
}


@pytest.mark.parametrize("change", VOID.values(), ids=VOID.keys())
def test_a_key_is_void_when(doors: Doors, conn: Conn, seller: UUID, change: str) -> None:
    key = made(doors, till(seller))["key"]
    assert use(doors, key, auth.get_me)[0] == 200
    conn.execute(change.encode())
    status, problem = use(doors, key, auth.get_me)
    assert (status, problem["code"]) == (401, "api_key_invalid")


def test_a_key_may_not_do_what_its_user_may_no_longer_do(doors: Doors, conn: Conn) -> None:
    user_id = a_user(conn, Role.ADMIN)
    key = made(doors, till(user_id, store_id=None, permissions=["uploads.read"]))["key"]
    assert use(doors, key, uploads.list_uploads)[0] == 200
    conn.execute("UPDATE users SET role = 'marketing' WHERE id = %s", [user_id])
    assert use(doors, key, uploads.list_uploads)[0] == 403


@pytest.mark.parametrize("key", ["ppk_" + "x" * 43, "x", "eyJ.a.b"], ids=["alike", "short", "token"])
def test_what_is_no_key_is_refused(doors: Doors, key: str) -> None:
    status, problem = use(doors, key, auth.get_me)
    assert (status, problem["code"]) == (401, "api_key_invalid")


def test_a_key_is_no_token_and_not_sent_beside_one(doors: Doors, seller: UUID) -> None:
    key = made(doors, till(seller))["key"]
    for headers in (
        {"authorization": f"Bearer {key}"},
        {"authorization": f"Bearer {key}", "x-api-key": key},
    ):
        status, problem = doors.call(auth.get_me, role=None, headers=headers)
        assert (status, problem["code"]) == (401, "token_invalid")


def test_a_key_has_no_session_to_end(doors: Doors, seller: UUID) -> None:
    key = made(doors, till(seller))["key"]
    status, problem = use(doors, key, auth.sign_out)
    assert (status, problem["code"]) == (403, "session_needed")
    assert use(doors, key, auth.switch_store, body={"store_id": "S1"})[0] == 403


def test_when_a_key_was_used_is_known_to_the_hour(doors: Doors, conn: Conn, seller: UUID) -> None:
    key = made(doors, till(seller))
    assert key["last_used_at"] is None

    def used_at() -> datetime | None:
        assert use(doors, key["key"], auth.get_me)[0] == 200
        row = conn.execute("SELECT last_used_at FROM api_keys").fetchone()
        assert row is not None
        return row[0]

    first = used_at()
    assert first is not None
    assert used_at() == first, "not a write for each request"
    conn.execute("UPDATE api_keys SET last_used_at = last_used_at - interval '61 minutes'")
    assert used_at() != first


@pytest.mark.parametrize("permission", sorted(NOT_FOR_KEYS))
def test_some_permissions_are_for_people(doors: Doors, conn: Conn, permission: Permission) -> None:
    role = next(role for role, may in PERMISSIONS.items() if permission in may)
    if role is Role.STORE_USER:
        a_store(conn)
        body = till(a_user(conn, role, store_id="S1"), permissions=[permission])
    else:
        body = till(a_user(conn, role), store_id=None, permissions=[permission])
    status, problem = doors.call(api_keys.create_api_key, body=body)
    assert (status, problem["code"]) == (422, "permission_not_grantable")


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "what the user may not": (
        {"permissions": ["catalogue.read", "users.write"]},
        "permission_not_grantable",
        "/permissions/1",
    ),
    "nothing": ({"permissions": []}, "out_of_range", "/permissions"),
    "something unknown": ({"permissions": ["all"]}, "unknown_value", "/permissions/0"),
    "another store": ({"store_id": "S2"}, "store_not_grantable", "/store_id"),
    "no store": ({"store_id": None}, "store_not_grantable", "/store_id"),
    "nobody": ({"user_id": str(uuid4())}, "user_unknown", "/user_id"),
    "the past": ({"expires_at": "2020-01-01T00:00:00Z"}, "expiry_refused", "/expires_at"),
    "for ever": ({"expires_at": "2099-01-01T00:00:00Z"}, "expiry_refused", "/expires_at"),
    "a local time": ({"expires_at": "2026-12-31T00:00:00"}, "invalid", "/expires_at"),
    "no name": ({"name": " "}, "invalid", "/name"),
}


@pytest.mark.parametrize(("changes", "code", "pointer"), REFUSED.values(), ids=REFUSED.keys())
def test_a_key_is_not_made_for(
    doors: Doors, seller: UUID, changes: dict[str, Any], code: str, pointer: str
) -> None:
    status, problem = doors.call(api_keys.create_api_key, body=till(seller) | changes)
    assert status == 422
    assert [(place["code"], place["pointer"]) for place in problem["errors"]] == [(code, pointer)]


def test_who_sees_every_store_names_none(doors: Doors, conn: Conn, seller: UUID) -> None:
    assert seller
    body = till(a_user(conn, Role.BACK_OFFICE))
    assert doors.call(api_keys.create_api_key, body=body)[1]["code"] == "store_not_grantable"
    made(doors, body | {"store_id": None})


def test_a_parents_key_acts_in_a_store_below(doors: Doors, conn: Conn) -> None:
    for store_id in ("S1", "S2"):
        a_store(conn, store_id)
    conn.execute("UPDATE stores SET parent_id = 'S1' WHERE id = 'S2'")
    parent = a_user(conn, Role.PARENT_STORE_USER, store_id="S1")
    key = made(doors, till(parent, store_id="S2"))["key"]
    _, page = use(doors, key, catalogue.list_stores)
    assert [store["id"] for store in page["items"]] == ["S2"]
    conn.execute("UPDATE stores SET parent_id = NULL WHERE id = 'S2'")
    assert use(doors, key, catalogue.list_stores)[0] == 401


def test_keys_come_in_pages_newest_first(doors: Doors, conn: Conn, seller: UUID) -> None:
    ids = [made(doors, till(seller))["id"] for _ in range(3)]
    of_another = made(doors, till(a_user(conn, Role.ADMIN), store_id=None))["id"]
    _, page = doors.call(api_keys.list_api_keys, query={"limit": "2"})
    assert [key["id"] for key in page["items"]] == [of_another, ids[2]]
    _, rest = doors.call(api_keys.list_api_keys, query={"cursor": page["next_cursor"]})
    assert [key["id"] for key in rest["items"]] == [ids[1], ids[0]]
    _, hers = doors.call(api_keys.list_api_keys, query={"user_id": str(seller)})
    assert [key["id"] for key in hers["items"]] == ids[::-1]


def test_a_key_there_is_not(doors: Doors) -> None:
    for door in (api_keys.get_api_key, api_keys.revoke_api_key):
        status, problem = doors.call(door, path={"api_key_id": str(uuid4())})
        assert (status, problem["code"]) == (404, "api_key_unknown")
