"""Near misses: what a little more of a SKU of the basket would bring, each tried out."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from shared.domain.engine.basket import Basket
from shared.domain.engine.evaluation import Evaluation, NearMiss, Outcome, PromotionOutcome
from shared.domain.engine.rule import Measure
from shared.domain.engine.ruleset import RuleSet

MOST = 3
_MOST_TRIES = 60
_MOST_UNITS = 20


def near_misses(
    rule_set: RuleSet, basket: Basket, found: Evaluation, again: Callable[[Basket], Evaluation]
) -> tuple[NearMiss, ...]:
    """Return the best of them, by what more is taken off than now.

    A promotion that is not met says how much it lacks, or is tried with up to as many units more as an
    application has; each larger basket is evaluated.
    """
    names = {one.promotion_id: one for one in found.promotions if one.outcome is Outcome.NOT_MET}
    seen: dict[tuple[str, int], Evaluation] = {}
    best: dict[str, NearMiss] = {}
    for promotion_id, sku, units in _tries(rule_set, basket, names):
        if (sku, units) not in seen:
            if len(seen) == _MOST_TRIES:
                break
            seen[sku, units] = again(_larger(basket, sku, units))
        larger = seen[sku, units]
        outcome = next(one for one in larger.promotions if one.promotion_id == promotion_id)
        if outcome.outcome is Outcome.APPLIED:
            gained = larger.discount - found.discount
            miss = NearMiss(promotion_id, sku, units, larger.discount, gained)
            if gained > 0 and (promotion_id not in best or gained > best[promotion_id].gained):
                best[promotion_id] = miss
    ranked = sorted(best.values(), key=lambda miss: (-miss.gained, miss.units, miss.sku, miss.promotion_id))
    return tuple(ranked[:MOST])


def _tries(
    rule_set: RuleSet, basket: Basket, names: dict[str, PromotionOutcome]
) -> Iterator[tuple[str, str, int]]:
    """Yield promotions with a SKU and the number of units that might complete them, the fewest first."""
    prices = {line.sku: line.unit_price for line in basket.lines}
    tries: list[tuple[int, str, str]] = []
    for plan in rule_set.program.plans:
        outcome = names.get(plan.terms.promotion_id)
        if outcome is None:
            continue
        for sku, price in sorted(prices.items()):
            most = 1
            if outcome.missing is not None:
                most = outcome.missing.amount
                if outcome.missing.measure is Measure.SUM_AMOUNT:
                    most = -(-most // price) if price else _MOST_UNITS + 1
                if most <= _MOST_UNITS:
                    tries.append((most, plan.terms.promotion_id, sku))
            elif plan.packing:
                most = max(units for units, _ in plan.packing.picks)
                tries += [(units, plan.terms.promotion_id, sku) for units in range(1, most + 1)]
    for units, promotion_id, sku in sorted(tries):
        yield promotion_id, sku, units


def _larger(basket: Basket, sku: str, units: int) -> Basket:
    lines = list(basket.lines)
    place = next(place for place, line in enumerate(lines) if line.sku == sku)
    lines[place] = lines[place]._replace(quantity=lines[place].quantity + units)
    return replace(basket, lines=tuple(lines))
