"""Periods, days of limits, and the places of pages."""

from datetime import UTC, date, datetime

import pytest

from shared.domain.backtests import CursorInvalid, Figures, PeriodInvalid, cursor_of, parse_period, place_of
from shared.domain.burn_down import first_day
from shared.domain.limits import Period


def test_instants_and_days() -> None:
    instants = parse_period("2026-03-01T00:00:00+01:00", "2026-03-02T00:00:00Z")
    assert instants.from_at == datetime(2026, 2, 28, 23, tzinfo=UTC)
    assert (instants.until_at, instants.from_on) == (datetime(2026, 3, 2, tzinfo=UTC), None)
    day = parse_period("2026-03-01", "2026-03-01")
    assert (day.from_on, day.until_on, day.from_at) == (date(2026, 3, 1), date(2026, 3, 1), None)


@pytest.mark.parametrize(
    ("begin", "end", "pointer"),
    [
        ("2026-03-01", "2026-03-02T00:00:00Z", "/until"),
        ("2026-03-02", "2026-03-01", "/until"),
        ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z", "/until"),
        ("2026-02-30", "2026-03-01", "/from"),
        ("2026-03-01", "2026-02-30", "/until"),
        ("soon", "2026-03-01T00:00:00Z", "/from"),
        ("2026-03-01T00:00:00Z", "later", "/until"),
        ("2026-03-01T00:00:00", "2026-03-02T00:00:00Z", "/from"),
    ],
    ids=["mixed", "days back", "empty", "no day", "no last day", "no instant", "no end", "no offset"],
)
def test_what_is_no_period(begin: str, end: str, pointer: str) -> None:
    with pytest.raises(PeriodInvalid) as refused:
        parse_period(begin, end)
    assert refused.value.pointer == pointer


@pytest.mark.parametrize(
    ("period", "first"),
    [
        (Period.EVER, date.min),
        (Period.DAY, date(2026, 3, 1)),
        (Period.WEEK, date(2026, 2, 23)),
        (Period.MONTH, date(2026, 3, 1)),
    ],
)
def test_the_first_day_of_a_sunday(period: Period, first: date) -> None:
    assert first_day(period, date(2026, 3, 1)) == first


def figures(key: str, rank: int) -> Figures:
    amounts = dict.fromkeys(
        ("sales", "affected", "limited", "gross_minor", "before_minor", "after_minor", "granted_minor"), 0
    )
    return Figures(key=key, currency="EUR", rank=rank, granted_so_far_minor=0, **amounts)


@pytest.mark.parametrize(
    "key", ["", "A:B", "line\nbreak", "2026-03-01"], ids=["nobody", "colon", "line", "day"]
)
def test_a_cursor_says_where_the_next_page_begins(key: str) -> None:
    assert place_of(cursor_of(figures(key, -12))) == (-12, "EUR", key)


@pytest.mark.parametrize("cursor", ["", "x:EUR:A", "1:EURO:A", "1:EUR", "1" * 40 + ":EUR:A"])
def test_another_text_is_no_cursor(cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        place_of(cursor)
