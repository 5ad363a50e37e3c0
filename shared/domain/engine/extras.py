"""Extras: the gifts and points of promotions that apply. They use no units and never conflict."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from shared.domain.engine.evaluation import LimitReached, Outcome, PromotionOutcome
from shared.domain.engine.game import Game
from shared.domain.engine.plan import Plan
from shared.domain.engine.points import points_of
from shared.domain.engine.units import Run


class Extras(NamedTuple):
    """What a promotion gives besides: goods as SKU and units, their value in minor units, and points."""

    gifts: tuple[tuple[str, int], ...]
    value: int
    points: int


def extras_of(game: Game, plan: Plan, runs: Sequence[Sequence[Run]]) -> Extras:
    """Return the gifts of a promotion, and its points for what is paid in the end."""
    gifts = tuple((gift.sku, gift.units) for gift in plan.gifts)
    value = sum(units * game.basket.gifts[sku].unit_price for sku, units in gifts)
    nets = (
        (profile.mask, sum(run.units * run.price for run in of_class))
        for profile, of_class in zip(game.profiles, runs, strict=True)
    )
    points = points_of(plan, game.basket.currency, nets) if plan.points else 0
    return Extras(gifts, value, points)


def over_limit(game: Game, plan: Plan) -> PromotionOutcome | None:
    """Return the outcome of a promotion that gives nothing but a gift its budget does not hold."""
    headroom = game.headroom.get(plan.terms.promotion_id)
    if headroom is None or not plan.gifts:
        return None
    value = sum(gift.units * game.basket.gifts[gift.sku].unit_price for gift in plan.gifts)
    lefts = [left for left in (headroom.refuse_above, headroom.grant_up_to) if left is not None]
    if all(value <= left for left in lefts):
        return None
    return plan.told(Outcome.LIMIT_REACHED, detail=LimitReached("budget", min(lefts)))


def all_extras(game: Game, plans: Iterable[Plan], runs: Sequence[Sequence[Run]]) -> Mapping[int, Extras]:
    return {plan.index: extras_of(game, plan, runs) for plan in plans}
