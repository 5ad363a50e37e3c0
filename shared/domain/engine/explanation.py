"""Explanations: for every promotion of the rule set exactly one outcome, with what it rests on."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from shared.domain.engine.components import alone_cells, alone_value
from shared.domain.engine.conditions import Missing
from shared.domain.engine.evaluation import BeatenBy, Detail, Outcome, PromotionOutcome
from shared.domain.engine.play import Play
from shared.domain.engine.ruleset import PromotionTerms
from shared.domain.engine.units import Run, Share
from shared.domain.money import Rounding, round_minor


@dataclass(frozen=True, slots=True)
class Verdict:
    """The play that counts, its applied promotions in canonical order, and the exclusive one, if it won."""

    winner: Play
    applied: tuple[str, ...]
    exclusive: str | None
    rounding: Rounding


def explain(terms: PromotionTerms, own: Play, verdict: Verdict) -> PromotionOutcome:
    """Return the outcome of a promotion that was a part of the play `own`."""
    name = terms.promotion_id
    if name in own.refused:
        detail, missing = own.refused[name]
        return told(terms, Outcome.NOT_MET, detail=detail, missing=missing)
    if own is verdict.winner:
        if name in own.applied:
            return told(terms, Outcome.APPLIED, discount=own.applied[name])
        return told(terms, Outcome.BEATEN_BY, beaten_by=_beaten_in_lane(name, verdict))
    if verdict.exclusive is not None:
        return told(terms, Outcome.EXCLUDED_BY, beaten_by=BeatenBy((verdict.exclusive,), None))
    return told(terms, Outcome.BEATEN_BY, beaten_by=_beaten_as_exclusive(name, own, verdict))


def told(
    terms: PromotionTerms,
    outcome: Outcome,
    *,
    discount: int | None = None,
    missing: Missing | None = None,
    beaten_by: BeatenBy | None = None,
    detail: Detail | None = None,
) -> PromotionOutcome:
    return PromotionOutcome(
        promotion_id=terms.promotion_id,
        version=terms.version,
        name=terms.name,
        outcome=outcome,
        discount=discount or 0,
        wanted=discount,
        missing=missing,
        beaten_by=beaten_by,
        detail=detail,
    )


def _beaten_in_lane(name: str, verdict: Verdict) -> BeatenBy:
    """Compare with what the lane's winners take off the units the promotion would use alone."""
    lane, place = verdict.winner.lanes[name]
    rivals = {offer.promotion_id for offer in lane.problem.offers}
    units: dict[int, int] = {}
    for cell in alone_cells(lane.problem, place):
        units[cell.pool] = units.get(cell.pool, 0) + cell.units
    shares = [share for pool, count in units.items() for share in _first_units(lane.after[pool], count)]
    own = round_minor(alone_value(lane.problem, place), verdict.rounding)
    return _beaten(verdict, shares, own, lambda rival: rival in rivals)


def _beaten_as_exclusive(name: str, own: Play, verdict: Verdict) -> BeatenBy:
    """Compare with what all winners take off the units the exclusive promotion would discount alone."""
    shares: list[tuple[Share, int]] = []
    for mine, theirs in zip(own.runs, verdict.winner.runs, strict=True):
        shares += _first_units(theirs, sum(run.units for run in mine if run.shares))
    return _beaten(verdict, shares, own.applied[name], lambda _: True)


def _beaten(
    verdict: Verdict, shares: Iterable[tuple[Share, int]], own: int, counts: Callable[[str], bool]
) -> BeatenBy:
    theirs: dict[str, int] = {}
    for share, units in shares:
        if counts(share.promotion_id):
            theirs[share.promotion_id] = theirs.get(share.promotion_id, 0) + share.minor * units
    names = tuple(name for name in verdict.applied if name in theirs)
    return BeatenBy(names, sum(theirs.values()) - own)


def _first_units(runs: Sequence[Run], units: int) -> list[tuple[Share, int]]:
    found: list[tuple[Share, int]] = []
    for run in runs:
        taken = min(run.units, units)
        found += [(share, taken) for share in run.shares if taken]
        units -= taken
    return found
