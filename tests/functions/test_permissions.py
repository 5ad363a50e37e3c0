"""Who may do what: every operation asked for by every role, of their own store, one below and a foreign one.

What is expected stands in permissions.csv, written by hand: `ok`, or the status that refuses. An operation
that is not in it fails here; add its line there, and its request in permitted.py.
"""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from devhost.permissions import DOCUMENT, document
from shared.domain.kinds import KINDS
from shared.domain.users import PERMISSIONS, SCOPES, Permission, Role
from shared.edge.operations import REGISTRY, Access
from tests.functions.permitted import REQUESTS, STORES, World
from tests.rows import Conn

pytestmark = pytest.mark.usefixtures("app", "whole_app")

NOBODY = "nobody"
CALLERS = [*(role.value for role in Role), NOBODY]
with (Path(__file__).parent / "permissions.csv").open() as file:
    EXPECTED = {(row["operation"], row["store"]): row for row in csv.DictReader(file)}


@pytest.fixture
def world(conn: Conn) -> World:
    return World(conn)


def test_every_operation_is_expected_and_can_be_asked_for() -> None:
    named = {operation for operation, _ in EXPECTED}
    assert named == set(REGISTRY)
    assert set(REQUESTS) == set(REGISTRY)
    for operation in named:
        stores = {store for each, store in EXPECTED if each == operation}
        assert stores in ({"any"}, set(STORES)), operation


def test_every_role_is_expected() -> None:
    for row in EXPECTED.values():
        assert list(row) == ["operation", "store", *CALLERS]
    assert set(PERMISSIONS) == set(SCOPES) == set(Role)


def test_every_answer_is_as_expected(world: World) -> None:
    """Real requests, each prepared anew once the one before has changed what it was about."""
    found = {place: _answers(world, *place) for place in EXPECTED}
    wrong = [
        f"{operation} {store} {caller}: {found[operation, store][caller]} instead of {row[caller]}"
        for (operation, store), row in EXPECTED.items()
        for caller in CALLERS
        if found[operation, store][caller] != row[caller]
    ]
    assert wrong == []


def _answers(world: World, operation: str, store: str) -> dict[str, str]:
    answers: dict[str, str] = {}
    asked = None
    for caller in CALLERS:
        asked = asked or REQUESTS[operation](world, STORES.get(store, ""))
        token = None if caller == NOBODY else world.sign_in(world.users[Role(caller)])[0]
        status = world.send(operation, asked, token).status_code
        answers[caller] = "ok" if 200 <= status < 300 else str(status)
        if answers[caller] == "ok":
            asked = None
    return answers


EVERY, OWN = ["BELOW", "FOREIGN", "OWN"], ["OWN"]
# The stores, and the stores whose sales, that somebody sees.
SEEN = {
    Role.ADMIN: (EVERY, EVERY),
    Role.BACK_OFFICE: (EVERY, EVERY),
    Role.STORE_USER: (OWN, OWN),
    Role.PARENT_STORE_USER: (["BELOW", "OWN"], ["BELOW", "OWN"]),
}


@pytest.mark.parametrize(("role", "stores", "sales"), [(role, *seen) for role, seen in SEEN.items()])
def test_a_list_has_what_its_reader_may_see_and_nothing_else(
    world: World, role: Role, stores: list[str], sales: list[str]
) -> None:
    for store_id in STORES.values():
        world.sale(store_id)
    for operation, key, seen in (("list_stores", "id", stores), ("list_transactions", "store_id", sales)):
        assert sorted(_listed(world, operation, role, key)) == seen
        assert sorted(_listed(world, operation, role, key, limit="1")) == seen, "page by page"


def _listed(world: World, operation: str, role: Role, key: str, **query: str) -> list[Any]:
    token, _ = world.sign_in(world.users[role])
    found: list[Any] = []
    while True:
        page = json.loads(world.send(operation, {"query": query}, token).get_body())
        found += [item[key] for item in page["items"]]
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


def test_every_permission_is_needed_somewhere_and_given_to_somebody() -> None:
    needed = {each.access for each in REGISTRY.values() if isinstance(each.access, Permission)}
    # Asked for within an operation that needs another besides.
    needed |= {Permission.PRICE_OVERRIDE, *(kind.needs for kind in KINDS.values())}
    given = {permission for role in Role for permission in PERMISSIONS[role]}
    assert set(Permission) == needed == given


def test_every_operation_names_a_permission_but_these() -> None:
    assert {name for name, each in REGISTRY.items() if each.access in {Access.SIGNED_IN, Access.SESSION}} == {
        "get_me",
        "sign_out",
    }
    assert {name for name, each in REGISTRY.items() if each.access in {Access.OPEN, Access.OPTIONAL}} == {
        "get_docs",
        "get_docs_asset",
        "get_health",
        "get_jwks",
        "get_openapi",
        "get_ready",
        "issue_token",
        "receive_report",
        "refresh_token",
        "request_otp",
    }


def test_the_matrix_in_the_documents_is_current() -> None:
    assert DOCUMENT.read_text() == document(), "run python -m devhost.permissions"
