"""Left: what of a recorded sale nobody has taken back yet."""

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from shared.domain.engine.evaluation import UnitRole
from shared.domain.engine.held import Given, Held, Place, plus
from shared.domain.money import to_minor
from shared.domain.quotes import Allocation, FundedPart, Quote, QuotedLine, QuotedPromotion
from shared.domain.redemptions import Charge, Redemption


def left_of(sale: Quote, taken: Iterable[Quote]) -> Quote:
    """The sale's quote less the quotes of what took back of it, whose amounts are below zero."""
    left = sale
    for quote in taken:
        back = {one.promotion_id: one for one in quote.promotions}
        left = replace(
            left,
            gross=left.gross + quote.gross,
            discount=left.discount + quote.discount,
            net=left.net + quote.net,
            tax=left.tax + quote.tax,
            bound=left.bound + quote.bound,
            lines=tuple(_line(one, less) for one, less in zip(left.lines, quote.lines, strict=True)),
            promotions=tuple(_promotion(one, back.get(one.promotion_id)) for one in left.promotions),
        )
    return left


def held_in(quote: Quote) -> Held:
    """What is left, as the engine asks for it."""
    given: dict[Place, Given] = {}
    for place, line in enumerate(quote.lines):
        for one in line.allocations:
            key = (str(one.promotion_id), place)
            funding = [(part.party, to_minor(part.amount, quote.currency)) for part in one.funding]
            given[key] = plus(given.get(key), to_minor(one.amount, quote.currency), funding)
    points = {str(one.promotion_id): one.points for one in quote.promotions if one.points}
    return Held(tuple(line.quantity for line in quote.lines), given, points)


def left_redeemed(redemptions: Iterable[Redemption]) -> list[Redemption]:
    """What is left of a sale's redemptions, by promotion, given all rows about them; none that are zero."""
    found: dict[UUID, Redemption] = {}
    for one in redemptions:
        before = found.get(one.promotion_id)
        found[one.promotion_id] = one if before is None else _redemption(before, one)
    return [
        one for one in found.values() if any((one.redeemed, one.wanted_minor, one.granted_minor, one.points))
    ]


def _line(line: QuotedLine, less: QuotedLine) -> QuotedLine:
    return replace(
        line,
        quantity=line.quantity + less.quantity,
        gross=line.gross + less.gross,
        discount=line.discount + less.discount,
        net=line.net + less.net,
        tax=line.tax + less.tax,
        allocations=_allocations((*line.allocations, *less.allocations)),
    )


def _allocations(allocations: Iterable[Allocation]) -> tuple[Allocation, ...]:
    """One of each promotion and role; none of no units and no amount."""
    found: dict[tuple[UUID, UnitRole], Allocation] = {}
    for one in allocations:
        key = (one.promotion_id, one.role)
        before = found.get(key)
        found[key] = one if before is None else _allocation(before, one)
    return tuple(one for one in found.values() if one.units or one.amount)


def _allocation(one: Allocation, less: Allocation) -> Allocation:
    parts = {part.party: part.amount for part in less.funding}
    return replace(
        one,
        units=one.units + less.units,
        amount=one.amount + less.amount,
        funding=tuple(FundedPart(part.party, part.amount + parts.get(part.party, 0)) for part in one.funding),
    )


def _promotion(one: QuotedPromotion, less: QuotedPromotion | None) -> QuotedPromotion:
    if less is None:
        return one
    return replace(one, discount=one.discount + less.discount, points=one.points + less.points)


def _redemption(one: Redemption, less: Redemption) -> Redemption:
    charged = {(each.name, each.subject, each.starts_on): each.amount for each in one.taken}
    for each in less.taken:
        key = (each.name, each.subject, each.starts_on)
        charged[key] = charged.get(key, 0) + each.amount
    return replace(
        one,
        redeemed=one.redeemed + less.redeemed,
        wanted_minor=one.wanted_minor + less.wanted_minor,
        granted_minor=one.granted_minor + less.granted_minor,
        points=one.points + less.points,
        taken=tuple(Charge(*key, amount) for key, amount in charged.items() if amount),
    )
