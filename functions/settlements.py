"""Settlements: closing a period, correcting and paying what was stated, reading it."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import azure.functions as func
from pydantic import Field, StringConstraints

from shared import pool
from shared.actions import closings as closing_actions
from shared.actions import settlements as actions
from shared.domain.audit import By
from shared.domain.backtests import PeriodInvalid
from shared.domain.closings import (
    Closing,
    ClosingUnderWay,
    ClosingUnknown,
    NothingToCorrect,
    PeriodNotOver,
    RetailerUnknown,
)
from shared.domain.pages import Page, page_of
from shared.domain.settlement_entries import SettlementEntry
from shared.domain.settlements import (
    LineCursorInvalid,
    PaidInFuture,
    Payment,
    PaymentTooLarge,
    Settlement,
    SettlementDetail,
    SettlementLine,
    SettlementNamedTwice,
    SettlementNotFound,
    SettlementPaid,
    SettlementStatus,
    SettlementUnderReview,
    line_cursor,
    line_place,
)
from shared.domain.transactions import IdempotencyKeyMissing, IdempotencyKeyReused, TransactionNotFound
from shared.domain.users import Caller, Permission
from shared.edge.http import BASE, endpoint
from shared.edge.operations import Headers, Reply, Request
from shared.jobs import closings as jobs
from shared.store import settlements

bp = func.Blueprint()

type Day = Annotated[date, Field(ge=date(2000, 1, 1), le=date(2999, 12, 31))]
type RetailerId = Annotated[str, StringConstraints(min_length=1, max_length=100)]
type Reference = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"\S")]

_PAYING = (SettlementNotFound, SettlementPaid, SettlementUnderReview, PaidInFuture, ClosingUnderWay)
_REPLAYED = ("Idempotent-Replayed", "true")


class ClosingBody(Request):
    retailer_id: RetailerId | None = Field(
        default=None, description="A store at the top; all of them unless said."
    )
    begin: Day = Field(
        alias="from", description="The first day, by the retailer's clock.", examples=["2026-06-01"]
    )
    until: Day = Field(description="The last day.", examples=["2026-06-30"])


class ReopeningBody(Request):
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"\S")]


class PaymentBody(Request):
    reference: Reference = Field(description="Of the payment, as the bank knows it.")
    paid_on: Day = Field(description="By the retailer's calendar.")

    def payment(self) -> Payment:
        return Payment(self.paid_on, self.reference)


class PaymentsBody(PaymentBody):
    ids: Annotated[list[UUID], Field(min_length=1, max_length=500)]


class ClosingHeaders(Headers):
    idempotency_key: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = Field(
        default=None,
        description="Names this request: a retry with the same key and body begins nothing more.",
    )


class SettlementPath(Request):
    settlement_id: UUID


class ClosingPath(Request):
    closing_id: UUID


class TransactionPath(Request):
    transaction_id: UUID


class SettlementsQuery(Request):
    retailer_id: RetailerId | None = None
    closing_id: UUID | None = None
    status: SettlementStatus | None = None
    begin: Day | None = Field(default=None, alias="from", description="The period has a day from here on.")
    until: Day | None = Field(default=None, description="The period has a day through here.")
    cursor: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class LinesQuery(Request):
    cursor: Annotated[str, Field(max_length=100)] | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


@endpoint(
    bp,
    "POST",
    "settlements",
    access=Permission.SETTLEMENTS_CLOSE,
    status=202,
    raises=(
        PeriodInvalid,
        PeriodNotOver,
        RetailerUnknown,
        ClosingUnderWay,
        IdempotencyKeyMissing,
        IdempotencyKeyReused,
    ),
)
def close_period(by: By, now: datetime, headers: ClosingHeaders, body: ClosingBody) -> Reply[Closing]:
    """Close a period that is over: state what the brand owes a retailer for it, or all retailers.

    Stated is what is Verified, was made before the period's end and is on no statement yet: in one settlement
    for each retailer and currency. `GET /settlement-closings/{closing_id}` tells how far it is.
    """
    closing, replayed = jobs.begin(
        now,
        retailer_id=body.retailer_id,
        from_on=body.begin,
        until_on=body.until,
        by=by,
        key=_key(headers),
    )
    return _accepted(closing, replayed=replayed)


@endpoint(
    bp,
    "GET",
    "settlement-closings/{closing_id:guid}",
    access=Permission.SETTLEMENTS_CLOSE,
    raises=(ClosingUnknown,),
)
def get_settlement_closing(path: ClosingPath) -> Closing:
    """How far a closing is. What it issues is there all at once, when it is completed."""
    with pool.connection() as conn:
        return closing_actions.get(conn, path.closing_id)


@endpoint(bp, "GET", "settlements", access=Permission.SETTLEMENTS_READ)
def list_settlements(caller: Caller, query: SettlementsQuery) -> Page[Settlement]:
    """The settlements you may see, newest first: at the top store of a retailer, those of that retailer."""
    with pool.connection() as conn:
        found = settlements.find(
            conn,
            reach=caller.reach,
            retailer_id=query.retailer_id,
            closing_id=query.closing_id,
            status=query.status,
            from_on=query.begin,
            until_on=query.until,
            before=query.cursor,
            limit=query.limit + 1,
        )
    return page_of(found, query.limit, lambda settlement: settlement.id)


@endpoint(
    bp,
    "GET",
    "settlements/{settlement_id:guid}",
    access=Permission.SETTLEMENTS_READ,
    raises=(SettlementNotFound,),
)
def get_settlement(caller: Caller, path: SettlementPath) -> SettlementDetail:
    """A settlement with its sums by promotion, version and funder."""
    with pool.connection() as conn:
        return actions.get(conn, path.settlement_id, caller.reach)


@endpoint(
    bp,
    "GET",
    "settlements/{settlement_id:guid}/lines",
    access=Permission.SETTLEMENTS_READ,
    raises=(SettlementNotFound, LineCursorInvalid),
)
def list_settlement_lines(caller: Caller, path: SettlementPath, query: LinesQuery) -> Page[SettlementLine]:
    """The lines of a settlement, in the order in which its transactions were made."""
    after = None if query.cursor is None else line_place(query.cursor)
    with pool.connection() as conn:
        if settlements.get(conn, path.settlement_id, caller.reach) is None:
            raise SettlementNotFound(settlement_id=path.settlement_id)
        found = settlements.find_lines(conn, path.settlement_id, after=after, limit=query.limit + 1)
    return page_of(found, query.limit, line_cursor)


@endpoint(
    bp,
    "GET",
    "transactions/{transaction_id:guid}/settlements",
    access=Permission.SETTLEMENTS_READ,
    raises=(TransactionNotFound,),
)
def list_transaction_settlements(caller: Caller, path: TransactionPath) -> tuple[SettlementEntry, ...]:
    """Where a transaction was stated, and taken off again, with its lines there; nowhere, perhaps."""
    with pool.connection() as conn:
        return tuple(actions.find_entries(conn, path.transaction_id, caller.reach))


@endpoint(
    bp,
    "POST",
    "settlements/{settlement_id:guid}/pay",
    access=Permission.SETTLEMENTS_PAY,
    raises=_PAYING,
)
def pay_settlement(by: By, now: datetime, path: SettlementPath, body: PaymentBody) -> SettlementDetail:
    """Mark a settlement paid: its transactions become Settlement Complete, for good.

    Asked again with the same reference and day it is answered again, and nothing changes.
    """
    with pool.transaction() as conn:
        return actions.pay(conn, now, ids=[path.settlement_id], payment=body.payment(), by=by)[0]


@endpoint(
    bp,
    "POST",
    "settlements/pay",
    access=Permission.SETTLEMENTS_PAY,
    raises=(*_PAYING, SettlementNamedTwice, PaymentTooLarge),
)
def pay_settlements(by: By, now: datetime, body: PaymentsBody) -> tuple[SettlementDetail, ...]:
    """Mark several settlements paid with one payment: all of them, or none.

    At most 500,000 transactions at once, which take some two minutes.
    """
    with pool.transaction() as conn:
        return tuple(actions.pay(conn, now, ids=body.ids, payment=body.payment(), by=by))


@endpoint(
    bp,
    "POST",
    "settlements/{settlement_id:guid}/reopen",
    access=Permission.SETTLEMENTS_CLOSE,
    status=202,
    raises=(
        SettlementNotFound,
        SettlementPaid,
        NothingToCorrect,
        ClosingUnderWay,
        IdempotencyKeyMissing,
        IdempotencyKeyReused,
    ),
)
def reopen_settlement(
    by: By, now: datetime, path: SettlementPath, headers: ClosingHeaders, body: ReopeningBody
) -> Reply[Closing]:
    """Correct a settlement that is not paid, by one of its own that says so; the first one stays as it is.

    What went back Under Review is taken off again, and what of the period was verified since is added.
    """
    closing, replayed = jobs.reopen(
        now, settlement_id=path.settlement_id, reason=body.reason, by=by, key=_key(headers)
    )
    return _accepted(closing, replayed=replayed)


def _key(headers: ClosingHeaders) -> str:
    if headers.idempotency_key is None:
        raise IdempotencyKeyMissing
    return headers.idempotency_key


def _accepted(closing: Closing, *, replayed: bool) -> Reply[Closing]:
    location = ("Location", f"/api/{BASE}settlement-closings/{closing.id}")
    return Reply(closing, headers=(location, _REPLAYED) if replayed else (location,))
