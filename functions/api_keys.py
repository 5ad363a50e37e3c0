"""API keys: what partners' machines sign in with, made and revoked by administrators."""

import secrets
from dataclasses import asdict
from datetime import datetime
from typing import Annotated
from uuid import UUID

import azure.functions as func
from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints

from shared import pool
from shared.actions import api_keys as actions
from shared.domain.api_keys import (
    ApiKey,
    ApiKeyExpiry,
    ApiKeyStoreRefused,
    ApiKeyUnknown,
    ApiKeyUserUnknown,
    IssuedApiKey,
    PermissionNotGrantable,
    key_of,
)
from shared.domain.audit import By
from shared.domain.pages import Page, page_of
from shared.domain.users import Permission
from shared.edge.http import endpoint
from shared.edge.operations import Request
from shared.store import api_keys

bp = func.Blueprint()


class ApiKeyBody(Request):
    name: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"\S")] = Field(
        examples=["The till of the shop in Via Roma"]
    )
    user_id: UUID = Field(description="For whom the key acts.")
    store_id: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = Field(
        default=None, description="Where it acts; needed for users who work in stores, and for nobody else."
    )
    permissions: Annotated[
        list[Permission],
        Field(min_length=1, max_length=len(Permission)),
        AfterValidator(lambda found: list(dict.fromkeys(found))),
    ] = Field(description="Some of what the user may do.", examples=[["baskets.evaluate"]])
    expires_at: AwareDatetime = Field(description="Within 366 days.")


class ApiKeyPath(Request):
    api_key_id: UUID


class ApiKeysQuery(Request):
    user_id: UUID | None = None
    cursor: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


@endpoint(
    bp,
    "POST",
    "api-keys",
    access=Permission.API_KEYS_WRITE,
    status=201,
    raises=(ApiKeyUserUnknown, PermissionNotGrantable, ApiKeyStoreRefused, ApiKeyExpiry),
)
def create_api_key(by: By, now: datetime, body: ApiKeyBody) -> IssuedApiKey:
    """Make an API key.

    `key` is told this once and kept as a digest only. Send it as the header `X-Api-Key`. What its user may no
    longer do, the key may no longer do; when its user is disabled, it is void.
    """
    key = key_of(secrets.token_urlsafe(32))
    with pool.transaction() as conn:
        made = actions.create(
            conn,
            now,
            key=key,
            name=body.name,
            user_id=body.user_id,
            store_id=body.store_id,
            permissions=body.permissions,
            expires_at=body.expires_at,
            by=by,
        )
    return IssuedApiKey(**asdict(made), key=key)


@endpoint(bp, "GET", "api-keys", access=Permission.API_KEYS_READ)
def list_api_keys(query: ApiKeysQuery) -> Page[ApiKey]:
    """The API keys, newest first, with those that are revoked or expired."""
    with pool.connection() as conn:
        found = api_keys.find(conn, user_id=query.user_id, before=query.cursor, limit=query.limit + 1)
    return page_of(found, query.limit, lambda key: key.id)


@endpoint(bp, "GET", "api-keys/{api_key_id:guid}", access=Permission.API_KEYS_READ, raises=(ApiKeyUnknown,))
def get_api_key(path: ApiKeyPath) -> ApiKey:
    """An API key; when it was used last is known to the hour."""
    with pool.connection() as conn:
        key = api_keys.get(conn, path.api_key_id)
    if key is None:
        raise ApiKeyUnknown(api_key_id=path.api_key_id)
    return key


@endpoint(
    bp,
    "POST",
    "api-keys/{api_key_id:guid}/revoke",
    access=Permission.API_KEYS_WRITE,
    raises=(ApiKeyUnknown,),
)
def revoke_api_key(path: ApiKeyPath, by: By, now: datetime) -> ApiKey:
    """Revoke an API key: the next request with it is refused. It cannot be given back."""
    with pool.transaction() as conn:
        return actions.revoke(conn, now, api_key_id=path.api_key_id, by=by)
