"""Returns: which units of a recorded sale come back, and the row below zero that they become."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from shared.domain.engine import SEMANTICS, canonical_json
from shared.domain.engine.evaluation import Allocation as TakenAllocation
from shared.domain.engine.held import Held
from shared.domain.engine.returns import LineTaken, Taken
from shared.domain.errors import Conflict, Refused
from shared.domain.left import left_of
from shared.domain.limits import Measure, measured_by
from shared.domain.money import from_minor
from shared.domain.quotes import (
    Allocation,
    FundedPart,
    Outcome,
    Quote,
    QuotedLine,
    TransactionKind,
    uuid_of,
)
from shared.domain.redemptions import Redemption
from shared.domain.transactions import AlreadyVoided, NotASale, SemanticsChanged


class LineNotSold(Refused):
    """The sale has {lines} lines, gifts included, and the first is line 0: there is no line {line}."""

    code = "line_not_sold"


class SkuNotSold(Refused):
    """The sale has no line of {sku}."""

    code = "sku_not_sold"


class MoreThanLeft(Conflict):
    """Of these, {left} are left to return, not {quantity}."""

    code = "more_than_left"


class NothingLeft(Conflict):
    """Nothing is left of the sale: all of it came back before."""

    code = "nothing_left"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedUnits:
    """Units that come back: of a line, by its place from 0, or of a SKU, from its last line first."""

    quantity: int
    line: int | None = None
    sku: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedReturn:
    """A return as it was recorded; `number` counts those of one sale from 1."""

    id: UUID
    number: int
    reason: str
    user_id: UUID
    quote: Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnableSale:
    """A transaction with all that a return of it rests on; `returns` in the order in which they came."""

    id: UUID
    kind: TransactionKind
    store_id: str
    voided_by: UUID | None
    engine_semantics: int
    seen: str
    quote: Quote
    returns: tuple[RecordedReturn, ...]

    def left(self, before: int | None = None) -> Quote:
        """What is left of the sale, or was before the return of that number."""
        return left_of(
            self.quote, (each.quote for each in self.returns if before is None or each.number < before)
        )


def return_hash(transaction_id: UUID, reason: str, wanted: Sequence[RequestedUnits] | None) -> bytes:
    """SHA-256 of the canonical form of a wish to return."""
    lines = None if wanted is None else [[one.line, one.sku, one.quantity] for one in wanted]
    document = {"return": str(transaction_id), "reason": reason, "lines": lines}
    return hashlib.sha256(canonical_json(document).encode()).digest()


def require_sale(sale: ReturnableSale) -> None:
    """Raises NotASale."""
    if sale.kind is not TransactionKind.SALE:
        raise NotASale(transaction_id=sale.id, kind=sale.kind.value)


def require_returnable(sale: ReturnableSale) -> None:
    """Raises NotASale, AlreadyVoided, SemanticsChanged."""
    _require_standing(sale)
    if sale.engine_semantics != SEMANTICS:
        raise SemanticsChanged(recorded=sale.engine_semantics, current=SEMANTICS)


def left_to_void(sale: ReturnableSale) -> Quote:
    """Return what a void takes back. Raises NotASale, AlreadyVoided, NothingLeft."""
    _require_standing(sale)
    left = sale.left()
    if not any(line.quantity for line in left.lines):
        raise NothingLeft
    return left


def _require_standing(sale: ReturnableSale) -> None:
    require_sale(sale)
    if sale.voided_by is not None:
        raise AlreadyVoided


def units_of(wanted: Sequence[RequestedUnits] | None, left: Quote) -> list[int]:
    """Return how many units of each line come back; None wants all that is left.

    What names its line is served first. Raises LineNotSold, SkuNotSold, MoreThanLeft, NothingLeft.
    """
    free = [line.quantity for line in left.lines]
    if wanted is None:
        if not any(free):
            raise NothingLeft
        return free
    back = [0] * len(free)
    for by_line in (True, False):
        for index, one in enumerate(wanted):
            if (one.line is not None) is by_line:
                _take(one, _places(one, left, f"/lines/{index}"), free, back, f"/lines/{index}/quantity")
    return back


def _places(one: RequestedUnits, left: Quote, at: str) -> list[int]:
    if one.line is not None:
        if one.line >= len(left.lines):
            raise LineNotSold(pointer=f"{at}/line", line=one.line, lines=len(left.lines))
        return [one.line]
    places = [place for place, line in enumerate(left.lines) if line.sku == one.sku]
    if not places:
        raise SkuNotSold(pointer=f"{at}/sku", sku=one.sku)
    return places[::-1]


def _take(one: RequestedUnits, places: Iterable[int], free: list[int], back: list[int], at: str) -> None:
    missing = one.quantity
    for place in places:
        units = min(missing, free[place])
        free[place] -= units
        back[place] += units
        missing -= units
    if missing:
        raise MoreThanLeft(pointer=at, quantity=one.quantity, left=one.quantity - missing)


def quote_of_return(sale: Quote, taken: Taken, now: datetime) -> Quote:
    """The quote of a return: line by line what is taken back, below zero.

    A line that is kept and lost discount has no units and an amount above zero.
    """
    currency = sale.currency
    discounts = _discounts(taken)
    return replace(
        sale,
        gross=-from_minor(taken.gross, currency),
        discount=-from_minor(taken.discount, currency),
        net=-from_minor(taken.net, currency),
        tax=-from_minor(taken.tax, currency),
        bound=-from_minor(taken.discount, currency),
        lines=tuple(_line(line, back, currency) for line, back in zip(sale.lines, taken.lines, strict=True)),
        promotions=tuple(
            replace(
                one,
                discount=-from_minor(discounts.get(one.promotion_id, 0), currency),
                wanted=None,
                points=-taken.points.get(str(one.promotion_id), 0),
            )
            for one in sale.promotions
            if one.outcome is Outcome.APPLIED
        ),
        evaluated_at=now,
        near_misses=(),
        transaction=None,
    )


def redemptions_of(redemptions: Iterable[Redemption], taken: Taken) -> list[Redemption]:
    """Return what a return takes back of what is left of the sale's redemptions, below zero.

    Budgets get back what promotions gave less, and points are taken back as they were lost. That one was
    redeemed at all is taken back once, when it gives nothing more, neither discount nor points, or when
    nothing of the sale is kept.
    """
    discounts = _discounts(taken)
    found = [_redemption(one, discounts.get(one.promotion_id, 0), taken) for one in redemptions]
    return [one for one in found if one.redeemed or one.granted_minor or one.points]


def _redemption(left: Redemption, amount: int, taken: Taken) -> Redemption:
    ends = left.redeemed == 1 and _ends(str(left.promotion_id), amount, taken)
    charges = [
        replace(one, amount=-(amount if measured_by(one.name) is Measure.BUDGET else ends))
        for one in left.taken
    ]
    return Redemption(
        left.promotion_id,
        left.version,
        -int(ends),
        -(left.wanted_minor if ends else amount),
        -amount,
        -taken.points.get(str(left.promotion_id), 0),
        tuple(one for one in charges if one.amount),
    )


def _ends(name: str, amount: int, taken: Taken) -> bool:
    held: Held = taken.held
    if not any(held.units):
        return True
    gives = any(given.amount for (by, _), given in held.given.items() if by == name) or held.points.get(name)
    return not gives and bool(amount or taken.points.get(name))


def _discounts(taken: Taken) -> dict[UUID, int]:
    found: dict[UUID, int] = {}
    for line in taken.lines:
        for one in line.allocations:
            name = uuid_of(one.promotion_id)
            found[name] = found.get(name, 0) + one.amount
    return found


def _line(line: QuotedLine, back: LineTaken, currency: str) -> QuotedLine:
    return replace(
        line,
        quantity=-back.units,
        gross=-from_minor(back.gross, currency),
        discount=-from_minor(back.discount, currency),
        net=-from_minor(back.net, currency),
        tax=-from_minor(back.tax, currency),
        allocations=tuple(_allocation(one, currency) for one in back.allocations),
    )


def _allocation(one: TakenAllocation, currency: str) -> Allocation:
    return Allocation(
        uuid_of(one.promotion_id),
        one.version,
        one.role,
        -one.units,
        -from_minor(one.amount, currency),
        tuple(FundedPart(party, -from_minor(part, currency)) for party, part in one.funding),
    )
