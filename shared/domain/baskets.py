"""Baskets: what a store sends and what the catalogue knows of it, brought together for the engine."""

import hashlib
import json
from collections.abc import Container, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, cast
from uuid import UUID

from shared.domain import money
from shared.domain.counters import Counter, headroom
from shared.domain.customers import KnownCustomer, RequestedCustomer, UnknownCustomer
from shared.domain.engine import Basket, BasketLine, StoreFacts
from shared.domain.engine.basket import CustomerFacts, Facts
from shared.domain.errors import Refused

# The canonical form of what has texts and whole numbers only.
_canonical = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
# Facts are kept by their text: a product is parsed once, and what is not asked for any more is forgotten.
_KEPT_FACTS = 16_384


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
    """What a store sends: to be priced, and on confirm to be recorded. Codes are in upper case."""

    store_id: str
    currency: str
    channel: str
    lines: tuple[RequestedLine, ...]
    receipt_number: str | None
    expected_net: Decimal | None
    customer: RequestedCustomer | None = None
    codes: tuple[str, ...] = ()

    @property
    def skus(self) -> list[str]:
        return sorted({line.sku for line in self.lines})

    @property
    def overridden(self) -> frozenset[int]:
        """The places of the lines whose price is not the catalogue's."""
        return frozenset(place for place, line in enumerate(self.lines) if line.unit_price is not None)

    @property
    def hash(self) -> bytes:
        """SHA-256 of the canonical form: a retry of the same request has the same."""
        document: dict[str, object] = {
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
        if self.codes:
            document["codes"] = self.codes
        if self.customer is not None:
            document["customer"] = {
                "id": None if self.customer.id is None else str(self.customer.id),
                "phone_hash": None if self.customer.phone_hash is None else self.customer.phone_hash.hex(),
                "attributes": dict(self.customer.attributes),
            }
        return hashlib.sha256(_canonical(document).encode()).digest()


@dataclass(frozen=True, slots=True)
class SellingStore:
    """What a store brings to a sale."""

    id: str
    zone: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class PricedProduct:
    """What a product brings to a sale."""

    sku: str
    price: Decimal
    currency: str
    tax_rate_pct: Decimal
    facts: Facts


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
    products: Mapping[str, PricedProduct]
    customer: KnownCustomer | None
    counters: tuple[Counter, ...]
    by_key: Earlier | None
    by_receipt: Earlier | None


@lru_cache(maxsize=_KEPT_FACTS)
def facts_of(subject: str, text: str) -> Facts:
    """Return the facts of a product or a store under the names that rules use; what has no value is absent.

    The same text gives the same object, by which the engine knows what it has seen before.
    """
    found = cast("dict[str, Any]", json.loads(text, parse_float=exact_number))
    attributes = cast("dict[str, object]", found.pop("attributes", {}))
    groups = cast("list[str] | None", found.pop("groups", None))
    named: dict[str, object] = {f"{subject}.{name}": value for name, value in found.items()}
    named |= {f"{subject}.attributes.{name}": value for name, value in attributes.items()}
    if groups:
        named[f"{subject}.groups"] = tuple(groups)
    return Facts({name: value for name, value in named.items() if value is not None})


def exact_number(text: str) -> int | Decimal:
    """Return a number of JSON in its one form: 1.50 and 1.5 are one number, and 2.0 is a whole one."""
    number = Decimal(text)
    return int(number) if number == number.to_integral_value() else number.normalize()


def basket_of(request: SaleRequest, facts: SaleFacts, gifts: Container[str] = ()) -> Basket:
    """The basket as the engine takes it: the catalogue's prices in minor units, the facts rules ask about.

    `gifts` are the goods that live promotions may add. One that is not sold, or in another currency, is not
    there to be given. Raises UnknownStore, UnknownCustomer, UnknownSku, CurrencyMismatch, and money's
    CurrencyUnknown and AmountInexact.
    """
    if facts.store is None:
        raise UnknownStore(pointer="/store_id", store_id=request.store_id)
    money.exponent(request.currency, pointer="/currency")
    return Basket(
        store=StoreFacts(facts.store.id, facts.store.zone, facts.store.facts),
        currency=request.currency,
        channel=request.channel,
        codes=request.codes,
        lines=tuple(
            _basket_line(line, facts.products.get(line.sku), request.currency, f"/lines/{place}")
            for place, line in enumerate(request.lines)
        ),
        customer=_customer(request.customer, facts.customer),
        headroom=headroom(facts.counters, request.currency),
        gifts={
            sku: _gift(product, request.currency)
            for sku, product in facts.products.items()
            if sku in gifts and product.currency == request.currency
        },
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
    return BasketLine(line.sku, line.quantity, price, product.tax_rate_pct, product.facts)


def _gift(product: PricedProduct, currency: str) -> BasketLine:
    price = money.to_minor(product.price, currency)
    return BasketLine(product.sku, 1, price, product.tax_rate_pct, product.facts)


def _customer(requested: RequestedCustomer | None, known: KnownCustomer | None) -> CustomerFacts | None:
    if requested is None:
        return None
    kept: Mapping[str, str] = {} if known is None else known.attributes
    attributes = {**kept, **requested.attributes}
    named: dict[str, object] = {f"customer.attributes.{name}": value for name, value in attributes.items()}
    if known is None:
        if requested.id is not None:
            raise UnknownCustomer(pointer="/customer/id", customer_id=requested.id)
        return CustomerFacts(None, named)
    return CustomerFacts(str(known.id), named | dict(known.history))


def _text(amount: Decimal | None) -> str | None:
    """One text for one amount, however it was written: 10, 10.0 and 10.00 are the same request."""
    return None if amount is None else format(amount.normalize(), "f")
