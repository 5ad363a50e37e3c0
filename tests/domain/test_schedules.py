"""Schedules in store-local time: six zones, gaps, overlaps, half hours, inclusive end dates."""

from datetime import UTC, datetime, timedelta
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
    latest_end,
    parse_end,
    parse_schedule,
    parse_start,
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
