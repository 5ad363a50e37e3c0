"""Reading: a file goes by once, row by row; its faults are set aside and told in a second file."""

import csv
from collections.abc import Iterable, Iterator
from itertools import groupby
from tempfile import SpooledTemporaryFile

from shared import pool
from shared.domain.csv_rows import Row, RowRefused, Table, known_headers, normal
from shared.domain.kinds.kind import Kind
from shared.domain.row_errors import REPORT_COLUMNS, SHOWN, Rejection, explain
from shared.domain.uploads import Upload, UploadStatus
from shared.edge import csv_files
from shared.edge.blobs import Source
from shared.edge.csv_files import CsvFile
from shared.store import uploads

type Spool = SpooledTemporaryFile[str]

# Of the progress, what reading takes.
_READ_PCT = 70
_SPOOLED_IN_MEMORY = 1024 * 1024


class Reading:
    """One pass over the file of an upload. `read` counts the rows so far.

    Raises the refusals of domain.files: of the header when made, of the rest while the rows are read.
    """

    def __init__(self, upload: Upload, kind: Kind, source: Source) -> None:
        self.read = 0
        self._upload = upload
        self._source = source
        self.tell(UploadStatus.VALIDATING, 0)
        self._file = _open(kind, self._chunks())
        self.table = Table(kind, self._file.header)

    def spool(self) -> Spool:
        """Where `rows` sets rejections aside: the connection is busy with the good rows meanwhile."""
        return SpooledTemporaryFile(
            max_size=_SPOOLED_IN_MEMORY, mode="w+", encoding="utf-8", newline="", prefix="rejections-"
        )

    def rows(self, spool: Spool) -> Iterator[Row]:
        """The good rows."""
        rejected = csv.writer(spool)
        for line, cells in self._file.records:
            self.read += 1
            try:
                row = self.table.read(line, cells)
            except RowRefused as refused:
                rejected.writerows(
                    (each.line, each.place, each.code, each.value[:SHOWN], each.other)
                    for each in refused.rejections
                )
            else:
                yield row

    def rejections(self, spool: Spool) -> Iterator[Rejection]:
        """What `rows` set aside."""
        spool.seek(0)
        for line, place, code, value, other in csv.reader(spool):
            yield Rejection(int(line), place, code, value, other)

    def tell(self, status: UploadStatus, progress: int) -> None:
        """Let others see how far it is, while this transaction is open."""
        with pool.connection() as aside:
            uploads.update_progress(aside, self._upload.id, status=status, progress=progress, read=self.read)

    def _chunks(self) -> Iterator[bytes]:
        done = 0
        for chunk in self._source.chunks():
            yield chunk
            done += len(chunk)
            self.tell(UploadStatus.VALIDATING, done * _READ_PCT // self._source.size)


def report(kind: Kind, source: Source, rejections: Iterable[Rejection]) -> Iterator[list[str]]:
    """The file of rejected rows: each as it was, and behind it everything that is wrong with it.

    `rejections` are in the order of the file, which is read once more.
    """
    file = _open(kind, source.chunks())
    table = Table(kind, file.header)
    yield [*table.titles, *REPORT_COLUMNS]
    for line, found in groupby(rejections, key=lambda each: each.line):
        cells = next(cells for begins, cells in file.records if begins == line)
        fitted = [*cells, *[""] * table.width][: table.width]
        errors = [explain(each, table.headers) for each in found]
        yield [
            *fitted,
            str(line),
            *(" | ".join(getattr(error, name) for error in errors) for name in REPORT_COLUMNS[1:]),
        ]


def _open(kind: Kind, chunks: Iterable[bytes]) -> CsvFile:
    return csv_files.read(chunks, known_headers(kind), normal)
