"""Statements on paper: the documents of a settlement with their sums, for who keeps and who pays them.

The lines are in the CSV and the JSON, which are longer than anybody would print.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from unicodedata import bidirectional

from shared.domain.settlements import BRAND, RETAILER, Document, SettlementDetail, StatedDocument, StoreTotal

if TYPE_CHECKING:
    from fpdf import FPDF

_FONTS = Path(__file__).parent / "fonts"
_FONT = "DejaVu"
_TITLES = {Document.STATEMENT: "Settlement statement", Document.CREDIT_NOTE: "Credit note"}
_PARTIES = {BRAND: "brand (owed)", RETAILER: "retailer"}
_ROW = 5


def pdf_of(settlement: SettlementDetail, stores: Sequence[StoreTotal]) -> bytes:
    """The statement, its credit note if there is one, and what was sold in each store."""
    pdf = _paper(settlement)
    for document in settlement.documents:
        _put_document(pdf, settlement, document)
    _put_stores(pdf, settlement, stores)
    return bytes(pdf.output())


def _put_document(pdf: "FPDF", settlement: SettlementDetail, document: StatedDocument) -> None:
    pdf.add_page()
    pdf.set_font(_FONT, "B", 16)
    pdf.cell(0, 10, f"{_TITLES[document.document]} {document.number}", new_x="LMARGIN", new_y="NEXT")
    told = [
        ("Retailer", f"{settlement.retailer_name} ({settlement.retailer_id})"),
        ("Period", f"{settlement.from_on} to {settlement.until_on}, {settlement.zone}"),
        ("Issued", str(settlement.issued_on)),
        ("Currency", settlement.currency),
    ]
    if settlement.corrects is not None:
        told.append(("Corrects", f"{settlement.corrects}: {settlement.reason}"))
    if settlement.paid_on is not None:
        told.append(("Paid", f"{settlement.paid_on}, {settlement.reference}"))
    _put_pairs(pdf, told)
    _put_pairs(
        pdf,
        [
            ("Transactions", f"{document.transactions:,}"),
            ("carried over from before the period", f"{document.carried_over:,}"),
            ("taken off again", f"{document.reversed:,}"),
            ("Gross", _amount(document.gross)),
            ("Discounts", _amount(document.discount)),
            ("borne by the retailer", _amount(document.retailer_part)),
            ("borne by others", _amount(document.others_part)),
            ("Owed by the brand", f"{_amount(document.owed)} {settlement.currency}"),
        ],
    )
    _put_table(
        pdf,
        ("Promotion", "Version", "Borne by", "Lines", "Amount"),
        (78, 16, 40, 20, 36),
        (
            (
                each.name,
                str(each.version),
                _PARTIES.get(each.party, each.party),
                f"{each.lines:,}",
                _amount(each.amount),
            )
            for each in settlement.totals
            if each.document is document.document
        ),
        numbers=(1, 3, 4),
    )


def _put_stores(pdf: "FPDF", settlement: SettlementDetail, stores: Sequence[StoreTotal]) -> None:
    pdf.add_page()
    pdf.set_font(_FONT, "B", 12)
    pdf.cell(0, 10, f"Stores, {settlement.number}", new_x="LMARGIN", new_y="NEXT")
    _put_table(
        pdf,
        ("Store", "Name", "Transactions", "Discounts", "Owed"),
        (32, 70, 26, 31, 31),
        (
            (
                each.store_id,
                each.name,
                f"{each.transactions:,}",
                _amount(each.discount),
                _amount(each.owed),
            )
            for each in stores
        ),
        numbers=(2, 3, 4),
    )


def _put_pairs(pdf: "FPDF", pairs: Iterable[tuple[str, str]]) -> None:
    for name, value in pairs:
        pdf.set_font(_FONT, "", 9)
        pdf.cell(70, 5.5, name)
        pdf.set_font(_FONT, "B", 9)
        pdf.multi_cell(0, 5.5, _visual(value), new_x="LMARGIN", new_y="NEXT")
    pdf.ln(4)


def _put_table(
    pdf: "FPDF",
    headings: Sequence[str],
    widths: Sequence[int],
    rows: Iterable[Sequence[str]],
    numbers: Sequence[int],
) -> None:
    """A table whose headings stand on each page; `numbers` are the columns that are aligned to the right.

    Cells are put one by one: the library's own tables take a hundred times as long as their texts.
    """
    _put_row(pdf, headings, widths, numbers, "B")
    for row in rows:
        if pdf.will_page_break(_ROW):
            pdf.add_page()
            _put_row(pdf, headings, widths, numbers, "B")
        _put_row(pdf, row, widths, numbers, "")


def _put_row(
    pdf: "FPDF", row: Sequence[str], widths: Sequence[int], numbers: Sequence[int], style: Literal["", "B"]
) -> None:
    pdf.set_font(_FONT, style, 8)
    for place, (text, width) in enumerate(zip(row, widths, strict=True)):
        align = "R" if place in numbers else "L"
        pdf.cell(width, _ROW, _visual(_fitting(pdf, text, width)), border="B", align=align)
    pdf.ln(_ROW)


def _visual(text: str) -> str:
    """The text in the order in which its letters stand, which is another for Hebrew and Arabic."""
    if not any(bidirectional(letter) in {"R", "AL"} for letter in text):
        return text
    from fpdf.bidi import BidiParagraph  # noqa: PLC0415

    return BidiParagraph(text).get_reordered_string()


def _fitting(pdf: "FPDF", text: str, width: float) -> str:
    """As much of the text as there is room for; that something is missing is shown."""
    room = width - 2 * pdf.c_margin
    if pdf.get_string_width(text) <= room:
        return text
    while text and pdf.get_string_width(f"{text}…") > room:
        text = text[:-1]
    return f"{text}…"


def _paper(settlement: SettlementDetail) -> "FPDF":
    # Here, since a cold start must not wait for it.
    from fpdf import FPDF  # noqa: PLC0415

    class Paper(FPDF):
        """Pages with their number below."""

        def footer(self) -> None:
            self.set_y(-12)
            self.set_font(_FONT, "", 7)
            self.cell(0, 5, f"{settlement.number}    {self.page_no()} / {{nb}}", align="C")

    pdf = Paper(format="A4")
    pdf.set_title(f"{_TITLES[Document.STATEMENT]} {settlement.number}")
    pdf.set_creation_date(settlement.issued_at)
    pdf.set_auto_page_break(True, margin=15)
    pdf.add_font(_FONT, "", _FONTS / "DejaVuSans.ttf")
    pdf.add_font(_FONT, "B", _FONTS / "DejaVuSans-Bold.ttf")
    return pdf


def _amount(amount: Decimal) -> str:
    return f"{amount:,}"
