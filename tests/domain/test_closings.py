"""Closings: which instants a period of local days is."""

from datetime import date, timedelta

import pytest

from shared.domain.closings import Days


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Rome", date(2026, 3, 29), 23),
        ("Europe/Rome", date(2026, 10, 25), 25),
        ("Europe/Rome", date(2026, 6, 1), 24),
        ("Africa/Cairo", date(2026, 4, 24), 23),
        ("America/Havana", date(2026, 11, 1), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
    ],
)
def test_days_on_which_the_clocks_change(zone: str, day: date, hours: float) -> None:
    begin, end = Days(day, day).instants(zone)
    assert end - begin == timedelta(hours=hours)
    before, after = (
        Days(day - timedelta(days=1), day - timedelta(days=1)),
        Days(day + timedelta(days=1), day + timedelta(days=1)),
    )
    assert before.instants(zone)[1] == begin
    assert after.instants(zone)[0] == end
