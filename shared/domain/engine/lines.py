"""Lines of the result: what every line costs, who takes what off it, and who pays for that."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from shared.domain.engine.basket import BasketLine
from shared.domain.engine.evaluation import Allocation, EvaluatedLine, UnitRole
from shared.domain.engine.extras import Extras
from shared.domain.engine.game import Game
from shared.domain.engine.plan import Plan
from shared.domain.engine.units import Run, deal_out
from shared.domain.money import Rounding, divide, largest_remainder

type Key = tuple[int, int, bool]
"""Lane and index of a promotion, and whether its units are discounted: the order of allocations."""


def priced_lines(game: Game, runs: Sequence[Sequence[Run]]) -> list[EvaluatedLine]:
    """Return the basket's lines in its order, given the runs of each class."""
    basket = game.basket
    found: list[EvaluatedLine | None] = [None] * len(basket.lines)
    for one, of_class in zip(game.classes, runs, strict=True):
        dealt = [of_class]
        if len(one.lines) > 1:
            dealt = deal_out(of_class, [basket.lines[place].quantity for place in one.lines])
        for place, mine in zip(one.lines, dealt, strict=True):
            found[place] = _priced(game, basket.lines[place], mine)
    return [line for line in found if line is not None]


def gift_lines(game: Game, extras: Mapping[int, Extras]) -> list[EvaluatedLine]:
    """Return the lines that promotions add: at list price, with an equal discount."""
    lines: list[EvaluatedLine] = []
    for index in sorted(extras):
        plan = game.program.plans[index]
        for sku, units in extras[index].gifts:
            gift = game.basket.gifts[sku]
            gross = units * gift.unit_price
            share = _allocation(plan, UnitRole.DISCOUNTED, units, gross)
            lines.append(EvaluatedLine(sku, units, gift.unit_price, gross, gross, 0, 0, (share,), gift=True))
    return lines


def _priced(game: Game, line: BasketLine, runs: Sequence[Run]) -> EvaluatedLine:
    gross = line.quantity * line.unit_price
    shares: dict[Key, list[int]] = {}
    plans = game.program.plans
    discount = 0
    for run in runs:
        for share in run.shares:
            key = (plans[share.by].lane_place, share.by, share.role is UnitRole.DISCOUNTED)
            found = shares.get(key)
            minor = share.minor * run.units
            discount += minor
            if found is None:
                shares[key] = [run.units, minor]
            else:
                found[0] += run.units
                found[1] += minor
    net = gross - discount
    tax = tax_of(net, line.tax_rate_pct, includes=game.basket.store.prices_include_tax)
    allocations = tuple(
        [
            _allocation(plans[key[1]], UnitRole.DISCOUNTED if key[2] else UnitRole.TRIGGER, *shares[key])
            for key in sorted(shares)
        ]
    )
    return EvaluatedLine(line.sku, line.quantity, line.unit_price, gross, discount, net, tax, allocations)


def _allocation(plan: Plan, role: UnitRole, units: int, amount: int) -> Allocation:
    terms = plan.terms
    funding: tuple[tuple[str, int], ...] = ()
    if terms.funding:
        split = largest_remainder(amount, [funder.share for funder in terms.funding])
        funding = tuple(
            (funder.party, share + extra) for funder, (share, extra) in zip(terms.funding, split, strict=True)
        )
    return Allocation(terms.promotion_id, terms.version, role, units, amount, funding)


def tax_of(net: int, rate_pct: Decimal, *, includes: bool) -> int:
    """Return the tax of a net amount: the part of it that is tax, or what comes on top of it."""
    numerator, denominator = rate_pct.as_integer_ratio()
    whole = 100 * denominator
    return divide(net * numerator, whole + numerator if includes else whole, Rounding.HALF_EVEN)
