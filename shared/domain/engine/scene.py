"""The scene: what the condition of a promotion can look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from shared.domain.engine.basket import Basket
from shared.domain.facts import as_code


class Goods(NamedTuple):
    """Units of one class at one running price, as a condition sees them.

    `mask` are the bits of the filters of a rule set that select them at list price.
    """

    unit_class: int
    units: int
    list_price: int
    price: int
    facts: Mapping[str, object]
    mask: int = 0


@dataclass(frozen=True, slots=True)
class Scene:
    """The facts of store, basket, customer and time, and the goods on entering the lane."""

    currency: str
    facts: Mapping[str, object]
    goods: Sequence[Goods]


def facts_of(basket: Basket, now: datetime) -> dict[str, object]:
    """Return the facts of a basket at an instant; the time is that of the store's zone.

    Facts that a promotion has for itself alone keep its id in their names (`facts.name_for`).
    """
    local = now.astimezone(ZoneInfo(basket.store.zone))
    date_and_time = local.isoformat()
    facts: dict[str, object] = {
        **basket.store.facts,
        "store.id": basket.store.id,
        "channel": basket.channel,
        "basket.currency": basket.currency,
        "code": frozenset(map(as_code, basket.codes)) - {""},
        "time.date": date_and_time[:10],
        "time.weekday": local.isoweekday(),
        "time.time_of_day": date_and_time[11:16],
    }
    if basket.customer is not None:
        facts.update(basket.customer.facts)
        facts["customer.id"] = basket.customer.id
    return facts
