"""The basket as the engine takes it: prices in minor units, facts under their full names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
class CustomerFacts:
    """The customer of the basket. `facts` has `customer.attributes.…` and `history.…`; `customer.id` is `id`."""

    id: str
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Headroom:
    """What the limits of a promotion leave for this basket; budgets in minor units, None is no limit.

    `used_up` names the limit that leaves nothing. What exceeds `refuse_above` is not given at all, what
    exceeds `grant_up_to` is given up to it.
    """

    used_up: str | None = None
    refuse_above: int | None = None
    grant_up_to: int | None = None


@dataclass(frozen=True, slots=True)
class Basket:
    """What is priced. `gifts` are the goods that promotions may add, one of each, by SKU.

    A promotion that `headroom` does not name has no limit.
    """

    store: StoreFacts
    currency: str
    channel: str
    codes: tuple[str, ...]
    lines: tuple[BasketLine, ...]
    customer: CustomerFacts | None = None
    headroom: Mapping[str, Headroom] = field(default_factory=dict[str, Headroom])
    gifts: Mapping[str, BasketLine] = field(default_factory=dict[str, BasketLine])
