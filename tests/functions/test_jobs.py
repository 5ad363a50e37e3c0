"""The doors of jobs: queueing by hand, following, cancelling, and the blob that wakes a worker."""

from typing import Any
from uuid import uuid4

import azure.functions as func
import psycopg
import pytest

from functions import jobs, timers
from shared.domain.users import Role
from shared.edge import storage
from shared.jobs.purge import TABLES
from tests.functions.doors import Doors, blob_event

PURGE: dict[str, Any] = {"kind": "purge"}


@pytest.fixture
def doors(app: None, conn: psycopg.Connection) -> Doors:  # noqa: ARG001
    return Doors(conn)


def wake(name: str) -> None:
    assert jobs.run_job.build().get_user_function()(blob_event(storage.JOBS, name)) is None


def blobs() -> list[str]:
    return [blob.name for blob in storage.service().get_container_client(storage.JOBS).list_blobs()]


def get(doors: Doors, job_id: str) -> dict[str, Any]:
    status, job = doors.call(jobs.get_job, path={"job_id": job_id})
    assert status == 200
    return job


def test_from_queueing_to_the_end(doors: Doors) -> None:
    status, job = doors.call(jobs.create_job, body=PURGE | {"arguments": {"batch": 10}})
    assert (status, job["status"], job["arguments"]) == (202, "queued", {"batch": 10})
    assert [each["arguments"]["table"] for each in job["slices"]] == list(TABLES)
    assert sorted(blobs()) == sorted(f"{each['id']}/0" for each in job["slices"])
    for each in job["slices"]:
        wake(f"{each['id']}/0")
    assert blobs() == [], "what has done its work is gone"
    ended = get(doors, job["id"])
    assert (ended["status"], ended["done"], ended["total"]) == ("completed", 0, 0)
    assert [each["status"] for each in ended["slices"]] == ["completed"] * len(TABLES)
    assert ended["created_at"] <= ended["started_at"] <= ended["finished_at"]
    assert "cursor" not in ended
    assert "claim" not in ended


def test_the_list_goes_back_page_by_page_and_by_state(doors: Doors) -> None:
    ids = [doors.call(jobs.create_job, body=PURGE)[1]["id"] for _ in range(3)]
    status, page = doors.call(jobs.list_jobs, query={"limit": "2", "kind": "purge"})
    assert (status, [each["id"] for each in page["items"]]) == (200, [ids[2], ids[1]])
    status, page = doors.call(jobs.list_jobs, query={"limit": "2", "cursor": page["next_cursor"]})
    assert ([each["id"] for each in page["items"]], page["next_cursor"]) == ([ids[0]], None)
    doors.call(jobs.cancel_job, path={"job_id": ids[1]})
    for state, expected in [("cancelled", [ids[1]]), ("queued", [ids[2], ids[0]]), ("failed", [])]:
        _, page = doors.call(jobs.list_jobs, query={"status": state})
        assert [each["id"] for each in page["items"]] == expected


def test_a_job_is_cancelled_once(doors: Doors) -> None:
    path = {"job_id": doors.call(jobs.create_job, body=PURGE)[1]["id"]}
    status, job = doors.call(jobs.cancel_job, path=path)
    assert (status, job["status"]) == (200, "cancelled")
    assert {each["status"] for each in job["slices"]} == {"cancelled"}
    status, problem = doors.call(jobs.cancel_job, path=path)
    assert (status, problem["code"]) == (409, "job_ended")


def test_one_that_is_not_there(doors: Doors) -> None:
    for door in (jobs.get_job, jobs.cancel_job):
        status, problem = doors.call(door, path={"job_id": str(uuid4())})
        assert (status, problem["code"]) == (404, "job_unknown")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/kind"),
        ({"kind": "mine_coins"}, "/kind"),
        (PURGE | {"arguments": {"batch": 0}}, "/arguments/batch"),
        (PURGE | {"arguments": {"table": "users"}}, "/arguments/table"),
        (PURGE | {"status": "completed"}, "/status"),
    ],
)
def test_a_request_of_another_shape_is_refused(doors: Doors, body: Any, pointer: str) -> None:
    status, problem = doors.call(jobs.create_job, body=body)
    assert (status, [place["pointer"] for place in problem["errors"]]) == (422, [pointer])


def test_only_administrators_may(doors: Doors) -> None:
    path = {"job_id": doors.call(jobs.create_job, body=PURGE)[1]["id"]}
    assert doors.call(jobs.create_job, role=None, body=PURGE)[0] == 401
    for role in (Role.BACK_OFFICE, Role.STORE_USER):
        assert doors.call(jobs.create_job, role=role, body=PURGE)[0] == 403
        assert doors.call(jobs.cancel_job, role=role, path=path)[0] == 403
        assert doors.call(jobs.get_job, role=role, path=path)[0] == 403
        assert doors.call(jobs.list_jobs, role=role)[0] == 403


@pytest.mark.usefixtures("doors")
def test_a_blob_nobody_dropped_is_left_alone() -> None:
    storage.create_containers()
    container = storage.service().get_container_client(storage.JOBS)
    stray, unknown = "notes.txt", f"{uuid4()}/0"
    for name in (stray, unknown):
        container.upload_blob(name, b"")
        wake(name)
    assert blobs() == [stray]


def test_the_timer_queues_wakes_and_sends(doors: Doors, conn: psycopg.Connection) -> None:
    conn.execute("UPDATE schedules SET next_at = now()")
    timer = timers.run_due_work.build().get_user_function()

    class Tick(func.TimerRequest):
        past_due = False

    timer(Tick())
    _, page = doors.call(jobs.list_jobs)
    (job,) = page["items"]
    assert (job["kind"], job["status"], job["created_by"]) == ("purge", "queued", None)
    waiting = blobs()
    assert len(waiting) == len(TABLES)
    container = storage.service().get_container_client(storage.JOBS)
    for name in waiting:
        container.delete_blob(name)
    timer(Tick())
    assert blobs() == [], "only a moment has passed"
    conn.execute("UPDATE jobs SET dropped_at = dropped_at - interval '1 minute'")
    timer(Tick())
    assert sorted(blobs()) == sorted(waiting)
