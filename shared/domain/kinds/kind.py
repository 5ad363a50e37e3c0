"""What a kind of upload is: its columns, their headers and readers, and where its rows go."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shared.domain.cells import Reader
from shared.domain.users import Permission


class Target(StrEnum):
    """What the rows become; kinds of one target are applied one after the other."""

    PRODUCTS = "products"
    STORES = "stores"
    USERS = "users"
    STATUSES = "statuses"
    RECEIPTS = "receipts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A typed column: `headers` are the ones a file may use, the first being the one we name.

    A file may have several of them: they must agree. `default` is what an empty cell means.
    """

    name: str
    headers: tuple[str, ...]
    read: Reader
    mandatory: bool = False
    default: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """The column's value, once read, is read again in the light of another column's."""

    column: str
    other: str
    read: Callable[[str, str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of upload. Columns of a file that are not named here become attributes, or refuse the file.

    `columns` are in the order in which the target stages them; `constants` are what every row has without
    the file saying so. `needs` is the permission of whoever uploads one. With
    `tells_each_row` there is a file of what became of every row. With `ignores_others` other columns
    are passed over. Rows that agree in the columns of `whole` are one thing, taken or rejected as one.
    """

    name: str
    says: str
    target: Target
    key: str
    columns: tuple[Column, ...]
    needs: Permission = Permission.UPLOADS_WRITE
    tells_each_row: bool = False
    takes_attributes: bool = True
    most_rows: int = 2_000_000
    together: tuple[Together, ...] = ()
    constants: Mapping[str, str] = field(default_factory=dict[str, str])
    ignores_others: bool = False
    whole: tuple[str, ...] = ()
