"""Runs: the days of stores that are reconciled in one go, and what came of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from shared.domain.errors import NotFound, Refused
from shared.domain.jobs import JobStatus
from shared.domain.quotes import TransactionStatus
from shared.domain.reconciliation.matching import How
from shared.domain.reconciliation.slips import Slip

MOST_DAYS = 92
_YEARS = range(2000, 3000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """A run. `done` and `total` count days of stores; `found` the differences of each kind that it found.

    `sales` and `receipts` are those it looked at, `matched` those with both sides; `verified` and `reviewed`
    the transactions whose status it changed, `waiting` those whose receipts may still come.
    """

    id: UUID
    job_id: UUID
    status: JobStatus
    retailer_id: str | None
    upload_id: UUID | None
    from_on: date | None
    until_on: date | None
    done: int
    total: int
    sales: int
    receipts: int
    matched: int
    verified: int
    reviewed: int
    waiting: int
    found: Mapping[str, int]
    created_by: UUID | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DueDay:
    """A day of a store that a run has yet to go through, and the instants at which it begins and ends."""

    store_id: str
    retailer_id: str
    day: date
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSale:
    """A recorded sale, void or return, with what reconciliation knows of it.

    `given` is the status that reconciliation gave it last, None when it never did.
    """

    slip: Slip
    store_id: str
    status: TransactionStatus
    receipt_id: UUID | None
    how: How | None
    given: TransactionStatus | None

    @property
    def is_ours_to_change(self) -> bool:
        """Whether its status is as it was sold, or as reconciliation left it; nobody else decided on it."""
        return self.status is TransactionStatus.NEW or self.status is self.given


@dataclass(frozen=True, slots=True)
class StoredReceipt:
    """A receipt, and the sale that has it."""

    slip: Slip
    store_id: str
    sale_id: UUID | None
    how: How | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayDone:
    """What came of a day of a store, as a run counts it."""

    day: date
    store_id: str
    sales: int
    receipts: int
    matched: int
    verified: int
    reviewed: int
    waiting: int
    found: Mapping[str, int]


class ReconciliationNotFound(NotFound):
    """There is no reconciliation {reconciliation_id}."""

    code = "reconciliation_not_found"


class DaysInvalid(Refused):
    """The days are not valid: {detail}."""

    code = "days_invalid"


def check_days(from_on: date, until_on: date) -> None:
    """Raises DaysInvalid."""
    for name, day in (("from_on", from_on), ("until_on", until_on)):
        if day.year not in _YEARS:
            raise DaysInvalid(pointer=f"/{name}", detail="a year from 2000 to 2999 is expected")
    if until_on < from_on:
        raise DaysInvalid(pointer="/until_on", detail="it ends before it begins")
    if (until_on - from_on).days >= MOST_DAYS:
        raise DaysInvalid(pointer="/until_on", detail=f"{MOST_DAYS} days are the most")
