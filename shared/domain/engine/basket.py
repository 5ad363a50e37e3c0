"""The basket as the engine takes it: prices in minor units, facts under their full names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple, NoReturn


class Facts(dict[str, object]):
    """Facts that never change, told apart by identity alone.

    Whoever reads the same catalogue text twice gives the engine the same object twice: what a rule set found
    out about it once is then found again by one look-up. Any other mapping works too, only without that.
    """

    __slots__ = ()
    __hash__ = object.__hash__  # pyright: ignore[reportAssignmentType] - a dict has none
    __eq__ = object.__eq__
    __ne__ = object.__ne__

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("facts do not change")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = _refuse
    setdefault = update = _refuse  # pyright: ignore[reportAssignmentType] - their overloads return


class StoreFacts(NamedTuple):
    """The store of the basket. `facts` has `store.city`, `store.attributes.…`; `store.id` comes from `id`."""

    id: str
    zone: str
    facts: Mapping[str, object]
    prices_include_tax: bool = True


class BasketLine(NamedTuple):
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
    """The customer of the basket. `facts` has `customer.attributes.…`, `history.…`; `customer.id` is `id`.

    There is no id where only the attributes of the customer are known.
    """

    id: str | None
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
