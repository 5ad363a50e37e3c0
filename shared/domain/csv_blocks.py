"""CSV blocks: many rows checked at once, column by column, so that a repeated value is read once."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.domain.cells import CellRefused, Reader
from shared.domain.csv_rows import RowRefused, Table
from shared.domain.row_errors import Rejection

ROWS = 4_096
"""Rows that are checked at once."""

# Values remembered of a column: few enough to stay small, and a column with more repeats none of them often.
_REMEMBERED = 4_096
# No cell can be this: a file that holds NUL is refused.
_FAULTY = "\0"

type Cell = str | None
type Columns = list[Sequence[Cell]]
"""Lines, then the values of the kind's columns in their order, then the attributes as JSON objects."""


@dataclass(frozen=True, slots=True)
class Block:
    """The good rows of a block, as columns, and the faults of the others."""

    columns: Columns
    rejections: list[Rejection]


class Blocks:
    """Checks the rows of one file, many at once."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._columns = [
            _Column(step.reader, step.position, _FAULTY if step.mandatory else step.default)
            for step in table.steps
        ]
        self._together = [
            (place, other, _Memo(_reading_together(rule.read))) for place, other, rule in table.together
        ]
        self._attributes = [position for position, _ in table.named]
        self._faults = 0
        self._objects = _Memo(_refused_as_faulty(table.attributes_json))

    def read(self, lines: Sequence[int], records: Sequence[list[str]]) -> Block:
        """Raises TooManyCells for the file."""
        rejections: list[Rejection] = []
        if self._table.is_aliased or set(map(len, records)) != {self._table.width}:
            lines, records = self._evened(lines, records, rejections)
        if not records:
            return Block([], rejections)
        raw = list(zip(*records, strict=True))
        columns: Columns = [
            column.read(raw[column.position]) if column.position >= 0 else [None] * len(records)
            for column in self._columns
        ]
        for place, other, memo in self._together:
            columns[place] = list(map(memo.__getitem__, zip(columns[place], columns[other], strict=True)))
        if self._attributes:
            cells = zip(*(raw[position] for position in self._attributes), strict=True)
            columns.append(list(map(self._objects.__getitem__, cells)))
        elif self._table.takes_attributes:
            columns.append(["{}"] * len(records))
        columns.insert(0, list(map(str, lines)))
        faulty = {
            row
            for column in (columns if self._has_faults() else ())
            for row, value in enumerate(column)
            if value == _FAULTY
        }
        for row in sorted(faulty):
            rejections.extend(self._table.explain(lines[row], records[row]))
        if faulty:
            columns = [[value for row, value in enumerate(column) if row not in faulty] for column in columns]
        return Block(columns if columns[0] else [], rejections)

    def _has_faults(self) -> bool:
        """Whether any cell was faulty since the last question."""
        memos = [*(column.memo for column in self._columns), *(memo for *_, memo in self._together)]
        counts = [memo.faults for memo in memos] + [self._objects.faults]
        had, self._faults = self._faults, sum(counts)
        return self._faults > had

    def _evened(
        self, lines: Sequence[int], records: Sequence[list[str]], rejections: list[Rejection]
    ) -> tuple[list[int], list[list[str]]]:
        """The rows with as many cells as the header has, and their lines."""
        kept: list[int] = []
        evened: list[list[str]] = []
        for line, cells in zip(lines, records, strict=True):
            try:
                evened.append(self._table.evened(line, cells))
            except RowRefused as refused:
                rejections.extend(refused.rejections)
            else:
                kept.append(line)
        return kept, evened


class _Column:
    """A column of the kind in this file."""

    def __init__(self, reader: Reader, position: int, empty: Cell) -> None:
        self.position = position
        self.memo = _Memo(_reading(reader.read, empty))
        self._plain = re.compile(rf"(?:{reader.plain}\n)*") if reader.plain else None

    def read(self, cells: Sequence[str]) -> Sequence[Cell]:
        if self._plain and self.memo.is_full() and self._plain.fullmatch("\n".join(cells) + "\n"):
            return cells
        return list(map(self.memo.__getitem__, cells))


class _Memo[Key](dict[Key, Cell]):
    """What a function makes of each key, remembered for the first so many keys that are not faulty."""

    def __init__(self, read: Callable[[Key], Cell]) -> None:
        super().__init__()
        self.faults = 0
        self._read = read

    def is_full(self) -> bool:
        return len(self) >= _REMEMBERED

    def __missing__(self, key: Key) -> Cell:
        value = self._read(key)
        if value == _FAULTY:
            self.faults += 1
        elif len(self) < _REMEMBERED:
            self[key] = value
        return value


def _reading(read: Callable[[str], str], empty: Cell) -> Callable[[str], Cell]:
    def value_of(raw: str) -> Cell:
        value = raw.strip()
        if not value:
            return empty
        try:
            return read(value)
        except CellRefused:
            return _FAULTY

    return value_of


def _reading_together(read: Callable[[str, str], str]) -> Callable[[tuple[Cell, Cell]], Cell]:
    def value_of(pair: tuple[Cell, Cell]) -> Cell:
        value, other = pair
        if value is None or other is None or _FAULTY in pair:
            return value
        try:
            return read(value, other)
        except CellRefused:
            return _FAULTY

    return value_of


def _refused_as_faulty[Key](read: Callable[[Key], str]) -> Callable[[Key], Cell]:
    def value_of(key: Key) -> Cell:
        try:
            return read(key)
        except CellRefused:
            return _FAULTY

    return value_of
