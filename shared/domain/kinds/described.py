"""Kinds described: what a file of each kind is made of, told from its declaration."""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.domain.kinds.kind import Kind
from shared.domain.users import Permission


@dataclass(frozen=True, slots=True)
class ColumnDescribed:
    """A column; any of `headers` may be used, in any case, and the first is the one we name."""

    name: str
    headers: tuple[str, ...]
    type: str
    says: str
    mandatory: bool
    default: str | None


@dataclass(frozen=True, slots=True)
class KindDescribed:
    """A kind of file, and the permission that sending one needs.

    With `takes_attributes` columns of any other header are kept as attributes.
    """

    kind: str
    says: str
    permission: Permission
    key: str
    most_rows: int
    takes_attributes: bool
    columns: tuple[ColumnDescribed, ...]


def describe(kinds: Iterable[Kind]) -> tuple[KindDescribed, ...]:
    return tuple(
        KindDescribed(
            kind=kind.name,
            says=kind.says,
            permission=kind.needs,
            key=kind.key,
            most_rows=kind.most_rows,
            takes_attributes=kind.takes_attributes,
            columns=tuple(
                ColumnDescribed(
                    name=column.name,
                    headers=column.headers,
                    type=column.read.type,
                    says=column.read.says,
                    mandatory=column.mandatory,
                    default=column.default,
                )
                for column in kind.columns
                if column.headers
            ),
        )
        for kind in kinds
    )
