"""Backtests: asking for one, following it, and reading what it found."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import azure.functions as func
from pydantic import Field

from shared import pool
from shared.actions import backtests as actions
from shared.domain.audit import By
from shared.domain.backtests import (
    Backtest,
    BacktestFigure,
    BacktestNotFound,
    Breakdown,
    CursorInvalid,
    PeriodInvalid,
    parse_period,
)
from shared.domain.filters import FilterInvalid
from shared.domain.pages import Page, page_of
from shared.domain.promotions import PromotionNotFound, VersionNotFound
from shared.domain.users import Permission
from shared.edge.http import BASE, endpoint
from shared.edge.operations import Reply, Request
from shared.jobs import backtests as jobs
from shared.store import backtests

bp = func.Blueprint()


class BacktestBody(Request):
    version: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        default=None, description="The version to run; the newest unless said."
    )
    begin: str = Field(
        alias="from",
        description="An instant with offset, or a local date, which each store counts by its own clock.",
        examples=["2026-01-01"],
    )
    until: str = Field(description="An exclusive instant, or the last local date.", examples=["2026-01-31"])
    stores: dict[str, Any] | None = Field(
        default=None, description="A filter over `store.*` facts of active stores; null is every store."
    )
    keep_dates: bool = Field(
        default=False,
        description="Whether the version's own start and end count. Its times of the week always do.",
    )


class PromotionPath(Request):
    promotion_id: UUID


class BacktestPath(Request):
    backtest_id: UUID


class Part(StrEnum):
    """The breakdowns, as paths name them."""

    BY_STORE = "by-store"
    BY_SKU = "by-sku"
    BY_PROMOTION = "by-promotion"
    BY_FUNDER = "by-funder"
    BY_DAY = "by-day"


class BreakdownPath(BacktestPath):
    part: Part


class BacktestsQuery(Request):
    cursor: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class BreakdownQuery(Request):
    cursor: Annotated[str, Field(max_length=1000)] | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


@endpoint(
    bp,
    "POST",
    "promotions/{promotion_id:guid}/backtests",
    access=Permission.PROMOTIONS_WRITE,
    status=202,
    raises=(PromotionNotFound, VersionNotFound, PeriodInvalid, FilterInvalid),
)
def create_backtest(by: By, now: datetime, path: PromotionPath, body: BacktestBody) -> Reply[Backtest]:
    """Rerun the sales of a period, made until now, with a version of the promotion put in.

    It takes the place of the version that was live, or stands beside the others, and finds its groups as they
    are defined now. Voided sales and returns are left out. `job_id` is the job to follow or to cancel.
    """
    backtest = jobs.begin(
        now,
        promotion_id=path.promotion_id,
        version=body.version,
        period=parse_period(body.begin, body.until),
        keep_dates=body.keep_dates,
        stores=body.stores,
        by=by,
    )
    return Reply(backtest, headers=(("Location", f"/api/{BASE}backtests/{backtest.id}"),))


@endpoint(
    bp,
    "GET",
    "promotions/{promotion_id:guid}/backtests",
    access=Permission.PROMOTIONS_WRITE,
)
def list_backtests(path: PromotionPath, query: BacktestsQuery) -> Page[Backtest]:
    """The backtests of a promotion without their sums, newest first."""
    with pool.connection() as conn:
        found = backtests.find(conn, path.promotion_id, before=query.cursor, limit=query.limit + 1)
    return page_of(found, query.limit, lambda backtest: backtest.id)


@endpoint(
    bp,
    "GET",
    "backtests/{backtest_id:guid}",
    access=Permission.PROMOTIONS_WRITE,
    raises=(BacktestNotFound,),
)
def get_backtest(path: BacktestPath) -> Backtest:
    """How far a backtest is, and its sums so far: discounts as they were recorded, and with the version."""
    with pool.connection() as conn:
        return actions.get(conn, path.backtest_id)


@endpoint(
    bp,
    "GET",
    "backtests/{backtest_id:guid}/{part}",
    access=Permission.PROMOTIONS_WRITE,
    raises=(BacktestNotFound, CursorInvalid),
)
def get_backtest_breakdown(path: BreakdownPath, query: BreakdownQuery) -> Page[BacktestFigure]:
    """The sums by store, SKU, promotion, funder or day.

    Days come in their order, with what is left of the budget; all others begin with the greatest difference.
    """
    with pool.connection() as conn:
        return actions.get_breakdown(
            conn,
            path.backtest_id,
            Breakdown(path.part.removeprefix("by-")),
            cursor=query.cursor,
            limit=query.limit,
        )
