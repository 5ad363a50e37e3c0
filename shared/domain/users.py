"""Users: who calls, in which role, and what that role may do."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Role(StrEnum):
    ADMIN = "admin"
    MARKETING = "marketing"
    BACK_OFFICE = "back_office"
    STORE_USER = "store_user"
    PARENT_STORE_USER = "parent_store_user"
    PARTNER = "partner"
    SHOPKEEPER = "shopkeeper"
    ACCOUNT_MANAGER = "account_manager"
    CUSTOMER = "customer"


WORK_IN_STORES = frozenset({Role.STORE_USER, Role.PARENT_STORE_USER})
"""Roles that can do nothing without a store."""


class Permission(StrEnum):
    CATALOGUE_READ = "catalogue.read"
    CATALOGUE_WRITE = "catalogue.write"
    UPLOADS_READ = "uploads.read"
    UPLOADS_WRITE = "uploads.write"
    JOBS_READ = "jobs.read"
    JOBS_WRITE = "jobs.write"
    PROMOTIONS_READ = "promotions.read"
    PROMOTIONS_WRITE = "promotions.write"
    PROMOTIONS_PUBLISH = "promotions.publish"
    BASKETS_EVALUATE = "baskets.evaluate"
    PRICE_OVERRIDE = "price.override"
    TRANSACTIONS_CREATE = "transactions.create"
    TRANSACTIONS_READ = "transactions.read"
    TRANSACTIONS_VOID = "transactions.void"


_SELLING = frozenset(
    {
        Permission.CATALOGUE_READ,
        Permission.PROMOTIONS_READ,
        Permission.BASKETS_EVALUATE,
        Permission.TRANSACTIONS_CREATE,
        Permission.TRANSACTIONS_READ,
        Permission.TRANSACTIONS_VOID,
    }
)

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.ADMIN: frozenset(Permission) - {Permission.TRANSACTIONS_CREATE},
    Role.MARKETING: frozenset(
        {
            Permission.CATALOGUE_READ,
            Permission.CATALOGUE_WRITE,
            Permission.PROMOTIONS_READ,
            Permission.PROMOTIONS_WRITE,
            Permission.BASKETS_EVALUATE,
        }
    ),
    Role.BACK_OFFICE: frozenset(
        {
            Permission.CATALOGUE_READ,
            Permission.UPLOADS_READ,
            Permission.PROMOTIONS_READ,
            Permission.BASKETS_EVALUATE,
            Permission.PRICE_OVERRIDE,
            Permission.TRANSACTIONS_READ,
            Permission.TRANSACTIONS_VOID,
        }
    ),
    Role.STORE_USER: _SELLING,
    Role.PARENT_STORE_USER: _SELLING,
    Role.PARTNER: frozenset(),
    Role.SHOPKEEPER: frozenset(),
    Role.ACCOUNT_MANAGER: frozenset(),
    Role.CUSTOMER: frozenset(),
}

# These see every store; everybody else only the store named in their token.
_EVERY_STORE = frozenset({Role.ADMIN, Role.MARKETING, Role.BACK_OFFICE})


@dataclass(frozen=True, slots=True)
class User:
    id: UUID
    name: str
    role: Role
    phone: str | None
    email: str | None
    store_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes this call, as the access token says; `store_id` is the store it was made out for."""

    user_id: UUID
    role: Role
    store_id: str | None

    def may(self, permission: Permission) -> bool:
        return permission in PERMISSIONS[self.role]

    def sees_store(self, store_id: str) -> bool:
        return self.role in _EVERY_STORE or store_id == self.store_id

    @property
    def store_scope(self) -> str | None:
        """The only store whose rows this caller sees; None for all of them."""
        return None if self.role in _EVERY_STORE else self.store_id or ""


@dataclass(frozen=True, slots=True)
class Challenge:
    """A one-time password that was asked for. `resend_after` is when another may be asked for."""

    challenge_id: UUID
    expires_at: datetime
    resend_after: datetime
