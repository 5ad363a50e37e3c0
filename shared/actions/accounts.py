"""Accounts: administrators make, change, disable and enable users."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from shared.domain import accounts as domain
from shared.domain.accounts import (
    Account,
    AccountNotFound,
    AccountTerms,
    MappedStoreUnknown,
    OwnAccount,
)
from shared.domain.audit import Action, By, Subject
from shared.store import Conn, accounts, audit


def create(conn: Conn, now: datetime, *, terms: AccountTerms, by: By) -> Account:
    """`conn` must be in a transaction.

    Raises what `domain.assess` does, MappedStoreUnknown, PhoneTaken, EmailTaken.
    """
    _assess(conn, terms, known=())
    user_id = accounts.insert(conn, terms, now=now)
    accounts.update_stores(conn, user_id, terms.store_ids)
    return _told(conn, now, by, Action.USER_CREATED, user_id=user_id, before=None)


def revise(
    conn: Conn, now: datetime, *, user_id: UUID, change: Callable[[Account], AccountTerms], by: By
) -> Account:
    """Change the user to what `change` makes of them. `conn` must be in a transaction.

    Raises AccountNotFound, OwnAccount for another role of one's own, and what `create` raises.
    """
    before = _lock(conn, user_id)
    terms = change(before)
    if terms == before.terms:
        return before
    if user_id == by.user_id and terms.role is not before.role:
        raise OwnAccount(pointer="/role")
    _assess(conn, terms, known=before.store_ids)
    accounts.update(conn, user_id, terms)
    accounts.update_stores(conn, user_id, terms.store_ids)
    return _told(conn, now, by, Action.USER_CHANGED, user_id=user_id, before=before)


def set_active(conn: Conn, now: datetime, *, user_id: UUID, active: bool, by: By) -> Account:
    """Disable the user, which ends their sessions at once, or enable them again.

    `conn` must be in a transaction. Raises AccountNotFound, OwnAccount.
    """
    before = _lock(conn, user_id)
    if before.active is active:
        return before
    if user_id == by.user_id:
        raise OwnAccount
    accounts.update_active(conn, user_id, active=active)
    action = Action.USER_ENABLED if active else Action.USER_DISABLED
    return _told(conn, now, by, action, user_id=user_id, before=before)


def _lock(conn: Conn, user_id: UUID) -> Account:
    account = accounts.lock(conn, user_id)
    if account is None:
        raise AccountNotFound
    return account


def _assess(conn: Conn, terms: AccountTerms, *, known: tuple[str, ...]) -> None:
    domain.assess(terms)
    # A store that has closed since does not stand in the way of another change.
    added = [store_id for store_id in terms.store_ids if store_id not in known]
    unknown = accounts.find_unknown_store(conn, added)
    if unknown is not None:
        raise MappedStoreUnknown(store_id=unknown, pointer="/store_ids")


def _told(
    conn: Conn, now: datetime, by: By, action: Action, *, user_id: UUID, before: Account | None
) -> Account:
    after = _lock(conn, user_id)
    audit.insert(
        conn,
        now=now,
        by=by,
        action=action,
        subject=Subject.USER,
        subject_id=user_id,
        before=before and before.told,
        after=after.told,
    )
    return after
