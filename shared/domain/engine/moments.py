"""Moments: instants at which two promotions both run, and the proof that there are none."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, time, timedelta

from shared.domain import schedules
from shared.domain.engine.ruleset import PromotionTerms
from shared.domain.filters import Compare, leaves
from shared.domain.schedules import Window

# No two zones are further apart.
_FURTHEST = timedelta(hours=26)
_DAYS = 15
_MINUTES_A_DAY = 24 * 60
_NOON = time(12)


def never_together(one: PromotionTerms, other: PromotionTerms) -> bool:
    """Say whether it is proved that the two never run at the same time in a store."""
    slack = timedelta(0) if one.zone_policy == other.zone_policy else _FURTHEST
    for first, second in ((one, other), (other, one)):
        ends, starts = first.ends_at, second.starts_at
        if ends is not None and starts is not None and ends + slack <= starts:
            return True
    return bool(one.windows and other.windows and not _minutes(one.windows) & _minutes(other.windows))


def moments(terms: Iterable[PromotionTerms], zone: str, since: datetime, most: int) -> list[datetime]:
    """Return up to so many instants, in UTC, at which all of these run in a store of the zone.

    They are looked for from the last start, or from `since`, on noons and at times that the promotions name.
    """
    terms = tuple(terms)
    found: list[datetime] = []
    for local in _local_times(terms, since):
        at = schedules.instant(local, zone)
        if at not in found and all(_runs(one, zone, at) for one in terms):
            found.append(at)
            if len(found) == most:
                break
    return found


def _runs(terms: PromotionTerms, zone: str, at: datetime) -> bool:
    return (
        not schedules.has_yet_to_start(terms.starts_at, terms.zone_policy, zone, at)
        and not schedules.has_ended(terms.ends_at, terms.zone_policy, zone, at)
        and schedules.is_open(terms.windows, zone, at)
    )


def _local_times(terms: tuple[PromotionTerms, ...], since: datetime) -> Iterator[datetime]:
    starts = [one.starts_at for one in terms if one.starts_at is not None]
    begin = max([since.astimezone(UTC).replace(tzinfo=None), *starts])
    times = [_NOON, *sorted({window.opens for one in terms for window in one.windows})]
    times += list(_parsed(time.fromisoformat, _constants(terms, "time.time_of_day")))
    yield begin
    days = list(_parsed(date.fromisoformat, _constants(terms, "time.date")))
    days += [begin.date() + timedelta(days=number) for number in range(_DAYS)]
    for day in days:
        for at in dict.fromkeys(times):
            yield datetime.combine(day, at)
    # Those that ended long ago still met at their start.
    if starts:
        yield from (max(starts), max(starts) + timedelta(days=1, hours=2))


def _constants(terms: tuple[PromotionTerms, ...], fact: str) -> Iterator[str]:
    for one in terms:
        if one.rule.condition is None:
            continue
        for _, leaf in leaves(one.rule.condition):
            if isinstance(leaf, Compare) and leaf.fact == fact:
                values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
                yield from (value for value in values if isinstance(value, str))


def _parsed[T](read: Callable[[str], T], texts: Iterable[str]) -> Iterator[T]:
    """Yield what the texts stand for; the beginning of a date stands for none."""
    for text in sorted(set(texts)):
        with suppress(ValueError):
            yield read(text)


def _minutes(windows: Iterable[Window]) -> set[int]:
    """Return the minutes of the week, from Monday on, in which one of the windows is open."""
    found: set[int] = set()
    for window in windows:
        opens = window.opens.hour * 60 + window.opens.minute
        closes = _MINUTES_A_DAY if window.closes is None else window.closes.hour * 60 + window.closes.minute
        length = closes - opens if closes > opens else closes + _MINUTES_A_DAY - opens
        for weekday in window.weekdays:
            begin = (weekday - 1) * _MINUTES_A_DAY + opens
            found.update((begin + minute) % (7 * _MINUTES_A_DAY) for minute in range(length))
    return found
