"""CSV files: from bytes to records with their lines, and from records to bytes a spreadsheet may open."""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice

from shared.domain.csv_blocks import ROWS
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
from shared.edge import encodings
from shared.edge.encodings import Encoding

MOST_CELL = 131_072
MOST_LINE = 1_048_576
_SNIFFED = 65_536
_FLUSHED = 262_144
# A block of rows ends once so many bytes were taken for it, looked at after every few rows.
_BLOCK_BYTES = 4 * 1024 * 1024
_STEP = 64
_LINE_END = re.compile(r"\r\n|\r|\n")
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
    """A file's header, and its records in blocks with the line each begins on; blank ones are left out."""

    header: list[str]
    blocks: Iterator[tuple[Sequence[int], list[list[str]]]]


def read(
    chunks: Iterable[bytes],
    known: frozenset[str],
    normal: Callable[[str], str],
    *,
    encoding: Encoding = "utf-8",
) -> CsvFile:
    """The file of these bytes. Of the usual delimiters the one counts that finds most `known` headers,
    compared in their `normal` form. UTF-16 is known by its mark, whatever `encoding` says.

    A file of rejected rows reads as the rows it tells of. Raises the refusals of domain.files, also while
    the records are read.
    """
    raw = _Raw(encodings.as_utf8(chunks, encoding))
    buffered = io.BufferedReader(raw, _SNIFFED)
    head = buffered.peek(_SNIFFED)
    if not head:
        raise FileEmpty
    text = io.TextIOWrapper(buffered, encoding="utf-8-sig", errors="strict", newline="")
    records = _Records(raw, text, _delimiter(head, known, normal))
    header = records.header()
    if tuple(header[-len(REPORT_COLUMNS) :]) == REPORT_COLUMNS:
        return CsvFile(header[: -len(REPORT_COLUMNS)], _mended(records.blocks()))
    return CsvFile(header, records.blocks())


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
        self.passed = 0

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
        self.passed += len(taken)
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


def _delimiter(head: bytes, known: frozenset[str], normal: Callable[[str], str]) -> str:
    text = head.decode("utf-8-sig", errors="ignore")

    def found(delimiter: str) -> int:
        try:
            header = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
        except csv.Error:
            return 0
        return sum(normal(title) in known for title in header)

    return max(_DELIMITERS, key=found)


class _Records:
    """The records of a text, many at a time, and the line each begins on."""

    def __init__(self, raw: _Raw, text: io.TextIOWrapper, delimiter: str) -> None:
        self._raw = raw
        self._reader = csv.reader(text, delimiter=delimiter, strict=True)

    def header(self) -> list[str]:
        """The first record that is not blank. Raises FileEmpty."""
        while records := self._next(1):
            if any(records[0]):
                return records[0]
        raise FileEmpty

    def blocks(self) -> Iterator[tuple[Sequence[int], list[list[str]]]]:
        while True:
            before = self._reader.line_num
            records = self._next(ROWS)
            if not records:
                return
            lines = _lines(before + 1, records, self._reader.line_num - before)
            if not all(map(any, records)):
                pairs = [pair for pair in zip(lines, records, strict=True) if any(pair[1])]
                lines, records = [line for line, _ in pairs], [cells for _, cells in pairs]
            yield lines, records

    def _next(self, most: int) -> list[list[str]]:
        """As many records as there are, up to `most` and as long as they are not too big together."""
        before, enough = self._reader.line_num, self._raw.passed + _BLOCK_BYTES
        records: list[list[str]] = []
        try:
            while len(records) < most and self._raw.passed < enough:
                had = len(records)
                records.extend(islice(self._reader, min(_STEP, most - had)))
                if len(records) == had:
                    break
        except csv.Error as error:
            raise _refusal(str(error), before + 1 + sum(map(_height, records))) from error
        except UnicodeDecodeError as error:
            raise EncodingWrong(encoding="UTF-8", line=self._reader.line_num + 1) from error
        return records


def _lines(first: int, records: Sequence[Sequence[str]], height: int) -> Sequence[int]:
    if height == len(records):
        return range(first, first + height)
    return list(accumulate(map(_height, records[:-1]), initial=first))


def _height(record: Sequence[str]) -> int:
    """How many lines it takes in the file."""
    return 1 + sum(len(_LINE_END.findall(cell)) for cell in record if "\n" in cell or "\r" in cell)


def _refusal(message: str, line: int) -> FileRefused:
    # The csv module tells its faults apart by message only.
    if message == "unexpected end of data":
        return UnclosedQuote(line=line)
    if message.startswith("field larger than field limit"):
        return CellTooLong(line=line, limit=MOST_CELL)
    return StrayQuote(line=line)


def _mended(
    blocks: Iterator[tuple[Sequence[int], list[list[str]]]],
) -> Iterator[tuple[Sequence[int], list[list[str]]]]:
    for lines, records in blocks:
        yield lines, [[_live(cell) for cell in cells[: -len(REPORT_COLUMNS)]] for cells in records]


def _inert(cell: str) -> str:
    """The cell so that no spreadsheet takes it for a formula; a plain number cannot be one."""
    return f"'{cell}" if cell.startswith(_FORMULA) and not _NUMBER.fullmatch(cell) else cell


def _live(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(_FORMULA) else cell
