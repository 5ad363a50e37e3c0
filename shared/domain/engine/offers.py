"""Offers of candidates: which benefits stand in this basket, within what the promotion's budget leaves."""

from collections.abc import Sequence
from typing import NamedTuple

from shared.domain.engine.alone import alone
from shared.domain.engine.basket import Headroom
from shared.domain.engine.candidates import make_offer, make_packed_offer
from shared.domain.engine.conditions import Missing, Unmet
from shared.domain.engine.evaluation import LimitReached, NotMet, Outcome, PromotionOutcome
from shared.domain.engine.game import Game
from shared.domain.engine.lane import LaneProblem, Offer, Pool
from shared.domain.engine.plan import Plan, Taker, Tiers
from shared.domain.engine.rule import Measure, TierBy
from shared.domain.filters import Op
from shared.domain.money import SCALE, round_minor


class Offered(NamedTuple):
    """A candidate with its offer, None when it is free; and what it would take off without its budget."""

    plan: Plan
    takers: Sequence[Taker]
    offer: Offer | None
    wanted: int | None = None
    most: int | None = None


def offered(game: Game, plan: Plan, pools: Sequence[Pool], gains: int) -> Offered | PromotionOutcome:
    """Return what a candidate offers on these units, or why it offers nothing.

    `gains` are the bits of the free promotions that could take anything off.
    """
    headroom = game.headroom.get(plan.terms.promotion_id) if game.headroom else None
    limited = headroom is not None and not (headroom.refuse_above is headroom.grant_up_to is None)
    if plan.free and not limited:
        return Offered(plan, plan.takers, None) if plan.bit & gains else plan.no_discount
    takers = plan.takers
    if plan.tiers:
        taker = _tier(plan, plan.tiers, pools)
        if isinstance(taker, PromotionOutcome):
            return taker
        takers = (taker,)
    offer = make(plan, takers, pools)
    if offer is None:
        return plan.too_few if plan.packing else plan.no_target
    found = Offered(plan, takers, offer)
    return _within(game, headroom, found, offer, pools) if limited and headroom else found


def _within(
    game: Game, headroom: Headroom, found: Offered, offer: Offer, pools: Sequence[Pool]
) -> Offered | PromotionOutcome:
    """Return an offer as its budget leaves it: as it is, cut short, or refused."""
    plan = found.plan
    gifts = sum(gift.units * game.basket.gifts[gift.sku].unit_price for gift in plan.gifts)
    value = alone(LaneProblem(pools, (offer,)), 0).value
    if not value:
        return plan.no_discount
    wants = -(-value // SCALE) + gifts
    if headroom.refuse_above is not None and wants > headroom.refuse_above:
        return over_budget(plan, headroom.refuse_above)
    if headroom.grant_up_to is None or wants <= headroom.grant_up_to:
        return found._replace(offer=None if plan.free else offer)
    most = headroom.grant_up_to - gifts
    if most <= 0:
        return over_budget(plan, headroom.grant_up_to)
    wanted = round_minor(value, game.rounding) + gifts
    return Offered(plan, found.takers, make(plan, found.takers, pools, most), wanted, most)


def make(plan: Plan, takers: Sequence[Taker], pools: Sequence[Pool], most: int | None = None) -> Offer | None:
    if plan.packing:
        return make_packed_offer(plan, plan.packing, pools, most)
    return make_offer(plan, pools, takers, most)


def over_budget(plan: Plan, left: int) -> PromotionOutcome:
    return plan.told(Outcome.LIMIT_REACHED, detail=LimitReached("budget", left))


def _tier(plan: Plan, tiers: Tiers, pools: Sequence[Pool]) -> Taker | PromotionOutcome:
    """Return the highest tier reached, or what the first one lacks."""
    where = tiers.where
    by_quantity = tiers.by is TierBy.QUANTITY
    if by_quantity:
        seen = sum([pool.units for pool in pools if pool.mask & where])
    elif tiers.listed:
        seen = sum([pool.units * pool.list_price for pool in pools if pool.mask & where])
    else:
        seen = sum([pool.units * pool.price for pool in pools if pool.mask & where])
    reached = [taker for least, taker in zip(tiers.least, tiers.takers, strict=True) if least <= seen]
    if reached:
        return reached[-1]
    measure = Measure.SUM_QUANTITY if by_quantity else Measure.SUM_AMOUNT
    missing = Missing(measure, tiers.least[0] - seen)
    unmet = Unmet(f"/then/{tiers.place}/tiers/0/from", measure, Op.GE, seen, tiers.least[0], missing)
    return plan.not_met(NotMet("no_tier", (unmet,)), missing)
