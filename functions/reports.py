"""Reports: figures of promotions and of settlement, from sums that are kept up with what is sold."""

from datetime import date
from typing import Annotated
from uuid import UUID

import azure.functions as func
from pydantic import Field

from shared import pool
from shared.actions import reports as actions
from shared.domain.pages import Page
from shared.domain.rollups import (
    Grouping,
    PromotionFigure,
    ReportCursorInvalid,
    ReportFilterInvalid,
    ReportPeriodInvalid,
    StatusFigure,
)
from shared.domain.users import Permission
from shared.edge.http import endpoint
from shared.edge.operations import Request

bp = func.Blueprint()

type Id = Annotated[str, Field(min_length=1, max_length=100)]


class PeriodQuery(Request):
    begin: date = Field(
        alias="from", description="The first day, by the stores' clocks.", examples=["2026-01-01"]
    )
    until: date = Field(description="The last day.", examples=["2026-01-31"])
    cursor: Annotated[str, Field(max_length=300)] | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class PromotionsQuery(PeriodQuery):
    by: Grouping = Field(default=Grouping.PROMOTION, description="What there is a figure for each of.")
    promotion_id: UUID | None = None
    store_id: Id | None = Field(default=None, description="Not with figures by SKU or funder.")


class SettlementQuery(PeriodQuery):
    retailer_id: Id | None = None


@endpoint(
    bp,
    "GET",
    "reports/promotions",
    access=Permission.REPORTS_READ,
    raises=(ReportPeriodInvalid, ReportFilterInvalid, ReportCursorInvalid),
)
def get_promotions_report(query: PromotionsQuery) -> Page[PromotionFigure]:
    """Redemptions, discounts, revenue and baskets by promotion, store, day, SKU or funder.

    Some minutes behind what is sold at most. Voids and returns take from the day on which they are made.
    """
    with pool.connection() as conn:
        return actions.promotions(
            conn,
            by=query.by,
            first=query.begin,
            last=query.until,
            promotion_id=query.promotion_id,
            store_id=query.store_id,
            cursor=query.cursor,
            limit=query.limit,
        )


@endpoint(
    bp,
    "GET",
    "reports/settlement",
    access=Permission.REPORTS_READ,
    raises=(ReportPeriodInvalid, ReportCursorInvalid),
)
def get_settlement_report(query: SettlementQuery) -> Page[StatusFigure]:
    """How many sales, voids and returns of each retailer have which status, and who bears the discount."""
    with pool.connection() as conn:
        return actions.settlement(
            conn,
            first=query.begin,
            last=query.until,
            retailer_id=query.retailer_id,
            cursor=query.cursor,
            limit=query.limit,
        )
