"""One lane's problem: pools of equal units, and the offers that compete for them.

Amounts are in 1/10,000 of a minor unit, prices and floors in minor units.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NamedTuple

from shared.domain.engine.rule import Per
from shared.domain.money import SCALE

type Amount = int | Fraction
"""In 1/10,000 of a minor unit."""


@dataclass(slots=True, eq=False)
class Pool:
    """Units of one class with one running price and one floor. Pools stand in canonical order.

    `taken` is what promotions before took off each unit in a lane served by priority.
    """

    unit_class: int
    units: int
    list_price: int
    price: int
    floor: int
    mask: int
    taken: Amount = 0


@dataclass(slots=True, eq=False)
class Grant:
    """One benefit as it stands in this lane.

    `wants` says per pool what a unit should get (per unit) or what it weighs in the split (else).
    """

    per: Per
    wants: Mapping[int, int]
    amount: int = 0
    most: int | None = None


@dataclass(slots=True, eq=False)
class Part:
    """Units of one pool an offer would use alike: at most so many, or all of them for a whole offer.

    A trigger has no grants. `pick` is the place of the pick of a packed offer that takes them.
    """

    pool: int
    units: int
    grants: tuple[int, ...]
    want: int
    """The most one of these units gets from per-unit benefits; of a bundle, the price it brings in."""
    pick: int = 0


@dataclass(slots=True, eq=False)
class Packs:
    """How a packed offer forms applications: so many units of each pick, for a price if it is a bundle.

    `ordered` says that no discounted unit may be dearer than a trigger of its application that could have
    been discounted instead.
    """

    units: tuple[int, ...]
    most: int
    price: int | None
    ordered: bool
    prices: Mapping[int, int]
    """Per pool, on the offer's basis."""


@dataclass(slots=True, eq=False)
class Offer:
    """A candidate promotion in its lane. Offers stand in order: priority descending, then id.

    A whole offer is off or uses all units of its parts, a packed one forms applications; others may use any
    number of units within the limits. `most` bounds what it takes off in all.
    """

    index: int
    stackable: bool
    whole: bool
    grants: tuple[Grant, ...]
    parts: tuple[Part, ...]
    floors: Mapping[int, int]
    in_basket: int | None = None
    in_line: int | None = None
    packs: Packs | None = None
    most: int | None = None
    free: bool = field(init=False)
    """Whether each unit can be decided by itself."""

    def floor(self, pool: int, number: int) -> int:
        """Return the floor of a unit of a part; a trigger is not discounted, so it has none."""
        return self.floors.get(pool, 0) if self.floors and self.parts[number].grants else 0

    def __post_init__(self) -> None:
        limited = self.in_basket is not None or self.in_line is not None
        self.free = not (self.whole or limited or self.packs)


type Use = tuple[int, int]
"""An offer and one of its parts, by their places."""


class Cell(NamedTuple):
    """Units of a pool used by the same offers."""

    pool: int
    units: int
    uses: tuple[Use, ...]


@dataclass(slots=True, eq=False)
class LaneProblem:
    pools: Sequence[Pool]
    offers: Sequence[Offer]

    def room(self, pool: int, uses: tuple[Use, ...]) -> Amount:
        """Return what a unit can lose at most when these offers use it."""
        one = self.pools[pool]
        floor = one.floor
        for offer, number in uses:
            floor = max(floor, self.offers[offer].floor(pool, number))
        return max(0, (one.price - floor) * SCALE - one.taken)
