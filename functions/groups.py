"""Groups of products and of stores: the same calls for both, and a preview of whom a filter selects."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import azure.functions as func
from pydantic import Field, StringConstraints

from shared import pool
from shared.actions import groups as actions
from shared.domain.audit import By
from shared.domain.filters import FACTS, FilterInvalid, Op
from shared.domain.groups import (
    Group,
    GroupChange,
    GroupInUse,
    GroupNameTaken,
    GroupNotFound,
    GroupTerms,
    ProductPreview,
    StorePreview,
    Subject,
)
from shared.domain.pages import Page, page_of
from shared.domain.users import Permission
from shared.edge.http import endpoint
from shared.edge.operations import Headers, Reply, Request
from shared.edge.problems import PreconditionFailed, PreconditionRequired
from shared.store import group_members, groups

bp = func.Blueprint()

type Json = dict[str, Any]

_DEFINING = (FilterInvalid, GroupNameTaken)
_CHANGING = (*_DEFINING, GroupNotFound, GroupInUse, PreconditionRequired, PreconditionFailed)
_DELETING = (GroupNotFound, GroupInUse)
_EXAMPLE: Json = {"fact": "product.brand", "op": "eq", "value": "Lumen"}


def _facts(subject: Subject) -> str:
    names = [f"`{name}`" for name in FACTS if name.startswith(f"{subject}.")]
    return f"{', '.join(names)} and `{subject}.attributes.…`"


_FILTER = (
    '`{"all": [filter, …]}`, `{"any": [filter, …]}`, `{"not": filter}` or '
    '`{"fact": "…", "op": "…", "value": …}`, the op being one of '
    f"{', '.join(f'`{op}`' for op in Op)}. Facts of a product are {_facts(Subject.PRODUCT)}, those of a "
    f"store {_facts(Subject.STORE)}. An attribute is a text; beside a number it is the number that its whole "
    "text spells, such as `12.5`, and if it spells none it is above, below and equal to no number."
)


class GroupBody(Request):
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    description: Annotated[str, StringConstraints(max_length=2000)] = ""
    filter: Json = Field(description=_FILTER, examples=[_EXAMPLE])


class GroupPatch(Request):
    """What is left out stays as it is."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)] = ""
    description: Annotated[str, StringConstraints(max_length=2000)] = ""
    filter: Json = Field(default_factory=dict)


class PreviewBody(Request):
    filter: Json = Field(description=_FILTER, examples=[_EXAMPLE])


class GroupPath(Request):
    group_id: UUID


class GroupsQuery(Request):
    q: str | None = Field(default=None, description="Text to look for in name and description.")
    cursor: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class ChangesQuery(Request):
    cursor: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class EditHeaders(Headers):
    if_match: str | None = Field(default=None, description="The ETag of what was read.")


@endpoint(bp, "POST", "product-groups", access=Permission.CATALOGUE_WRITE, status=201, raises=_DEFINING)
def create_product_group(by: By, now: datetime, body: GroupBody) -> Reply[Group]:
    """Define a group of products: all active ones that the filter selects, also those to come."""
    return _create(Subject.PRODUCT, by, now, body)


@endpoint(bp, "POST", "store-groups", access=Permission.CATALOGUE_WRITE, status=201, raises=_DEFINING)
def create_store_group(by: By, now: datetime, body: GroupBody) -> Reply[Group]:
    """Define a group of stores: all active ones that the filter selects, also those to come."""
    return _create(Subject.STORE, by, now, body)


@endpoint(bp, "GET", "product-groups", access=Permission.CATALOGUE_READ)
def list_product_groups(query: GroupsQuery) -> Page[Group]:
    """The product groups, newest first."""
    return _list(Subject.PRODUCT, query)


@endpoint(bp, "GET", "store-groups", access=Permission.CATALOGUE_READ)
def list_store_groups(query: GroupsQuery) -> Page[Group]:
    """The store groups, newest first."""
    return _list(Subject.STORE, query)


@endpoint(
    bp,
    "POST",
    "product-groups/preview",
    access=Permission.CATALOGUE_WRITE,
    raises=(FilterInvalid,),
)
def preview_product_group(body: PreviewBody) -> ProductPreview:
    """How many active products a filter selects, and a sample of 20.

    The sample is drawn from all over the catalogue, and is the same as long as the catalogue is.
    """
    with pool.connection() as conn:
        return actions.preview_products(conn, body.filter)


@endpoint(bp, "POST", "store-groups/preview", access=Permission.CATALOGUE_WRITE, raises=(FilterInvalid,))
def preview_store_group(body: PreviewBody) -> StorePreview:
    """How many active stores a filter selects, and a sample of 20.

    The sample is drawn from all over, and is the same as long as the stores are.
    """
    with pool.connection() as conn:
        return actions.preview_stores(conn, body.filter)


@endpoint(
    bp, "GET", "product-groups/{group_id:guid}", access=Permission.CATALOGUE_READ, raises=(GroupNotFound,)
)
def get_product_group(path: GroupPath) -> Reply[Group]:
    """A product group."""
    return _get(Subject.PRODUCT, path)


@endpoint(
    bp, "GET", "store-groups/{group_id:guid}", access=Permission.CATALOGUE_READ, raises=(GroupNotFound,)
)
def get_store_group(path: GroupPath) -> Reply[Group]:
    """A store group."""
    return _get(Subject.STORE, path)


@endpoint(bp, "PATCH", "product-groups/{group_id:guid}", access=Permission.CATALOGUE_WRITE, raises=_CHANGING)
def update_product_group(
    by: By, now: datetime, path: GroupPath, headers: EditHeaders, body: GroupPatch
) -> Reply[Group]:
    """Change a product group; its filter only while no promotion uses it."""
    return _update(Subject.PRODUCT, by, now, path, headers=headers, body=body)


@endpoint(bp, "PATCH", "store-groups/{group_id:guid}", access=Permission.CATALOGUE_WRITE, raises=_CHANGING)
def update_store_group(
    by: By, now: datetime, path: GroupPath, headers: EditHeaders, body: GroupPatch
) -> Reply[Group]:
    """Change a store group; its filter only while no promotion uses it."""
    return _update(Subject.STORE, by, now, path, headers=headers, body=body)


@endpoint(bp, "DELETE", "product-groups/{group_id:guid}", access=Permission.CATALOGUE_WRITE, raises=_DELETING)
def delete_product_group(by: By, now: datetime, path: GroupPath) -> Group:
    """Delete a product group that no promotion uses; the answer is what it was."""
    return _delete(Subject.PRODUCT, by, now, path)


@endpoint(bp, "DELETE", "store-groups/{group_id:guid}", access=Permission.CATALOGUE_WRITE, raises=_DELETING)
def delete_store_group(by: By, now: datetime, path: GroupPath) -> Group:
    """Delete a store group that no promotion uses; the answer is what it was."""
    return _delete(Subject.STORE, by, now, path)


@endpoint(
    bp,
    "GET",
    "product-groups/{group_id:guid}/changes",
    access=Permission.CATALOGUE_READ,
    raises=(GroupNotFound,),
)
def list_product_group_changes(path: GroupPath, query: ChangesQuery) -> Page[GroupChange]:
    """Who joined and left a product group while promotions stood on it, newest first."""
    return _changes(Subject.PRODUCT, path, query)


@endpoint(
    bp,
    "GET",
    "store-groups/{group_id:guid}/changes",
    access=Permission.CATALOGUE_READ,
    raises=(GroupNotFound,),
)
def list_store_group_changes(path: GroupPath, query: ChangesQuery) -> Page[GroupChange]:
    """Who joined and left a store group while promotions stood on it, newest first."""
    return _changes(Subject.STORE, path, query)


def _create(subject: Subject, by: By, now: datetime, body: GroupBody) -> Reply[Group]:
    terms = GroupTerms(**body.model_dump())
    with pool.transaction() as conn:
        return _reply(actions.create(conn, now, subject, terms=terms, by=by))


def _list(subject: Subject, query: GroupsQuery) -> Page[Group]:
    with pool.connection() as conn:
        found = groups.find(conn, subject, text=query.q, before=query.cursor, limit=query.limit + 1)
    return page_of(found, query.limit, lambda group: group.id)


def _get(subject: Subject, path: GroupPath) -> Reply[Group]:
    with pool.connection() as conn:
        return _reply(actions.get(conn, subject, path.group_id))


def _update(
    subject: Subject, by: By, now: datetime, path: GroupPath, *, headers: EditHeaders, body: GroupPatch
) -> Reply[Group]:
    if headers.if_match is None:
        raise PreconditionRequired
    changed = body.model_dump(exclude_unset=True)

    def change(group: Group) -> GroupTerms:
        if headers.if_match not in {"*", _etag(group)}:
            raise PreconditionFailed
        return replace(group.terms, **changed)

    with pool.transaction() as conn:
        return _reply(actions.revise(conn, now, subject, group_id=path.group_id, change=change, by=by))


def _delete(subject: Subject, by: By, now: datetime, path: GroupPath) -> Group:
    with pool.transaction() as conn:
        return actions.delete(conn, now, subject, path.group_id, by=by)


def _changes(subject: Subject, path: GroupPath, query: ChangesQuery) -> Page[GroupChange]:
    with pool.connection() as conn:
        group = actions.get(conn, subject, path.group_id)
        found = group_members.find_changes(conn, group.id, before=query.cursor, limit=query.limit + 1)
    return page_of(found, query.limit, lambda change: change.id)


def _etag(group: Group) -> str:
    return f'"{group.revision}"'


def _reply(group: Group) -> Reply[Group]:
    return Reply(group, headers=(("ETag", _etag(group)),))
