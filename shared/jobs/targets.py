"""Targets: what each target of an ingest stages, rejects and applies."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from shared.domain.kinds.kind import Kind, Target
from shared.domain.uploads import Slice
from shared.store import Conn, staged_products, staged_stores, staged_users


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """The statements of a target, in the order they run; `reject` again and again until nothing goes."""

    stage: Callable[[Conn, Iterable[bytes]], None]
    reject: tuple[Callable[[Conn, Kind], int], ...]
    pages: Callable[[Conn], int]
    update: Callable[[Conn, Slice], int]
    insert: Callable[[Conn, Slice], int]
    settle: Callable[[Conn, list[str]], None]


STATEMENTS = {
    Target.PRODUCTS: Statements(
        stage=staged_products.insert,
        reject=(staged_products.delete_duplicates, staged_products.delete_of_other_kind),
        pages=staged_products.count_pages,
        update=staged_products.update_products,
        insert=staged_products.insert_products,
        settle=lambda _conn, _given: None,
    ),
    Target.STORES: Statements(
        stage=staged_stores.insert,
        reject=(
            staged_stores.delete_duplicates,
            staged_stores.delete_of_taken_company_a_ids,
            staged_stores.delete_of_taken_company_b_ids,
            staged_stores.delete_without_parent,
            staged_stores.delete_in_rings,
        ),
        pages=staged_stores.count_pages,
        update=staged_stores.update_stores,
        insert=staged_stores.insert_stores,
        settle=lambda conn, _given: staged_stores.check(conn),
    ),
    Target.USERS: Statements(
        stage=staged_users.insert,
        reject=(
            staged_users.delete_unreachable,
            staged_users.delete_ambiguous,
            staged_users.delete_duplicates,
            staged_users.delete_with_unknown_store,
        ),
        pages=staged_users.count_pages,
        update=staged_users.update_users,
        insert=staged_users.insert_users,
        settle=staged_users.update_links,
    ),
}
