"""Meetings: what of a rule decides whether it meets another: units it uses, conditions, goods it needs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from shared.domain.engine.basket import BasketLine
from shared.domain.engine.rule import (
    Aggregate,
    AmountOff,
    Benefit,
    BundlePrice,
    BuyXGetY,
    Condition,
    FixedPrice,
    Gift,
    Measure,
    PercentOff,
    Points,
    Rule,
    TierBy,
    Tiered,
)
from shared.domain.engine.witnesses import witnesses
from shared.domain.facts import name_for
from shared.domain.filters import AllOf, AnyOf, Compare, Filter, InGroup, NotOf, leaves
from shared.domain.operators import Op

EVERYTHING: Filter = AllOf(())
_NOTHING: Filter = AnyOf(())
# So many units or kinds of goods are put into a basket, whatever a rule asks for.
_MOST = 1_000


@dataclass(frozen=True, slots=True)
class Need:
    """Goods that a rule needs in the basket: so many units, kinds, or so much money's worth of a filter."""

    where: Filter
    units: int = 1
    kinds: int = 1
    spend: int = 0
    by: str | None = None
    """The fact by which the kinds differ; None is any difference."""

    def lines(self, goods: Sequence[BasketLine]) -> list[BasketLine]:
        """Return lines of these goods, of which there is at least one, that meet the need."""
        if self.kinds > 1:
            return [_kind(goods[place % len(goods)], place, self) for place in range(min(self.kinds, _MOST))]
        first = goods[0]
        worth = -(-self.spend // first.unit_price) if first.unit_price else 0
        return [first._replace(quantity=max(1, min(_MOST, max(self.units, worth))))]


def unit_filters(rule: Rule) -> list[Filter]:
    """Return a filter for each kind of units that the rule uses."""
    return [EVERYTHING if where is None else where for each in rule.benefits for where in _units_of(each)]


def common_targets(one: Rule, other: Rule) -> list[Filter]:
    """Return filters of units that both rules may use, as far as such units are not proved impossible."""
    pairs = (AllOf((mine, theirs)) for mine, theirs in product(unit_filters(one), unit_filters(other)))
    return [both for both in pairs if not witnesses(both).impossible]


def conditions_of(rule: Rule, promotion_id: str) -> Filter:
    """Return what the condition asks of store, channel, customer and codes; the rest is taken to hold."""
    return EVERYTHING if rule.condition is None else _asked(rule.condition, promotion_id, holds=True)


def needs_of(rule: Rule) -> list[Need]:
    """Return the goods that the condition and the benefits need, whether all at once or not."""
    found: list[Need] = []
    if rule.condition is not None:
        for _, leaf in leaves(rule.condition):
            if isinstance(leaf, Aggregate) and (need := _of_aggregate(leaf)) is not None:
                found.append(need)
    return found + [need for benefit in rule.benefits for need in _of_benefit(benefit)]


def amounts_of(rule: Rule) -> set[int]:
    """Return the amounts that the rule names, in minor units."""
    found: set[int] = set()
    for benefit in rule.benefits:
        match benefit:
            case Tiered():
                found.update(tier.least for tier in benefit.tiers if benefit.by is TierBy.SPEND)
                found.update(amount for tier in benefit.tiers for amount in _amounts(tier.benefit))
            case _:
                found.update(_amounts(benefit))
    found.update(need.spend for need in needs_of(rule))
    return found - {0}


def _units_of(benefit: Benefit) -> tuple[Filter | None, ...]:
    match benefit:
        case BuyXGetY():
            return benefit.buy.where, benefit.get.where
        case BundlePrice():
            return tuple(pick.where for pick in benefit.picks)
        case Tiered():
            return tuple(tier.benefit.target for tier in benefit.tiers)
        case Gift() | Points():
            return ()
        case _:
            return (benefit.target,)


def _asked(condition: Condition, promotion_id: str, *, holds: bool) -> Filter:
    match condition:
        case AllOf(items):
            return AllOf(tuple(_asked(item, promotion_id, holds=holds) for item in items))
        case AnyOf(items):
            return AnyOf(tuple(_asked(item, promotion_id, holds=holds) for item in items))
        case NotOf(item):
            return NotOf(_asked(item, promotion_id, holds=not holds))
        case InGroup():
            return condition
        case Compare() if not condition.fact.startswith("time."):
            return Compare(name_for(condition.fact, promotion_id), condition.op, condition.value)
        case _:
            # Satisfied as it is asked for: times are chosen, and goods are put into the basket.
            return EVERYTHING if holds else _NOTHING


def _of_aggregate(leaf: Aggregate) -> Need | None:
    value = leaf.value[0] if isinstance(leaf.value, tuple) else leaf.value
    if not isinstance(value, int) or leaf.op in {Op.LT, Op.LE, Op.NE} or value + (leaf.op is Op.GT) < 1:
        return None
    least = value + (leaf.op is Op.GT)
    where = EVERYTHING if leaf.where is None else leaf.where
    match leaf.measure:
        case Measure.SUM_QUANTITY:
            return Need(where, units=least)
        case Measure.SUM_AMOUNT:
            return Need(where, spend=least)
        case _:
            return Need(where, kinds=least, by=leaf.fact)


def _of_benefit(benefit: Benefit) -> Iterator[Need]:
    match benefit:
        case BuyXGetY():
            picks = (benefit.buy, benefit.get)
        case BundlePrice():
            picks = benefit.picks
        case Tiered():
            least = benefit.tiers[0].least
            by_quantity = benefit.by is TierBy.QUANTITY
            where = EVERYTHING if benefit.where is None else benefit.where
            yield Need(where, units=least if by_quantity else 1, spend=0 if by_quantity else least)
            return
        case _:
            return
    for pick in picks:
        yield Need(EVERYTHING if pick.where is None else pick.where, units=pick.units)


def _amounts(benefit: Benefit) -> Iterator[int]:
    match benefit:
        case AmountOff():
            yield benefit.amount_minor
        case FixedPrice() | BundlePrice():
            yield benefit.price_minor
        case _:
            pass
    if isinstance(benefit, PercentOff | AmountOff | FixedPrice) and benefit.price_floor is not None:
        yield benefit.price_floor.minor


def _kind(line: BasketLine, place: int, need: Need) -> BasketLine:
    """Return a line that differs from those at other places."""
    if need.by is None or need.by == "product.sku":
        return line._replace(sku=f"{line.sku}-{place}") if place else line
    if need.by == "product.price":
        return line._replace(unit_price=line.unit_price + place)
    seen = line.facts.get(need.by)
    facts = {**line.facts, need.by: seen if seen and not place else f"{seen or 'any'} {place}"}
    return line._replace(sku=f"{line.sku}-{place}" if place else line.sku, facts=facts)
