"""Targets: what each target of an ingest stages, rejects and applies."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from shared.domain.kinds.kind import Kind, Target
from shared.domain.uploads import Applied
from shared.store import Conn, products, stores


class Upsert(Protocol):
    def __call__(
        self,
        conn: Conn,
        kind: Kind,
        now: datetime,
        /,
        *,
        upload_id: UUID,
        given: list[str],
        attributes: list[str],
    ) -> Applied: ...


@dataclass(frozen=True, slots=True)
class Statements:
    """The statements of a target, in the order they run; `reject` again and again until nothing goes."""

    stage: Callable[[Conn, Iterable[Sequence[object]]], None]
    reject: tuple[Callable[[Conn, Kind], int], ...]
    upsert: Upsert


STATEMENTS = {
    Target.PRODUCTS: Statements(
        stage=products.insert_staged,
        reject=(products.delete_staged_duplicates, products.delete_staged_of_other_kind),
        upsert=products.upsert_staged,
    ),
    Target.STORES: Statements(
        stage=stores.insert_staged,
        reject=(
            stores.delete_staged_duplicates,
            stores.delete_staged_of_taken_company_a_ids,
            stores.delete_staged_of_taken_company_b_ids,
            stores.delete_staged_without_parent,
        ),
        upsert=stores.upsert_staged,
    ),
}
