"""One lane's problem: pools of equal units, and the offers that compete for them.

Amounts are in 1/10,000 of a minor unit, prices and floors in minor units.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from shared.domain.engine.rule import Per

type Amount = int | Fraction
"""In 1/10,000 of a minor unit."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Units of one class with one running price and one floor. Pools stand in canonical order."""

    unit_class: int
    units: int
    list_price: int
    price: int
    floor: int


@dataclass(frozen=True, slots=True)
class Grant:
    """One benefit as it stands in this lane.

    `wants` says per pool what a unit should get (per unit) or what it weighs in the split (else).
    """

    per: Per
    wants: Mapping[int, int]
    amount: int = 0
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Units of one pool an offer would use alike: at most so many, or all of them for a whole offer."""

    pool: int
    units: int
    grants: tuple[int, ...]
    want: int
    """The most one of these units gets from per-unit benefits."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A candidate promotion in its lane. Offers stand in order: priority descending, then id.

    A whole offer is off or uses all units of its parts; others may use any number of them within the limits.
    """

    promotion_id: str
    stackable: bool
    whole: bool
    grants: tuple[Grant, ...]
    parts: tuple[Part, ...]
    floors: Mapping[int, int]
    most_in_basket: int | None = None
    most_in_line: int | None = None

    @property
    def free(self) -> bool:
        """Whether each unit can be decided by itself."""
        return not self.whole and self.most_in_basket is None and self.most_in_line is None


type Use = tuple[int, int]
"""An offer and one of its parts, by their places."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Units of a pool used by the same offers."""

    pool: int
    units: int
    uses: tuple[Use, ...]


@dataclass(frozen=True, slots=True)
class LaneProblem:
    pools: tuple[Pool, ...]
    offers: tuple[Offer, ...]

    def room(self, pool: int, uses: tuple[Use, ...]) -> int:
        """Return what a unit can lose at most when these offers use it, in minor units."""
        floor = self.pools[pool].floor
        for offer, _ in uses:
            floor = max(floor, self.offers[offer].floors.get(pool, 0))
        return max(0, self.pools[pool].price - floor)


@dataclass(frozen=True, slots=True)
class Solution:
    """Which units each offer uses. `value` is the whole discount, `bound` no solution can exceed."""

    value: Amount
    bound: Amount
    optimal: bool
    cells: tuple[Cell, ...]
    applied: tuple[int, ...]
    """The offers that give anything, in order."""
