"""Stores: the shops, under their parents, with their ids at both mother companies."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from shared.domain.errors import NotFound

_RING_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A store; `zone` is an IANA time zone, `attributes` are the columns its files had besides."""

    id: str
    name: str
    parent_id: str | None
    company_a_id: str | None
    company_b_id: str | None
    address: str | None
    city: str | None
    region: str | None
    country: str
    postal_code: str | None
    latitude: Decimal | None
    longitude: Decimal | None
    zone: str
    active: bool
    attributes: Mapping[str, str]
    updated_at: datetime


class StoreUnknown(NotFound):
    """There is no store {store_id}."""

    code = "store_unknown"


class RetailerUnknown(NotFound):
    """There is no retailer {retailer_id}: a retailer is a store without a parent."""

    code = "retailer_unknown"


def rings(parents: Mapping[str, str]) -> dict[str, str]:
    """The ring of each store that is its own ancestor, as text; `parents` names the parent of a store."""
    found: dict[str, str] = {}
    seen: set[str] = set()
    for start in parents:
        path: list[str] = []
        here: str | None = start
        while here is not None and here not in seen:
            seen.add(here)
            path.append(here)
            here = parents.get(here)
        if here is not None and here in path:
            ring = path[path.index(here) :]
            shown = " > ".join([*ring[:_RING_SHOWN], *(["…"] if len(ring) > _RING_SHOWN else []), here])
            found.update(dict.fromkeys(ring, shown))
    return found
