"""Statements as files: read again and added up to the cent, whatever names are in them."""

import csv
import io
import json
import re
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import httpx
import pytest

from shared.actions import settlements as settlement_actions
from shared.domain.settlements import Settlement
from shared.domain.users import EVERY_STORE
from shared.edge.statement_files import filename
from shared.jobs import statements
from shared.jobs.statements import Form
from tests.rows import Conn
from tests.settling import JULY, Cut, Till

pytestmark = pytest.mark.usefixtures("app")

NASTY = [
    '=HYPERLINK("http://x.example","y")',
    "+39 06 1234567",
    "-2+3",
    "@SUM(A1:A9)",
    "\tTAB",
    "\rCR",
    'quote " and, comma',
    "line\nbreak",
    "Οπτικά Αθήνας",
    "Оптика Київ",
]


@pytest.fixture
def till(conn: Conn) -> Till:
    return Till(conn)


@pytest.fixture
def settlement(till: Till) -> Settlement:
    """Of nasty names, with a credit note."""
    till.store("R1")
    promotions = [till.promotion(name) for name in ("=1+1", "Ten percent")]
    sale = None
    for number, name in enumerate(NASTY):
        store_id = till.store(f"S{number}", parent="R1")
        till.conn.execute("UPDATE stores SET name = %s WHERE id = %s", [name, store_id])
        cuts = [
            Cut(promotions[0], 100 + number, {"brand": 70, "retailer": 30 + number}),
            Cut(promotions[1], 33, {}, line=1),
        ]
        sale = till.sell(store_id, cuts, sku=name, receipt=name)
        if number == 0:
            till.close()
            till.undo(
                sale,
                [Cut(promotions[0], -50, {"brand": -35, "retailer": -15})],
                at=datetime(2026, 7, 1, tzinfo=UTC),
            )
    (found,) = till.close(JULY)
    return found


def lines(settlement_id: UUID, form: Form, most: int = statements.MOST_LINES) -> bytes:
    """The file, fetched where it is to be fetched."""
    file = statements.lines_of(
        datetime.now(UTC), settlement_id=settlement_id, reach=EVERY_STORE, form=form, most=most
    )
    return file.body if file.url is None else httpx.get(file.url).raise_for_status().content


def records(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def test_a_csv_adds_up_to_the_cent_and_holds_no_formula(settlement: Settlement) -> None:
    found = records(lines(settlement.id, Form.CSV))
    sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for record in found:
        sums[record["number"], record["funder"]] += Decimal(record["amount"])
        for name, cell in record.items():
            plain = re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", cell)
            assert plain or not cell.startswith(("=", "+", "-", "@", "\t", "\r")), (name, cell)
    for document in settlement.documents:
        assert sums[document.number, "brand"] == document.owed
        assert sums[document.number, "retailer"] == document.retailer_part
    assert {document.document.value for document in settlement.documents} == {"statement", "credit_note"}
    assert len(found) == sum(document.lines for document in settlement.documents)
    # What a guard was put before is otherwise as it was.
    told = {record["store_name"].removeprefix("'") for record in found}
    assert told == set(NASTY)
    assert {record["amount"] for record in found if record["document"] == "credit_note"} == {"-0.35", "-0.15"}


def test_a_json_says_what_the_csv_says(settlement: Settlement) -> None:
    told = json.loads(lines(settlement.id, Form.JSON))
    assert told["owed"] == str(settlement.owed)
    assert sum(Decimal(line["amount"]) for line in told["lines"]) == sum(
        document.discount for document in settlement.documents
    )
    assert [(line["transaction_id"], line["amount"]) for line in told["lines"]] == [
        (record["transaction_id"], record["amount"]) for record in records(lines(settlement.id, Form.CSV))
    ]


@pytest.mark.parametrize("form", list(Form))
def test_a_long_file_is_fetched_from_the_storage(settlement: Settlement, form: Form) -> None:
    assert lines(settlement.id, form, most=1) == lines(settlement.id, form)
    # The second time it is there already.
    assert lines(settlement.id, form, most=1) == lines(settlement.id, form)


def test_a_file_is_named_by_its_number(settlement: Settlement, till: Till) -> None:
    detail = settlement_actions.get(till.conn, settlement.id)
    assert filename(detail, "csv") == "S-2027-000002-R1.csv"
    nasty = replace(detail, retailer_id='R1"; filename="x\r\nSet-Cookie: y/../é')
    assert re.fullmatch(r"[A-Za-z0-9._-]+", filename(nasty, "csv"))


def test_every_line_leads_to_its_transaction_and_back(settlement: Settlement, till: Till) -> None:
    """From the lines of the API to the allocations of each transaction, and from those to all lines."""
    borne: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for line in json.loads(lines(settlement.id, Form.JSON))["lines"]:
        what = tuple(line[name] for name in ("line", "sku", "promotion_id", "version", "role", "units"))
        borne[line["transaction_id"]].append((*what, line["party"], int(Decimal(line["amount"]) * 100)))
    for transaction_id, found in borne.items():
        (allocations,) = till.conn.execute(
            "SELECT allocations FROM transactions WHERE id = %s", [transaction_id]
        ).fetchall()[0]
        expected: list[tuple[Any, ...]] = []
        for each in allocations:
            what = tuple(each[name] for name in ("line", "sku", "promotion_id", "version", "role", "units"))
            parts = each["funding"] or {"retailer": each["amount_minor"]}
            expected += [(*what, party, minor) for party, minor in parts.items()]
        assert sorted(found) == sorted(expected)
    assert len(borne) == len(NASTY)


def test_a_pdf_says_numbers_sums_and_names(settlement: Settlement) -> None:
    file = statements.pdf(settlement_id=settlement.id, reach=EVERY_STORE)
    assert file.body.startswith(b"%PDF-")
    assert file.filename == "S-2027-000002-R1.pdf"
    assert len(re.findall(rb"/Type /Page\b", file.body)) >= 3
