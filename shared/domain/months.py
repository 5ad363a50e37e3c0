"""Months: named by their first day, as partitions are."""

from datetime import date


def months_from(day: date, count: int) -> list[date]:
    """The month of a day and those after it, so many in all."""
    first = day.year * 12 + day.month - 1
    return [date(month // 12, month % 12 + 1, 1) for month in range(first, first + count)]
