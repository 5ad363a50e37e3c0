"""Groups: products or stores that a filter over their facts selects, whoever joins or leaves later."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from shared.domain.documents import exact
from shared.domain.errors import Conflict, NotFound, Refused
from shared.domain.filters import Filter, parse_filter
from shared.domain.products import Product
from shared.domain.stores import Store

CHANGES_SHOWN = 20
"""So many of those who joined or left are kept with a change."""


class Subject(StrEnum):
    """What a group is of; the name is also that of its facts."""

    PRODUCT = "product"
    STORE = "store"


class GroupNotFound(NotFound):
    """There is no {subject} group {group_id}."""

    code = "group_not_found"


class GroupNameTaken(Conflict):
    """Another {subject} group is named {name}, in whatever case."""

    code = "group_name_taken"


class GroupUnknown(Refused):
    """There is no {subject} group {group_id}."""

    code = "group_unknown"


class GroupInUse(Conflict):
    """The group stands as it is while these promotions use it: {promotions}."""

    code = "group_in_use"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupTerms:
    """What somebody says a group is."""

    name: str
    description: str
    filter: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group; `revision` counts its changes, for If-Match."""

    id: UUID
    name: str
    description: str
    filter: Mapping[str, Any]
    revision: int
    created_at: datetime
    updated_at: datetime

    @property
    def terms(self) -> GroupTerms:
        return GroupTerms(name=self.name, description=self.description, filter=self.filter)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChange:
    """How the members of a group that promotions stand on became others; a few of them by SKU or store id.

    `upload_id` is the upload that made them others; None when the group was first needed.
    """

    id: UUID
    group_id: UUID
    at: datetime
    upload_id: UUID | None
    joined: int
    left: int
    joined_sample: tuple[str, ...]
    left_sample: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chosen:
    """How many a filter selects, and the keys of some of them."""

    count: int
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProductPreview:
    """How many products a filter selects, and some of them."""

    count: int
    sample: tuple[Product, ...]


@dataclass(frozen=True, slots=True)
class StorePreview:
    """How many stores a filter selects, and some of them."""

    count: int
    sample: tuple[Store, ...]


def read_filter(document: Mapping[str, Any], subject: Subject) -> Filter:
    """The filter of a group's document. Raises FilterInvalid with a pointer below `/filter`."""
    return parse_filter(exact(document), namespaces=(subject,), at="/filter")
