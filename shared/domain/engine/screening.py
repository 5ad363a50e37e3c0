"""Screening: which promotions run in a store at an instant, and how long that stays so."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from shared.domain import schedules
from shared.domain.engine.basket import StoreFacts
from shared.domain.engine.evaluation import Outcome, OutsideSchedule, PromotionOutcome, StoreNotTargeted
from shared.domain.engine.plan import Plan

_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)
_MINUTE = timedelta(minutes=1)


class Screening(NamedTuple):
    """The bits of the promotions that run, from `since` until `until`, and everybody's outcome.

    One that runs finds no target unless the basket says otherwise.
    """

    live: int
    outcomes: tuple[PromotionOutcome, ...]
    since: datetime
    until: datetime


def screen(plans: Sequence[Plan], store: StoreFacts, now: datetime) -> Screening:
    facts = {**store.facts, "store.id": store.id}
    live, since, until = 0, _FIRST, _LAST
    outcomes: list[PromotionOutcome] = []
    for plan in plans:
        terms = plan.terms
        zone = schedules.zone_of(terms.zone_policy, store.zone)
        for local in (terms.starts_at, terms.ends_at):
            if local is not None:
                instant = schedules.instant(local, zone)
                since, until = (
                    (max(since, instant), until) if instant <= now else (since, min(until, instant))
                )
        if terms.windows:
            # Windows open and close on full minutes.
            minute = now.astimezone(UTC).replace(second=0, microsecond=0)
            since, until = max(since, minute), min(until, minute + _MINUTE)
        reason = _outside(plan, store.zone, now)
        if reason is not None:
            detail = OutsideSchedule(reason, terms.starts_at, terms.ends_at, zone)
            outcomes.append(plan.told(Outcome.OUTSIDE_SCHEDULE, detail=detail))
        elif plan.stores is not None and not plan.stores(facts):
            outcomes.append(plan.told(Outcome.STORE_NOT_TARGETED, detail=StoreNotTargeted(store.id)))
        else:
            outcomes.append(plan.no_target)
            live |= plan.bit
    return Screening(live, tuple(outcomes), since, until)


def _outside(plan: Plan, store_zone: str, now: datetime) -> str | None:
    terms = plan.terms
    if schedules.has_yet_to_start(terms.starts_at, terms.zone_policy, store_zone, now):
        return "not_started"
    if schedules.has_ended(terms.ends_at, terms.zone_policy, store_zone, now):
        return "ended"
    if not schedules.is_open(terms.windows, store_zone, now):
        return "outside_window"
    return None
