"""Backtests: what a version of a promotion would have changed on the sales of a period."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from shared.domain.errors import NotFound, Refused
from shared.domain.jobs import JobStatus
from shared.domain.limits import Limit, Measure, Scope
from shared.domain.limits import Period as LimitPeriod
from shared.domain.money import from_minor

_CURSOR = re.compile(r"(-?\d{1,18}):([A-Z]{3}):(.*)", re.DOTALL)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class BacktestNotFound(NotFound):
    """There is no backtest {backtest_id}."""

    code = "backtest_not_found"


class PeriodInvalid(Refused):
    """The period is not valid: {detail}."""

    code = "period_invalid"


class CursorInvalid(Refused):
    """The cursor is none that a page of this breakdown gave."""

    code = "cursor_invalid"


class Breakdown(StrEnum):
    """By what the figures of a backtest are broken down."""

    STORE = "store"
    SKU = "sku"
    PROMOTION = "promotion"
    FUNDER = "funder"
    DAY = "day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From an instant until before another, or from a day through another by each store's own clock."""

    from_at: datetime | None = None
    until_at: datetime | None = None
    from_on: date | None = None
    until_on: date | None = None


def parse_period(begin: str, end: str) -> Period:
    """Return the period of the API's texts: two instants with offset, or two days, both included.

    Raises PeriodInvalid with a pointer.
    """
    if _is_day(begin) != _is_day(end):
        raise PeriodInvalid(pointer="/until", detail="both are days or both are instants with offset")
    if _is_day(begin):
        first, last = _day(begin, "/from"), _day(end, "/until")
        if last < first:
            raise PeriodInvalid(pointer="/until", detail="it ends before it begins")
        return Period(from_on=first, until_on=last)
    start, stop = _instant(begin, "/from"), _instant(end, "/until")
    if stop <= start:
        raise PeriodInvalid(pointer="/until", detail="it ends before it begins")
    return Period(from_at=start, until_at=stop)


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestPlan:
    """What a backtest runs; `store_ids` are the stores that were chosen, None is all of them."""

    id: UUID
    promotion_id: UUID
    version: int
    from_at: datetime | None
    until_at: datetime | None
    from_on: date | None
    until_on: date | None
    keep_dates: bool
    store_ids: tuple[str, ...] | None
    created_at: datetime


class StoredSale(NamedTuple):
    """A sale as it was stored; `day` is its date in its store. Of an older engine's, nothing is told.

    `seen` is what its evaluation was given, `recorded` the part of its quote with the lines.
    """

    id: UUID
    at: datetime
    day: date
    store_id: str
    customer_id: UUID | None
    currency: str
    rule_set_version: int
    semantics: int
    seen: str | None
    recorded: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Sums of a part of the sales. `rank` orders them: days by their date, others by how much differs."""

    key: str
    currency: str
    sales: int
    affected: int
    limited: int
    gross_minor: int
    before_minor: int
    after_minor: int
    granted_minor: int
    granted_so_far_minor: int
    rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UseSums:
    """What the counters of a limit used in all; `counters_used_up` are those that left too little."""

    name: str
    used: int
    counters: int
    counters_used_up: int
    used_up_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestTotal:
    """All sales of a currency: discounts as they were recorded, and with the version.

    `affected` sales get another discount, or the same from other promotions. `granted` is what the promotion
    itself gives. Of `limited` sales a limit kept it from giving what it wanted.
    """

    currency: str
    sales: int
    affected: int
    limited: int
    gross: Decimal
    before: Decimal
    after: Decimal
    difference: Decimal
    granted: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestLimit:
    """A limit of the version: `most` and `used` are sales, or an amount where there is a currency.

    A limit per customer, store or period has many counters; `used` is their sum. `used_up_at` is when the
    first sale found too little left.
    """

    name: str
    currency: str | None
    most: Decimal
    used: Decimal
    counters: int
    counters_used_up: int
    used_up_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OlderSemantics:
    """Sales that an older engine priced, and that this one has no word on: they are in no sum."""

    engine_semantics: int
    sales: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """A backtest: what was asked, how far it is, and its sums so far.

    `done` and `total` count sales. `from_on` and `until_on` are days by each store's clock, both included.
    """

    id: UUID
    job_id: UUID
    promotion_id: UUID
    version: int
    from_at: datetime | None
    until_at: datetime | None
    from_on: date | None
    until_on: date | None
    keep_dates: bool
    stores: Mapping[str, Any] | None
    status: JobStatus
    done: int
    total: int | None
    reason: str | None
    created_at: datetime
    finished_at: datetime | None
    totals: tuple[BacktestTotal, ...] = ()
    limits: tuple[BacktestLimit, ...] = ()
    older_semantics: tuple[OlderSemantics, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestFigure:
    """A part of the sales.

    `key` is the store, the SKU, the promotion, the funder (null: nobody but the seller) or the day. `sales`
    are those of the store or day, or those in which the SKU, promotion or funder had a part. `gross` counts
    what was sold in the store or on the day, and of the SKU; `granted` is told of stores and days,
    `budget_left` of days, for a budget without customer, store or period.
    """

    key: str | None
    currency: str
    sales: int
    affected: int
    limited: int
    gross: Decimal | None
    before: Decimal
    after: Decimal
    difference: Decimal
    granted: Decimal | None
    budget_left: Decimal | None


def with_sums(
    backtest: Backtest, totals: Iterable[Figures], limits: Iterable[Limit], uses: Iterable[UseSums]
) -> Backtest:
    """The backtest with its sums; `uses` has none of a limit that no sale came to."""
    sums = {one.name: one for one in uses}
    return replace(
        backtest,
        totals=tuple(map(_total, totals)),
        limits=tuple(_limit(limit, sums.get(limit.name)) for limit in limits),
    )


def figure_of(row: Figures, breakdown: Breakdown, budget: Limit | None) -> BacktestFigure:
    """The row as it is told; `budget` is the one that burns down day by day."""
    of_sales = breakdown in {Breakdown.STORE, Breakdown.DAY}
    burns = breakdown is Breakdown.DAY and budget is not None and budget.currency == row.currency

    def amount(minor: int) -> Decimal:
        return from_minor(minor, row.currency)

    return BacktestFigure(
        key=row.key or None,
        currency=row.currency,
        sales=row.sales,
        affected=row.affected,
        limited=row.limited,
        gross=amount(row.gross_minor) if of_sales or breakdown is Breakdown.SKU else None,
        before=amount(row.before_minor),
        after=amount(row.after_minor),
        difference=amount(row.after_minor - row.before_minor),
        granted=amount(row.granted_minor) if of_sales else None,
        budget_left=amount(budget.most - row.granted_so_far_minor) if burns and budget else None,
    )


def budget_of(limits: Iterable[Limit]) -> Limit | None:
    """The budget that all sales share for ever, if there is one."""
    for limit in limits:
        if limit.measure is Measure.BUDGET and (limit.per, limit.period) == (
            Scope.PROMOTION,
            LimitPeriod.EVER,
        ):
            return limit
    return None


def cursor_of(row: Figures) -> str:
    """Where the page after this row begins."""
    return f"{row.rank}:{row.currency}:{row.key}"


def place_of(cursor: str) -> tuple[int, str, str]:
    """The rank, currency and key of a cursor. Raises CursorInvalid."""
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise CursorInvalid(pointer="/cursor")
    return int(match[1]), match[2], match[3]


def _total(row: Figures) -> BacktestTotal:
    def amount(minor: int) -> Decimal:
        return from_minor(minor, row.currency)

    return BacktestTotal(
        currency=row.currency,
        sales=row.sales,
        affected=row.affected,
        limited=row.limited,
        gross=amount(row.gross_minor),
        before=amount(row.before_minor),
        after=amount(row.after_minor),
        difference=amount(row.after_minor - row.before_minor),
        granted=amount(row.granted_minor),
    )


def _limit(limit: Limit, sums: UseSums | None) -> BacktestLimit:
    def told(number: int) -> Decimal:
        return Decimal(number) if limit.currency is None else from_minor(number, limit.currency)

    return BacktestLimit(
        name=limit.name,
        currency=limit.currency,
        most=told(limit.most),
        used=told(sums.used if sums else 0),
        counters=sums.counters if sums else 0,
        counters_used_up=sums.counters_used_up if sums else 0,
        used_up_at=sums.used_up_at if sums else None,
    )


def _is_day(text: str) -> bool:
    return _DAY.fullmatch(text) is not None


def _day(text: str, pointer: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as invalid:
        raise PeriodInvalid(pointer=pointer, detail=f"{text} is not a day of the calendar") from invalid


def _instant(text: str, pointer: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as invalid:
        raise PeriodInvalid(pointer=pointer, detail=f"{text} is neither an instant nor a day") from invalid
    if found.tzinfo is None:
        raise PeriodInvalid(pointer=pointer, detail="an instant has an offset, such as Z")
    return found
