"""Baskets: what a store sends and what the catalogue knows, brought together."""

import hashlib
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.baskets import (
    PricedProduct,
    RequestedLine,
    SaleFacts,
    SaleRequest,
    SellingStore,
    basket_of,
)
from shared.domain.customers import KnownCustomer, RequestedCustomer, UnknownCustomer
from shared.domain.engine import canonical_json
from shared.domain.engine.basket import Facts

SOMEBODY = UUID(int=5)


def product(sku: str, price: str, currency: str = "EUR") -> PricedProduct:
    return PricedProduct(sku, Decimal(price), currency, Decimal(22), Facts({"product.brand": "Lumen"}))


def facts(*products: PricedProduct, customer: KnownCustomer | None = None) -> SaleFacts:
    store = SellingStore("S1", "Europe/Rome", Facts({"store.city": "Roma"}))
    return SaleFacts(1, store, {each.sku: each for each in products}, customer, (), None, None)


def request(*lines: RequestedLine, customer: RequestedCustomer | None = None) -> SaleRequest:
    return SaleRequest(
        store_id="S1",
        currency="EUR",
        channel="store",
        lines=lines or (RequestedLine(sku="A", quantity=1, unit_price=None),),
        receipt_number=None,
        expected_net=None,
        customer=customer,
        codes=("SPRING",),
    )


def test_gifts_are_there_when_they_can_be_given() -> None:
    read = facts(product("A", "1.00"), product("G", "7.77"), product("USD", "5.00", "USD"))
    basket = basket_of(request(), read, frozenset({"G", "USD", "GONE", "A"}))
    assert {sku: line.unit_price for sku, line in basket.gifts.items()} == {"G": 777, "A": 100}
    assert [line.sku for line in basket.lines] == ["A"]
    assert basket_of(request(), read).gifts == {}


def test_a_price_of_ones_own_is_marked_and_needs_no_price_of_the_catalogue_in_this_currency() -> None:
    sale = request(
        RequestedLine(sku="A", quantity=2, unit_price=None),
        RequestedLine(sku="USD", quantity=1, unit_price=Decimal("3.50")),
    )
    basket = basket_of(sale, facts(product("A", "1.00"), product("USD", "5.00", "USD")))
    assert [line.unit_price for line in basket.lines] == [100, 350]
    assert sale.overridden == {1}


def test_a_customer_has_kept_and_sent_attributes_and_history() -> None:
    known = KnownCustomer(
        id=SOMEBODY,
        attributes={"tier": "gold", "city": "Roma"},
        history={"history.orders": 3},
        is_new=False,
    )
    asked = RequestedCustomer(id=SOMEBODY, attributes={"tier": "silver"})
    customer = basket_of(request(customer=asked), facts(product("A", "1.00"), customer=known)).customer
    assert customer is not None
    assert customer.id == str(SOMEBODY)
    assert customer.facts == {
        "customer.attributes.tier": "silver",
        "customer.attributes.city": "Roma",
        "history.orders": 3,
    }


def test_a_customer_who_is_not_known() -> None:
    read = facts(product("A", "1.00"))
    with pytest.raises(UnknownCustomer) as refusal:
        basket_of(request(customer=RequestedCustomer(id=SOMEBODY, attributes={})), read)
    assert refusal.value.pointer == "/customer/id"
    unnamed = basket_of(request(customer=RequestedCustomer(attributes={"tier": "gold"})), read).customer
    assert unnamed is not None
    assert (unnamed.id, unnamed.facts) == (None, {"customer.attributes.tier": "gold"})
    assert basket_of(request(), read).customer is None
    assert basket_of(replace(request(), codes=()), read).codes == ()


@given(
    st.lists(st.tuples(st.text(max_size=5), st.integers(1, 9), st.none() | st.decimals(0, 99, places=2))),
    st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2),
    st.booleans(),
)
def test_the_hash_is_that_of_the_canonical_form(
    lines: list[tuple[str, int, Decimal | None]], attributes: dict[str, str], known: bool
) -> None:
    customer = RequestedCustomer(id=SOMEBODY if known else None, phone_hash=b"\1", attributes=attributes)
    sale = request(
        *(RequestedLine(sku=sku, quantity=count, unit_price=price) for sku, count, price in lines),
        customer=customer,
    )
    document = {
        "store_id": "S1",
        "currency": "EUR",
        "channel": "store",
        "receipt_number": None,
        "expected_net": None,
        "lines": [
            {
                "sku": each.sku,
                "quantity": each.quantity,
                "unit_price": None if each.unit_price is None else format(each.unit_price.normalize(), "f"),
            }
            for each in sale.lines
        ],
        "codes": ["SPRING"],
        "customer": {"id": str(SOMEBODY) if known else None, "phone_hash": "01", "attributes": attributes},
    }
    assert sale.hash == hashlib.sha256(canonical_json(document).encode()).digest()
