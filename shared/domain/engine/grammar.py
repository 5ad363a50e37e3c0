"""The keys of the rule language: which objects there are, and what each must and may have."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from shared.domain.engine.rule import Measure
from shared.domain.operators import Op

SCHEMA = 1
MOST_BENEFITS = 20
MOST_ITEMS = 20
MOST_TIERS = 20
MOST_UNITS = 1_000_000
MOST_POINTS = 1_000_000_000
SKU_MOST = 64

PRODUCT = frozenset({"product"})
CONDITION = frozenset({"store", "customer", "history", "basket", "channel", "time", "code"})
"""The namespaces of the facts that product filters and conditions can look at."""

AGGREGATE_OPS = (Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE, Op.BETWEEN)


class BenefitKind(StrEnum):
    PERCENT_OFF = "percent_off"
    AMOUNT_OFF = "amount_off"
    FIXED_PRICE = "fixed_price"
    BUY_X_GET_Y = "buy_x_get_y"
    BUNDLE_PRICE = "bundle_price"
    TIERED = "tiered"
    GIFT = "gift"
    POINTS = "points"


IN_TIERS = (BenefitKind.PERCENT_OFF, BenefitKind.AMOUNT_OFF, BenefitKind.FIXED_PRICE)
ALONE = frozenset({BenefitKind.BUY_X_GET_Y, BenefitKind.BUNDLE_PRICE, BenefitKind.TIERED})
"""Kinds beside which no other benefit may use units."""
WITHOUT_UNITS = frozenset({BenefitKind.GIFT, BenefitKind.POINTS})


@dataclass(frozen=True, slots=True)
class Keys:
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


RULE = Keys(("schema", "then"), ("if",))
MONEY = Keys(("amount", "currency"))
FLOOR_IN_PERCENT = Keys(("percent",))
MAX_UNITS = Keys(("units", "per"))
PICK = Keys(("units",), ("where",))
PICK_AT_PERCENT = Keys(("units",), ("where", "percent"))
TIER = Keys(("from", "then"))
MONEY_COMPARE = Keys(("fact", "op", "value", "currency"))

AGGREGATES: Mapping[Measure, Keys] = {
    measure: Keys((measure, "op", "value"), ("where", "basis")) for measure in Measure
} | {Measure.SUM_AMOUNT: Keys((Measure.SUM_AMOUNT, "op", "value", "currency", "basis"), ("where",))}

_BOUNDS = ("max_applications", "max_discount", "price_floor", "basis")
_TARGETED = ("target", "max_units", *_BOUNDS)

TIERED_BY_QUANTITY = Keys(("kind", "by", "tiers"), ("where", "basis"))
TIERED_BY_SPEND = Keys(("kind", "by", "currency", "basis", "tiers"), ("where",))
FIXED_POINTS = Keys(("kind", "fixed"))
POINTS_BY_SPEND = Keys(("kind", "per_unit_of_currency"), ("target",))

BENEFITS: Mapping[BenefitKind, tuple[Keys, ...]] = {
    BenefitKind.PERCENT_OFF: (Keys(("kind", "percent"), _TARGETED),),
    BenefitKind.AMOUNT_OFF: (Keys(("kind", "amount", "currency", "per"), _TARGETED),),
    BenefitKind.FIXED_PRICE: (Keys(("kind", "price", "currency"), _TARGETED),),
    BenefitKind.BUY_X_GET_Y: (Keys(("kind", "buy", "get"), ("choose", *_BOUNDS)),),
    BenefitKind.BUNDLE_PRICE: (Keys(("kind", "items", "price", "currency"), _BOUNDS),),
    BenefitKind.TIERED: (TIERED_BY_QUANTITY, TIERED_BY_SPEND),
    BenefitKind.GIFT: (Keys(("kind", "sku"), ("units",)),),
    BenefitKind.POINTS: (FIXED_POINTS, POINTS_BY_SPEND),
}
"""The keys of each kind; several where they depend on what is given."""
