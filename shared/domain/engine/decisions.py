"""Decisions on units that only free promotions want: unit by unit, and kept with the unit's standing."""

from shared.domain.engine.evaluation import UnitRole
from shared.domain.engine.free import FreeOffers
from shared.domain.engine.lane import Cell, Grant, LaneProblem, Offer, Part, Pool
from shared.domain.engine.rule import Per
from shared.domain.engine.settle import settle
from shared.domain.engine.standing import Decision, Standing
from shared.domain.money import SCALE

NOTHING = (Decision((), 0, 0, stacks=True),)
_IDLE = (Decision((), 0, 0, stacks=False),)


def decide(standing: Standing, live: int) -> tuple[Decision, ...]:
    """Return the equally good best uses of a unit by these promotions, the bits of their plans."""
    mine = live & standing.free_mask
    if not mine:
        return NOTHING
    found = standing.decisions.get(mine)
    if found is None:
        found = _single(standing, mine) or _stacked(standing, mine)
        standing.remember(mine, found)
    return found


def _single(standing: Standing, live: int) -> tuple[Decision, ...] | None:
    """Decide among promotions of which none stacks: the one that gives most."""
    found: list[Decision] = []
    for plan, want, floor in standing.free:
        if plan.bit & live:
            if plan.terms.stackable:
                return None
            room = (standing.price - max(floor, standing.floor)) * SCALE
            value = max(0, min(want, room))
            if value and (not found or value >= found[0].value):
                one = Decision(((plan.index, value, UnitRole.DISCOUNTED),), floor, value, stacks=False)
                found = [*found, one] if found and found[0].value == value else [one]
    return tuple(found) or _IDLE


def _stacked(standing: Standing, live: int) -> tuple[Decision, ...]:
    pool = Pool(0, 1, standing.list_price, standing.price, standing.floor, standing.profile.mask)
    offers = [
        Offer(
            plan.index,
            plan.terms.stackable,
            whole=False,
            grants=(Grant(Per.UNIT, {0: want}),),
            parts=(Part(0, 1, (0,), want),),
            floors={0: floor},
        )
        for plan, want, floor in standing.free
        if plan.bit & live
    ]
    problem = LaneProblem((pool,), offers)
    wanted = sum(offer.parts[0].want for offer in offers)
    found: list[Decision] = []
    for option in FreeOffers(problem).options(0, ()):
        (settled,) = settle(problem, [Cell(0, 1, option.uses)]).cells
        gives = tuple(
            (offers[place].index, int(given), UnitRole.DISCOUNTED)
            for place, given in settled.given.items()
            if given
        )
        floor = max((offers[place].floors[0] for place, _ in option.uses), default=0)
        stacks = len(option.uses) == len(offers) and option.value == wanted
        found.append(Decision(gives, floor, int(option.value), stacks))
    return tuple(found)
