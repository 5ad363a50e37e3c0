"""Users: administrators make, change, disable and enable them."""

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import azure.functions as func
from pydantic import Field, StringConstraints
from pydantic_core import to_json

from shared import pool
from shared.actions import accounts as actions
from shared.domain.accounts import (
    Account,
    AccountNotFound,
    AccountTerms,
    EmailTaken,
    MappedStoreUnknown,
    OwnAccount,
    PhoneTaken,
    StoreMissing,
    UserUnreachable,
)
from shared.domain.audit import By
from shared.domain.pages import Page, page_of
from shared.domain.users import Permission, Role
from shared.edge import phones
from shared.edge.fields import Email
from shared.edge.http import endpoint
from shared.edge.operations import Headers, Reply, Request
from shared.edge.problems import PreconditionFailed, PreconditionRequired
from shared.store import accounts

bp = func.Blueprint()

_DEFINING = (
    phones.PhoneInvalid,
    PhoneTaken,
    EmailTaken,
    UserUnreachable,
    StoreMissing,
    MappedStoreUnknown,
)

type Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
type StoreId = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00]+$")]
type StoreIds = Annotated[tuple[StoreId, ...], Field(max_length=5000)]
type Written = Annotated[
    str,
    StringConstraints(min_length=5, max_length=30, pattern=r"^(\+|00)[0-9][0-9 ()./-]+$"),
    Field(description="With its country code; kept in E.164 form.", examples=["+39 06 0000 0001"]),
]


class UserBody(Request):
    """One of phone and e-mail at least."""

    name: Name
    role: Role
    phone: Written | None = None
    email: Email | None = None
    store_ids: StoreIds = Field(
        default=(), description="Where the user works; needed for the roles that work in stores."
    )


class UserPatch(Request):
    """What is left out stays as it is; null takes a phone or an e-mail away."""

    name: Name = ""
    role: Role = Role.CUSTOMER
    phone: Written | None = None
    email: Email | None = None
    store_ids: StoreIds = ()


class UserPath(Request):
    user_id: UUID


class UsersQuery(Request):
    q: str | None = Field(default=None, description="Text to look for in name, phone and e-mail.")
    role: Role | None = None
    store_id: str | None = None
    active: bool | None = None
    cursor: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class EditHeaders(Headers):
    if_match: str | None = Field(default=None, description="The ETag of what was read.")


@endpoint(bp, "POST", "users", access=Permission.USERS_WRITE, status=201, raises=_DEFINING)
def create_user(body: UserBody, by: By, now: datetime) -> Reply[Account]:
    """Make a user, who can sign in at once."""
    terms = AccountTerms(
        body.name, body.role, _phone(body.phone), body.email, tuple(sorted(set(body.store_ids)))
    )
    with pool.transaction() as conn:
        return _reply(actions.create(conn, now, terms=terms, by=by))


@endpoint(bp, "GET", "users", access=Permission.USERS_READ)
def list_users(query: UsersQuery) -> Page[Account]:
    """The users, newest first."""
    with pool.connection() as conn:
        found = accounts.find(
            conn,
            text=query.q,
            role=query.role,
            store_id=query.store_id,
            active=query.active,
            before=query.cursor,
            limit=query.limit + 1,
        )
    return page_of(found, query.limit, lambda account: account.id)


@endpoint(bp, "GET", "users/{user_id:guid}", access=Permission.USERS_READ, raises=(AccountNotFound,))
def get_user(path: UserPath) -> Reply[Account]:
    """A user."""
    with pool.connection() as conn:
        account = accounts.get(conn, path.user_id)
    if account is None:
        raise AccountNotFound
    return _reply(account)


@endpoint(
    bp,
    "PATCH",
    "users/{user_id:guid}",
    access=Permission.USERS_WRITE,
    raises=(*_DEFINING, AccountNotFound, OwnAccount, PreconditionRequired, PreconditionFailed),
)
def update_user(
    path: UserPath, headers: EditHeaders, body: UserPatch, by: By, now: datetime
) -> Reply[Account]:
    """Change a user. Another role ends their sessions."""
    if headers.if_match is None:
        raise PreconditionRequired
    changed: dict[str, Any] = body.model_dump(exclude_unset=True)
    if "phone" in changed:
        changed["phone"] = _phone(body.phone)
    if "store_ids" in changed:
        changed["store_ids"] = tuple(sorted(set(body.store_ids)))

    def change(account: Account) -> AccountTerms:
        if headers.if_match not in {"*", _etag(account)}:
            raise PreconditionFailed
        return replace(account.terms, **changed)

    with pool.transaction() as conn:
        return _reply(actions.revise(conn, now, user_id=path.user_id, change=change, by=by))


@endpoint(
    bp,
    "POST",
    "users/{user_id:guid}/disable",
    access=Permission.USERS_WRITE,
    raises=(AccountNotFound, OwnAccount),
)
def disable_user(path: UserPath, by: By, now: datetime) -> Reply[Account]:
    """Let the user sign in no more, and end their sessions at once."""
    with pool.transaction() as conn:
        return _reply(actions.set_active(conn, now, user_id=path.user_id, active=False, by=by))


@endpoint(bp, "POST", "users/{user_id:guid}/enable", access=Permission.USERS_WRITE, raises=(AccountNotFound,))
def enable_user(path: UserPath, by: By, now: datetime) -> Reply[Account]:
    """Let the user sign in again."""
    with pool.transaction() as conn:
        return _reply(actions.set_active(conn, now, user_id=path.user_id, active=True, by=by))


def _phone(written: str | None) -> str | None:
    return None if written is None else phones.normalise(written)


def _etag(account: Account) -> str:
    return f'"{hashlib.sha256(to_json(account)).hexdigest()[:24]}"'


def _reply(account: Account) -> Reply[Account]:
    return Reply(account, headers=(("ETag", _etag(account)),))
