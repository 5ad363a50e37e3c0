"""Schedules: local date-times, placed on the time line by each store's zone or by a named one.

`starts_at` and `ends_at` are naive; the end is exclusive, and "ends 31 December" is stored as midnight of 1
January. Each local time stands for one instant: a time that a clock change skips stands for the instant of
the change, a time that occurs twice for its first occurrence. So later local times never come earlier, and
two promotions that meet at a local time neither overlap nor leave a hole.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from shared.domain import documents
from shared.domain.documents import DocumentInvalid, at_key
from shared.domain.errors import Refused

type LocalDateTime = datetime
"""A naive date-time, which stands for another instant in another zone."""

STORE = "store"
"""The zone policy under which every store counts by its own zone."""

MOST_WINDOWS = 50
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_YEARS = range(1970, 3000)
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
_END_OF_DAY = "24:00"
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


def parse_windows(document: Sequence[Any], at: str = "/windows") -> tuple[Window, ...]:
    """Return the windows of a document, or raise ScheduleInvalid with a pointer. None means always.

    {"weekdays": ["mon", "sat"], "from": "09:00", "to": "13:00"}

    Without weekdays it is every day. `to` is exclusive; `24:00` is the end of the day, and a time before
    `from` is one of the next day.
    """
    try:
        return _parse_windows(list(document), at)
    except DocumentInvalid as invalid:
        raise ScheduleInvalid(pointer=invalid.pointer, detail=invalid.detail) from invalid


def is_open(windows: Sequence[Window], zone: str, now_utc: datetime) -> bool:
    """Say whether one of the windows is open in a store of this zone; without windows it always is.

    The ends of a window are instants as those of a schedule are: each happens once a day, also when the clock
    is put back, and what a clock change skips is as long as what is left of it.
    """
    if not windows:
        return True
    today = now_utc.astimezone(ZoneInfo(zone)).date()
    # Where the clock is put back over midnight, a window of the next day may have opened already.
    days = [today + timedelta(days=offset) for offset in (-1, 0, 1)]
    return any(
        _opens(window, day, zone) <= now_utc < _closes(window, day, zone)
        for window in windows
        for day in days
        if day.isoweekday() in window.weekdays
    )


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


def _opens(window: Window, day: date, zone: str) -> datetime:
    return instant(datetime.combine(day, window.opens), zone)


def _closes(window: Window, day: date, zone: str) -> datetime:
    runs_into_next_day = window.closes is None or window.closes <= window.opens
    return instant(datetime.combine(day + timedelta(days=runs_into_next_day), window.closes or time(0)), zone)


def _parse_windows(document: list[Any], at: str) -> tuple[Window, ...]:
    if not document:
        return ()
    items = documents.an_array(document, at, most=MOST_WINDOWS)
    return tuple(_window(item, at_key(at, place)) for place, item in enumerate(items))


def _window(item: object, at: str) -> Window:
    found = documents.keys(item, at, required=("from", "to"), optional=("weekdays",))
    weekdays = frozenset(range(1, 8))
    if "weekdays" in found:
        named = _weekdays(found["weekdays"], at_key(at, "weekdays"))
        weekdays = frozenset(WEEKDAYS.index(name) + 1 for name in named)
    opens = _time(found["from"], at_key(at, "from"))
    if found["to"] == _END_OF_DAY:
        return Window(weekdays, opens, None)
    closes = _time(found["to"], at_key(at, "to"))
    if closes == opens:
        raise DocumentInvalid(pointer=at_key(at, "to"), detail="it closes when it opens")
    return Window(weekdays, opens, closes)


def _weekdays(document: object, at: str) -> list[str]:
    items = documents.an_array(document, at, most=len(WEEKDAYS))
    names = [documents.one_of(item, at_key(at, place), WEEKDAYS) for place, item in enumerate(items)]
    for place, name in enumerate(names):
        if name in names[:place]:
            raise DocumentInvalid(pointer=at_key(at, place), detail=f"{name} is named twice")
    return names


def _time(document: object, at: str) -> time:
    if not isinstance(document, str) or not _TIME.fullmatch(document):
        raise DocumentInvalid(pointer=at, detail='a time of day is expected, such as "09:30"')
    return time.fromisoformat(document)


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
