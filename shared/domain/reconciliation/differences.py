"""Differences: what one side says of a sale and the other does not, or says otherwise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from shared.domain.errors import Conflict, NotFound, Refused
from shared.domain.money import from_minor
from shared.domain.reconciliation.slips import Slip, SlipKind


class DifferenceKind(StrEnum):
    """What is different. `unsure` is no difference yet: somebody must say what belongs together."""

    MISSING_WITH_US = "missing_with_us"
    MISSING_WITH_THEM = "missing_with_them"
    AMOUNT = "amount"
    QUANTITY = "quantity"
    PROMOTION_NOT_ALLOWED = "promotion_not_allowed"
    DUPLICATE = "duplicate"
    UNSURE = "unsure"


class DifferenceState(StrEnum):
    OPEN = "open"
    RESOLVED = "resolved"


class Resolution(StrEnum):
    """How a difference ended. `withdrawn` is no decision: a later run did not find it any more."""

    MATCH = "match"
    ACCEPT_OURS = "accept_ours"
    ACCEPT_THEIRS = "accept_theirs"
    DISMISS = "dismiss"
    WITHDRAWN = "withdrawn"


BY_PEOPLE = (Resolution.MATCH, Resolution.ACCEPT_OURS, Resolution.ACCEPT_THEIRS, Resolution.DISMISS)


@dataclass(frozen=True, slots=True)
class Units:
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A sale as one side tells it: a transaction of ours, or a receipt of theirs."""

    id: UUID
    kind: SlipKind
    number: str | None
    at: datetime
    net: Decimal
    units: tuple[Units, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A difference as a run finds it. `key` is the same whenever the same thing is found of the same slips.

    `candidates` are what the slip may belong to, best first, or the receipt that a duplicate repeats.
    """

    key: str
    kind: DifferenceKind
    currency: str
    transaction_id: UUID | None = None
    receipt_id: UUID | None = None
    ours: Side | None = None
    theirs: Side | None = None
    promotion: str | None = None
    candidates: tuple[Side, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A row of the work list, with both sides as they were when it was found or revised last.

    `matched_with` is the transaction or the receipt that somebody said it belongs to.
    """

    id: UUID
    kind: DifferenceKind
    state: DifferenceState
    retailer_id: str
    store_id: str
    day: date
    currency: str
    transaction_id: UUID | None
    receipt_id: UUID | None
    ours: Side | None
    theirs: Side | None
    promotion: str | None
    candidates: tuple[Side, ...]
    resolution: Resolution | None
    matched_with: UUID | None
    reason: str | None
    resolved_by: UUID | None
    resolved_at: datetime | None
    found_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What people decided before on a finding of this key, and what it told them then."""

    key: str
    resolution: Resolution
    ours: Side | None
    theirs: Side | None

    def covers(self, finding: Finding) -> bool:
        """Whether they saw the same."""
        return (self.ours, self.theirs) == (finding.ours, finding.theirs)


class ItemOutcome(StrEnum):
    """What became of one of many differences that were to be resolved."""

    RESOLVED = "resolved"
    RESOLVED_BEFORE = "resolved_before"
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True)
class ItemResult:
    difference_id: UUID
    outcome: ItemOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkResult:
    """What became of each, in the order in which they were named.

    `more` says that a filter found others that are open; ask again. The statuses of the sales follow by the
    reconciliation, None when nothing was resolved.
    """

    items: tuple[ItemResult, ...]
    resolved: int
    more: bool
    reconciliation_id: UUID | None


class DifferenceNotFound(NotFound):
    """There is no difference {difference_id}."""

    code = "difference_not_found"


class DifferenceResolved(Conflict):
    """The difference was resolved before: {resolution}."""

    code = "difference_resolved"


class OtherSideNeeded(Refused):
    """To match, say which {side} it is."""

    code = "other_side_needed"


class NothingToMatch(Refused):
    """A difference of kind {kind} has both its sides; there is nothing to match."""

    code = "nothing_to_match"


class CannotMatch(Refused):
    """These two cannot be of one sale: {detail}."""

    code = "cannot_match"


def side_of(slip: Slip) -> Side:
    return Side(
        id=slip.id,
        kind=slip.kind,
        number=slip.number,
        at=slip.at,
        net=from_minor(slip.net_minor, slip.currency),
        units=tuple(Units(sku, quantity) for sku, quantity in slip.units),
    )


def of_pair(kind: DifferenceKind, sale: Slip, receipt: Slip, promotion: str | None = None) -> Finding:
    """What differs between the two sides of a sale."""
    return Finding(
        key=f"{kind} {sale.id} {receipt.id}" + (f" {promotion}" if promotion else ""),
        kind=kind,
        currency=sale.currency,
        transaction_id=sale.id,
        receipt_id=receipt.id,
        ours=side_of(sale),
        theirs=side_of(receipt),
        promotion=promotion,
    )


def of_sale(sale: Slip) -> Finding:
    """A sale without a receipt."""
    kind = DifferenceKind.MISSING_WITH_THEM
    return Finding(
        key=f"{kind} {sale.id}",
        kind=kind,
        currency=sale.currency,
        transaction_id=sale.id,
        ours=side_of(sale),
    )


def of_receipt(
    kind: DifferenceKind,
    receipt: Slip,
    candidates: tuple[Slip, ...] = (),
    promotion: str | None = None,
) -> Finding:
    """A receipt without a sale, or of one of several."""
    return Finding(
        key=f"{kind} {receipt.id}" + (f" {promotion}" if promotion else ""),
        kind=kind,
        currency=receipt.currency,
        receipt_id=receipt.id,
        theirs=side_of(receipt),
        promotion=promotion,
        candidates=tuple(map(side_of, candidates)),
    )


def results(asked: Sequence[UUID], known: set[UUID], resolved: set[UUID]) -> tuple[ItemResult, ...]:
    """What became of each of the differences that were named."""

    def outcome(difference_id: UUID) -> ItemOutcome:
        if difference_id in resolved:
            return ItemOutcome.RESOLVED
        return ItemOutcome.RESOLVED_BEFORE if difference_id in known else ItemOutcome.NOT_FOUND

    return tuple(ItemResult(each, outcome(each)) for each in dict.fromkeys(asked))


type Decided = Mapping[str, Settled]
"""What people decided, by the key of the finding."""
