"""Schedules: what an expression stands for, and what is refused."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from devhost.ncrontab import NEVER, Schedule

NOW = "2026-01-01 00:00:00"  # a Thursday


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("0 * * * * *", NOW, "2026-01-01 00:01:00"),
        ("30 * * * * *", NOW, "2026-01-01 00:00:30"),
        ("* * * * * *", "2026-01-01 00:00:00.500", "2026-01-01 00:00:01"),
        ("* * * * * *", "2026-01-01 00:00:00.000001", "2026-01-01 00:00:01"),
        ("*/20 * * * * *", "2026-01-01 00:00:41", "2026-01-01 00:01:00"),
        ("5/20 * * * * *", "2026-01-01 00:00:26", "2026-01-01 00:00:45"),
        ("10-20/5 * * * * *", "2026-01-01 00:00:16", "2026-01-01 00:00:20"),
        ("10-20/5 * * * * *", "2026-01-01 00:00:20", "2026-01-01 00:01:10"),
        ("1,2,40-41 * * * * *", "2026-01-01 00:00:02", "2026-01-01 00:00:40"),
        ("0 0 9-17 * * MON-FRI", "2026-01-02 17:00:00", "2026-01-05 09:00:00"),
        ("0 30 9 * * *", "2026-01-01 09:30:00", "2026-01-02 09:30:00"),
        ("0 59 23 31 12 *", "2026-12-31 23:59:00", "2027-12-31 23:59:00"),
        ("0 0 0 29 2 *", NOW, "2028-02-29 00:00:00"),
        ("0 0 0 31 * *", "2026-01-31 00:00:00", "2026-03-31 00:00:00"),
        # Five fields: at second 0.
        ("*/5 * * * *", "2026-01-01 00:01:07", "2026-01-01 00:05:00"),
        ("* * * * *", NOW, "2026-01-01 00:01:00"),
        # Sunday is 0.
        ("0 0 0 * * 0", NOW, "2026-01-04 00:00:00"),
        ("0 0 0 * * sunday", NOW, "2026-01-04 00:00:00"),
        # The day of the month and the day of the week, not either: Friday the 13th.
        ("0 0 0 13 * 5", NOW, "2026-02-13 00:00:00"),
        ("0 0 0 29 2 MON", NOW, "2044-02-29 00:00:00"),
        # Names by any beginning, the first that fits.
        ("0 0 0 1 feb *", NOW, "2026-02-01 00:00:00"),
        ("0 0 0 1 J *", NOW, "2027-01-01 00:00:00"),
        ("0 0 0 1 Ju *", NOW, "2026-06-01 00:00:00"),
        ("0 0 0 1 DECEMBER *", NOW, "2026-12-01 00:00:00"),
        # A range the wrong way round is turned, not wrapped.
        ("0 0 0 * * FRI-MON", "2026-01-02 00:00:00", "2026-01-05 00:00:00"),
        ("*/0 * * * * *", NOW, "2026-01-01 00:00:01"),
        ("0  0\t12 * * *", NOW, "2026-01-01 12:00:00"),
    ],
)
def test_the_next_occurrence(expression: str, after: str, expected: str) -> None:
    assert Schedule(expression).next_after(at(after)) == at(expected)


def test_a_date_that_never_comes() -> None:
    assert Schedule("0 0 0 31 2 *").next_after(at(NOW)) == NEVER


def test_other_time_zones_are_converted() -> None:
    one_o_clock_in_rome = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    assert Schedule("0 0 1 * * *").next_after(one_o_clock_in_rome) == at("2026-01-01 01:00:00")


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("0 0 0 * * 7", "day of the week 7 is not between 0 and 6"),
        ("00:05:00", "1 fields"),
        ("", "0 fields"),
        ("* * * *", "4 fields"),
        ("* * * * * * *", "7 fields"),
        ("60 * * * * *", "second 60"),
        ("0 0 24 * * *", "hour 24"),
        ("0 0 0 0 * *", "day 0"),
        ("0 0 0 1 13 *", "month 13"),
        ("0 0 0 1 0 *", "month 0"),
        ("0 0 0 1 Foo *", "'Foo' is no month"),
        ("MON * * * * *", "'MON' is no second"),
        ("0 0 0 ? * *", "'\\?' is no number"),
        ("0 0 0 L * *", "'L' is no day"),
        ("1,,2 * * * * *", "'' is no number"),
        ("1-2-3 * * * * *", "'2-3' is no number"),
        ("-5 * * * * *", "'' is no number"),
        ("*/x * * * * *", "'x' is no number"),
        ("5-70 * * * * *", "second 70"),
    ],
)
def test_what_ncrontab_does_not_take_is_refused(expression: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Schedule(expression)


@pytest.mark.parametrize(
    ("expression", "sub_minute"),
    [("* * * * * *", True), ("0,30 * * * * *", True), ("0 * * * * *", False), ("0 0 0 31 2 *", False)],
)
def test_a_schedule_that_comes_twice_a_minute_is_known(expression: str, sub_minute: bool) -> None:
    assert Schedule(expression).is_sub_minute(at("2026-01-01 00:00:10")) is sub_minute
