"""Roll-ups: sums of sales by day, kept up as sales come, and the figures that dashboards show of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from shared.domain.errors import Refused
from shared.domain.money import from_minor


@dataclass(frozen=True, slots=True)
class Progress:
    """A place in the audit's chain; what comes before it is in the sums."""

    day: date
    position: int


BEGINNING = Progress(date.min, 0)


class Grouping(StrEnum):
    """What there is a figure for each of."""

    PROMOTION = "promotion"
    STORE = "store"
    DAY = "day"
    SKU = "sku"
    FUNDER = "funder"


class ReportCursorInvalid(Refused):
    """This is no cursor of this report."""

    code = "report_cursor_invalid"


class ReportFilterInvalid(Refused):
    """Figures by {by} are not kept by store."""

    code = "report_filter_invalid"


class ReportPeriodInvalid(Refused):
    """A report ends on the day it begins, or later."""

    code = "report_period_invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionSums:
    """Sums as they are kept; None where there are none of the kind."""

    key: str
    name: str | None = None
    currency: str
    baskets: int | None = None
    redemptions: int | None = None
    units: int | None = None
    discount_minor: int
    revenue_minor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionFigure:
    """What promotions came to, less what was voided and returned, for what `key` names in one currency.

    Of a promotion `key` is its id and version with a slash between, and `name` that of the version. `baskets`
    are sales that were not voided, `revenue` is what was paid for them less what was paid back: of all sales
    by store or day unless a promotion is asked for, otherwise of those in which it gave something. By
    SKU and by funder `units` and `discount` are what fell to each.
    """

    key: str
    name: str | None
    currency: str
    baskets: int | None
    redemptions: int | None
    units: int | None
    discount: Decimal
    revenue: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusSums:
    retailer_id: str
    status: str
    currency: str
    transactions: int
    discount_minor: int
    net_minor: int
    funding: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFigure:
    """A retailer's sales, voids and returns of one status: how many, and who bears what of the discount."""

    retailer_id: str
    status: str
    currency: str
    transactions: int
    net: Decimal
    discount: Decimal
    funding: Mapping[str, Decimal]


def require_period(first: date, last: date) -> None:
    """Raise ReportPeriodInvalid."""
    if last < first:
        raise ReportPeriodInvalid(pointer="/until")


def require_kept(by: Grouping, store_id: str | None) -> None:
    """Raise ReportFilterInvalid for what sums cannot tell."""
    if store_id is not None and by in {Grouping.SKU, Grouping.FUNDER}:
        raise ReportFilterInvalid(pointer="/store_id", by=by.value)


def figure_of(sums: PromotionSums) -> PromotionFigure:
    revenue = sums.revenue_minor
    return PromotionFigure(
        key=sums.key,
        name=sums.name,
        currency=sums.currency,
        baskets=sums.baskets,
        redemptions=sums.redemptions,
        units=sums.units,
        discount=from_minor(sums.discount_minor, sums.currency),
        revenue=None if revenue is None else from_minor(revenue, sums.currency),
    )


def status_figure_of(sums: StatusSums) -> StatusFigure:
    return StatusFigure(
        retailer_id=sums.retailer_id,
        status=sums.status,
        currency=sums.currency,
        transactions=sums.transactions,
        net=from_minor(sums.net_minor, sums.currency),
        discount=from_minor(sums.discount_minor, sums.currency),
        funding={party: from_minor(minor, sums.currency) for party, minor in sums.funding.items()},
    )


def cursor_of(*key: str) -> str:
    """What asks for what comes after this key, whose parts have no tab in them but perhaps the first."""
    return "\t".join(key)


def key_of(cursor: str | None, parts: int) -> tuple[str, ...] | None:
    """The key of a cursor. Raises ReportCursorInvalid."""
    if cursor is None:
        return None
    key = tuple(cursor.rsplit("\t", parts - 1))
    if len(key) != parts:
        raise ReportCursorInvalid(pointer="/cursor")
    return key
