"""Settlement entries: where a transaction was stated, and where it was taken off again."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from shared.domain.settlements import Document, SettlementLine, SettlementStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementEntry:
    """A transaction on a document of a settlement, with its lines there.

    `owed` is what the brand bears of it on this document; taken off again (`reversed`), the sign is the other
    way round, so that the entries of a transaction sum to what is owed for it now.
    """

    settlement_id: UUID
    retailer_id: str
    document: Document
    number: str
    status: SettlementStatus
    from_on: date
    until_on: date
    issued_on: date
    paid_on: date | None
    reference: str | None
    carried_over: bool
    reversed: bool
    owed: Decimal
    lines: tuple[SettlementLine, ...]
