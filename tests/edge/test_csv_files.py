"""CSV files: bytes of every sort become records or one clear refusal; nothing written is a formula."""

import csv
import io

import pytest

from shared.domain import files
from shared.domain.row_errors import REPORT_COLUMNS
from shared.edge import csv_files

KNOWN = frozenset({"code", "name"})


def read(*chunks: bytes) -> tuple[list[str], list[tuple[int, list[str]]]]:
    file = csv_files.read(chunks, KNOWN, str.casefold)
    return file.header, [row for lines, records in file.blocks for row in zip(lines, records, strict=True)]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_delimiters_line_ends_and_marks(delimiter: str, end: str, bom: bytes) -> None:
    text = end.join([f"Code{delimiter}Name", f'1{delimiter}"a,;|b"', f"2{delimiter}é"]) + end
    assert read(bom + text.encode()) == (["Code", "Name"], [(2, ["1", "a,;|b"]), (3, ["2", "é"])])


def test_chunks_may_split_anywhere() -> None:
    content = 'Code,Name\n1,"é\n""x"""\n2,😀\n'.encode()
    assert read(*(bytes([byte]) for byte in content)) == read(content)


def test_a_record_is_known_by_the_line_it_begins_on() -> None:
    _, records = read(b'Code,Name\n1,"a\nb\r\nc"\n\n,\n4,d')
    assert records == [(2, ["1", "a\nb\r\nc"]), (7, ["4", "d"])]


def test_a_comma_in_a_header_does_not_make_it_the_delimiter() -> None:
    assert read(b'Code;Name;"a,b,c,d"\n1;x;y\n')[0] == ["Code", "Name", "a,b,c,d"]


@pytest.mark.parametrize(
    ("content", "refusal", "told"),
    [
        (b"", files.FileEmpty, "empty"),
        (b"\n\n", files.FileEmpty, "empty"),
        (b"\xef\xbb\xbf", files.FileEmpty, "empty"),
        (b"PK\x03\x04whatever", files.NotText, "workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", files.NotText, "Office"),
        (b"\x1f\x8b\x08", files.NotText, "gzip"),
        (b"%PDF-1.7", files.NotText, "PDF"),
        ("Code,Name\n1,a\n".encode("utf-16")[:-1], files.EncodingWrong, "not UTF-16, at line"),
        (b"\xef\xbb\xbfCode,Name\n1,\xe8\n", files.EncodingWrong, "not UTF-8"),
        ("Code,Name\n1,a\n".encode("utf-16-le"), files.NulFound, "NUL"),
        ("Code,Name\n1,a\n2,è\n".encode("cp1252"), files.EncodingWrong, "line"),
        (b"Code,Name\n1,a\0b\n", files.NulFound, "NUL"),
        (b'Code,Name\n1,a\n2,"b\n3,c\n', files.UnclosedQuote, "line 3"),
        (b'Code,Name\n1,"a"b\n', files.StrayQuote, "line 2"),
        (b"Code,Name\n1," + b"x" * (csv_files.MOST_CELL + 1), files.CellTooLong, "line 2"),
        (b'Code,Name\n1,"' + b"x\n" * csv_files.MOST_CELL, files.CellTooLong, "line 2"),
        (b"Code,Name\n" + b"x" * (csv_files.MOST_LINE + 1), files.LineTooLong, "A line"),
    ],
)
def test_refused(content: bytes, refusal: type[files.FileRefused], told: str) -> None:
    with pytest.raises(refusal, match=told):
        read(content)


def test_a_mistake_late_in_the_file_is_found() -> None:
    content = b"Code,Name\n" + b"1,abc\n" * 50_000 + b"\xff\n"
    with pytest.raises(files.EncodingWrong):
        read(content)


@pytest.mark.parametrize("cell", ["=1+1", "+39 06", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "-", "+"])
def test_what_could_be_a_formula_is_quoted_and_comes_back(cell: str) -> None:
    written = b"".join(csv_files.write([["Code", *REPORT_COLUMNS], [cell, "2", "", "", "", "", ""]]))
    assert next(csv.reader(io.StringIO(written.decode("utf-8-sig").split("\r\n", 1)[1])))[0] == f"'{cell}"
    assert read(written) == (["Code"], [(2, [cell])])


@pytest.mark.parametrize("cell", ["-37.90", "+1", "-1,5", "0805", "'quoted'", "a=b"])
def test_numbers_and_plain_text_are_left_as_they_are(cell: str) -> None:
    written = b"".join(csv_files.write([[cell, 'a "b"', "c,d", "e\nf"]])).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(written, newline=""))) == [[cell, 'a "b"', "c,d", "e\nf"]]


def test_writing_goes_in_pieces() -> None:
    pieces = list(csv_files.write(["x" * 1000, "y"] for _ in range(1000)))
    assert len(pieces) > 3
    assert b"".join(pieces).decode("utf-8-sig") == ("x" * 1000 + ",y\r\n") * 1000


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le"])
def test_utf_16_is_known_by_its_mark(encoding: str) -> None:
    mark = "" if encoding == "utf-16" else "\ufeff"
    assert read(f"{mark}Code,Name\n1,é😀\n".encode(encoding)) == (["Code", "Name"], [(2, ["1", "é😀"])])


def test_windows_1252_is_read_when_asked_for() -> None:
    file = csv_files.read(["Code,Name\n1,è€\n".encode("cp1252")], KNOWN, str.casefold, encoding="cp1252")
    assert [records for _, records in file.blocks] == [[["1", "è€"]]]
    with pytest.raises(files.EncodingWrong, match="Windows-1252"):
        csv_files.read([b"Code,Name\n1,\x81\n"], KNOWN, str.casefold, encoding="cp1252")


def test_big_rows_come_few_at_a_time() -> None:
    row = b"1," + b"x" * 100_000 + b"\n"
    file = csv_files.read([b"Code,Name\n", *[row] * 500], KNOWN, str.casefold)
    sizes = [len(records) for _, records in file.blocks]
    assert (sum(sizes), max(sizes) <= 128) == (500, True)
