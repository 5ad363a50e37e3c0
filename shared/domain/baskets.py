"""Baskets: what a store sends and what the catalogue knows of it, brought together for the engine."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from shared.domain import money
from shared.domain.engine import SEMANTICS, Basket, BasketLine, StoreFacts, canonical_json
from shared.domain.errors import Refused


class UnknownStore(Refused):
    """There is no active store {store_id}."""

    code = "unknown_store"


class UnknownSku(Refused):
    """There is no active product {sku}."""

    code = "unknown_sku"


class CurrencyMismatch(Refused):
    """The basket is in {wanted}, but {sku} is priced in {found}."""

    code = "currency_mismatch"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedLine:
    sku: str
    quantity: int
    unit_price: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleRequest:
    """What a store sends: to be priced, and on confirm to be recorded."""

    store_id: str
    currency: str
    channel: str
    lines: tuple[RequestedLine, ...]
    receipt_number: str | None
    expected_net: Decimal | None

    @property
    def skus(self) -> list[str]:
        return sorted({line.sku for line in self.lines})

    @property
    def hash(self) -> bytes:
        """SHA-256 of the canonical form: a retry of the same request has the same."""
        document = {
            "store_id": self.store_id,
            "currency": self.currency,
            "channel": self.channel,
            "receipt_number": self.receipt_number,
            "expected_net": _text(self.expected_net),
            "lines": [
                {"sku": line.sku, "quantity": line.quantity, "unit_price": _text(line.unit_price)}
                for line in self.lines
            ],
        }
        return hashlib.sha256(canonical_json(document).encode()).digest()


@dataclass(frozen=True, slots=True)
class SellingStore:
    """What a store brings to a sale; `facts` are named as rules name them, without the `store.`."""

    id: str
    zone: str
    facts: Mapping[str, Any]
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PricedProduct:
    """What a product brings to a sale; `facts` are named as rules name them, without the `product.`."""

    sku: str
    price: Decimal
    currency: str
    tax_rate_pct: Decimal
    facts: Mapping[str, Any]
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Earlier:
    """A sale recorded before under the same key, and the hash of the request that recorded it."""

    transaction_id: UUID
    request_hash: str


@dataclass(frozen=True, slots=True)
class SaleFacts:
    """What the one read before an evaluation brings."""

    rule_set_version: int
    store: SellingStore | None
    products: tuple[PricedProduct, ...]
    by_key: Earlier | None
    by_receipt: Earlier | None


def basket_of(request: SaleRequest, facts: SaleFacts) -> Basket:
    """The basket as the engine takes it: the catalogue's prices in minor units, the facts rules ask about.

    Raises UnknownStore, UnknownSku, CurrencyMismatch, and money's CurrencyUnknown and AmountInexact.
    """
    if facts.store is None:
        raise UnknownStore(pointer="/store_id", store_id=request.store_id)
    money.exponent(request.currency, pointer="/currency")
    products = {product.sku: product for product in facts.products}
    return Basket(
        store=StoreFacts(
            id=facts.store.id,
            zone=facts.store.zone,
            facts=_named("store", facts.store.facts, facts.store.attributes),
        ),
        currency=request.currency,
        channel=request.channel,
        codes=(),
        lines=tuple(
            _basket_line(line, products.get(line.sku), request.currency, f"/lines/{index}")
            for index, line in enumerate(request.lines)
        ),
    )


def _basket_line(
    line: RequestedLine, product: PricedProduct | None, currency: str, pointer: str
) -> BasketLine:
    if product is None:
        raise UnknownSku(pointer=f"{pointer}/sku", sku=line.sku)
    if line.unit_price is not None:
        price = money.to_minor(line.unit_price, currency, pointer=f"{pointer}/unit_price")
    elif product.currency != currency:
        raise CurrencyMismatch(
            pointer=f"{pointer}/sku", wanted=currency, sku=line.sku, found=product.currency
        )
    else:
        price = money.to_minor(product.price, currency)
    return BasketLine(
        sku=line.sku,
        quantity=line.quantity,
        unit_price=price,
        tax_rate_pct=product.tax_rate_pct,
        facts=_named("product", product.facts, product.attributes),
    )


def seen_of(basket: Basket, facts: SaleFacts, now: datetime) -> Mapping[str, object]:
    """Everything the engine was given, so that the sale can be replayed: basket, rule set, clock."""
    return {
        "engine_semantics": SEMANTICS,
        "rule_set_version": facts.rule_set_version,
        "now": now.isoformat(),
        "currency": basket.currency,
        "channel": basket.channel,
        "codes": basket.codes,
        "store": {
            "id": basket.store.id,
            "zone": basket.store.zone,
            "prices_include_tax": basket.store.prices_include_tax,
            "facts": basket.store.facts,
        },
        "lines": [
            {
                "sku": line.sku,
                "quantity": line.quantity,
                "unit_price": line.unit_price,
                "tax_rate_pct": line.tax_rate_pct,
                "facts": line.facts,
            }
            for line in basket.lines
        ],
    }


def _named(namespace: str, facts: Mapping[str, Any], attributes: Mapping[str, Any]) -> Mapping[str, object]:
    """Facts under the names that rules use; what has no value is absent."""
    named = {f"{namespace}.{name}": value for name, value in facts.items()}
    named |= {f"{namespace}.attributes.{name}": value for name, value in attributes.items()}
    return {name: value for name, value in named.items() if value is not None}


def _text(amount: Decimal | None) -> str | None:
    """One text for one amount, however it was written: 10, 10.0 and 10.00 are the same request."""
    return None if amount is None else format(amount.normalize(), "f")
