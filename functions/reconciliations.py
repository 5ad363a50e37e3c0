"""Reconciliations: beginning a run, and following it."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import azure.functions as func
from pydantic import Field, StringConstraints

from shared import pool
from shared.actions import reconciliations as actions
from shared.domain.audit import By
from shared.domain.pages import Page, page_of
from shared.domain.reconciliation.runs import (
    DaysInvalid,
    Reconciliation,
    ReconciliationNotFound,
    check_days,
)
from shared.domain.stores import RetailerUnknown, StoreUnknown
from shared.domain.users import Permission
from shared.edge.http import BASE, endpoint
from shared.edge.operations import Reply, Request
from shared.jobs import reconciliations as jobs
from shared.store import reconciliations, stores

bp = func.Blueprint()

type Key = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class ReconciliationBody(Request):
    retailer_id: Key | None = Field(default=None, description="Whose stores; all stores unless said.")
    store_id: Key | None = Field(default=None, description="One store alone.")
    from_on: date = Field(description="The first day, by each store's clock.", examples=["2026-03-01"])
    until_on: date = Field(description="The last day.", examples=["2026-03-31"])


class ReconciliationPath(Request):
    reconciliation_id: UUID


class ReconciliationsQuery(Request):
    cursor: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


@endpoint(
    bp,
    "POST",
    "reconciliations",
    access=Permission.RECONCILIATION_WRITE,
    status=202,
    raises=(RetailerUnknown, StoreUnknown, DaysInvalid),
)
def create_reconciliation(by: By, now: datetime, body: ReconciliationBody) -> Reply[Reconciliation]:
    """Reconcile the days of a retailer's stores, of one store, or of all.

    An upload of receipts begins one by itself. Doing it again changes nothing but what came since; what
    people decided stays. `job_id` is the job to follow or to cancel.
    """
    check_days(body.from_on, body.until_on)
    with pool.connection() as conn:
        if body.retailer_id is not None and not stores.is_retailer(conn, body.retailer_id):
            raise RetailerUnknown(pointer="/retailer_id", retailer_id=body.retailer_id)
        if body.store_id is not None and stores.get(conn, body.store_id) is None:
            raise StoreUnknown(pointer="/store_id", store_id=body.store_id)
    begun = jobs.begin(
        now,
        retailer_id=body.retailer_id,
        store_id=body.store_id,
        from_on=body.from_on,
        until_on=body.until_on,
        by=by,
    )
    return Reply(begun, headers=(("Location", f"/api/{BASE}reconciliations/{begun.id}"),))


@endpoint(bp, "GET", "reconciliations", access=Permission.RECONCILIATION_READ)
def list_reconciliations(query: ReconciliationsQuery) -> Page[Reconciliation]:
    """The runs, newest first."""
    with pool.connection() as conn:
        found = reconciliations.find(conn, reconciliation_id=None, before=query.cursor, limit=query.limit + 1)
    return page_of(found, query.limit, lambda run: run.id)


@endpoint(
    bp,
    "GET",
    "reconciliations/{reconciliation_id:guid}",
    access=Permission.RECONCILIATION_READ,
    raises=(ReconciliationNotFound,),
)
def get_reconciliation(path: ReconciliationPath) -> Reconciliation:
    """How far a run is, and what it found so far, by kind."""
    with pool.connection() as conn:
        return actions.get(conn, path.reconciliation_id)
