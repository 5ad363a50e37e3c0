"""Users: who calls, in which role, and what that role may do."""

from dataclasses import dataclass
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


class Scope(StrEnum):
    """Whose rows a role sees: everybody's, those of stores, those of its party, or its own."""

    ALL = "all"
    STORE = "store"
    SUBTREE = "subtree"
    PARTY = "party"
    OWN = "own"


SCOPES: dict[Role, Scope] = {
    Role.ADMIN: Scope.ALL,
    Role.MARKETING: Scope.ALL,
    Role.BACK_OFFICE: Scope.ALL,
    Role.STORE_USER: Scope.STORE,
    Role.PARENT_STORE_USER: Scope.SUBTREE,
    Role.PARTNER: Scope.PARTY,
    Role.SHOPKEEPER: Scope.PARTY,
    Role.ACCOUNT_MANAGER: Scope.PARTY,
    Role.CUSTOMER: Scope.OWN,
}


class Permission(StrEnum):
    USERS_READ = "users.read"
    USERS_WRITE = "users.write"
    API_KEYS_READ = "api_keys.read"
    API_KEYS_WRITE = "api_keys.write"
    NOTIFICATIONS_READ = "notifications.read"
    NOTIFICATIONS_WRITE = "notifications.write"
    STORES_SWITCH = "stores.switch"
    CATALOGUE_READ = "catalogue.read"
    CATALOGUE_WRITE = "catalogue.write"
    UPLOADS_READ = "uploads.read"
    UPLOADS_WRITE = "uploads.write"
    JOBS_READ = "jobs.read"
    JOBS_WRITE = "jobs.write"
    PROMOTIONS_READ = "promotions.read"
    PROMOTIONS_WRITE = "promotions.write"
    PROMOTIONS_APPROVE = "promotions.approve"
    PROMOTIONS_PUBLISH = "promotions.publish"
    BASKETS_EVALUATE = "baskets.evaluate"
    PRICE_OVERRIDE = "price.override"
    TRANSACTIONS_CREATE = "transactions.create"
    TRANSACTIONS_READ = "transactions.read"
    TRANSACTIONS_VOID = "transactions.void"
    TRANSACTIONS_RETURN = "transactions.return"
    AUDIT_READ = "audit.read"
    REPORTS_READ = "reports.read"
    TRANSACTIONS_REVIEW = "transactions.review"
    RECONCILIATION_READ = "reconciliation.read"
    RECONCILIATION_WRITE = "reconciliation.write"
    SETTLEMENTS_READ = "settlements.read"
    SETTLEMENTS_CLOSE = "settlements.close"
    SETTLEMENTS_PAY = "settlements.pay"


_SELLING = frozenset(
    {
        Permission.STORES_SWITCH,
        Permission.CATALOGUE_READ,
        Permission.PROMOTIONS_READ,
        Permission.BASKETS_EVALUATE,
        Permission.TRANSACTIONS_CREATE,
        Permission.TRANSACTIONS_READ,
        Permission.TRANSACTIONS_VOID,
        Permission.TRANSACTIONS_RETURN,
    }
)

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    # What is sold, and from where, is for those who stand there.
    Role.ADMIN: frozenset(Permission) - {Permission.TRANSACTIONS_CREATE, Permission.STORES_SWITCH},
    Role.MARKETING: frozenset(
        {
            Permission.CATALOGUE_READ,
            Permission.CATALOGUE_WRITE,
            Permission.PROMOTIONS_READ,
            Permission.PROMOTIONS_WRITE,
            Permission.BASKETS_EVALUATE,
            Permission.REPORTS_READ,
        }
    ),
    Role.BACK_OFFICE: frozenset(
        {
            Permission.CATALOGUE_READ,
            Permission.UPLOADS_READ,
            Permission.PROMOTIONS_READ,
            Permission.PROMOTIONS_APPROVE,
            Permission.BASKETS_EVALUATE,
            Permission.PRICE_OVERRIDE,
            Permission.TRANSACTIONS_READ,
            Permission.TRANSACTIONS_VOID,
            Permission.TRANSACTIONS_RETURN,
            Permission.AUDIT_READ,
            Permission.REPORTS_READ,
            Permission.TRANSACTIONS_REVIEW,
            Permission.RECONCILIATION_READ,
            Permission.RECONCILIATION_WRITE,
            Permission.SETTLEMENTS_READ,
            Permission.SETTLEMENTS_CLOSE,
            Permission.SETTLEMENTS_PAY,
        }
    ),
    Role.STORE_USER: _SELLING,
    # Of the retailer whose own store they are signed in to.
    Role.PARENT_STORE_USER: _SELLING | {Permission.SETTLEMENTS_READ},
    Role.PARTNER: frozenset(),
    Role.SHOPKEEPER: frozenset(),
    Role.ACCOUNT_MANAGER: frozenset(),
    Role.CUSTOMER: frozenset(),
}


@dataclass(frozen=True, slots=True)
class User:
    id: UUID
    name: str
    role: Role
    phone: str | None
    email: str | None
    store_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reach:
    """The stores whose rows somebody sees: all of them (`root` None), one, or one and those below it."""

    root: str | None
    below: bool = False


EVERY_STORE = Reach(None)


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes this call, from which store, and in which request.

    With an access token there is a session; with an API key `granted` narrows what the role may do.
    """

    user_id: UUID
    role: Role
    store_id: str | None
    session_id: UUID | None = None
    granted: frozenset[Permission] | None = None
    request_id: str | None = None

    def may(self, permission: Permission) -> bool:
        return permission in PERMISSIONS[self.role] and (self.granted is None or permission in self.granted)

    @property
    def scope(self) -> Scope:
        return SCOPES[self.role]

    @property
    def reach(self) -> Reach:
        """Whose rows this caller reads; who has neither all stores nor one of their own reads none."""
        if self.scope is Scope.ALL:
            return EVERY_STORE
        return Reach(self.store_id or "", below=self.scope is Scope.SUBTREE)

    def sees_store(self, store_id: str) -> bool:
        """Whether this caller may sell there: who looks after several stores switches between them."""
        return self.scope is Scope.ALL or store_id == self.store_id
