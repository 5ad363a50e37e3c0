"""Reports: a page of the figures that somebody asks for."""

from datetime import date
from uuid import UUID

from shared.domain.pages import Page
from shared.domain.rollups import (
    Grouping,
    PromotionFigure,
    PromotionSums,
    StatusFigure,
    cursor_of,
    figure_of,
    key_of,
    require_kept,
    require_period,
    status_figure_of,
)
from shared.store import Conn, reports


def promotions(
    conn: Conn,
    *,
    by: Grouping,
    first: date,
    last: date,
    promotion_id: UUID | None,
    store_id: str | None,
    cursor: str | None,
    limit: int,
) -> Page[PromotionFigure]:
    """Raises ReportPeriodInvalid, ReportFilterInvalid, ReportCursorInvalid."""
    require_period(first, last)
    require_kept(by, store_id)
    after = key_of(cursor, 2)
    found: list[PromotionSums]
    match by:
        case Grouping.PROMOTION:
            found = reports.find_by_promotion(
                conn,
                first=first,
                last=last,
                promotion_id=promotion_id,
                store_id=store_id,
                after=after,
                limit=limit + 1,
            )
        case Grouping.SKU:
            found = reports.find_by_sku(
                conn, first=first, last=last, promotion_id=promotion_id, after=after, limit=limit + 1
            )
        case Grouping.FUNDER:
            found = reports.find_by_funder(
                conn, first=first, last=last, promotion_id=promotion_id, after=after, limit=limit + 1
            )
        case _ if promotion_id is None:
            found = reports.find_of_all_sales(
                conn,
                by_store=by is Grouping.STORE,
                first=first,
                last=last,
                store_id=store_id,
                after=after,
                limit=limit + 1,
            )
        case _:
            found = reports.find_of_promotion(
                conn,
                by_store=by is Grouping.STORE,
                first=first,
                last=last,
                promotion_id=promotion_id,
                store_id=store_id,
                after=after,
                limit=limit + 1,
            )
    shown = found[:limit]
    following = cursor_of(shown[-1].key, shown[-1].currency) if len(found) > limit else None
    return Page(tuple(map(figure_of, shown)), following)


def settlement(
    conn: Conn, *, first: date, last: date, retailer_id: str | None, cursor: str | None, limit: int
) -> Page[StatusFigure]:
    """Raises ReportPeriodInvalid, ReportCursorInvalid."""
    require_period(first, last)
    found = reports.find_statuses(
        conn,
        first=first,
        last=last,
        retailer_id=retailer_id,
        after=key_of(cursor, 3),
        limit=limit + 1,
    )
    shown, end = found[:limit], None
    if len(found) > limit:
        end = cursor_of(shown[-1].retailer_id, shown[-1].status, shown[-1].currency)
    return Page(tuple(map(status_figure_of, shown)), end)
