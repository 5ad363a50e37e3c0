"""Differences: the work list of reconciliation, and what is decided on it."""

from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

import azure.functions as func
from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from shared import pool
from shared.actions import differences as actions
from shared.domain.audit import By
from shared.domain.pages import Page, page_of
from shared.domain.reconciliation.differences import (
    BulkResult,
    CannotMatch,
    Difference,
    DifferenceKind,
    DifferenceNotFound,
    DifferenceResolved,
    DifferenceState,
    NothingToMatch,
    OtherSideNeeded,
    Resolution,
)
from shared.domain.users import Permission
from shared.edge.http import endpoint
from shared.edge.operations import Request
from shared.jobs import differences as jobs
from shared.store import differences

bp = func.Blueprint()

type Key = Annotated[str, StringConstraints(min_length=1, max_length=64)]
type Reason = Annotated[str, StringConstraints(min_length=1, max_length=500)]

_MOST = 1_000


class DifferencePath(Request):
    difference_id: UUID


class DifferencesQuery(Request):
    kind: DifferenceKind | None = None
    state: DifferenceState | None = None
    retailer_id: Key | None = None
    store_id: Key | None = None
    cursor: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class ResolveBody(Request):
    resolution: Literal[
        Resolution.MATCH, Resolution.ACCEPT_OURS, Resolution.ACCEPT_THEIRS, Resolution.DISMISS
    ] = Field(
        description="`match` says what belongs together; `accept_ours` that the transaction is right, "
        "`accept_theirs` that the receipt is, so that the transaction stays Under Review until it is voided "
        "or returned; `dismiss` that it is of no consequence."
    )
    transaction_id: UUID | None = Field(default=None, description="To match a receipt: its transaction.")
    receipt_id: UUID | None = Field(default=None, description="To match a transaction: its receipt.")
    reason: Reason


class DifferencesFilter(Request):
    kind: DifferenceKind | None = None
    retailer_id: Key | None = None
    store_id: Key | None = None


class BulkBody(Request):
    ids: Annotated[list[UUID], Field(min_length=1, max_length=_MOST)] | None = None
    filter: DifferencesFilter | None = Field(
        default=None, description="Instead of ids: open differences, the oldest first."
    )
    limit: Annotated[int, Field(ge=1, le=_MOST)] = Field(
        default=_MOST, description="The most that a filter resolves at once."
    )
    resolution: Literal[Resolution.ACCEPT_OURS, Resolution.ACCEPT_THEIRS, Resolution.DISMISS]
    reason: Reason

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.ids is None) == (self.filter is None):
            raise PydanticCustomError("invalid", "Give either ids or a filter.")
        return self


@endpoint(bp, "GET", "differences", access=Permission.RECONCILIATION_READ)
def list_differences(query: DifferencesQuery) -> Page[Difference]:
    """The differences between receipts and transactions, newest first."""
    with pool.connection() as conn:
        found = differences.find(
            conn,
            kind=query.kind,
            state=query.state,
            retailer_id=query.retailer_id,
            store_id=query.store_id,
            before=query.cursor,
            limit=query.limit + 1,
        )
    return page_of(found, query.limit, lambda difference: difference.id)


@endpoint(
    bp,
    "GET",
    "differences/{difference_id:guid}",
    access=Permission.RECONCILIATION_READ,
    raises=(DifferenceNotFound,),
)
def get_difference(path: DifferencePath) -> Difference:
    """A difference with both sides, and what may belong together where that is not sure."""
    with pool.connection() as conn:
        return actions.get(conn, path.difference_id)


@endpoint(
    bp,
    "POST",
    "differences/{difference_id:guid}/resolve",
    access=Permission.RECONCILIATION_WRITE,
    raises=(DifferenceNotFound, DifferenceResolved, OtherSideNeeded, NothingToMatch, CannotMatch),
)
def resolve_difference(by: By, now: datetime, path: DifferencePath, body: ResolveBody) -> Difference:
    """Decide on a difference. Its day is reconciled anew at once, which gives transactions their status."""
    return jobs.resolve(
        now,
        path.difference_id,
        resolution=body.resolution,
        transaction_id=body.transaction_id,
        receipt_id=body.receipt_id,
        reason=body.reason,
        by=by,
    )


@endpoint(bp, "POST", "differences/resolve", access=Permission.RECONCILIATION_WRITE)
def resolve_differences(by: By, now: datetime, body: BulkBody) -> BulkResult:
    """Decide on many differences alike, named by id or by a filter, and tell what became of each.

    Transactions get their status from the reconciliation that this begins.
    """
    where = body.filter or DifferencesFilter()
    return jobs.resolve_many(
        now,
        ids=body.ids,
        kind=where.kind,
        retailer_id=where.retailer_id,
        store_id=where.store_id,
        limit=len(body.ids) if body.ids is not None else body.limit,
        resolution=body.resolution,
        reason=body.reason,
        by=by,
    )
