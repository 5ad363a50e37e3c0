"""Mappings of receipts: what is wrong is told where, and cells of tills are read as the mapping says."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.cells import CellRefused
from shared.domain.receipt_mappings import MappingInvalid, ReceiptMapping, check, kind_of
from shared.domain.till_cells import (
    amount,
    exact_in_minor,
    in_minor,
    local_date,
    local_time,
    quantity,
    time_of_day,
)

COLUMNS = {
    "store_id": "Shop",
    "number": "Ticket",
    "sold_on": "Date",
    "sold_time": "Time",
    "sku": "Code",
    "quantity": "Count",
    "amount": "Paid",
}
MAPPING = ReceiptMapping(columns=COLUMNS, constants={"currency": "EUR"})


def without(name: str) -> dict[str, str]:
    return {key: header for key, header in COLUMNS.items() if key != name}


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"columns": COLUMNS | {"colour": "Colour"}}, "/columns/colour"),
        ({"columns": COLUMNS | {"a/b": "Colour"}}, "/columns/a~1b"),
        ({"columns": COLUMNS | {"sku": " "}}, "/columns/sku"),
        ({"columns": COLUMNS | {"sku": "ticket"}}, "/columns/sku"),
        ({"columns": COLUMNS | {"currency": "Cur"}}, "/constants/currency"),
        ({"columns": COLUMNS | {"sold_at": "At"}}, "/columns"),
        ({"columns": without("sku")}, "/columns"),
        ({"columns": without("sold_time")}, "/columns"),
        ({"columns": without("amount")}, "/columns"),
        ({"constants": {"currency": "EURO"}}, "/constants/currency"),
        ({"constants": {"currency": "EUR", "sku": "A"}}, "/constants/sku"),
        ({"date_format": "DD/MM"}, "/date_format"),
        ({"date_format": "DD/MM/YYYY/DD"}, "/date_format"),
        ({"hour_format": "hh:mm"}, "/hour_format"),
        ({"time_format": "YYYY-MM-DD um HH:mm"}, "/time_format"),
        ({"decimal_mark": ";"}, "/decimal_mark"),
        ({"store_by": "name"}, "/store_by"),
        ({"store_by": "attribute:"}, "/store_by"),
    ],
)
def test_a_bad_mapping_is_told_where(change: dict[str, Any], pointer: str) -> None:
    check(MAPPING)
    with pytest.raises(MappingInvalid) as caught:
        check(replace(MAPPING, **change))
    assert caught.value.pointer == pointer


def test_a_mapped_file_needs_its_own_headers_and_passes_over_others() -> None:
    kind = kind_of(MAPPING, "R")
    headers = {column.name: column.headers for column in kind.columns}
    assert (headers["sku"], headers["sold_at"], headers["currency"]) == (("Code",), (), ())
    assert {column.name for column in kind.columns if column.mandatory} == {
        "store_id",
        "sold_on",
        "sold_time",
        "sku",
        "quantity",
    }
    assert (kind.ignores_others, kind_of(None, None).ignores_others) == (True, False)


@pytest.mark.parametrize(
    ("form", "cell", "read"),
    [
        ("YYYY-MM-DD HH:mm:ss", "2026-03-01T09:05", "2026-03-01 09:05:00"),
        ("YYYY-MM-DD HH:mm:ss", "2026-03-01 09:05:59.123", "2026-03-01 09:05:59"),
        ("D/M/YY H:mm", "1/3/26 9:05", "2026-03-01 09:05:00"),
        ("MM/DD/YYYY hh:mm A", "03/01/2026 12:05 am", "2026-03-01 00:05:00"),
        ("MM/DD/YYYY hh:mm A", "03/01/2026 1:05 P.M.", "2026-03-01 13:05:00"),
        ("YYYYMMDDTHHmmss", "20260301T090501", "2026-03-01 09:05:01"),
        ("YYYY-MM-DD HH:mm:ss", "2026-02-29 09:05", None),
        ("YYYY-MM-DD HH:mm:ss", "1926-03-01 09:05", None),
        ("MM/DD/YYYY hh:mm A", "03/01/2026 13:05 PM", None),
        ("DD.MM.YYYY HH:mm", "01.03.2026 24:00", None),
        ("DD.MM.YYYY HH:mm", "01x03x2026 10:00", None),
    ],
)
def test_times_are_read_as_they_are_written(form: str, cell: str, read: str | None) -> None:
    assert told(local_time(form).read, cell) == read


@given(st.from_regex(local_time().plain or "", fullmatch=True))
def test_times_that_are_taken_unread_are_read_as_they_are(cell: str) -> None:
    assert told(local_time().read, cell) == cell


def test_dates_and_times_of_day() -> None:
    assert told(local_date("DD-MM-YYYY").read, "28-02-2026") == "2026-02-28"
    assert told(time_of_day("HHmm").read, "0905") == "09:05:00"
    assert told(time_of_day("HH:mm").read, "9:05") is None


@pytest.mark.parametrize(
    ("mark", "cell", "minor"),
    [
        (",", "1.234,5", "123450"),
        (",", "-1.234.567,89", "-123456789"),
        (",", "12", "1200"),
        (",", "1 234,50", "123450"),
        (".", "1,234.50", "123450"),
        (".", "-0.05", "-5"),
        (".", "1'234.50", "123450"),
        (",", "1,234", None),
        (",", "12.34", None),
        (".", "1,23", None),
        (".", "--1", None),
        (".", "1e3", None),
        (".", "0.005", None),
    ],
)
def test_amounts_are_read_by_their_decimal_mark(mark: str, cell: str, minor: str | None) -> None:
    assert told(amount(mark, "EUR").read, cell) == minor


@pytest.mark.parametrize(
    ("cell", "currency", "minor"),
    [
        ("12,5", "EUR", "1250"),
        ("12.50", "EUR", "1250"),
        ("-3", "JPY", "-3"),
        ("1.500", "KWD", "1500"),
        ("1.500", "EUR", None),
        ("1.505", "EUR", None),
        ("1.5", "JPY", None),
    ],
)
def test_without_a_mapping_either_mark_is_taken_and_no_thousands(
    cell: str, currency: str, minor: str | None
) -> None:
    assert told(lambda value: in_minor(amount().read(value), currency), cell) == minor


def test_quantities_are_whole_and_never_zero() -> None:
    assert [told(quantity(",").read, cell) for cell in ("2", "-1,000", "1.0", "1,5", "0", "x")] == [
        "2",
        "-1",
        None,
        None,
        None,
        None,
    ]


@given(st.integers(-(10**9), 10**9), st.sampled_from(("EUR", "JPY", "KWD")))
def test_minor_units_there_and_back(minor: int, currency: str) -> None:
    exponent = {"EUR": 2, "JPY": 0, "KWD": 3}[currency]
    whole, rest = divmod(abs(minor), 10**exponent)
    text = f"{'-' if minor < 0 else ''}{whole}" + (f".{rest:0{exponent}}" if exponent else "")
    assert int(exact_in_minor(text, currency)) == minor


def told(read: Any, cell: str) -> str | None:
    try:
        return read(cell)
    except CellRefused:
        return None
