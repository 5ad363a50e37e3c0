"""Products: what a shop sells, lenses and frames under one sku."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from shared.domain.errors import NotFound


class ProductKind(StrEnum):
    LENS = "lens"
    FRAME = "frame"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """A product; `price` is in units of `currency`, `attributes` are the columns its files had besides."""

    sku: str
    kind: ProductKind
    name: str
    brand: str | None
    collection: str | None
    type: str | None
    price: Decimal
    currency: str
    tax_rate_pct: Decimal
    active: bool
    attributes: Mapping[str, str]
    updated_at: datetime


class ProductUnknown(NotFound):
    """There is no product {sku}."""

    code = "product_unknown"
