"""Stores: the shops, under their parents, with their ids at both mother companies."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from shared.domain.errors import NotFound


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
