"""Burn-down: what the limits of a promotion would have left it, sale by sale, in the order of time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from shared.domain.counters import FOR_EVER, Counter, CounterKey, headroom
from shared.domain.engine.basket import Headroom
from shared.domain.limits import Limit, Measure, Period, Scope
from shared.domain.reruns import Verdict

type Keys = tuple[CounterKey | None, ...]
"""The counter of each limit; None where it counts for a customer and nobody knows who bought."""


@dataclass(slots=True)
class Use:
    """What was used of a counter; `used_up_at` is when the first sale found too little left."""

    used: int = 0
    used_up_at: datetime | None = None


class BurnDown:
    """The counters of a promotion's limits, as far as they were looked up."""

    def __init__(self, promotion_id: UUID, limits: Sequence[Limit]) -> None:
        self._promotion_id = promotion_id
        self._limits = tuple(limits)
        self._names = tuple(limit.name for limit in self._limits)
        self._uses: dict[CounterKey, Use] = {}
        self._touched: set[CounterKey] = set()

    def keys(self, *, customer_id: UUID | None, store_id: str, day: date) -> Keys:
        """The counters of a sale; `day` is its date in its store."""
        if not self._limits:
            return ()
        subjects = {
            Scope.PROMOTION: "",
            Scope.STORE: store_id,
            Scope.CUSTOMER: None if customer_id is None else str(customer_id),
        }
        return tuple(
            None
            if (subject := subjects[limit.per]) is None
            else CounterKey(self._promotion_id, name, subject, first_day(limit.period, day))
            for limit, name in zip(self._limits, self._names, strict=True)
        )

    def unknown(self, sales: Iterable[Keys]) -> set[CounterKey]:
        """The counters of these sales that were not looked up yet."""
        found = {key for keys in sales for key in keys if key is not None}
        return found - self._uses.keys()

    def learn(self, uses: Mapping[CounterKey, Use], keys: Iterable[CounterKey]) -> None:
        """Take what was used before; a key without a use was not used yet."""
        for key in keys:
            self._uses[key] = uses.get(key, Use())

    def headroom(self, keys: Keys, currency: str) -> Headroom | None:
        """What is left for a sale; None without limits."""
        if not keys:
            return None
        counters = [
            Counter(self._promotion_id, limit, key, limit.most, limit.most - self._used(key), {})
            for limit, key in zip(self._limits, keys, strict=True)
        ]
        return headroom(counters, currency).get(str(self._promotion_id))

    def take(self, keys: Keys, at: datetime, verdict: Verdict) -> None:
        """Count what a sale used, or that it found too little left."""
        counters = [
            (limit, self._uses[key], key)
            for limit, key in zip(self._limits, keys, strict=True)
            if key is not None
        ]
        if verdict.limited and counters:
            limit, use, key = min(counters, key=lambda one: _ease(one[0], one[1]))
            if use.used_up_at is None:
                use.used_up_at = at
                self._touched.add(key)
        if verdict.granted is not None:
            for limit, use, key in counters:
                use.used += 1 if limit.measure is Measure.REDEMPTIONS else verdict.granted
                self._touched.add(key)

    def touched(self) -> dict[CounterKey, Use]:
        """What has changed since it was looked up."""
        return {key: self._uses[key] for key in self._touched}

    def _used(self, key: CounterKey | None) -> int:
        return 0 if key is None else self._uses[key].used


def first_day(period: Period, day: date) -> date:
    """Return the first day of the period that a day is in; weeks begin on Monday."""
    match period:
        case Period.EVER:
            return FOR_EVER
        case Period.DAY:
            return day
        case Period.WEEK:
            return day - timedelta(days=day.weekday())
        case Period.MONTH:
            return day.replace(day=1)


def _ease(limit: Limit, use: Use) -> tuple[bool, int]:
    """How far a limit is from having kept a promotion from giving: the least is the one that did."""
    left = limit.most - use.used
    return left > 0 and limit.measure is Measure.REDEMPTIONS, left
