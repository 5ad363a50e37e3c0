"""Schedules: local date-times, placed on the time line by each store's zone or by a named one.

`starts_at` and `ends_at` are naive; the end is exclusive, and "ends 31 December" is stored as midnight of 1
January. Each local time stands for one instant: a time that a clock change skips stands for the instant of
the change, a time that occurs twice for its first occurrence. So later local times never come earlier, and
two promotions that meet at a local time neither overlap nor leave a hole.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from shared.domain.documents import at_key
from shared.domain.errors import Refused

type LocalDateTime = datetime
"""A naive date-time, which stands for another instant in another zone."""

STORE = "store"
"""The zone policy under which every store counts by its own zone."""

_YEARS = range(1970, 3000)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?")


class ScheduleInvalid(Refused):
    """The schedule is not valid: {detail}."""

    code = "schedule_invalid"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a promotion runs: from `starts_at` until before `ends_at`, local times; None is open."""

    starts_at: datetime | None
    ends_at: datetime | None
    zone_policy: str = STORE


@dataclass(frozen=True, slots=True)
class Window:
    """A recurring time: on these ISO weekdays (1 is Monday), from `opens` until before `closes`, local.

    None as `closes` is the end of the day. A window that closes before it opens runs past midnight and
    belongs to the day on which it opens.
    """

    weekdays: frozenset[int]
    opens: time
    closes: time | None


def parse_schedule(
    starts_at: str | None, ends_at: str | None, zone_policy: str = STORE, at: str = ""
) -> Schedule:
    """Return the schedule of the API's texts, or raise ScheduleInvalid with a pointer."""
    start = None if starts_at is None else parse_start(starts_at, at=at_key(at, "starts_at"))
    end = None if ends_at is None else parse_end(ends_at, at=at_key(at, "ends_at"))
    if start is not None and end is not None and end <= start:
        raise ScheduleInvalid(pointer=at_key(at, "ends_at"), detail="it ends before it starts")
    return Schedule(start, end, parse_zone_policy(zone_policy, at=at_key(at, "zone_policy")))


def parse_start(text: str, at: str = "") -> datetime:
    """Return the local start: a date alone means from the beginning of that day."""
    return _parse_local(text, at)[0]


def parse_end(text: str, at: str = "") -> datetime:
    """Return the exclusive local end: a date alone means through that day, so the next midnight."""
    local, is_day = _parse_local(text, at)
    return local + timedelta(days=1) if is_day else local


def parse_zone_policy(text: str, at: str = "") -> str:
    if text != STORE and text not in _zone_names():
        raise ScheduleInvalid(pointer=at, detail=f"{text} is neither store nor an IANA time zone")
    return text


def has_yet_to_start(
    starts_at: datetime | None, zone_policy: str, store_zone: str, now_utc: datetime
) -> bool:
    return starts_at is not None and now_utc < instant(starts_at, zone_of(zone_policy, store_zone))


def has_ended(ends_at: datetime | None, zone_policy: str, store_zone: str, now_utc: datetime) -> bool:
    return ends_at is not None and instant(ends_at, zone_of(zone_policy, store_zone)) <= now_utc


def earliest_start(starts_at: datetime | None, zone_policy: str, zones: Iterable[str]) -> datetime | None:
    """Return the instant at which the first store begins; None when it always ran, or without stores."""
    if starts_at is None:
        return None
    return min((instant(starts_at, zone) for zone in _zones(zone_policy, zones)), default=None)


def latest_end(ends_at: datetime | None, zone_policy: str, zones: Iterable[str]) -> datetime | None:
    """Return the instant at which the last of the stores ends; None when it never does, or without stores."""
    if ends_at is None:
        return None
    return max((instant(ends_at, zone) for zone in _zones(zone_policy, zones)), default=None)


def zone_of(zone_policy: str, store_zone: str) -> str:
    return store_zone if zone_policy == STORE else zone_policy


@lru_cache(maxsize=4096)
def instant(local: datetime, zone: str) -> datetime:
    """Return the instant (UTC) for which a naive local time stands in a zone."""
    if local.tzinfo is not None:
        raise ValueError("a local time has no offset")
    first, second = (local.replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC) for fold in (0, 1))
    return _change_between(second, first, ZoneInfo(zone)) if second < first else first


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant at which the offset changes; in a gap fold 1 reads too early and fold 0 too late."""
    offset = before.astimezone(zone).utcoffset()
    seconds, low = int((after - before).total_seconds()), 0
    while low < seconds:
        middle = (low + seconds) // 2
        if (before + timedelta(seconds=middle)).astimezone(zone).utcoffset() == offset:
            low = middle + 1
        else:
            seconds = middle
    return before + timedelta(seconds=low)


def _zones(zone_policy: str, zones: Iterable[str]) -> set[str]:
    return set(zones) if zone_policy == STORE else {zone_policy}


def _parse_local(text: str, at: str) -> tuple[datetime, bool]:
    is_day = _DATE.fullmatch(text) is not None
    if not is_day and not _DATE_TIME.fullmatch(text):
        raise ScheduleInvalid(pointer=at, detail="a local date or date-time without offset is expected")
    try:
        local = datetime.fromisoformat(text)
    except ValueError as invalid:
        raise ScheduleInvalid(pointer=at, detail=f"{text} is not a date of the calendar") from invalid
    if local.year not in _YEARS:
        raise ScheduleInvalid(pointer=at, detail="a year from 1970 to 2999 is expected")
    return local, is_day


@lru_cache(maxsize=1)
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())
