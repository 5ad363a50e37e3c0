"""Catalogue: products and stores, as the uploads left them."""

from typing import Annotated

import azure.functions as func
from pydantic import BeforeValidator, Field, StringConstraints

from shared import pool
from shared.domain.pages import Page, page_of
from shared.domain.products import Product, ProductKind, ProductUnknown
from shared.domain.stores import Store, StoreUnknown
from shared.domain.users import Caller, Permission
from shared.edge.http import endpoint
from shared.edge.operations import Request
from shared.store import products, stores

bp = func.Blueprint()

type Key = Annotated[str, StringConstraints(min_length=1, max_length=100)]


type Word = Annotated[str, StringConstraints(min_length=1, max_length=300)]


def _true_or_false(value: object) -> object:
    """Those two words only: a query that says `active=0` or `active=yes` is another client's mistake."""
    if value not in {"true", "false"}:
        raise ValueError("true or false is expected")
    return value


type Flag = Annotated[bool, BeforeValidator(_true_or_false)]


class ProductPath(Request):
    sku: Key


class StorePath(Request):
    store_id: Key


class ProductsQuery(Request):
    q: Word | None = Field(
        default=None, description="Words that all occur in sku, name or brand, in whatever case."
    )
    kind: ProductKind | None = None
    brand: Word | None = None
    collection: Word | None = None
    type: Word | None = None
    active: Flag | None = None
    cursor: Key | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class StoresQuery(Request):
    q: Word | None = Field(
        default=None,
        description="Words that all occur in one of the store's ids, its name, city or address, in whatever "
        "case.",
    )
    country: Word | None = None
    region: Word | None = None
    city: Word | None = None
    parent_id: Key | None = None
    active: Flag | None = None
    cursor: Key | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


@endpoint(bp, "GET", "products", access=Permission.CATALOGUE_READ)
def list_products(query: ProductsQuery) -> Page[Product]:
    """The products, by sku."""
    with pool.connection() as conn:
        found = products.find(
            conn,
            kind=query.kind,
            brand=query.brand,
            collection=query.collection,
            type_=query.type,
            active=query.active,
            text=query.q,
            after=query.cursor or "",
            limit=query.limit + 1,
        )
    return page_of(found, query.limit, lambda product: product.sku)


@endpoint(bp, "GET", "products/{sku}", access=Permission.CATALOGUE_READ, raises=(ProductUnknown,))
def get_product(path: ProductPath) -> Product:
    """A product."""
    with pool.connection() as conn:
        product = products.get(conn, path.sku)
    if product is None:
        raise ProductUnknown(sku=path.sku)
    return product


@endpoint(bp, "GET", "stores", access=Permission.CATALOGUE_READ)
def list_stores(caller: Caller, query: StoresQuery) -> Page[Store]:
    """The stores you may see, by id."""
    with pool.connection() as conn:
        found = stores.find(
            conn,
            reach=caller.reach,
            country=query.country,
            region=query.region,
            city=query.city,
            parent_id=query.parent_id,
            active=query.active,
            text=query.q,
            after=query.cursor or "",
            limit=query.limit + 1,
        )
    return page_of(found, query.limit, lambda store: store.id)


@endpoint(bp, "GET", "stores/{store_id}", access=Permission.CATALOGUE_READ, raises=(StoreUnknown,))
def get_store(caller: Caller, path: StorePath) -> Store:
    """A store you may see."""
    with pool.connection() as conn:
        store = stores.get(conn, path.store_id, caller.reach)
    if store is None:
        raise StoreUnknown(store_id=path.store_id)
    return store
