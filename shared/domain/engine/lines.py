"""Lines of the result: what every line costs, who takes what off it, and who pays for that."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from shared.domain.engine.basket import BasketLine
from shared.domain.engine.evaluation import Allocation, EvaluatedLine, UnitRole
from shared.domain.engine.extras import Extras
from shared.domain.engine.game import Game
from shared.domain.engine.plan import Plan
from shared.domain.engine.standing import LineKey
from shared.domain.engine.units import Run, deal_out
from shared.domain.money import Rounding, divide, largest_remainder

type Key = tuple[int, int, bool]
"""Lane and index of a promotion, and whether its units are discounted: the order of allocations."""

_ROLES = (UnitRole.TRIGGER, UnitRole.DISCOUNTED)
_MOST_LINES = 4


def priced_lines(game: Game, runs: Sequence[Sequence[Run]]) -> list[EvaluatedLine]:
    """Return the basket's lines in its order, given the runs of each class."""
    lines = game.basket.lines
    includes = game.basket.store.prices_include_tax
    found: dict[int, EvaluatedLine] = {}
    for (line, _, places), profile, of_class in zip(game.classes, game.profiles, runs, strict=True):
        first = places[0]
        if len(places) > 1:
            dealt = deal_out(of_class, [lines[place].quantity for place in places])
            for place, mine in zip(places, dealt, strict=True):
                found[place] = _priced(game, lines[place], mine)
        elif len(of_class) > 1:
            found[first] = _priced(game, line, of_class)
        else:
            # Units that are all alike: the same products come again, at the same discounts.
            kept_rate, kept_includes, known_lines = profile.lines
            rate = line.tax_rate_pct
            if (kept_rate is not rate and kept_rate != rate) or kept_includes is not includes:
                known_lines = dict[LineKey, EvaluatedLine]()
                # Exchanged together: another thread may be pricing the product at another tax.
                profile.lines = (rate, includes, known_lines)
            shares = of_class[0].shares
            key: LineKey = line.quantity
            if shares:
                key = (key, *[(by, minor, role is UnitRole.DISCOUNTED) for by, minor, role, _ in shares])
            known = known_lines.get(key)
            if known is None:
                if len(known_lines) >= _MOST_LINES:
                    known_lines.clear()
                known = known_lines[key] = _priced(game, line, of_class)
            found[first] = known
    return [found[place] for place in range(len(lines))]


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
    plans = game.program.plans
    discount = 0
    allocations: tuple[Allocation, ...] = ()
    if len(runs) == 1 and len(runs[0].shares) == 1:
        units = runs[0].units
        by, minor, role, _ = runs[0].shares[0]
        discount = minor * units
        allocations = (_allocation(plans[by], role, units, discount),)
    elif runs:
        shares: dict[Key, list[int]] = {}
        for run in runs:
            for share in run.shares:
                key = (plans[share.by].lane_place, share.by, share.role is UnitRole.DISCOUNTED)
                found = shares.setdefault(key, [0, 0])
                found[0] += run.units
                found[1] += share.minor * run.units
        discount = sum([amount for _, amount in shares.values()])
        allocations = tuple(
            [_allocation(plans[key[1]], _ROLES[key[2]], *shares[key]) for key in sorted(shares)]
        )
    net = gross - discount
    tax = tax_of(net, line.tax_rate_pct, includes=game.basket.store.prices_include_tax)
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
