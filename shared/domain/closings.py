"""Closings: the wish to state what retailers are owed for a period, or to correct a statement."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from shared.domain.backtests import PeriodInvalid
from shared.domain.errors import Conflict, NotFound, Refused
from shared.domain.jobs import JobStatus
from shared.domain.schedules import instant

MOST_DAYS = 366


class ClosingUnknown(NotFound):
    """There is no closing {closing_id}."""

    code = "closing_unknown"


class ClosingUnderWay(Conflict):
    """The closing {closing_id} of this retailer has not ended yet."""

    code = "closing_under_way"


class PeriodNotOver(Refused):
    """The period ends for the retailer {retailer_id} at {until_at}; it can be closed from then on."""

    code = "period_not_over"


class RetailerUnknown(Refused):
    """{retailer_id} is not the id of a retailer, which is a store at the top."""

    code = "retailer_unknown"


class NothingToCorrect(Conflict):
    """No transaction of the settlement went back Under Review, and none of its period was verified since."""

    code = "nothing_to_correct"


@dataclass(frozen=True, slots=True)
class Days:
    """From a local day through another, by each retailer's own clock. Raises PeriodInvalid with a pointer."""

    from_on: date
    until_on: date

    def __post_init__(self) -> None:
        if self.until_on < self.from_on:
            raise PeriodInvalid(pointer="/until", detail="it ends before it begins")
        if (self.until_on - self.from_on).days >= MOST_DAYS:
            raise PeriodInvalid(pointer="/until", detail=f"it is longer than {MOST_DAYS} days")

    def instants(self, zone: str) -> tuple[datetime, datetime]:
        """The instants (UTC) at which the first day begins in a zone, and the day after the last."""
        return _midnight(self.from_on, zone), _midnight(self.until_on + timedelta(days=1), zone)


@dataclass(frozen=True, slots=True)
class Retailer:
    """A store at the top, by whose clock its periods are counted."""

    id: str
    name: str
    zone: str


@dataclass(frozen=True, slots=True)
class RetailerPeriod:
    """The period of one retailer in instants: from the one to before the other."""

    retailer: Retailer
    from_at: datetime
    until_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """A closing and how far it is; `done` and `total` count its work, `settlements` what it issued.

    `retailer_id` None is all retailers. One that `corrects` a settlement does so for `reason`. `failure` is
    why it failed, or what its last attempt met.
    """

    id: UUID
    job_id: UUID
    retailer_id: str | None
    from_on: date
    until_on: date
    corrects: UUID | None
    reason: str | None
    created_at: datetime
    status: JobStatus | None
    done: int | None
    total: int | None
    failure: str | None
    settlements: int


def periods_of(days: Days, retailers: Iterable[Retailer], now: datetime) -> list[RetailerPeriod]:
    """The period of each retailer. Raises PeriodNotOver for the first to whom it still lasts."""
    periods: list[RetailerPeriod] = []
    for retailer in retailers:
        from_at, until_at = days.instants(retailer.zone)
        if until_at > now:
            raise PeriodNotOver(pointer="/until", retailer_id=retailer.id, until_at=until_at.isoformat())
        periods.append(RetailerPeriod(retailer, from_at, until_at))
    return periods


def _midnight(day: date, zone: str) -> datetime:
    return instant(datetime.combine(day, time()), zone)
