"""API keys: a machine acts for a user, with some of what that user may do."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from shared.domain.errors import NotFound, Refused
from shared.domain.users import PERMISSIONS, WORK_IN_STORES, Caller, Permission, Role, User

MOST = timedelta(days=366)
"""How long a key may last."""
NOTICED = timedelta(hours=1)
"""How exactly it is known when a key was used last."""

_PREFIX = "ppk_"
_SHOWN = 4

# What a person has to answer for, and what only makes sense with a device in hand.
NOT_FOR_KEYS = frozenset(
    {
        Permission.API_KEYS_READ,
        Permission.API_KEYS_WRITE,
        Permission.USERS_READ,
        Permission.USERS_WRITE,
        Permission.STORES_SWITCH,
    }
)


class ApiKeyUnknown(NotFound):
    """There is no API key {api_key_id}."""

    code = "api_key_unknown"


class ApiKeyUserUnknown(Refused):
    """There is no active user {user_id}."""

    code = "user_unknown"


class PermissionNotGrantable(Refused):
    """A key of a user of the role {role} cannot have the permission {permission}."""

    code = "permission_not_grantable"


class ApiKeyStoreRefused(Refused):
    """The user of the key does not work in that store, or has no store to name: {store_id}."""

    code = "store_not_grantable"


class ApiKeyExpiry(Refused):
    """A key ends within 366 days from now."""

    code = "expiry_refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key as administrators see it; `ending` is what it is recognised by."""

    id: UUID
    name: str
    ending: str
    user_id: UUID
    store_id: str | None
    permissions: tuple[Permission, ...]
    created_by: UUID
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedApiKey(ApiKey):
    """A key just made: the only time that `key` is told."""

    key: str


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """For whom a presented key acts, as things stand now."""

    user_id: UUID
    role: Role
    store_id: str | None
    permissions: tuple[Permission, ...]

    @property
    def caller(self) -> Caller:
        return Caller(self.user_id, self.role, self.store_id, granted=frozenset(self.permissions))


def key_of(secret: str) -> str:
    """The key of 32 random bytes in URL-safe base64; the prefix is for those who look for leaks."""
    return _PREFIX + secret


def ending(key: str) -> str:
    return key[-_SHOWN:]


def digest(key: str) -> bytes:
    """What is kept of a key: with 256 random bits, nothing slower is needed."""
    return hashlib.sha256(key.encode()).digest()


def require_grantable(user: User, permissions: Iterable[Permission]) -> None:
    """Raises PermissionNotGrantable for what the user may not do, or no key may."""
    for index, permission in enumerate(permissions):
        if permission not in PERMISSIONS[user.role] - NOT_FOR_KEYS:
            raise PermissionNotGrantable(
                pointer=f"/permissions/{index}", role=user.role.value, permission=permission.value
            )


def require_store(user: User, store_id: str | None, *, reached: bool) -> None:
    """Raises ApiKeyStoreRefused: those who work in stores name one of theirs, and nobody else names one."""
    works = user.role in WORK_IN_STORES
    if works != (store_id is not None) or (works and not reached):
        raise ApiKeyStoreRefused(pointer="/store_id", store_id=store_id)


def require_expiry(expires_at: datetime, now: datetime) -> None:
    """Raises ApiKeyExpiry."""
    if not now < expires_at <= now + MOST:
        raise ApiKeyExpiry(pointer="/expires_at")
