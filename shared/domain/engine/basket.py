"""The basket as the engine takes it: prices in minor units, facts under their full names."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """The store of the basket. `facts` has `store.city`, `store.attributes.…`; `store.id` comes from `id`."""

    id: str
    zone: str
    facts: Mapping[str, object]
    prices_include_tax: bool = True


@dataclass(frozen=True, slots=True)
class BasketLine:
    """A SKU with a quantity (at least 1) and the price of one unit in minor units.

    `facts` has `product.brand`, `product.attributes.…`; `product.sku` and `product.price` come from the line.
    """

    sku: str
    quantity: int
    unit_price: int
    tax_rate_pct: Decimal
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Basket:
    store: StoreFacts
    currency: str
    channel: str
    codes: tuple[str, ...]
    lines: tuple[BasketLine, ...]
