"""Reading: a file goes by once, in blocks of rows; its faults are set aside and told in a second file."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from tempfile import SpooledTemporaryFile

from shared import copy_text
from shared.domain import cells
from shared.domain.csv_blocks import Blocks
from shared.domain.csv_rows import Table, known_headers, normal
from shared.domain.files import TooManyRows
from shared.domain.kinds.kind import Kind
from shared.domain.row_errors import REPORT_COLUMNS, SHOWN, Rejection, explain
from shared.domain.uploads import NOT_UTF_8, Rows, UploadStatus, Warned
from shared.edge import csv_files, phones
from shared.edge.blobs import Source
from shared.edge.csv_files import CsvFile
from shared.edge.encodings import Encoding
from shared.jobs.ahead import ahead
from shared.jobs.progress import Progress

type Spool = SpooledTemporaryFile[str]

# Of the progress, what reading takes.
READ_PCT = 50
_CHUNKS_AHEAD = 1
_SPOOLED_IN_MEMORY = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a file comes from and how it is to be read."""

    source: Source
    kind: Kind
    encoding: Encoding

    @property
    def warnings(self) -> tuple[Warned, ...]:
        return () if self.encoding == "utf-8" else (NOT_UTF_8,)

    def open(self, chunks: Iterable[bytes]) -> CsvFile:
        return csv_files.read(chunks, known_headers(self.kind), normal, encoding=self.encoding)


class Reading:
    """One pass over the file of an upload. `read` counts the rows so far.

    Raises the refusals of domain.files: of the header when made, of the rest while the rows are read.
    """

    def __init__(self, origin: Origin, progress: Progress) -> None:
        self.read = 0
        self._done = 0
        self._origin = origin
        self._progress = progress
        self._file = origin.open(self._chunks())
        self.table = Table(_with_plans(origin.kind), self._file.header)

    def spool(self) -> Spool:
        """Where `blocks` sets rejections aside: the connection is busy with the good rows meanwhile."""
        return SpooledTemporaryFile(
            max_size=_SPOOLED_IN_MEMORY, mode="w+", encoding="utf-8", newline="", prefix="rejections-"
        )

    def blocks(self, spool: Spool) -> Iterator[bytes]:
        """The good rows, ready to be copied."""
        rejected = csv.writer(spool)
        blocks = Blocks(self.table)
        limit = self._origin.kind.most_rows
        for lines, records in self._file.blocks:
            self.read += len(records)
            if self.read > limit:
                raise TooManyRows(limit=limit)
            block = blocks.read(lines, records)
            wholes = self._wholes(block.rejections, lines, records)
            rejected.writerows(
                (each.line, each.place, each.code, each.value[:SHOWN], each.other, wholes.get(each.line, ""))
                for each in block.rejections
            )
            if block.columns:
                yield copy_text.of(block.columns)
            self._progress.tell(
                UploadStatus.VALIDATING,
                self._done * READ_PCT // self._origin.source.size,
                Rows(read=self.read),
            )

    def rejections(self, spool: Spool) -> Iterator[Rejection]:
        """What `blocks` set aside."""
        spool.seek(0)
        for line, place, code, value, other, whole in csv.reader(spool):
            yield Rejection(int(line), place, code, value, other, whole)

    def _wholes(
        self, rejections: Sequence[Rejection], lines: Sequence[int], records: Sequence[Sequence[str]]
    ) -> dict[int, str]:
        """What the rejected rows are parts of, by line, for kinds where that matters."""
        if not rejections or not self.table.kind.whole:
            return {}
        bad = {each.line for each in rejections}
        return {
            line: self.table.whole_of(cells)
            for line, cells in zip(lines, records, strict=True)
            if line in bad
        }

    def _chunks(self) -> Iterator[bytes]:
        for chunk in ahead(self._origin.source.chunks(), _CHUNKS_AHEAD):
            yield chunk
            self._done += len(chunk)


def _with_plans(kind: Kind) -> Kind:
    """The kind with its phone numbers held against numbering plans, which the domain does not know."""
    return replace(
        kind,
        columns=tuple(
            replace(column, read=cells.in_a_plan(column.read, phones.normalised_or_none))
            if column.read is cells.phone
            else column
            for column in kind.columns
        ),
    )


def report(origin: Origin, rejections: Iterable[Rejection]) -> Iterator[list[str]]:
    """The file of rejected rows: each as it was, and behind it everything that is wrong with it.

    `rejections` are in the order of the file, which is read once more.
    """
    file = origin.open(origin.source.chunks())
    table = Table(origin.kind, file.header)
    yield [*table.titles, *REPORT_COLUMNS]
    rows = (row for lines, records in file.blocks for row in zip(lines, records, strict=True))
    for line, found in groupby(rejections, key=lambda each: each.line):
        cells = next(cells for begins, cells in rows if begins == line)
        yield [*_fitted(cells, table), str(line), *_told(found, table)]


def results(
    origin: Origin, kept: Iterable[tuple[int, str]], rejections: Iterable[Rejection]
) -> Iterator[list[str]]:
    """The file of what became of each row: the row as it was, the result and, of a rejected one, why.

    `kept` tells the lines of the good rows and their results; both are in the order of the file.
    """
    file = origin.open(origin.source.chunks())
    table = Table(origin.kind, file.header)
    yield [*table.titles, "result", *REPORT_COLUMNS]
    rejected = groupby(rejections, key=lambda each: each.line)
    kept = iter(kept)
    good, bad = next(kept, None), next(rejected, None)
    for lines, records in file.blocks:
        for line, record in zip(lines, records, strict=True):
            row = _fitted(record, table)
            if good is not None and good[0] == line:
                yield [*row, good[1], str(line), *[""] * len(REPORT_COLUMNS[1:])]
                good = next(kept, None)
            elif bad is not None and bad[0] == line:
                yield [*row, "rejected", str(line), *_told(bad[1], table)]
                bad = next(rejected, None)


def _fitted(cells: Sequence[str], table: Table) -> list[str]:
    """The cells of a row, as many as the header has."""
    return [*cells, *[""] * table.width][: table.width]


def _told(rejections: Iterable[Rejection], table: Table) -> list[str]:
    """What is wrong with a row, without the line that it stands in."""
    errors = [explain(each, table.headers) for each in rejections]
    return [" | ".join(getattr(error, name) for error in errors) for name in REPORT_COLUMNS[1:]]
