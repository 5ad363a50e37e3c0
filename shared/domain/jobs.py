"""Jobs: work in steps, each step a transaction, which any process can take up where another left off."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from shared.domain.errors import Conflict, NotFound

ATTEMPTS = 5
LEASE = timedelta(seconds=60)
# A run stops well before the host would stop it.
BUDGET = timedelta(minutes=4)
# How long a dropped blob may take to bring somebody before another is dropped.
PATIENCE = timedelta(minutes=1)

_BLOB = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/[0-9]+")

type Json = Mapping[str, Any]
"""A JSON object, as a job keeps its arguments and its cursor."""


class JobKind(StrEnum):
    PURGE = "purge"
    BACKTEST = "backtest"
    RECONCILIATION = "reconciliation"
    SETTLEMENT = "settlement"


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        return self in {JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as others see it.

    `done` and `total` count whatever the kind counts, `total` as far as it is known; of a job in slices they
    are the sums. `step` is how many steps were saved, `reason` why it failed or what the last attempt met.
    """

    id: UUID
    parent_id: UUID | None
    kind: JobKind
    arguments: Json
    status: JobStatus
    done: int
    total: int | None
    step: int
    attempt: int
    cancel_requested: bool
    reason: str | None
    created_by: UUID | None
    created_at: datetime
    started_at: datetime | None
    updated_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDetail(Job):
    """A job and, where it was cut into slices, each of them."""

    slices: tuple[Job, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A job held by one worker; `claim` proves it, `attempt` counts this one."""

    id: UUID
    parent_id: UUID | None
    kind: str
    arguments: Json
    cursor: Json | None
    step: int
    claim: int
    attempt: int
    cancel_requested: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What a step came to: where the next one begins, how much more is done, and whether that was all.

    `total` is None where the step did not count anew.
    """

    cursor: Json
    done: int
    total: int | None = None
    finished: bool


@dataclass(frozen=True, slots=True)
class Wake:
    """A job somebody should come for."""

    id: UUID
    step: int


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A job that is due by its schedule."""

    name: str
    kind: JobKind
    arguments: Json


class LeaseLost(Exception):
    """The job is somebody else's by now, or has ended: what this worker did of it must not be saved."""


class JobUnknown(NotFound):
    """There is no job {job_id}."""

    code = "job_unknown"


class JobEnded(Conflict):
    """The job {job_id} is {status} already."""

    code = "job_ended"


def pause_after(attempt: int) -> timedelta:
    """How long to leave a job alone after that many attempts without progress: 10, 20, 40, 80 seconds."""
    return timedelta(seconds=10 * 2 ** (attempt - 1))


def blob_name(wake: Wake) -> str:
    """The blob whose event wakes a worker for the job."""
    return f"{wake.id}/{wake.step}"


def job_id_of(name: str) -> UUID | None:
    """The job that a blob of this name is for; None for a name we never gave out."""
    match = _BLOB.fullmatch(name)
    return UUID(match[1]) if match else None


def outcome(slices: Mapping[JobStatus, int]) -> JobStatus | None:
    """What a job has come to whose slices are so many of each status; None while one of them goes on."""
    if any(count and not status.ended for status, count in slices.items()):
        return None
    for status in (JobStatus.FAILED, JobStatus.CANCELLED):
        if slices.get(status):
            return status
    return JobStatus.COMPLETED
