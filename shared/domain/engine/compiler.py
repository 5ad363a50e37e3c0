"""The compiler: promotions to plans, each distinct filter to one bit."""

from collections.abc import Iterable

from shared.domain.engine.aggregates import Figure
from shared.domain.engine.conditions import Compiled, compile_condition
from shared.domain.engine.figures import asks_running_price, compile_figure
from shared.domain.engine.plan import EVERY_UNIT, Packing, Plan, Taker, Tiers
from shared.domain.engine.rule import (
    Aggregate,
    AmountOff,
    Basis,
    BundlePrice,
    BuyXGetY,
    Condition,
    FixedPrice,
    Gift,
    Per,
    PercentOff,
    Points,
    Tiered,
)
from shared.domain.engine.terms import PromotionTerms
from shared.domain.filters import Filter, leaves
from shared.domain.money import SCALE
from shared.domain.predicates import Predicate, compile_filter


class Compiler:
    """Compiles the promotions of one rule set; equal filters of several of them are one."""

    def __init__(self) -> None:
        self.filters: list[Predicate] = []
        self.bits: dict[str, int] = {}
        self.looked = 0
        """The bits of the goods that conditions look at."""

    def plan(self, index: int, terms: PromotionTerms) -> Plan:
        rule = terms.rule
        takers = tuple(
            self.taker(one) for one in rule.benefits if isinstance(one, PercentOff | AmountOff | FixedPrice)
        )
        tiers = next(
            (self.tiers(place, one) for place, one in enumerate(rule.benefits) if isinstance(one, Tiered)),
            None,
        )
        packing = next(
            (self.packing(one) for one in rule.benefits if isinstance(one, BuyXGetY | BundlePrice)), None
        )
        every = (*takers, *(tiers.takers if tiers else ()))
        targets = [taker.target for taker in every]
        targets += [bit for _, bit in packing.picks] if packing else []
        limited = any(taker.limited for taker in takers)
        capped = any(taker.cap is not None or taker.per is not Per.UNIT for taker in takers)
        whole = capped or tiers is not None or (limited and len(takers) > 1)
        condition = rule.condition
        return Plan(
            index=index,
            bit=1 << index,
            terms=terms,
            condition=None if condition is None else self.condition(condition, terms.promotion_id),
            asks_facts=condition is not None
            and any(not isinstance(leaf, Aggregate) for _, leaf in leaves(condition)),
            stores=None if terms.stores is None else compile_filter(terms.stores),
            takers=takers,
            tiers=tiers,
            packing=packing,
            gifts=tuple(one for one in rule.benefits if isinstance(one, Gift)),
            points=tuple((one, self.bit(one.target)) for one in rule.benefits if isinstance(one, Points)),
            targets=_union(targets),
            free=bool(takers) and not whole and not limited,
            whole=whole,
        )

    def condition(self, condition: Condition, promotion_id: str) -> Compiled:
        def figure_of(aggregate: Aggregate) -> Figure:
            bit = self.bit(aggregate.where)
            self.looked |= EVERY_UNIT if asks_running_price(aggregate) else bit
            return compile_figure(aggregate, bit)

        return compile_condition(condition, promotion_id, figure_of=figure_of)

    def bit(self, where: Filter | None) -> int:
        """Return the bit of a filter; that of none is of every unit."""
        if where is None:
            return EVERY_UNIT
        # Values of different kinds may be equal (1 and true), but are told apart by how they are written.
        name = repr(where)
        if name not in self.bits:
            self.filters.append(compile_filter(where))
            self.bits[name] = 1 << len(self.filters)
        return self.bits[name]

    def taker(self, benefit: PercentOff | AmountOff | FixedPrice, within: Filter | None = None) -> Taker:
        return Taker(benefit, self.bit(within if benefit.target is None else benefit.target))

    def tiers(self, place: int, benefit: Tiered) -> Tiers:
        return Tiers(
            place,
            benefit.by,
            self.bit(benefit.where),
            benefit.basis is Basis.LIST,
            tuple(tier.least for tier in benefit.tiers),
            tuple(self.taker(tier.benefit, benefit.where) for tier in benefit.tiers),
        )

    def packing(self, benefit: BuyXGetY | BundlePrice) -> Packing:
        picks = benefit.picks if isinstance(benefit, BundlePrice) else (benefit.buy, benefit.get)
        floor = benefit.price_floor
        packing = Packing(
            picks=tuple((pick.units, self.bit(pick.where)) for pick in picks),
            listed=benefit.basis is Basis.LIST,
            most=benefit.max_applications,
            cap=None if benefit.max_discount_minor is None else benefit.max_discount_minor * SCALE,
            floor_minor=floor.minor if floor else 0,
            floor_points=floor.basis_points if floor else 0,
        )
        if isinstance(benefit, BundlePrice):
            packing.price = benefit.price_minor
        else:
            packing.basis_points, packing.choose = benefit.basis_points, benefit.choose
        return packing


def _union(bits: Iterable[int]) -> int:
    found = 0
    for bit in bits:
        found |= bit
    return found
