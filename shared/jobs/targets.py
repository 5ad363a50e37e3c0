"""Targets: what each target of an ingest stages, rejects and applies."""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass

from shared.domain.csv_rows import Table
from shared.domain.kinds.kind import Target
from shared.domain.uploads import Applied, Slice
from shared.store import (
    Conn,
    staged_products,
    staged_receipts,
    staged_statuses,
    staged_stores,
    staged_users,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """The statements of a target, in the order they run; `reject` again and again until nothing goes."""

    stage: Callable[[Conn, Iterable[bytes]], None]
    reject: tuple[Callable[[Conn, Table], int], ...]
    pages: Callable[[Conn], int]
    merge: Callable[[Conn, Slice], Applied]
    settle: Callable[[Conn, list[str]], None]
    # Whatever is to be made of the good rows before they are counted and merged.
    gather: Callable[[Conn, Table], None] = lambda _conn, _table: None
    # What becomes of each good row, in the order of the file, before they are merged.
    results: Callable[[Conn], Generator[tuple[int, str]]] | None = None


STATEMENTS = {
    Target.PRODUCTS: Statements(
        stage=staged_products.insert,
        reject=(staged_products.delete_duplicates, staged_products.delete_of_other_kind),
        pages=staged_products.count_pages,
        merge=staged_products.merge,
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
        merge=staged_stores.merge,
        settle=lambda conn, _given: staged_stores.check(conn),
    ),
    Target.USERS: Statements(
        stage=staged_users.insert,
        reject=(
            staged_users.delete_unreachable,
            staged_users.delete_ambiguous,
            staged_users.delete_without_store,
            staged_users.delete_duplicates,
            staged_users.delete_with_unknown_store,
        ),
        pages=staged_users.count_pages,
        merge=staged_users.merge,
        settle=staged_users.update_links,
    ),
    Target.STATUSES: Statements(
        stage=staged_statuses.insert,
        reject=(
            staged_statuses.delete_duplicates,
            staged_statuses.delete_unknown,
            staged_statuses.delete_not_allowed,
        ),
        pages=staged_statuses.count_pages,
        results=staged_statuses.find_results,
        merge=staged_statuses.merge,
        settle=lambda _conn, _given: None,
    ),
    Target.RECEIPTS: Statements(
        stage=staged_receipts.insert,
        reject=(
            staged_receipts.delete_of_unknown_stores,
            staged_receipts.delete_of_other_retailers,
            staged_receipts.delete_without_amount,
            staged_receipts.delete_of_two_signs,
            staged_receipts.delete_of_other_goods,
            staged_receipts.delete_conflicting,
            staged_receipts.delete_incomplete,
        ),
        gather=staged_receipts.gather,
        pages=staged_receipts.count_pages,
        merge=staged_receipts.merge,
        settle=lambda _conn, _given: None,
    ),
}
