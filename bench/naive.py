"""The naive ingest: the same job as the app's, done the way most projects write it first.

The whole file is downloaded and read by csv.DictReader; each row is checked and converted by hand; 1,000
rows at a time go to the server as the parameters of an INSERT ... VALUES (...), (...) ON CONFLICT. Bad rows
are written to a file beside, and counts, errors and status come with the rows in one transaction.
"""

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from uuid import UUID

import psycopg
from psycopg.types.json import Jsonb

from shared.domain.money import EXPONENTS
from shared.domain.row_errors import RowError
from shared.domain.uploads import ERRORS_SHOWN, Rows, UploadKind, UploadStatus, blob_name
from shared.edge import blobs, storage
from shared.store import uploads

BATCH = 1_000
_REQUIRED = ("New Code", "Name", "Price", "Currency", "Tax Rate %")
_COLUMNS = frozenset({*_REQUIRED, "Brand", "Collection", "Type", "Active"})
_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False, "": True}
_ROW = "(%s, 'lens', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
_INSERT = """
INSERT INTO products AS p (sku, kind, name, brand, collection, type, price, currency, tax_rate_pct, active,
                           attributes, upload_id, created_at, updated_at)
VALUES {rows}
    ON CONFLICT (sku) DO UPDATE
   SET name = excluded.name, brand = excluded.brand, collection = excluded.collection, type = excluded.type,
       price = excluded.price, currency = excluded.currency, tax_rate_pct = excluded.tax_rate_pct,
       active = excluded.active, attributes = excluded.attributes, upload_id = excluded.upload_id,
       updated_at = excluded.updated_at
 WHERE (p.name, p.brand, p.collection, p.type, p.price, p.currency, p.tax_rate_pct, p.active, p.attributes)
       IS DISTINCT FROM
       (excluded.name, excluded.brand, excluded.collection, excluded.type, excluded.price, excluded.currency,
        excluded.tax_rate_pct, excluded.active, excluded.attributes)
RETURNING p.xmax = 0
"""

type Parameters = list[object]


@dataclass(slots=True)
class _Faulty(Exception):
    column: str
    code: str


@dataclass(slots=True)
class _File:
    """What is found out about a file while it is read."""

    read: int = 0
    seen: dict[str, int] = field(default_factory=dict[str, int])
    errors: list[RowError] = field(default_factory=list[RowError])
    rejected: list[list[str]] = field(default_factory=list[list[str]])


def ingest(conn: psycopg.Connection, upload_id: UUID) -> None:
    """Apply the file of the upload; the connection is in autocommit mode."""
    client = storage.service().get_blob_client(
        storage.UPLOADS, blob_name(UploadKind.PRODUCTS_LENS, upload_id)
    )
    text = client.download_blob().readall().decode("utf-8-sig")
    reader = csv.DictReader(io.StringIO(text, newline=""))
    file, now = _File(), datetime.now(UTC)
    inserted = updated = 0
    with conn.transaction():
        for batch in _batches(reader, file, upload_id, now):
            sql = _INSERT.format(rows=", ".join([_ROW] * len(batch)))
            values = [value for row in batch for value in row]
            for (is_new,) in conn.execute(sql.encode(), values):
                inserted, updated = inserted + is_new, updated + (not is_new)
        rejected = len(file.rejected)
        if rejected:
            blobs.write_rejected(upload_id, [_report(file.rejected)])
        uploads.update_finished(
            conn,
            upload_id,
            status=UploadStatus.COMPLETED,
            rows=Rows(
                read=file.read,
                inserted=inserted,
                updated=updated,
                unchanged=file.read - inserted - updated - rejected,
                rejected=rejected,
            ),
            errors=file.errors,
        )


def _batches(
    reader: "csv.DictReader[str]", file: _File, upload_id: UUID, now: datetime
) -> Iterator[list[Parameters]]:
    batch: list[Parameters] = []
    for row in reader:
        file.read += 1
        line = reader.line_num
        try:
            batch.append([*_values(row, line, file.seen), upload_id, now, now])
        except _Faulty as fault:
            value = row.get(fault.column) or ""
            if len(file.errors) < ERRORS_SHOWN:
                file.errors.append(RowError(line, fault.column, fault.code, value, fault.code, ""))
            file.rejected.append([*row.values(), str(line), fault.column, fault.code, value])
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _values(row: Mapping[str, str], line: int, seen: dict[str, int]) -> Parameters:
    for column in _REQUIRED:
        if not row[column].strip():
            raise _Faulty(column, "missing")
    sku = row["New Code"].strip()
    if len(sku) > 64:
        raise _Faulty("New Code", "text_too_long")
    if seen.setdefault(sku, line) != line:
        raise _Faulty("New Code", "duplicate")
    for column, most in (("Name", 300), ("Brand", 100), ("Collection", 100), ("Type", 100)):
        if len(row[column]) > most:
            raise _Faulty(column, "text_too_long")
    price, currency = _price(row)
    tax = _number(row, "Tax Rate %", "tax_rate_malformed")
    if not 0 <= tax <= 100:
        raise _Faulty("Tax Rate %", "tax_rate_malformed")
    active = _BOOLEANS.get(row["Active"].strip().lower())
    if active is None:
        raise _Faulty("Active", "boolean_malformed")
    return [
        sku,
        row["Name"].strip(),
        row["Brand"].strip() or None,
        row["Collection"].strip() or None,
        row["Type"].strip() or None,
        price,
        currency,
        tax,
        active,
        Jsonb({name: cell.strip() for name, cell in row.items() if name not in _COLUMNS and cell.strip()}),
    ]


def _price(row: Mapping[str, str]) -> tuple[Decimal, str]:
    currency = row["Currency"].strip()
    if currency not in EXPONENTS:
        raise _Faulty("Currency", "currency_unknown")
    price = _number(row, "Price", "price_malformed")
    if price < 0 or round(price, EXPONENTS[currency]) != price:
        raise _Faulty("Price", "price_malformed")
    return price, currency


def _number(row: Mapping[str, str], column: str, code: str) -> Decimal:
    try:
        return Decimal(row[column].strip())
    except InvalidOperation:
        raise _Faulty(column, code) from None


def _report(rejected: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rejected)
    return text.getvalue().encode()
