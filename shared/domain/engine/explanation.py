"""Explanations: for every promotion of the rule set exactly one outcome, with what it rests on."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from shared.domain.engine.evaluation import BeatenBy, Outcome, PromotionOutcome
from shared.domain.engine.extras import Extras
from shared.domain.engine.lane import Amount
from shared.domain.engine.plan import Plan
from shared.domain.engine.play import LanePlay, Play
from shared.domain.engine.units import Run, Share
from shared.domain.money import SCALE, Rounding, round_minor


class Verdict(NamedTuple):
    """The play that counts, and the exclusive promotion, if it won."""

    winner: Play
    exclusive: Plan | None
    plans: Sequence[Plan]
    extras: Mapping[int, Extras]
    """The gifts and points of those that are applied."""
    rounding: Rounding

    def order(self, index: int) -> tuple[int, int]:
        """Return in which order promotions took their shares: lane, then priority and id."""
        return self.plans[index].lane_place, index


def explain(plan: Plan, own: Play, verdict: Verdict) -> PromotionOutcome:
    """Return the outcome of a promotion that took part in the play `own`."""
    index = plan.index
    if own is not verdict.winner:
        if verdict.exclusive is not None:
            beaten_by = BeatenBy((verdict.exclusive.terms.promotion_id,), None)
            return plan.told(Outcome.EXCLUDED_BY, beaten_by=beaten_by)
        return plan.told(Outcome.BEATEN_BY, beaten_by=_beaten_as_exclusive(index, own, verdict))
    extras = verdict.extras.get(index)
    if extras is None and index not in own.taken:
        return plan.told(Outcome.BEATEN_BY, beaten_by=_beaten_in_lane(plan, verdict))
    discount, wanted, points = own.taken.get(index, 0), own.wanted.get(index), 0
    if extras is not None:
        discount, points = discount + extras.value, extras.points
    wanted = discount if wanted is None else max(wanted, discount)
    terms = plan.terms
    return PromotionOutcome(
        terms.promotion_id,
        terms.version,
        terms.name,
        Outcome.APPLIED,
        discount,
        wanted,
        None,
        None,
        None,
        points,
    )


def _beaten_in_lane(plan: Plan, verdict: Verdict) -> BeatenBy:
    """Compare with what the lane's winners take off the units the promotion would use alone."""
    lane = verdict.winner.lanes[plan.terms.lane]
    own, units = _alone(plan, lane)
    shares = [share for pool, count in units.items() for share in _first_units(lane.after[pool], count)]
    of_lane = plan.lane_place
    return _beaten(
        verdict,
        shares,
        round_minor(own, verdict.rounding),
        lambda rival: verdict.plans[rival].lane_place == of_lane,
    )


def _alone(plan: Plan, lane: LanePlay) -> tuple[Amount, dict[int, int]]:
    """Return what a promotion would take off alone, and how many units of each pool it would use."""
    units: dict[int, int] = {}
    found = lane.alone.get(plan.index)
    if found is not None:
        for cell in found.cells:
            units[cell.pool] = units.get(cell.pool, 0) + cell.units
        return found.value, units
    own: Amount = 0
    for place, standing in enumerate(lane.standings):
        for of, want, floor in standing.free if standing.free_mask & plan.bit else ():
            if of is plan:
                room = (standing.price - max(floor, standing.floor)) * SCALE
                units[place] = lane.pools[place].units
                own += max(0, min(want, room)) * units[place]
    return own, units


def _beaten_as_exclusive(index: int, own: Play, verdict: Verdict) -> BeatenBy:
    """Compare with what all winners take off the units the exclusive promotion would use alone."""
    shares: list[tuple[Share, int]] = []
    for mine, theirs in zip(own.runs, verdict.winner.runs, strict=True):
        shares += _first_units(theirs, sum(run.units for run in mine if run.shares))
    return _beaten(verdict, shares, own.taken.get(index, 0), lambda _: True)


def _beaten(
    verdict: Verdict, shares: Iterable[tuple[Share, int]], own: int, counts: Callable[[int], bool]
) -> BeatenBy:
    theirs: dict[int, int] = {}
    for share, units in shares:
        if counts(share.by):
            theirs[share.by] = theirs.get(share.by, 0) + share.minor * units
    names = tuple(verdict.plans[index].terms.promotion_id for index in sorted(theirs, key=verdict.order))
    return BeatenBy(names, sum(theirs.values()) - own)


def _first_units(runs: Sequence[Run], units: int) -> list[tuple[Share, int]]:
    found: list[tuple[Share, int]] = []
    for run in runs:
        taken = min(run.units, units)
        found += [(share, taken) for share in run.shares if taken]
        units -= taken
    return found
