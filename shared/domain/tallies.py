"""Tallies: reruns of sales summed up by store, SKU, promotion, funder and day."""

from collections.abc import Iterator
from typing import NamedTuple

from shared.domain.backtests import Breakdown, StoredSale
from shared.domain.reruns import Rerun, Share

TOTAL = "total"


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
        self._sums: dict[tuple[str, str, str], list[int]] = {}

    def add(self, sale: StoredSale, rerun: Rerun) -> None:
        figures = (
            1,
            rerun.affected,
            rerun.limited,
            rerun.gross,
            rerun.before,
            rerun.after,
            rerun.granted or 0,
        )
        currency = rerun.currency
        self._add((TOTAL, currency, ""), figures)
        self._add((Breakdown.STORE, currency, sale.store_id), figures)
        self._add((Breakdown.DAY, currency, sale.day.isoformat()), figures)
        self._add_shares(Breakdown.SKU, currency, rerun.skus)
        self._add_shares(Breakdown.PROMOTION, currency, rerun.promotions)
        self._add_shares(Breakdown.FUNDER, currency, rerun.funders)

    def rows(self) -> Iterator[TallyRow]:
        """In one order, so that two who add to the same rows do not wait for each other in a ring."""
        for key in sorted(self._sums):
            yield TallyRow(*key, *self._sums[key])

    def _add_shares(self, breakdown: str, currency: str, shares: tuple[Share, ...]) -> None:
        for one in shares:
            figures = (1, one.before != one.after, 0, one.gross, one.before, one.after, 0)
            self._add((breakdown, currency, one.key), figures)

    def _add(self, key: tuple[str, str, str], figures: tuple[int, ...]) -> None:
        sums = self._sums.get(key)
        if sums is None:
            self._sums[key] = [*map(int, figures)]
        else:
            for place, figure in enumerate(figures):
                sums[place] += figure
