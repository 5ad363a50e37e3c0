"""The rule of a promotion version: its condition (IF) and its benefits (THEN), as values."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from shared.domain.filters import Compare, Filter, Op, Tree, Value


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
class PercentOff:
    basis_points: int
    target: Filter | None = None
    max_units: MaxUnits | None = None
    max_discount_minor: int | None = None
    price_floor: PriceFloor | None = None
    basis: Basis = Basis.RUNNING


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountOff:
    amount_minor: int
    per: Per
    target: Filter | None = None
    max_units: MaxUnits | None = None
    max_discount_minor: int | None = None
    price_floor: PriceFloor | None = None
    basis: Basis = Basis.RUNNING


type Benefit = PercentOff | AmountOff
type Condition = Tree[Compare | Aggregate]


@dataclass(frozen=True, slots=True)
class Rule:
    """An IF/THEN rule. No condition means always; no currency means the rule names no amount."""

    condition: Condition | None
    benefits: tuple[Benefit, ...]
    currency: str | None


def basis_points(percent: Decimal) -> int:
    """Return a percent of at most two decimals in hundredths of a percent."""
    return int(percent * 100)
