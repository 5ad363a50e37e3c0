"""API keys: making one for a user, and revoking it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from shared.domain import api_keys
from shared.domain.api_keys import ApiKey, ApiKeyUnknown, ApiKeyUserUnknown
from shared.domain.audit import Action, By, State, Subject
from shared.domain.users import Permission
from shared.store import Conn, audit, users
from shared.store import api_keys as rows


def create(
    conn: Conn,
    now: datetime,
    *,
    key: str,
    name: str,
    user_id: UUID,
    store_id: str | None,
    permissions: Sequence[Permission],
    expires_at: datetime,
    by: By,
) -> ApiKey:
    """Raises ApiKeyUserUnknown, PermissionNotGrantable, ApiKeyStoreRefused, ApiKeyExpiry."""
    user = users.get(conn, user_id)
    if user is None:
        raise ApiKeyUserUnknown(pointer="/user_id", user_id=user_id)
    api_keys.require_grantable(user, permissions)
    reached = store_id is not None and users.reaches_store(conn, user_id=user_id, store_id=store_id)
    api_keys.require_store(user, store_id, reached=reached)
    api_keys.require_expiry(expires_at, now)
    made = rows.insert(
        conn,
        name=name,
        digest=api_keys.digest(key),
        ending=api_keys.ending(key),
        user_id=user_id,
        store_id=store_id,
        permissions=permissions,
        created_by=by.user_id,
        now=now,
        expires_at=expires_at,
    )
    _tell(conn, now, by, Action.API_KEY_CREATED, after=made)
    return made


def revoke(conn: Conn, now: datetime, *, api_key_id: UUID, by: By) -> ApiKey:
    """The key, of no use any more. Raises ApiKeyUnknown."""
    before = rows.lock(conn, api_key_id)
    if before is None:
        raise ApiKeyUnknown(api_key_id=api_key_id)
    if before.revoked_at is not None:
        return before
    after = rows.update_revoked(conn, api_key_id=api_key_id, now=now)
    _tell(conn, now, by, Action.API_KEY_REVOKED, before=before, after=after)
    return after


def _state(key: ApiKey) -> State:
    return {
        "name": key.name,
        "user_id": key.user_id,
        "store_id": key.store_id,
        "permissions": key.permissions,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }


def _tell(
    conn: Conn, now: datetime, by: By, action: Action, *, after: ApiKey, before: ApiKey | None = None
) -> None:
    audit.insert(
        conn,
        now=now,
        by=by,
        action=action,
        subject=Subject.API_KEY,
        subject_id=after.id,
        before=before and _state(before),
        after=_state(after),
    )
