"""The rule of a promotion version: its condition (IF) and its benefits (THEN), as values."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from shared.domain.filters import Compare, Filter, InGroup, Tree
from shared.domain.operators import Op, Value


class Basis(StrEnum):
    """Which price is looked at: the catalogue's, or the one on entering the promotion's lane."""

    LIST = "list"
    RUNNING = "running"


class Measure(StrEnum):
    """What an aggregate counts over the units it selects."""

    COUNT = "count"
    SUM_QUANTITY = "sum_quantity"
    SUM_AMOUNT = "sum_amount"
    DISTINCT = "distinct"


class Per(StrEnum):
    """What an amount is given for: each unit, each line, or once, spread over all targets."""

    UNIT = "unit"
    LINE = "line"
    BASKET = "basket"


class Choose(StrEnum):
    """Which units of an application are the discounted ones.

    With `cheapest` no discounted unit of an application is dearer than a trigger of it that could have been
    discounted instead; with `dearest` the customer may choose freely.
    """

    CHEAPEST = "cheapest"
    DEAREST = "dearest"


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A figure over the lines of the basket, compared. Values of `sum_amount` are minor units."""

    measure: Measure
    fact: str | None
    where: Filter | None
    op: Op
    value: Value
    basis: Basis


@dataclass(frozen=True, slots=True)
class MaxUnits:
    units: int
    per: Per


@dataclass(frozen=True, slots=True)
class PriceFloor:
    """The least a unit may cost: an amount in minor units, or hundredths of a percent of its list price."""

    minor: int = 0
    basis_points: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounded:
    """What every benefit that takes something off may be bounded by.

    An application is a unit of a benefit per unit, a line of an amount per line, and one set of units of
    buy-x-get-y and of a bundle. `basis` says what a percent is taken of and an amount is spread by.
    """

    max_applications: int | None = None
    max_discount_minor: int | None = None
    price_floor: PriceFloor | None = None
    basis: Basis = Basis.RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Targeted(Bounded):
    """A benefit on the units that a filter selects; None is every unit."""

    target: Filter | None = None
    max_units: MaxUnits | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PercentOff(Targeted):
    basis_points: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountOff(Targeted):
    amount_minor: int
    per: Per


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedPrice(Targeted):
    """Each target unit costs so much, when it would cost more."""

    price_minor: int


@dataclass(frozen=True, slots=True)
class Pick:
    """So many units that a filter selects; None is any unit."""

    units: int
    where: Filter | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyXGetY(Bounded):
    """For each `buy` bought, `get` with a percent off: both kinds of units are used."""

    buy: Pick
    get: Pick
    basis_points: int
    choose: Choose = Choose.CHEAPEST


@dataclass(frozen=True, slots=True, kw_only=True)
class BundlePrice(Bounded):
    """One of each pick together for a price; what they cost more is taken off in proportion to their prices.

    Of several possible sets the customer gets the one that saves most.
    """

    picks: tuple[Pick, ...]
    price_minor: int


class TierBy(StrEnum):
    """What a tier is reached by: the units that the tiers' filter selects, or what they cost."""

    QUANTITY = "quantity"
    SPEND = "spend"


@dataclass(frozen=True, slots=True)
class Tier:
    """`least` is a number of units, or an amount in minor units."""

    least: int
    benefit: PercentOff | AmountOff | FixedPrice


@dataclass(frozen=True, slots=True, kw_only=True)
class Tiered:
    """The benefit of the highest tier reached, and of that one alone. Tiers stand in rising order."""

    by: TierBy
    where: Filter | None
    tiers: tuple[Tier, ...]
    basis: Basis = Basis.RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class Gift:
    """So many units of a SKU added at a discount equal to their list price."""

    sku: str
    units: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """A fixed number of points, or hundredths of a point for each whole major unit the targets cost net."""

    fixed: int = 0
    per_major_hundredths: int = 0
    target: Filter | None = None


type Benefit = PercentOff | AmountOff | FixedPrice | BuyXGetY | BundlePrice | Tiered | Gift | Points
type Condition = Tree[Compare | InGroup | Aggregate]


@dataclass(frozen=True, slots=True)
class Rule:
    """An IF/THEN rule. No condition means always; no currency means the rule names no amount."""

    condition: Condition | None
    benefits: tuple[Benefit, ...]
    currency: str | None


def basis_points(percent: Decimal) -> int:
    """Return a percent of at most two decimals in hundredths of a percent."""
    return int(percent * 100)
