"""Catalogue: products and stores, as the uploads left them."""

from typing import Annotated

import azure.functions as func
from pydantic import Field, StringConstraints

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


class ProductPath(Request):
    sku: Key


class StorePath(Request):
    store_id: Key


class ProductsQuery(Request):
    kind: ProductKind | None = None
    cursor: Key | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class StoresQuery(Request):
    cursor: Key | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


@endpoint(bp, "GET", "products", access=Permission.CATALOGUE_READ)
def list_products(query: ProductsQuery) -> Page[Product]:
    """The products, by sku."""
    with pool.connection() as conn:
        found = products.find(conn, kind=query.kind, after=query.cursor or "", limit=query.limit + 1)
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
        found = stores.find(conn, only=caller.store_scope, after=query.cursor or "", limit=query.limit + 1)
    return page_of(found, query.limit, lambda store: store.id)


@endpoint(bp, "GET", "stores/{store_id}", access=Permission.CATALOGUE_READ, raises=(StoreUnknown,))
def get_store(caller: Caller, path: StorePath) -> Store:
    """A store you may see."""
    with pool.connection() as conn:
        store = stores.get(conn, path.store_id) if caller.sees_store(path.store_id) else None
    if store is None:
        raise StoreUnknown(store_id=path.store_id)
    return store
