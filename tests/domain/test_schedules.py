"""Schedules in store-local time: six zones, gaps, overlaps, half hours, inclusive end dates."""

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.schedules import (
    ScheduleInvalid,
    earliest_start,
    has_ended,
    has_yet_to_start,
    instant,
    is_open,
    latest_end,
    parse_end,
    parse_schedule,
    parse_start,
    parse_windows,
)

ZONES = [
    "Europe/Rome",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Kiritimati",
    "America/St_Johns",
    "Pacific/Pago_Pago",
]


def in_force(
    starts_at: datetime | None, ends_at: datetime | None, zone_policy: str, store_zone: str, now: datetime
) -> bool:
    """Start <= now < end, by the two questions that the engine asks."""
    began = not has_yet_to_start(starts_at, zone_policy, store_zone, now)
    return began and not has_ended(ends_at, zone_policy, store_zone, now)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "begins"),
    [
        ("Europe/Rome", "2026-06-30T22:00"),
        ("America/New_York", "2026-07-01T04:00"),
        ("Asia/Kolkata", "2026-06-30T18:30"),
        ("Australia/Lord_Howe", "2026-06-30T13:30"),
        ("Asia/Kathmandu", "2026-06-30T18:15"),
        ("Pacific/Kiritimati", "2026-06-30T10:00"),
        ("America/St_Johns", "2026-07-01T02:30"),
        ("Pacific/Pago_Pago", "2026-07-01T11:00"),
    ],
)
def test_a_start_is_midnight_of_each_store(zone: str, begins: str) -> None:
    start = parse_start("2026-07-01")
    assert instant(start, zone) == utc(begins)
    assert not in_force(start, None, "store", zone, utc(begins) - timedelta(microseconds=1))
    assert in_force(start, None, "store", zone, utc(begins))


@pytest.mark.parametrize("zone", ZONES)
def test_an_end_date_is_through_that_day(zone: str) -> None:
    end = parse_end("2026-12-31")
    last = datetime(2026, 12, 31, 23, 59, 59, tzinfo=ZoneInfo(zone))
    assert in_force(None, end, "store", zone, last)
    assert not in_force(None, end, "store", zone, last + timedelta(seconds=1))


def test_an_end_time_is_exclusive() -> None:
    end = parse_end("2026-12-31T18:00")
    assert in_force(None, end, "store", "Europe/Rome", utc("2026-12-31T16:59:59"))
    assert not in_force(None, end, "store", "Europe/Rome", utc("2026-12-31T17:00"))


def test_a_named_zone_counts_for_every_store() -> None:
    start = parse_start("2026-07-01")
    now = utc("2026-06-30T22:00")
    assert in_force(start, None, "Europe/Rome", "America/New_York", now)
    assert not in_force(start, None, "store", "America/New_York", now)


@pytest.mark.parametrize(
    ("zone", "skipped", "change"),
    [
        ("Europe/Rome", "2026-03-29T02:30", "2026-03-29T01:00"),
        ("Europe/Rome", "2026-03-29T02:00", "2026-03-29T01:00"),
        ("Europe/Rome", "2026-03-29T03:00", "2026-03-29T01:00"),
        ("America/New_York", "2026-03-08T02:59", "2026-03-08T07:00"),
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-03T15:30"),
        ("Africa/Cairo", "2026-04-24T00:00", "2026-04-23T22:00"),
        ("Pacific/Apia", "2011-12-30T12:00", "2011-12-30T10:00"),
    ],
)
def test_a_skipped_time_is_the_instant_of_the_change(zone: str, skipped: str, change: str) -> None:
    assert instant(local(skipped), zone) == utc(change)


@pytest.mark.parametrize(
    ("zone", "twice", "first"),
    [
        ("Europe/Rome", "2026-10-25T02:30", "2026-10-25T00:30"),
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T05:30"),
        ("Australia/Lord_Howe", "2026-04-05T01:45", "2026-04-04T14:45"),
        ("America/Havana", "2026-11-01T00:00", "2026-11-01T04:00"),
    ],
)
def test_a_time_that_occurs_twice_is_its_first_occurrence(zone: str, twice: str, first: str) -> None:
    assert instant(local(twice), zone) == utc(first)


def test_a_day_whose_midnight_is_skipped_still_ends() -> None:
    end = parse_end("2026-04-23")
    assert in_force(None, end, "store", "Africa/Cairo", utc("2026-04-23T21:59:59"))
    assert not in_force(None, end, "store", "Africa/Cairo", utc("2026-04-23T22:00"))


moments = st.datetimes(datetime(2005, 1, 1), datetime(2037, 12, 31))  # noqa: DTZ001


@given(
    moments,
    st.timedeltas(timedelta(0), timedelta(hours=30)),
    st.sampled_from([*ZONES, "Pacific/Apia", "Africa/Cairo"]),
)
def test_later_local_times_never_come_earlier(early: datetime, later: timedelta, zone: str) -> None:
    assert instant(early, zone) <= instant(early + later, zone)


@given(moments, st.sampled_from(ZONES), st.integers(-100_000, 100_000))
def test_promotions_that_meet_neither_overlap_nor_leave_a_hole(
    meet: datetime, zone: str, offset: int
) -> None:
    now = instant(meet, zone) + timedelta(seconds=offset)
    before, after = in_force(None, meet, "store", zone, now), in_force(meet, None, "store", zone, now)
    assert before is not after


def test_labels_follow_the_first_and_the_last_store() -> None:
    start, end = parse_start("2026-07-01"), parse_end("2026-07-31")
    assert earliest_start(start, "store", ZONES) == instant(start, "Pacific/Kiritimati")
    assert latest_end(end, "store", ZONES) == instant(end, "Pacific/Pago_Pago")
    assert earliest_start(start, "Asia/Kolkata", ZONES) == utc("2026-06-30T18:30")
    assert latest_end(end, "Asia/Kolkata", []) == utc("2026-07-31T18:30")
    assert earliest_start(None, "store", ZONES) is None
    assert latest_end(None, "store", ZONES) is None
    assert earliest_start(start, "store", []) is None


def test_a_schedule_is_read() -> None:
    schedule = parse_schedule("2026-07-01T09:00", "2026-07-01", "Europe/Rome")
    assert (schedule.starts_at, schedule.ends_at) == (local("2026-07-01T09:00"), local("2026-07-02T00:00"))


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "zone_policy", "pointer"),
    [
        ("2026-07-01T09:00Z", None, "store", "/starts_at"),
        ("2026-07-01T09:00+02:00", None, "store", "/starts_at"),
        ("2026-02-30", None, "store", "/starts_at"),
        ("20260701", None, "store", "/starts_at"),
        ("2026-07-01", "2026-06-30", "store", "/ends_at"),
        ("2026-07-01T09:00", "2026-07-01T09:00", "store", "/ends_at"),
        ("2026-07-01", "9999-12-31", "store", "/ends_at"),
        ("2026-07-01", None, "Mars/Olympus", "/zone_policy"),
        ("2026-07-01", None, "../etc/passwd", "/zone_policy"),
        ("2026-07-01", None, "Europe", "/zone_policy"),
    ],
)
def test_a_wrong_schedule_is_refused(
    starts_at: str, ends_at: str | None, zone_policy: str, pointer: str
) -> None:
    with pytest.raises(ScheduleInvalid) as refusal:
        parse_schedule(starts_at, ends_at, zone_policy, at="/terms")
    assert refusal.value.pointer == f"/terms{pointer}"


# Recurring windows.


def windows(opens: str, closes: str, *weekdays: str) -> Any:
    return parse_windows([{"weekdays": list(weekdays or ("mon",)), "from": opens, "to": closes}])


def test_without_windows_it_is_always_open() -> None:
    assert is_open((), "Europe/Rome", utc("2026-06-15T12:00"))


@pytest.mark.parametrize(
    ("zone", "opens"),
    [
        ("Europe/Rome", "2026-06-15T07:00"),
        ("America/New_York", "2026-06-15T13:00"),
        ("Asia/Kolkata", "2026-06-15T03:30"),
        ("Australia/Lord_Howe", "2026-06-14T22:30"),
        ("Asia/Kathmandu", "2026-06-15T03:15"),
        ("Pacific/Kiritimati", "2026-06-14T19:00"),
        ("America/St_Johns", "2026-06-15T11:30"),
        ("Pacific/Pago_Pago", "2026-06-15T20:00"),
    ],
)
def test_a_window_is_on_the_clock_of_each_store(zone: str, opens: str) -> None:
    monday = windows("09:00", "13:00")
    instant = timedelta(microseconds=1)
    begin, end = utc(opens), utc(opens) + timedelta(hours=4)
    seen = [is_open(monday, zone, at) for at in (begin - instant, begin, end - instant, end)]
    assert seen == [False, True, True, False]
    assert not is_open(monday, zone, begin + timedelta(days=1))
    assert is_open(monday, zone, begin + timedelta(days=7))


@pytest.mark.parametrize(
    ("closes", "last"),
    [("02:00", "2026-06-16T00:00"), ("00:00", "2026-06-15T22:00"), ("24:00", "2026-06-15T22:00")],
)
def test_a_window_past_midnight_belongs_to_the_day_it_opens(closes: str, last: str) -> None:
    night = windows("22:00", closes, "mon")
    second = timedelta(seconds=1)
    assert not is_open(night, "Europe/Rome", utc("2026-06-15T20:00") - second)
    assert is_open(night, "Europe/Rome", utc("2026-06-15T20:00"))
    assert is_open(night, "Europe/Rome", utc(last) - second)
    assert not is_open(night, "Europe/Rome", utc(last))
    assert not is_open(night, "Europe/Rome", utc("2026-06-14T23:00")), "Monday 01:00 is Sunday's night"


@pytest.mark.parametrize(
    ("zone", "opens", "closes", "weekday", "first", "last"),
    [
        # The clock goes from 02:00 to 03:00: what is left of 02:30 to 04:00 is from 03:00 on.
        ("Europe/Rome", "02:30", "04:00", "sun", "2026-03-29T01:00", "2026-03-29T02:00"),
        # All of it is skipped.
        ("Europe/Rome", "02:00", "03:00", "sun", None, None),
        # The clock goes from 03:00 back to 02:00: 01:00 to 03:00 is three hours long.
        ("Europe/Rome", "01:00", "03:00", "sun", "2026-10-24T23:00", "2026-10-25T02:00"),
        # 02:00 to 02:30 happens once, the first time.
        ("Europe/Rome", "02:00", "02:30", "sun", "2026-10-25T00:00", "2026-10-25T00:30"),
        ("Australia/Lord_Howe", "01:00", "02:30", "sun", "2026-04-04T14:00", "2026-04-04T16:00"),
        # Havana puts the clock back at 01:00 to midnight.
        ("America/Havana", "00:00", "01:00", "sun", "2026-11-01T04:00", "2026-11-01T06:00"),
        # Apia had no 30 December 2011, a Friday.
        ("Pacific/Apia", "22:00", "24:00", "thu", "2011-12-30T08:00", "2011-12-30T10:00"),
        # Scoresbysund goes from 00:00 back to 23:00, so that its Saturday night is an hour longer.
        ("America/Scoresbysund", "23:30", "24:00", "sat", "2025-10-26T00:30", "2025-10-26T02:00"),
        # St. John's went from 00:01 back to 23:01: Sunday had begun, and is not taken back.
        ("America/St_Johns", "00:00", "01:00", "sun", "2010-11-07T02:30", "2010-11-07T04:30"),
    ],
)
def test_windows_over_a_change_of_the_clock(
    zone: str, opens: str, closes: str, weekday: str, first: str | None, last: str | None
) -> None:
    each = windows(opens, closes, weekday)
    around = utc(first or "2026-03-29T01:00")
    minutes = [around + timedelta(minutes=minute) for minute in range(-16 * 60, 16 * 60, 5)]
    found = [minute for minute in minutes if is_open(each, zone, minute)]
    expected = [minute for minute in minutes if first and last and utc(first) <= minute < utc(last)]
    assert found == expected


@given(
    moments,
    st.sampled_from([*ZONES, "Pacific/Apia", "Africa/Cairo", "America/Havana"]),
    st.integers(1, 24 * 60 - 1),
)
def test_two_windows_that_share_out_the_day_are_open_one_at_a_time(
    moment: datetime, zone: str, turn: int
) -> None:
    now, text = moment.replace(tzinfo=UTC), f"{turn // 60:02}:{turn % 60:02}"
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    early, late = windows("00:00", text, *days), windows(text, "24:00", *days)
    assert is_open(early, zone, now) is not is_open(late, zone, now)
    assert is_open((*early, *late), zone, now)


def test_windows_are_read() -> None:
    (one, other) = parse_windows(
        [{"from": "22:00", "to": "24:00"}, {"weekdays": ["sat", "mon"], "from": "09:00", "to": "08:59"}]
    )
    assert (one.weekdays, one.opens, one.closes) == (frozenset(range(1, 8)), time(22), None)
    assert (other.weekdays, other.opens, other.closes) == (frozenset({1, 6}), time(9), time(8, 59))
    assert parse_windows([]) == ()


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"weekdays": []}, "/windows/0/weekdays"),
        ({"weekdays": ["mon", "Tue"]}, "/windows/0/weekdays/1"),
        ({"weekdays": ["mon", "mon"]}, "/windows/0/weekdays/1"),
        ({"weekdays": "mon"}, "/windows/0/weekdays"),
        ({"from": "9:00"}, "/windows/0/from"),
        ({"from": "24:00"}, "/windows/0/from"),
        ({"from": 9}, "/windows/0/from"),
        ({"to": "09:00"}, "/windows/0/to"),
        ({"to": "24:01"}, "/windows/0/to"),
        ({"to": None}, "/windows/0/to"),
        ({"zone": "UTC"}, "/windows/0/zone"),
    ],
    ids=str,
)
def test_a_wrong_window_is_refused(change: dict[str, Any], pointer: str) -> None:
    with pytest.raises(ScheduleInvalid) as refusal:
        parse_windows([{"weekdays": ["mon"], "from": "09:00", "to": "13:00"} | change])
    assert refusal.value.pointer == pointer


@pytest.mark.parametrize("key", ["from", "to"])
def test_a_window_without_an_end_is_refused(key: str) -> None:
    with pytest.raises(ScheduleInvalid) as refusal:
        parse_windows([{"from": "09:00", "to": "10:00"}, {key: "09:00"}])
    assert refusal.value.pointer == "/windows/1"
