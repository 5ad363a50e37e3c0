"""Groups: defining, changing and deleting them, seeing whom a filter selects, and who belongs to them now."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.domain.audit import Action, By, State
from shared.domain.audit import Subject as Audited
from shared.domain.groups import (
    CHANGES_SHOWN,
    Chosen,
    Group,
    GroupChange,
    GroupInUse,
    GroupNotFound,
    GroupTerms,
    ProductPreview,
    StorePreview,
    Subject,
    read_filter,
)
from shared.store import Conn, audit, filters, products, rule_sets, stores
from shared.store import groups as rows

SAMPLE = 20


def create(conn: Conn, now: datetime, subject: Subject, *, terms: GroupTerms, by: By) -> Group:
    """Raises FilterInvalid, GroupNameTaken."""
    read_filter(terms.filter, subject)
    group = rows.insert(conn, subject, terms=terms, user_id=by.user_id, now=now)
    _tell(conn, now, by, Action.GROUP_CREATED, group.id, before=None, after=_state(subject, group))
    return group


def get(conn: Conn, subject: Subject, group_id: UUID) -> Group:
    """Raises GroupNotFound."""
    return _found(rows.get(conn, subject, group_id), subject, group_id)


def revise(
    conn: Conn,
    now: datetime,
    subject: Subject,
    *,
    group_id: UUID,
    change: Callable[[Group], GroupTerms],
    by: By,
) -> Group:
    """The group with the terms that `change` makes of it; the same terms change nothing.

    What promotions stand on may be called otherwise, but selects whom it selected. Raises GroupNotFound, what
    `change` raises, FilterInvalid, GroupInUse, GroupNameTaken.
    """
    rule_sets.lock(conn)
    group = _found(rows.lock(conn, subject, group_id), subject, group_id)
    terms = change(group)
    read_filter(terms.filter, subject)
    if terms == group.terms:
        return group
    if terms.filter != group.filter:
        _require_unused(conn, group_id)
    changed = rows.update(conn, subject, group_id, terms=terms, now=now)
    _tell(
        conn,
        now,
        by,
        Action.GROUP_CHANGED,
        group_id,
        before=_state(subject, group),
        after=_state(subject, changed),
    )
    return changed


def delete(conn: Conn, now: datetime, subject: Subject, group_id: UUID, *, by: By) -> Group:
    """The group as it was. Raises GroupNotFound, GroupInUse."""
    rule_sets.lock(conn)
    group = _found(rows.lock(conn, subject, group_id), subject, group_id)
    _require_unused(conn, group_id)
    rows.delete(conn, group_id)
    _tell(conn, now, by, Action.GROUP_DELETED, group_id, before=_state(subject, group), after=None)
    return group


def reresolve(conn: Conn, now: datetime, subject: Subject, upload_id: UUID) -> list[GroupChange]:
    """Find anew who belongs to the groups that published promotions stand on; how those are others that are.

    For the transaction that changed products or stores, at its end: a publish that looks at the catalogue
    waits until it is over. If members are others there is a new rule set.
    """
    rule_sets.lock(conn)
    changes = [
        change
        for group in rows.find_used(conn, subject)
        if (change := _pin(conn, now, subject, group, upload_id)) is not None
    ]
    if changes:
        rule_sets.insert(conn, now=now)
    return changes


def preview_products(conn: Conn, document: Mapping[str, Any]) -> ProductPreview:
    """Raises FilterInvalid."""
    chosen = _choose(conn, Subject.PRODUCT, document)
    return ProductPreview(chosen.count, tuple(products.find_these(conn, chosen.keys)))


def preview_stores(conn: Conn, document: Mapping[str, Any]) -> StorePreview:
    """Raises FilterInvalid."""
    chosen = _choose(conn, Subject.STORE, document)
    return StorePreview(chosen.count, tuple(stores.find_these(conn, chosen.keys)))


def _choose(conn: Conn, subject: Subject, document: Mapping[str, Any]) -> Chosen:
    return filters.choose(conn, subject, read_filter(document, subject), sample=SAMPLE)


def _pin(conn: Conn, now: datetime, subject: Subject, group: Group, upload_id: UUID) -> GroupChange | None:
    return filters.pin(
        conn,
        subject,
        read_filter(group.filter, subject),
        group_id=group.id,
        upload_id=upload_id,
        sample=CHANGES_SHOWN,
        now=now,
    )


def _require_unused(conn: Conn, group_id: UUID) -> None:
    users = rows.find_users(conn, group_id)
    if users:
        raise GroupInUse(promotions=", ".join(users))


def _state(subject: Subject, group: Group) -> dict[str, Any]:
    return {
        "subject": subject,
        "name": group.name,
        "description": group.description,
        "filter": group.filter,
        "revision": group.revision,
    }


def _tell(
    conn: Conn, now: datetime, by: By, action: Action, group_id: UUID, *, before: State, after: State
) -> None:
    audit.insert(
        conn,
        now=now,
        by=by,
        action=action,
        subject=Audited.GROUP,
        subject_id=group_id,
        before=before,
        after=after,
    )


def _found(group: Group | None, subject: Subject, group_id: UUID) -> Group:
    if group is None:
        raise GroupNotFound(subject=subject.value, group_id=group_id)
    return group
