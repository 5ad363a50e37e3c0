"""Groups: defining, changing and deleting them, and seeing beforehand whom a filter selects."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.domain.groups import (
    Chosen,
    Group,
    GroupNotFound,
    GroupTerms,
    ProductPreview,
    StorePreview,
    Subject,
    read_filter,
)
from shared.store import Conn, filters, products, stores
from shared.store import groups as rows

SAMPLE = 20


def create(conn: Conn, now: datetime, subject: Subject, *, terms: GroupTerms, user_id: UUID) -> Group:
    """Raises FilterInvalid, GroupNameTaken."""
    read_filter(terms.filter, subject)
    return rows.insert(conn, subject, terms=terms, user_id=user_id, now=now)


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
) -> Group:
    """The group with the terms that `change` makes of it; the same terms change nothing.

    Raises GroupNotFound, what `change` raises, FilterInvalid, GroupNameTaken.
    """
    group = _found(rows.lock(conn, subject, group_id), subject, group_id)
    terms = change(group)
    read_filter(terms.filter, subject)
    if terms == group.terms:
        return group
    return rows.update(conn, subject, group_id, terms=terms, now=now)


def delete(conn: Conn, subject: Subject, group_id: UUID) -> Group:
    """The group as it was. Raises GroupNotFound."""
    return _found(rows.delete(conn, subject, group_id), subject, group_id)


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


def _found(group: Group | None, subject: Subject, group_id: UUID) -> Group:
    if group is None:
        raise GroupNotFound(subject=subject.value, group_id=group_id)
    return group
