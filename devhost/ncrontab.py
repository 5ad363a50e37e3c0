"""Six-field schedules as the NCrontab library of the Azure host reads them, in UTC."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

NEVER = datetime.max.replace(microsecond=0, tzinfo=UTC)
"""What follows when nothing follows; `0 0 0 31 2 *` is how people turn a timer off."""

# The rarest date that does come, a leap day on a given weekday, comes again within 40 years.
_HORIZON = timedelta(days=41 * 366)
_MONTHS = (
    *("january", "february", "march", "april", "may", "june"),
    *("july", "august", "september", "october", "november", "december"),
)
_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    words: tuple[str, ...] = ()

    def parse(self, text: str) -> frozenset[int]:
        """The values a field's text stands for."""
        return frozenset(value for part in text.split(",") for value in self._part(part))

    def _part(self, text: str) -> range:
        span, slash, every = text.partition("/")
        step = max(_number(every), 1) if slash else 1
        if span == "*":
            return range(self.low, self.high + 1, step)
        first, dash, last = span.partition("-")
        start = self._value(first)
        if dash:
            # NCrontab turns a range around instead of wrapping it: FRI-MON is Monday to Friday.
            start, end = sorted((start, self._value(last)))
            return range(start, end + 1, step)
        return range(start, (self.high if slash else start) + 1, step)

    def _value(self, text: str) -> int:
        if text[:1].isalpha():
            for position, word in enumerate(self.words):
                # Any beginning will do: M, mon and Monday are the same.
                if word.startswith(text.lower()):
                    return self.low + position
            raise ValueError(f"{text!r} is no {self.name}")
        value = _number(text)
        if not self.low <= value <= self.high:
            raise ValueError(f"{self.name} {value} is not between {self.low} and {self.high}")
        return value


_FIELDS = (
    _Field("second", 0, 59),
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 6, _DAYS),
)


class Schedule:
    """`{second} {minute} {hour} {day} {month} {day of the week}`; five fields leave the second out.

    A day must fit its field and the weekday its own, both. Sunday is 0 and only 0.
    """

    def __init__(self, expression: str) -> None:
        """ValueError, saying what is wrong, for what NCrontab would not take; a TimeSpan among it."""
        parts = expression.split()
        if len(parts) == 5:
            parts = ["0", *parts]
        if len(parts) != 6:
            raise ValueError(f"{expression!r} has {len(parts)} fields, not five or six")
        sets = [field.parse(part) for field, part in zip(_FIELDS, parts, strict=True)]
        self._seconds, self._minutes, self._hours = map(sorted, sets[:3])
        self._days, self._months, self._weekdays = sets[3:]

    def next_after(self, instant: datetime) -> datetime:
        """The first occurrence later than `instant`, in whole seconds; NEVER when there is none."""
        earliest = instant.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
        day, end = earliest.date(), earliest.date() + _HORIZON
        floor = earliest.time()
        while day < end:
            if self._falls_on(day.month, day.day, day.isoweekday() % 7):
                found = next((at for at in self._times() if at >= floor), None)
                if found is not None:
                    return datetime.combine(day, found, UTC)
            day, floor = day + timedelta(days=1), time.min
        return NEVER

    def is_sub_minute(self, now: datetime) -> bool:
        """Whether it comes more than once in the minute after `now`; the host keeps no record of such."""
        first, end = self.next_after(now), now + timedelta(minutes=1)
        return first < end and self.next_after(first) < end

    def _falls_on(self, month: int, day: int, weekday: int) -> bool:
        return month in self._months and day in self._days and weekday in self._weekdays

    def _times(self) -> Iterator[time]:
        for hour in self._hours:
            for minute in self._minutes:
                for second in self._seconds:
                    yield time(hour, minute, second)


def _number(text: str) -> int:
    if not re.fullmatch(r"\d+", text, re.ASCII):
        raise ValueError(f"{text!r} is no number")
    return int(text)
