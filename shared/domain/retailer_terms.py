"""Retailer terms: what is agreed on with a retailer, in revisions of which the last counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from shared.domain.errors import NotFound
from shared.domain.receipt_mappings import ReceiptMapping
from shared.domain.reconciliation.rules import Rules


class TermsName(StrEnum):
    RECEIPT_MAPPING = "receipt_mapping"
    RECONCILIATION_RULES = "reconciliation_rules"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revised:
    """Terms as they were written; `revision` counts from 1."""

    revision: int
    terms: Mapping[str, Any]
    created_by: UUID
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RetailerMapping:
    """How a retailer's till writes its receipts."""

    retailer_id: str
    revision: int
    mapping: ReceiptMapping
    updated_by: UUID
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RetailerRules:
    """The rules that hold for a retailer; those nobody wrote have revision 0."""

    retailer_id: str
    revision: int
    rules: Rules
    updated_by: UUID | None = None
    updated_at: datetime | None = None


class MappingNotFound(NotFound):
    """The retailer {retailer_id} has no mapping of receipts; its files have the usual headers."""

    code = "receipt_mapping_not_found"
