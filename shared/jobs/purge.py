"""Purge: rows that have served their time are deleted, a batch a step, a table a slice."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.jobs import Json, StepResult
from shared.store import Conn, purge

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Table:
    """What is kept of a table for how long; `delete` takes at most so many rows and says how many went."""

    kept: timedelta
    count: Callable[[Conn, datetime], int]
    delete: Callable[[Conn, datetime, int], int]


TABLES = {
    "idempotency_keys": Table(
        timedelta(hours=24), purge.count_idempotency_keys, purge.delete_idempotency_keys
    ),
    "otp_challenges": Table(timedelta(days=1), purge.count_otp_challenges, purge.delete_otp_challenges),
    "refresh_tokens": Table(timedelta(days=1), purge.count_refresh_tokens, purge.delete_refresh_tokens),
    "sessions": Table(timedelta(days=1), purge.count_sessions, purge.delete_sessions),
    "outbox": Table(timedelta(days=30), purge.count_outbox, purge.delete_outbox),
    "jobs": Table(timedelta(days=90), purge.count_jobs, purge.delete_jobs),
}


def slices(arguments: Json) -> list[Json]:
    return [{**arguments, "table": table} for table in TABLES]


def step(conn: Conn, cursor: Json | None, arguments: Json, now: datetime) -> StepResult:
    """Delete a batch. What is old enough is decided by the first step, so that there is an end."""
    table = TABLES[arguments["table"]]
    batch = arguments.get("batch", _BATCH)
    if cursor is None:
        before = now - table.kept
        total = table.count(conn, before)
    else:
        before = datetime.fromisoformat(cursor["before"])
        total = None
    deleted = table.delete(conn, before, batch)
    return StepResult(
        cursor={"before": before.isoformat()}, done=deleted, total=total, finished=deleted < batch
    )
