"""Closings as jobs: transactions are taken, lines made, sums checked, and then all is issued at once."""

from collections.abc import Callable
from datetime import date, datetime
from uuid import UUID

from shared import pool
from shared.actions import closings as actions
from shared.actions import jobs as job_actions
from shared.domain.audit import By
from shared.domain.closings import Closing, Days
from shared.domain.jobs import JobKind, Json, StepResult
from shared.jobs.waking import wake
from shared.store import Conn, closings, settlement_drafts, settlement_sums

# A step looks at so many retailers at most, or so many transactions, and makes the lines of so many.
_RETAILERS = 500
_TAKEN = 100_000
_LINED = 20_000
_TOTALLED = 50_000
_FIRST = str(UUID(int=0))


def begin(
    now: datetime, *, retailer_id: str | None, from_on: date, until_on: date, by: By, key: str
) -> tuple[Closing, bool]:
    """Queue the close of a period of one retailer, or of all (None); and whether it was asked for before.

    Raises PeriodInvalid, PeriodNotOver, RetailerUnknown, ClosingUnderWay, IdempotencyKeyReused.
    """
    days = Days(from_on, until_on)
    request = {"retailer_id": retailer_id, "from": from_on, "until": until_on}

    def write(conn: Conn, closing_id: UUID, job_id: UUID) -> Closing:
        return actions.begin(
            conn,
            now,
            closing_id=closing_id,
            job_id=job_id,
            retailer_id=retailer_id,
            days=days,
            by=by,
            key=key,
            request=request,
        )

    return _queue(now, by, key, request, write)


def reopen(now: datetime, *, settlement_id: UUID, reason: str, by: By, key: str) -> tuple[Closing, bool]:
    """Queue the correction of a settlement; and whether it was asked for before.

    Raises SettlementNotFound, SettlementPaid, NothingToCorrect, ClosingUnderWay, IdempotencyKeyReused.
    """
    request = {"corrects": settlement_id, "reason": reason}

    def write(conn: Conn, closing_id: UUID, job_id: UUID) -> Closing:
        return actions.reopen(
            conn,
            now,
            closing_id=closing_id,
            job_id=job_id,
            settlement_id=settlement_id,
            reason=reason,
            by=by,
            key=key,
            request=request,
        )

    return _queue(now, by, key, request, write)


def slices(_: Json) -> list[Json]:
    """None: all of a closing is issued at once."""
    return []


def step(conn: Conn, cursor: Json | None, arguments: Json, now: datetime) -> StepResult:
    """One part of one phase. What is done counts transactions that have their lines."""
    closing = actions.get(conn, UUID(arguments["closing_id"]))
    at = cursor or {"phase": "discard"}
    return _PHASES[at["phase"]](conn, closing, at, now)


def _discard(conn: Conn, closing: Closing, at: Json, now: datetime) -> StepResult:  # noqa: ARG001
    return _next(at if actions.discard(conn) else {"phase": "take", "place": 0})


def _take(conn: Conn, closing: Closing, at: Json, now: datetime) -> StepResult:  # noqa: ARG001
    if closing.corrects is not None:
        actions.take_correction(conn, closing.id, closing.corrects)
    else:
        after = at["place"]
        until = settlement_drafts.get_batch_end(
            conn, closing.id, after=after, retailers=_RETAILERS, transactions=_TAKEN
        )
        if until is not None:
            settlement_drafts.insert_taken(conn, closing.id, after=after, until=until)
            return _next({"phase": "take", "place": until})
    return _next(
        {"phase": "lines", "settlement": _FIRST, "transaction": _FIRST},
        total=settlement_drafts.count_taken(conn, closing.id),
    )


def _line(conn: Conn, closing: Closing, at: Json, now: datetime) -> StepResult:  # noqa: ARG001
    after = UUID(at["settlement"]), UUID(at["transaction"])
    made = settlement_drafts.insert_lines(conn, closing.id, after=after, most=_LINED)
    if made is None or made.transactions < _LINED:
        return _next({"phase": "total", "settlement": _FIRST}, done=made.transactions if made else 0)
    return _next(
        {"phase": "lines", "settlement": str(made.settlement_id), "transaction": str(made.transaction_id)},
        done=made.transactions,
    )


def _total(conn: Conn, closing: Closing, at: Json, now: datetime) -> StepResult:  # noqa: ARG001
    ids = settlement_sums.find_next_ids(
        conn, closing.id, after=UUID(at["settlement"]), transactions=_TOTALLED
    )
    if not ids:
        return _next({"phase": "issue"})
    actions.total(conn, ids)
    return _next({"phase": "total", "settlement": str(ids[-1])})


def _issue(conn: Conn, closing: Closing, at: Json, now: datetime) -> StepResult:  # noqa: ARG001
    actions.issue(conn, now, closing.id)
    return StepResult(cursor={}, done=0, finished=True)


_PHASES: dict[str, Callable[[Conn, Closing, Json, datetime], StepResult]] = {
    "discard": _discard,
    "take": _take,
    "lines": _line,
    "total": _total,
    "issue": _issue,
}


def _next(cursor: Json, *, done: int = 0, total: int | None = None) -> StepResult:
    return StepResult(cursor=cursor, done=done, total=total, finished=False)


def _queue(
    now: datetime,
    by: By,
    key: str,
    request: object,
    write: Callable[[Conn, UUID, UUID], Closing],
) -> tuple[Closing, bool]:
    with pool.transaction() as conn:
        earlier = actions.find_earlier(conn, by=by, key=key, request=request)
        if earlier is not None:
            return earlier, True
        closing_id = closings.new_id(conn)
        job_id, workers = job_actions.enqueue(
            conn,
            now,
            kind=JobKind.SETTLEMENT,
            arguments={"closing_id": str(closing_id)},
            slices=(),
            user_id=by.user_id,
        )
        closing = write(conn, closing_id, job_id)
    wake(workers)
    return closing, False
