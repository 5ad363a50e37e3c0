"""CSV files: from bytes to records with their lines, and from records to bytes a spreadsheet may open."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from shared.domain.files import (
    CellTooLong,
    EncodingWrong,
    FileEmpty,
    FileRefused,
    LineTooLong,
    NotText,
    NulFound,
    StrayQuote,
    UnclosedQuote,
)
from shared.domain.row_errors import REPORT_COLUMNS

MOST_CELL = 131_072
MOST_LINE = 1_048_576
_SNIFFED = 65_536
_FLUSHED = 262_144
_DELIMITERS = (",", ";", "\t", "|")

_MAGIC = (
    (b"PK\x03\x04", "a workbook or another ZIP archive"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"%PDF", "a PDF"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A file's header and its records, each with the line it begins on; blank ones are left out."""

    header: list[str]
    records: Iterator[tuple[int, list[str]]]


def read(chunks: Iterable[bytes], known: frozenset[str], normal: Callable[[str], str]) -> CsvFile:
    """The file of these bytes. Of the usual delimiters the one counts that finds most `known` headers,
    compared in their `normal` form.

    A file of rejected rows reads as the rows it tells of. Raises the refusals of domain.files, also while
    the records are read.
    """
    buffered = io.BufferedReader(_Raw(chunks), _SNIFFED)
    head = buffered.peek(_SNIFFED)
    if not head:
        raise FileEmpty
    text = io.TextIOWrapper(buffered, encoding="utf-8-sig", errors="strict", newline="")
    records = _records(text, _delimiter(head, known, normal))
    header = next(records, (0, []))[1]
    if not header:
        raise FileEmpty
    if tuple(header[-len(REPORT_COLUMNS) :]) == REPORT_COLUMNS:
        return CsvFile(header[: -len(REPORT_COLUMNS)], _mended(records))
    return CsvFile(header, records)


def write(records: Iterable[Sequence[str]]) -> Iterator[bytes]:
    """The records as UTF-8 with a BOM, without which spreadsheets guess; no cell is a formula."""
    text = io.StringIO(newline="")
    text.write("\ufeff")
    writer = csv.writer(text)
    for record in records:
        writer.writerow([_inert(cell) for cell in record])
        if text.tell() >= _FLUSHED:
            yield text.getvalue().encode()
            text.seek(0)
            text.truncate()
    yield text.getvalue().encode()


class _Raw(io.RawIOBase):
    """The chunks as one stream. Refuses what is no text, and lines too long to be held in memory."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._left = memoryview(b"")
        self._line = 0
        self._begun = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._check(chunk)
            self._left = memoryview(chunk)
        taken = self._left[: len(buffer)]
        buffer[: len(taken)] = taken
        self._left = self._left[len(taken) :]
        return len(taken)

    def _check(self, chunk: bytes) -> None:
        if not self._begun:
            self._begun = True
            _refuse_foreign(chunk)
        if b"\0" in chunk:
            raise NulFound
        last = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
        self._line = len(chunk) - last - 1 if last >= 0 else self._line + len(chunk)
        if self._line > MOST_LINE:
            raise LineTooLong(limit=MOST_LINE)


def _refuse_foreign(head: bytes) -> None:
    for magic, name in _MAGIC:
        if head.startswith(magic):
            raise NotText(format=name)
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise EncodingWrong(line=1)


def _delimiter(head: bytes, known: frozenset[str], normal: Callable[[str], str]) -> str:
    text = head.decode("utf-8-sig", errors="ignore")

    def found(delimiter: str) -> int:
        try:
            header = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
        except csv.Error:
            return 0
        return sum(normal(title) in known for title in header)

    return max(_DELIMITERS, key=found)


def _records(text: io.TextIOWrapper, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(text, delimiter=delimiter, strict=True)
    line = 1
    try:
        for cells in reader:
            if any(cells):
                yield line, cells
            line = reader.line_num + 1
    except csv.Error as error:
        raise _refusal(str(error), line) from error
    except UnicodeDecodeError as error:
        raise EncodingWrong(line=reader.line_num + 1) from error


def _refusal(message: str, line: int) -> FileRefused:
    # The csv module tells its faults apart by message only.
    if message == "unexpected end of data":
        return UnclosedQuote(line=line)
    if message.startswith("field larger than field limit"):
        return CellTooLong(line=line, limit=MOST_CELL)
    return StrayQuote(line=line)


def _mended(records: Iterator[tuple[int, list[str]]]) -> Iterator[tuple[int, list[str]]]:
    for line, cells in records:
        yield line, [_live(cell) for cell in cells[: -len(REPORT_COLUMNS)]]


def _inert(cell: str) -> str:
    """The cell so that no spreadsheet takes it for a formula; a plain number cannot be one."""
    return f"'{cell}" if cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell) else cell


def _live(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(_FORMULA) else cell
