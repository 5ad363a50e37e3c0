"""Jobs: queueing one by hand, following and cancelling it, and the event that wakes a worker."""

import logging
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

import azure.functions as func
from pydantic import Field

from shared import pool
from shared.actions import jobs as actions
from shared.domain.audit import By
from shared.domain.jobs import Job, JobDetail, JobEnded, JobKind, JobStatus, JobUnknown, job_id_of
from shared.domain.pages import Page, page_of
from shared.domain.users import Permission
from shared.edge.blob_events import BlobEvent
from shared.edge.http import endpoint
from shared.edge.operations import Request
from shared.jobs import queueing, runner, waking
from shared.store import jobs

bp = func.Blueprint()

_log = logging.getLogger(__name__)


class PurgeArguments(Request):
    batch: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=1000, description="How many rows of a table are deleted in one step."
    )


class JobBody(Request):
    kind: Literal[JobKind.PURGE] = Field(
        description="`purge` deletes what has served its time: idempotency keys after 24 hours, one-time "
        "passwords after a day, sessions and refresh tokens a day after they end, sent and failed messages "
        "after 30 days, ended jobs after 90."
    )
    arguments: PurgeArguments = PurgeArguments()


class JobPath(Request):
    job_id: UUID


class JobsQuery(Request):
    status: JobStatus | None = None
    kind: JobKind | None = None
    cursor: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


@endpoint(bp, "POST", "jobs", access=Permission.JOBS_WRITE, status=202)
def create_job(by: By, now: datetime, body: JobBody) -> JobDetail:
    """Queue a job; `GET /jobs/{job_id}` tells how far it is."""
    return queueing.enqueue(now, kind=body.kind, arguments=body.arguments.model_dump(), by=by)


@endpoint(bp, "GET", "jobs", access=Permission.JOBS_READ)
def list_jobs(query: JobsQuery) -> Page[Job]:
    """The jobs, newest first; those cut into slices with the progress of all of them."""
    with pool.connection() as conn:
        found = jobs.find(
            conn, status=query.status, kind=query.kind, before=query.cursor, limit=query.limit + 1
        )
    return page_of(found, query.limit, lambda job: job.id)


@endpoint(bp, "GET", "jobs/{job_id:guid}", access=Permission.JOBS_READ, raises=(JobUnknown,))
def get_job(path: JobPath) -> JobDetail:
    """A job and its slices: how far each is, and why one failed."""
    with pool.connection() as conn:
        job = jobs.get(conn, path.job_id)
    if job is None:
        raise JobUnknown(job_id=path.job_id)
    return job


@endpoint(
    bp, "POST", "jobs/{job_id:guid}/cancel", access=Permission.JOBS_WRITE, raises=(JobUnknown, JobEnded)
)
def cancel_job(by: By, path: JobPath, now: datetime) -> JobDetail:
    """Cancel a job and its slices, at once where nobody is at work and after the step at hand elsewhere.

    What its steps have done stays done.
    """
    with pool.transaction() as conn:
        return actions.cancel(conn, now, path.job_id, by=by)


@bp.blob_trigger(
    arg_name="event",
    path="jobs/{name}",
    connection="UPLOADS_STORAGE",
    source=func.BlobSource.EVENT_GRID,
)
def run_job(event: BlobEvent) -> None:
    """Work on the job the blob is for. Raises nothing that another try at once would mend."""
    job_id = job_id_of(event.name)
    if job_id is None:
        _log.warning("no job has a blob named %r", event.name)
        return
    runner.run(job_id, datetime.now(UTC))
    waking.forget(event.client)
