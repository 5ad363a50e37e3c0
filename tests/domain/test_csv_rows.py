"""Tables: headers matched to a kind's columns, and rows checked against them."""

import json

import pytest

from shared.domain import files
from shared.domain.csv_blocks import Blocks
from shared.domain.csv_rows import MOST_ATTRIBUTE, MOST_COLUMNS, MOST_HEADER, Table
from shared.domain.kinds import KINDS
from shared.domain.row_errors import WORDS, Rejection, explain
from shared.domain.uploads import UploadKind

LENS = KINDS[UploadKind.PRODUCTS_LENS]
FRAME = KINDS[UploadKind.PRODUCTS_FRAME]
STORES = KINDS[UploadKind.STORES]
HEADER = ["New Code", "Name", "Price", "Currency", "Tax Rate %"]
ROW = ["L1", "Lens", "10", "EUR", "22"]


def read(table: Table, cells: list[str]) -> tuple[str | None, ...]:
    """The row at line 7 as it is staged."""
    block = Blocks(table).read([7], [cells])
    assert not block.rejections
    return tuple(column[0] for column in block.columns)


def refused(table: Table, cells: list[str]) -> list[Rejection]:
    block = Blocks(table).read([7], [cells])
    assert not block.columns
    return block.rejections


def test_the_row_is_in_the_order_of_the_kind() -> None:
    table = Table(LENS, [*HEADER, "Index", " Night   drive "])
    row = read(table, [*ROW, "1.50", ""])
    assert row == ("7", "L1", "Lens", None, None, None, "10.00", "EUR", "22", None, '{"Index":"1.50"}')
    assert table.attributes == ["Index", "Night drive"]
    assert table.given == ["sku", "name", "price", "currency", "tax_rate_pct"]


def test_headers_are_known_by_any_case_and_blanks() -> None:
    table = Table(LENS, ["  new  CODE", "NAME", "price", "currency", "vat %"])
    assert table.attributes == []
    assert table.headers["tax_rate_pct"] == "vat %"


def test_cells_lose_surrounding_blanks() -> None:
    assert read(Table(LENS, HEADER), [" L1 ", "Lens\t", " 10", "EUR ", "22"])[1:3] == ("L1", "Lens")


def test_a_given_column_left_empty_means_its_default() -> None:
    assert read(Table(LENS, [*HEADER, "Active"]), [*ROW, ""])[9] == "true"
    assert read(Table(LENS, HEADER), ROW)[9] is None


@pytest.mark.parametrize(
    ("header", "refusal"),
    [
        (HEADER[1:], files.HeaderMissing),
        ([*HEADER, "Name"], files.HeaderDuplicate),
        ([*HEADER, "index", "INDEX"], files.HeaderDuplicate),
        ([*HEADER, "", "Index"], files.HeaderBlank),
        ([*HEADER, "x" * (MOST_HEADER + 1)], files.HeaderTooLong),
        ([*HEADER, *(f"a{n}" for n in range(MOST_COLUMNS))], files.TooManyColumns),
        ([], files.HeaderMissing),
    ],
)
def test_bad_headers_refuse_the_file(header: list[str], refusal: type[files.FileRefused]) -> None:
    with pytest.raises(refusal):
        Table(LENS, header)


def test_every_missing_column_is_named_as_we_name_it() -> None:
    with pytest.raises(files.HeaderMissing, match="EAN_New, Price"):
        Table(FRAME, ["Name", "Currency", "Tax Rate %"])


def test_empty_columns_at_the_end_are_no_columns() -> None:
    table = Table(LENS, [*HEADER, "", " "])
    assert table.width == 5
    assert read(table, [*ROW, "", ""])[1] == "L1"


def test_a_cell_beyond_the_header_refuses_the_file() -> None:
    with pytest.raises(files.TooManyCells, match="line 7"):
        read(Table(LENS, HEADER), [*ROW, "", "x"])


def test_a_short_row_is_rejected() -> None:
    assert refused(Table(LENS, HEADER), ROW[:3]) == [Rejection(7, "Currency", "too_few_cells", "", "2")]


def test_every_fault_of_a_row_is_told() -> None:
    table = Table(LENS, [*HEADER, "Note"])
    long = "x" * (MOST_ATTRIBUTE + 1)
    assert [(each.place, each.code) for each in refused(table, ["", "Lens", "1.5x", "eur", "22", long])] == [
        ("sku", "missing"),
        ("price", "price_malformed"),
        ("currency", "currency_unknown"),
        ("Note", "text_too_long"),
    ]


def test_a_price_is_judged_in_its_currency() -> None:
    assert refused(Table(LENS, HEADER), ["L1", "Lens", "1.0050", "EUR", "22"]) == [
        Rejection(7, "price", "price_too_exact", "1.0050", "2")
    ]


def test_two_headers_of_one_column_must_agree() -> None:
    table = Table(FRAME, ["SKU Code", "EAN_New", *HEADER[1:]])
    assert read(table, ["1", "1", *ROW[1:]])[1] == "1"
    assert read(table, ["1", "", *ROW[1:]])[1] == "1"
    assert read(table, ["", "1", *ROW[1:]])[1] == "1"
    assert refused(table, ["1", "2", *ROW[1:]]) == [
        Rejection(7, "EAN_New", "conflicting_columns", "2", "SKU Code")
    ]


def test_a_store_is_not_its_own_parent() -> None:
    table = Table(STORES, ["Store ID", "Name", "Country", "Zone", "Parent Store ID"])
    assert [each.code for each in refused(table, ["S1", "Shop", "IT", "Europe/Rome", "S1"])] == ["own_parent"]


def test_attributes_keep_every_character() -> None:
    text = "“quoted” \\ tab\t newline\n 😀 עברית"
    row = read(Table(LENS, [*HEADER, "Note"]), [*ROW, text])
    assert json.loads(str(row[-1])) == {"Note": text}


def test_words_name_the_header_of_the_file() -> None:
    table = Table(LENS, ["New Code", "Product Name", *HEADER[2:]])
    (rejection,) = refused(table, ["L1", "", *ROW[2:]])
    assert explain(rejection, table.headers).column == "Product Name"


def test_every_code_has_words_that_can_be_filled_in() -> None:
    for code in WORDS:
        told = explain(Rejection(1, "sku", code, "v" * 500, "other"), {})
        assert "{" not in told.detail
        assert len(told.value) == 200
