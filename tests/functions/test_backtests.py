"""The doors of backtests and conflicts."""

from typing import Any
from uuid import uuid4

import psycopg
import pytest

from functions import backtests, conflicts, jobs
from shared.actions import promotions
from shared.domain.audit import By
from shared.domain.users import Role
from shared.edge import storage
from tests.functions.doors import Doors, blob_event
from tests.rows import NOW, terms

JANUARY: dict[str, Any] = {"from": "2026-01-01", "until": "2026-01-31"}


@pytest.fixture
def doors(app: None, conn: psycopg.Connection) -> Doors:  # noqa: ARG001
    return Doors(conn)


@pytest.fixture
def promotion_id(doors: Doors, conn: psycopg.Connection) -> str:
    with conn.transaction():
        by = By(doors.user_ids[Role.ADMIN])
        return str(promotions.create(conn, NOW, terms=terms(limits=({"redemptions": 3},)), by=by).id)


def ask(doors: Doors, promotion_id: str, **changes: Any) -> tuple[int, Any]:
    body = JANUARY | changes
    return doors.call(backtests.create_backtest, path={"promotion_id": promotion_id}, body=body)


def test_from_asking_to_the_end(doors: Doors, promotion_id: str) -> None:
    status, queued = ask(doors, promotion_id)
    assert (status, queued["status"], queued["version"], queued["from_on"]) == (
        202,
        "queued",
        1,
        "2026-01-01",
    )
    path = {"backtest_id": queued["id"]}
    container = storage.service().get_container_client(storage.JOBS)
    (blob,) = [each.name for each in container.list_blobs()]
    assert blob == f"{queued['job_id']}/0"
    jobs.run_job.build().get_user_function()(blob_event(storage.JOBS, blob))
    status, found = doors.call(backtests.get_backtest, path=path)
    assert (status, found["status"], found["done"], found["total"], found["totals"]) == (
        200,
        "completed",
        0,
        0,
        [],
    )
    (limit,) = found["limits"]
    assert (limit["name"], limit["most"], limit["used"], limit["used_up_at"]) == (
        "redemptions",
        "3",
        "0",
        None,
    )
    for part in ("by-store", "by-sku", "by-promotion", "by-funder", "by-day"):
        status, page = doors.call(backtests.get_backtest_breakdown, path=path | {"part": part})
        assert (status, page) == (200, {"items": [], "next_cursor": None})
    _, job = doors.call(jobs.get_job, path={"job_id": queued["job_id"]})
    assert (job["kind"], job["status"]) == ("backtest", "completed")


def test_those_of_a_promotion_newest_first(doors: Doors, promotion_id: str) -> None:
    ids = [ask(doors, promotion_id)[1]["id"] for _ in range(3)]
    path = {"promotion_id": promotion_id}
    _, page = doors.call(backtests.list_backtests, path=path, query={"limit": "2"})
    assert [each["id"] for each in page["items"]] == [ids[2], ids[1]]
    query = {"limit": "2", "cursor": page["next_cursor"]}
    _, page = doors.call(backtests.list_backtests, path=path, query=query)
    assert ([each["id"] for each in page["items"]], page["next_cursor"]) == ([ids[0]], None)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"version": 2}, 404, "version_not_found"),
        ({"until": "2025-12-31"}, 422, "period_invalid"),
        ({"stores": {"fact": "store.colour", "op": "eq", "value": "x"}}, 422, "filter_invalid"),
        ({"version": 0}, 422, "validation_failed"),
        ({"since": "2026-01-01"}, 422, "validation_failed"),
    ],
    ids=["version", "period", "stores", "no version", "unknown"],
)
def test_what_is_refused(
    doors: Doors, promotion_id: str, changes: dict[str, Any], status: int, code: str
) -> None:
    found, problem = ask(doors, promotion_id, **changes)
    assert (found, problem["code"]) == (status, code)


def test_those_that_are_not_there(doors: Doors, promotion_id: str) -> None:
    assert ask(doors, str(uuid4()))[1]["code"] == "promotion_not_found"
    nowhere = {"backtest_id": str(uuid4())}
    assert doors.call(backtests.get_backtest, path=nowhere)[1]["code"] == "backtest_not_found"
    part = nowhere | {"part": "by-day"}
    assert doors.call(backtests.get_backtest_breakdown, path=part)[1]["code"] == "backtest_not_found"
    path = {"backtest_id": ask(doors, promotion_id)[1]["id"], "part": "by-day"}
    status, problem = doors.call(backtests.get_backtest_breakdown, path=path, query={"cursor": "x"})
    assert (status, problem["code"]) == (422, "cursor_invalid")
    assert doors.call(backtests.get_backtest_breakdown, path=path | {"part": "by-moon"})[0] == 422


def test_conflicts_of_a_draft(doors: Doors, promotion_id: str) -> None:
    path = {"promotion_id": promotion_id}
    status, report = doors.call(conflicts.get_promotion_conflicts, path=path)
    assert (status, report["version"], report["compared"], report["conflicts"]) == (200, 1, 0, [])
    nowhere = {"promotion_id": str(uuid4())}
    assert doors.call(conflicts.get_promotion_conflicts, path=nowhere)[1]["code"] == "promotion_not_found"


def test_only_those_who_write_promotions_may(doors: Doors, promotion_id: str) -> None:
    queued = ask(doors, promotion_id)[1]
    path = {"backtest_id": queued["id"], "promotion_id": promotion_id}
    for role in (Role.BACK_OFFICE, Role.STORE_USER):
        assert doors.call(backtests.get_backtest, role=role, path={"backtest_id": queued["id"]})[0] == 403
        promotion = {"promotion_id": path["promotion_id"]}
        assert doors.call(backtests.create_backtest, role=role, path=promotion, body=JANUARY)[0] == 403
        assert doors.call(conflicts.get_promotion_conflicts, role=role, path=promotion)[0] == 403
