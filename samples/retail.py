"""The sales of Online Retail, read strictly; what they are and whose is told in samples/retail/README.md."""

import csv
import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from zoneinfo import ZoneInfo

FILE = Path(__file__).parent / "retail" / "online_retail_sample.csv"

ZONE = "Europe/London"
_HEADER = [
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
]
_INVOICE = re.compile(r"C?[0-9]{6}")
_DATE = re.compile(r"([0-9]{2})-([0-9]{2})-([0-9]{4}) ([0-9]{2}):([0-9]{2})")
_PRICE = re.compile(r"[0-9]+(\.[0-9]{1,2})?")
_QUANTITY = re.compile(r"-?[1-9][0-9]*")
_CUSTOMER = re.compile(r"([0-9]{5})?")


class RetailFileError(Exception):
    """A line of the file is not as its description says."""


@dataclass(frozen=True, slots=True)
class RetailLine:
    """A line as it was invoiced; below zero in quantity on a credit note. No price is below zero."""

    code: str
    description: str
    quantity: int
    unit_price: Decimal


@dataclass(frozen=True, slots=True)
class Invoice:
    """A sale or a credit note. The time is the seller's; not everybody who bought is known."""

    number: str
    at: datetime
    customer_id: str | None
    country: str
    lines: tuple[RetailLine, ...]

    @property
    def is_credit_note(self) -> bool:
        return self.number.startswith("C")


def read_invoices(path: Path = FILE) -> list[Invoice]:
    """The invoices in the order of the file. Raises RetailFileError, which names the line."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, strict=True)
        if rows.fieldnames != _HEADER:
            raise RetailFileError(f"line 1: the header is {rows.fieldnames}")
        read = [_read(row, f"line {rows.line_num}") for row in rows]
    found = [_joined([line for _, line in group]) for _, group in groupby(read, key=lambda each: each[0])]
    if len({invoice.number for invoice in found}) != len(found):
        raise RetailFileError("the lines of an invoice do not stand together")
    return found


def sales() -> list[Invoice]:
    return [invoice for invoice in read_invoices() if not invoice.is_credit_note]


def _read(row: dict[str, str], where: str) -> tuple[str, Invoice]:
    """The line as an invoice of one line."""

    def checked(name: str, form: re.Pattern[str]) -> re.Match[str]:
        match = form.fullmatch(row[name])
        if match is None:
            raise RetailFileError(f"{where}: {row[name]!r} is no {name}")
        return match

    if None in row or None in row.values():
        raise RetailFileError(f"{where}: there are not {len(_HEADER)} values")
    number = checked("InvoiceNo", _INVOICE)[0]
    quantity = int(checked("Quantity", _QUANTITY)[0])
    if (quantity < 0) != number.startswith("C"):
        raise RetailFileError(f"{where}: a quantity of {quantity} on {number}")
    month, day, year, hour, minute = map(int, checked("InvoiceDate", _DATE).groups())
    if not row["StockCode"] or not row["Country"]:
        raise RetailFileError(f"{where}: no code or no country")
    line = RetailLine(
        row["StockCode"], row["Description"], quantity, Decimal(checked("UnitPrice", _PRICE)[0])
    )
    at = datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(ZONE))
    customer_id = checked("CustomerID", _CUSTOMER)[0] or None
    return number, Invoice(number, at, customer_id, row["Country"], (line,))


def _joined(parts: list[Invoice]) -> Invoice:
    first = parts[0]
    for part in parts:
        if (part.at, part.customer_id, part.country) != (first.at, first.customer_id, first.country):
            raise RetailFileError(f"invoice {first.number} has two times, customers or countries")
    lines = tuple(line for part in parts for line in part.lines)
    return Invoice(first.number, first.at, first.customer_id, first.country, lines)
