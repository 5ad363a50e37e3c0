"""Users at the door: made, found, changed, disabled, and what is refused."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from functions import auth, users
from shared.domain.users import Role
from shared.jobs import outbox
from tests.functions.doors import Doors
from tests.harness import Msg91
from tests.rows import Conn, a_store, a_user

PHONE, EMAIL = "+390611112222", "ada@example.com"


@pytest.fixture
def doors(app: None, conn: Conn) -> Iterator[Doors]:  # noqa: ARG001
    yield Doors(conn)
    outbox._executor.submit(int).result()


def create(doors: Doors, **body: Any) -> tuple[int, Any]:
    return doors.call(users.create_user, body={"name": "Ada", "role": "marketing", **body})


def created(doors: Doors, **body: Any) -> dict[str, Any]:
    status, user = create(doors, **body)
    assert status == 201, user
    return user


def patch(doors: Doors, user_id: str, body: Any, *, if_match: str | None = "*") -> tuple[int, Any]:
    return doors.call(
        users.update_user,
        path={"user_id": user_id},
        headers={} if if_match is None else {"if-match": if_match},
        body=body,
    )


def test_a_user_is_kept_in_the_one_form(doors: Doors) -> None:
    user = created(doors, phone="0039 06 1111-2222", email=" Ada@Example.COM ")
    assert (user["phone"], user["email"]) == (PHONE, EMAIL)
    assert (user["active"], user["store_ids"]) == (True, [])
    status, found = doors.call(users.get_user, path={"user_id": user["id"]})
    assert (status, found) == (200, user)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "user_unreachable"),
        ({"phone": "+39 06"}, "phone_invalid"),
        ({"phone": "+999 123 4567"}, "phone_invalid"),
        ({"phone": "061111222"}, "validation_failed"),
        ({"email": "ada"}, "validation_failed"),
        ({"email": EMAIL, "role": "god"}, "validation_failed"),
        ({"email": EMAIL, "role": "store_user"}, "store_missing"),
        ({"email": EMAIL, "role": "parent_store_user"}, "store_missing"),
        ({"email": EMAIL, "role": "store_user", "store_ids": ["NOPE"]}, "store_unknown"),
        ({"email": EMAIL, "name": ""}, "validation_failed"),
        ({"email": EMAIL, "active": False}, "validation_failed"),
    ],
)
def test_what_makes_no_user(doors: Doors, conn: Conn, body: dict[str, Any], code: str) -> None:
    before = conn.execute("SELECT count(*) FROM users").fetchone()
    status, problem = create(doors, **body)
    assert (status, problem["code"]) == (422, code)
    assert conn.execute("SELECT count(*) FROM users").fetchone() == before


@pytest.mark.parametrize(
    ("body", "code"),
    [({"phone": "+39 061 111 2222"}, "phone_taken"), ({"email": "ADA@example.com"}, "email_taken")],
)
def test_an_address_belongs_to_one_user(doors: Doors, body: dict[str, Any], code: str) -> None:
    created(doors, phone=PHONE, email=EMAIL)
    assert (create(doors, **body)[0], create(doors, **body)[1]["code"]) == (409, code)
    other = created(doors, email="eve@example.com")
    status, problem = patch(doors, other["id"], body)
    assert (status, problem["code"]) == (409, code)


def test_stores_are_mapped(doors: Doors, conn: Conn) -> None:
    for store_id in ("S1", "S2", "S3"):
        a_store(conn, store_id)
    user = created(doors, email=EMAIL, role="store_user", store_ids=["S2", "S1", "S2"])
    assert user["store_ids"] == ["S1", "S2"]
    status, changed = patch(doors, user["id"], {"store_ids": ["S3"]})
    assert (status, changed["store_ids"]) == (200, ["S3"])
    assert patch(doors, user["id"], {"store_ids": []})[1]["code"] == "store_missing"
    conn.execute("UPDATE stores SET active = false")
    assert patch(doors, user["id"], {"name": "Ada L"})[0] == 200, "a closed store is no hindrance"
    assert patch(doors, user["id"], {"store_ids": ["S3", "S1"]})[1]["code"] == "store_unknown"


def test_what_is_left_out_stays_and_null_takes_away(doors: Doors) -> None:
    user = created(doors, phone=PHONE, email=EMAIL)
    status, changed = patch(doors, user["id"], {"phone": None})
    assert (status, changed["phone"], changed["email"], changed["name"]) == (200, None, EMAIL, "Ada")
    assert patch(doors, user["id"], {"email": None})[1]["code"] == "user_unreachable"


def test_nobodys_change_is_lost(doors: Doors) -> None:
    user = created(doors, email=EMAIL)
    assert patch(doors, user["id"], {"name": "B"}, if_match=None)[0] == 428
    assert patch(doors, user["id"], {"name": "B"}, if_match='"stale"')[0] == 412


def test_a_disabled_user_can_no_longer_sign_in_and_an_enabled_one_can(
    doors: Doors, conn: Conn, msg91: Msg91
) -> None:
    user = created(doors, phone=PHONE)

    def asks() -> int:
        doors.call(auth.request_otp, role=None, body={"phone": PHONE})
        outbox._executor.submit(int).result()
        return len(msg91.messages(PHONE))

    assert asks() == 1
    status, disabled = doors.call(users.disable_user, path={"user_id": user["id"]})
    assert (status, disabled["active"]) == (200, False)
    assert doors.call(users.disable_user, path={"user_id": user["id"]})[1]["active"] is False
    assert asks() == 1
    assert doors.call(users.enable_user, path={"user_id": user["id"]})[1]["active"] is True
    assert asks() == 2
    told = conn.execute(
        "SELECT action, after FROM audit_entries WHERE subject_id = %s ORDER BY id", [user["id"]]
    ).fetchall()
    assert [action for action, _ in told] == ["user.created", "user.disabled", "user.enabled"]
    assert "11112222" not in str(told)


def sessions_left(conn: Conn, user_id: object) -> int:
    return conn.execute(
        "SELECT count(*) FROM sessions WHERE user_id = %s AND ended_at IS NULL", [user_id]
    ).fetchall()[0][0]


@pytest.mark.parametrize("change", ["disable", "role"])
def test_losing_a_right_ends_the_sessions(doors: Doors, conn: Conn, change: str) -> None:
    user = created(doors, email=EMAIL)
    conn.execute(
        """
        INSERT INTO sessions (id, user_id, created_at, expires_at)
        VALUES (%s, %s, now(), now() + interval '1 day')
        """,
        [uuid4(), user["id"]],
    )
    assert patch(doors, user["id"], {"name": "B"})[0] == 200
    assert sessions_left(conn, user["id"]) == 1
    if change == "disable":
        doors.call(users.disable_user, path={"user_id": user["id"]})
    else:
        patch(doors, user["id"], {"role": "partner"})
    assert sessions_left(conn, user["id"]) == 0


def test_nobody_takes_their_own_access_away(doors: Doors) -> None:
    me = str(doors.user_ids[Role.ADMIN])
    assert doors.call(users.disable_user, path={"user_id": me})[1]["code"] == "own_account"
    assert patch(doors, me, {"role": "marketing"})[1]["code"] == "own_account"
    assert patch(doors, me, {"name": "Me"})[0] == 200


def test_a_user_there_is_not(doors: Doors) -> None:
    path = {"user_id": str(UUID(int=1))}
    for door in (users.get_user, users.disable_user, users.enable_user):
        status, problem = doors.call(door, path=path)
        assert (status, problem["code"]) == (404, "user_not_found")
    assert patch(doors, path["user_id"], {"name": "B"})[0] == 404


def listed(doors: Doors, **query: str) -> list[str]:
    """The names, page by page of two."""
    names: list[str] = []
    while True:
        status, page = doors.call(users.list_users, query={"limit": "2", **query})
        assert status == 200, page
        names += [user["name"] for user in page["items"]]
        if page["next_cursor"] is None:
            return names
        query["cursor"] = page["next_cursor"]


def test_users_are_found(doors: Doors, conn: Conn) -> None:
    a_store(conn, "S1")
    for name, body in {
        "Ada Lovelace": {"phone": PHONE},
        "Grace 100%": {"email": "grace@example.com", "role": "store_user", "store_ids": ["S1"]},
        "Eve": {"email": "eve_x@example.com", "role": "partner"},
    }.items():
        created(doors, name=name, **body)
    assert listed(doors)[:3] == ["Eve", "Grace 100%", "Ada Lovelace"]
    assert len(listed(doors)) == 3 + len(doors.user_ids)
    assert listed(doors, q="LOVE") == ["Ada Lovelace"]
    assert listed(doors, q="0%") == ["Grace 100%"]
    assert listed(doors, q="e_x") == ["Eve"]
    assert listed(doors, q="1111") == ["Ada Lovelace"]
    assert listed(doors, role="partner") == ["Eve"]
    assert listed(doors, store_id="S1") == ["Grace 100%"]
    assert listed(doors, active="false") == []


def test_who_may_not_does_not(doors: Doors, conn: Conn) -> None:
    other = str(a_user(conn))
    for door in (users.list_users, users.get_user, users.disable_user, users.enable_user):
        status, problem = doors.call(door, role=Role.BACK_OFFICE, path={"user_id": other})
        assert (status, problem["code"]) == (403, "permission_missing")
