"""Statements as files: every line as CSV or JSON, a piece at a time."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import batched

from shared.domain.settlements import Document, SettlementDetail, SettlementLine
from shared.edge import csv_files
from shared.rows import adapter

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_AT_ONCE = 500

COLUMNS = (
    "document",
    "number",
    "transaction_id",
    "kind",
    "original_id",
    "sold_on",
    "created_at",
    "store_id",
    "store_name",
    "receipt_number",
    "carried_over",
    "reversed",
    "line",
    "sku",
    "promotion_id",
    "version",
    "promotion_name",
    "role",
    "units",
    "funder",
    "amount",
    "currency",
)


def filename(settlement: SettlementDetail, ending: str) -> str:
    """A name that no header and no file system can take for anything else."""
    retailer = _UNSAFE.sub("_", settlement.retailer_id)[:40]
    return f"{settlement.number}-{retailer}.{ending}"


def csv_of(settlement: SettlementDetail, lines: Iterable[SettlementLine]) -> Iterator[bytes]:
    """One record a line. Amounts are plain numbers with a point; no text can be taken for a formula."""
    numbers = {each.document: each.number for each in settlement.documents}
    return csv_files.write(_records(numbers, settlement.currency, lines))


def json_of(settlement: SettlementDetail, lines: Iterable[SettlementLine]) -> Iterator[bytes]:
    """The settlement as the API tells it, with `lines` besides."""
    yield adapter(SettlementDetail).dump_json(settlement)[:-1] + b',"lines":['
    render = adapter(SettlementLine).dump_json
    separator = b""
    for some in batched(lines, _AT_ONCE, strict=False):
        yield separator + b",".join(map(render, some))
        separator = b","
    yield b"]}"


def _records(
    numbers: dict[Document, str], currency: str, lines: Iterable[SettlementLine]
) -> Iterator[Sequence[str]]:
    yield COLUMNS
    for line in lines:
        yield (
            line.document,
            numbers[line.document],
            str(line.transaction_id),
            line.kind,
            str(line.original_id or ""),
            line.sold_on.isoformat(),
            line.created_at.isoformat(),
            line.store_id,
            line.store_name,
            line.receipt_number or "",
            "yes" if line.carried_over else "no",
            "yes" if line.reversed else "no",
            str(line.line),
            line.sku,
            str(line.promotion_id),
            str(line.version),
            line.promotion_name,
            line.role,
            str(line.units),
            line.party,
            str(line.amount),
            currency,
        )
