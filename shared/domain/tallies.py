"""Tallies: reruns of sales summed up by store, SKU, promotion, funder and day."""

from collections.abc import Iterable, Iterator
from operator import add
from typing import NamedTuple

from shared.domain.backtests import Breakdown
from shared.domain.reruns import Rerun, Sale, Share

TOTAL = "total"
# As plain texts: an enum's hash and value are calls.
_STORE, _DAY, _SKU, _PROMOTION, _FUNDER = (
    each.value
    for each in (Breakdown.STORE, Breakdown.DAY, Breakdown.SKU, Breakdown.PROMOTION, Breakdown.FUNDER)
)


class TallyRow(NamedTuple):
    """One sum of a breakdown; amounts in minor units."""

    breakdown: str
    currency: str
    key: str
    sales: int
    affected: int
    limited: int
    gross: int
    before: int
    after: int
    granted: int


class Tally:
    """Sums so far. They do not depend on the order in which sales are added."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, str, str], tuple[int, ...]] = {}

    def add(self, sale: Sale, rerun: Rerun, times: int = 1) -> None:
        """Count the sale; -1 times takes it back as it was counted."""
        currency, verdict = rerun.currency, rerun.verdict
        figures = (
            1,
            int(rerun.affected),
            int(verdict.limited),
            rerun.gross,
            rerun.before,
            rerun.after,
            verdict.granted or 0,
        )
        if times != 1:
            figures = tuple([times * figure for figure in figures])
        self._add((TOTAL, currency, ""), figures)
        self._add((_STORE, currency, sale.store_id), figures)
        self._add((_DAY, currency, sale.day.isoformat()), figures)
        self._add_shares(_SKU, currency, rerun.skus, times)
        self._add_shares(_PROMOTION, currency, rerun.promotions, times)
        self._add_shares(_FUNDER, currency, rerun.funders, times)

    def merge(self, rows: Iterable[TallyRow]) -> None:
        """Add the sums of another tally."""
        for row in rows:
            self._add(row[:3], row[3:])

    def rows(self) -> Iterator[TallyRow]:
        """In one order, so that two who add to the same rows do not wait for each other in a ring.

        What was taken back whole has no row.
        """
        for key in sorted(self._sums):
            sales, *rest = self._sums[key]
            if sales:
                yield TallyRow(*key, sales, *rest)

    def _add_shares(self, breakdown: str, currency: str, shares: tuple[Share, ...], times: int) -> None:
        for key, gross, before, after in shares:
            figures = (times, times * (before != after), 0, times * gross, times * before, times * after, 0)
            self._add((breakdown, currency, key), figures)

    def _add(self, key: tuple[str, str, str], figures: tuple[int, ...]) -> None:
        sums = self._sums.get(key)
        self._sums[key] = figures if sums is None else tuple(map(add, sums, figures))
