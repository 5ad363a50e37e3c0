"""The retail sample: read as it is, refused when it is not, three promotions on its sales checked by hand."""

from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import pytest

from samples import retail_report
from samples.retail import Invoice, RetailFileError, RetailLine, read_invoices, sales

PENNY = Decimal("0.01")
HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\r\n"
LINE = "536365,85123A,A HOLDER,6,12-01-2010 08:26,2.55,17850,United Kingdom\r\n"


def test_the_figures_of_the_file() -> None:
    invoices = read_invoices()
    notes = [invoice for invoice in invoices if invoice.is_credit_note]
    assert (len(invoices), len(sales()), len(notes)) == (107, 101, 6)
    assert sum(len(invoice.lines) for invoice in invoices) == 2139
    assert [note.number for note in notes] == [
        "C536379",
        "C536383",
        "C536391",
        "C536506",
        "C536543",
        "C536548",
    ]
    assert {invoice.at.date().isoformat() for invoice in invoices} == {"2010-12-01"}
    assert sum(len(invoice.lines) for invoice in invoices if invoice.customer_id is None) == 539
    priceless = [sale.number for sale in sales() if not any(line.unit_price for line in sale.lines)]
    assert len(priceless) == 9
    prices: dict[str, set[Decimal]] = {}
    for invoice in invoices:
        for line in invoice.lines:
            prices.setdefault(line.code, set()).add(line.unit_price)
    assert (len(prices), sum(len(each) > 1 for each in prices.values())) == (1089, 295)


def test_the_first_and_the_last_line_are_read_as_they_stand() -> None:
    invoices = read_invoices()
    first, last = invoices[0], invoices[-1]
    assert (first.number, first.customer_id, first.country) == ("536365", "17850", "United Kingdom")
    assert first.at.isoformat() == "2010-12-01T08:26:00+00:00"
    assert first.lines[0] == RetailLine("85123A", "WHITE HANGING HEART T-LIGHT HOLDER", 6, Decimal("2.55"))
    assert last.lines[-1] == RetailLine("22865", "HAND WARMER OWL DESIGN", 12, Decimal("2.1"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (HEADER.replace("StockCode", "Code") + LINE, "line 1: the header"),
        (HEADER + LINE.replace("12-01-2010", "2010-12-01"), "line 2: '2010-12-01 08:26' is no InvoiceDate"),
        (HEADER + LINE.replace("2.55", "-2.55"), "is no UnitPrice"),
        (HEADER + LINE.replace(",6,", ",0,"), "is no Quantity"),
        (HEADER + LINE.replace(",6,", ",-6,"), "a quantity of -6 on 536365"),
        (HEADER + "C" + LINE, "a quantity of 6 on C536365"),
        (HEADER + LINE.replace("85123A", ""), "no code"),
        (HEADER + LINE.replace(",United Kingdom", ""), "there are not 8 values"),
        (HEADER + LINE.replace("United Kingdom", "United Kingdom,x"), "there are not 8 values"),
        (HEADER + LINE + LINE.replace("17850", "17851"), "invoice 536365 has two"),
        (HEADER + LINE + LINE.replace("536365", "536366") + LINE, "do not stand together"),
    ],
    ids=[
        "header",
        "date",
        "price",
        "nothing",
        "negative sale",
        "positive note",
        "code",
        "short",
        "long",
        "customers",
        "apart",
    ],
)
def test_what_is_not_as_described_is_refused(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "retail.csv"
    path.write_text(text, newline="")
    with pytest.raises(RetailFileError, match=told.replace("(", r"\(")):
        read_invoices(path)


def test_the_document_is_what_the_command_writes() -> None:
    assert retail_report.DOCUMENT.read_text() == retail_report.document()


def test_every_discount_is_what_a_till_roll_and_a_pencil_give() -> None:
    """Reckoned anew from the invoices in decimals, without the engine."""
    seen: set[str] = set()
    for sale, evaluation in retail_report.evaluations():
        expected = by_hand(sale)
        for name, amount in expected.items():
            assert retail_report.discount_of(evaluation, name) == amount * 100, (sale.number, name)
            seen |= {name} if amount else set()
        assert evaluation.optimal
        assert evaluation.net == evaluation.gross - sum(expected.values()) * 100
    assert seen == set(retail_report.PROMOTIONS), "each of them gives something somewhere"


def test_three_sales_in_full() -> None:
    found = {sale.number: each for sale, each in retail_report.evaluations()}
    names = list(retail_report.PROMOTIONS)
    for number, expected in THREE.items():
        assert [retail_report.discount_of(found[number], name) for name in names] == expected, number


# In pence. 536365: 10 % of 6 bottles at 3.39; of 6 holders at 4.25 and 6 at 2.55 every third is free; 123.49
# is left. 536366: 10 % of 12 warmers at 1.85. 536368: 70.05 in all, none of it warm or a holder.
THREE = {"536365": [203, 1360, 500], "536366": [222, 0, 0], "536368": [0, 0, 0]}


def by_hand(sale: Invoice) -> dict[str, Decimal]:
    warm = [line for line in sale.lines if is_warm(line)]
    pieces = sum(line.quantity for line in warm)
    percent = 15 if pieces >= 24 else 10 if pieces >= 6 else 0
    cost = sum((line.quantity * line.unit_price for line in warm), Decimal(0))
    off = (cost * percent / 100).quantize(PENNY, ROUND_HALF_EVEN)
    free = sum(third_pieces(sale), Decimal(0))
    gross = sum((line.quantity * line.unit_price for line in sale.lines), Decimal(0))
    five = Decimal(5) if gross - off - free >= 100 else Decimal(0)
    return {"Warm hands": off, "Third holder free": free, "Five off a hundred": five}


def is_warm(line: RetailLine) -> bool:
    return "HAND WARMER" in line.description or "HOT WATER BOTTLE" in line.description


def third_pieces(sale: Invoice) -> Iterator[Decimal]:
    """The price of every third holder, the dearest first."""
    prices = [
        line.unit_price for line in sale.lines for _ in range(line.quantity) if "HOLDER" in line.description
    ]
    yield from sorted(prices, reverse=True)[2::3]
