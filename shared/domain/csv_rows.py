"""CSV rows: what the columns of a file are, and what is wrong with a row of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.domain.cells import CellRefused, Reader
from shared.domain.files import (
    HeaderBlank,
    HeaderDuplicate,
    HeaderMissing,
    HeaderTooLong,
    HeaderUnknown,
    TooManyCells,
    TooManyColumns,
)
from shared.domain.kinds.kind import Column, Kind
from shared.domain.row_errors import Rejection

MOST_COLUMNS = 200
MOST_HEADER = 100
MOST_ATTRIBUTE = 2_000
WHOLE_SEPARATOR = "\x1f"

_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class RowRefused(Exception):
    """The row has these faults."""

    def __init__(self, rejections: list[Rejection]) -> None:
        super().__init__(len(rejections))
        self.rejections = rejections


def normal(header: str) -> str:
    """The header without what people write differently: case and blanks."""
    return " ".join(header.split()).casefold()


def known_headers(kind: Kind) -> frozenset[str]:
    """The normal forms of every header the kind names."""
    return frozenset(normal(header) for column in kind.columns for header in column.headers)


@dataclass(frozen=True, slots=True)
class Step:
    """How a column of the kind is read in this file; `position` is -1 when the file lacks it."""

    reader: Reader
    position: int
    mandatory: bool
    default: str | None


class Table:
    """The columns of one file of one `kind`. `given` are the names of the kind's columns the file has,
    `attributes` its other headers, `headers` the header in the file of each column's name.

    Raises one of the header's refusals of `files` when made.
    """

    def __init__(self, kind: Kind, header: Sequence[str]) -> None:
        titles = _titles(header)
        self.kind = kind
        self.width = len(titles)
        self.titles = titles
        self.takes_attributes = kind.takes_attributes
        self._columns = [(column, _positions(column, titles)) for column in kind.columns]
        missing = [column.headers[0] for column, at in self._columns if column.mandatory and not at]
        if missing:
            raise HeaderMissing(headers=", ".join(missing))
        taken = {position for _, at in self._columns for position in at}
        self.named = [(position, title) for position, title in enumerate(titles) if position not in taken]
        if kind.ignores_others:
            self.named = []
        if self.named and not kind.takes_attributes:
            raise HeaderUnknown(headers=", ".join(title for _, title in self.named))
        self.given = [column.name for column, at in self._columns if at]
        self.attributes = [title for _, title in self.named]
        self.headers: Mapping[str, str] = {column.name: titles[at[0]] for column, at in self._columns if at}
        self._aliased = [at for _, at in self._columns if len(at) > 1]
        self.is_aliased = bool(self._aliased)
        self.steps = [
            Step(column.read, at[0] if at else -1, column.mandatory, column.default if at else None)
            for column, at in self._columns
        ]
        places = {column.name: place for place, column in enumerate(kind.columns)}
        self.together = [(places[rule.column], places[rule.other], rule) for rule in kind.together]

    def evened(self, line: int, cells: list[str]) -> list[str]:
        """The row with a cell for each header, and values that have several headers under the first.

        Raises RowRefused, and TooManyCells for the file.
        """
        if len(cells) != self.width:
            cells = self._fitted(line, cells)
        return self._agreed(line, cells) if self._aliased else cells

    def attributes_json(self, cells: Sequence[str]) -> str:
        """The cells of the attributes as a JSON object, without the empty ones. Raises CellRefused."""
        found: dict[str, str] = {}
        for (_, title), cell in zip(self.named, cells, strict=True):
            value = cell.strip()
            if value:
                if len(value) > MOST_ATTRIBUTE:
                    raise CellRefused("text_too_long", MOST_ATTRIBUTE)
                found[title] = value
        return _json(found)

    def whole_of(self, cells: Sequence[str]) -> str:
        """What tells to which whole a row belongs, as far as its cells can be read; empty where none is."""
        if not self.kind.whole:
            return ""
        parts: list[str] = []
        for column, at in self._columns:
            if column.name in self.kind.whole:
                raw = cells[at[0]].strip() if at and at[0] < len(cells) else ""
                try:
                    parts.append(column.read(raw) if raw else "")
                except CellRefused:
                    parts.append(raw)
        return WHOLE_SEPARATOR.join(parts)

    def explain(self, line: int, cells: Sequence[str]) -> list[Rejection]:
        """Every fault of a row that was `evened`."""
        rejections: list[Rejection] = []
        values: dict[str, str] = {}
        for column, at in self._columns:
            raw = cells[at[0]].strip() if at else ""
            try:
                if raw:
                    values[column.name] = column.read(raw)
                elif column.mandatory:
                    raise CellRefused("missing")
            except CellRefused as fault:
                rejections.append(Rejection(line, column.name, fault.code, raw, fault.other))
        for _, _, rule in self.together:
            if rule.column in values and rule.other in values:
                value = values[rule.column]
                try:
                    rule.read(value, values[rule.other])
                except CellRefused as fault:
                    rejections.append(Rejection(line, rule.column, fault.code, value, fault.other))
        rejections.extend(
            Rejection(line, title, "text_too_long", cells[position].strip(), str(MOST_ATTRIBUTE))
            for position, title in self.named
            if len(cells[position].strip()) > MOST_ATTRIBUTE
        )
        return rejections

    def _fitted(self, line: int, cells: list[str]) -> list[str]:
        """The row without empty cells beyond the header, as spreadsheets write them."""
        if any(cell.strip() for cell in cells[self.width :]):
            raise TooManyCells(line=line)
        if len(cells) < self.width:
            lacking = self.width - len(cells)
            raise RowRefused([Rejection(line, self.titles[len(cells)], "too_few_cells", "", str(lacking))])
        return cells[: self.width]

    def _agreed(self, line: int, cells: list[str]) -> list[str]:
        """The row with each value that has several headers under the first of them."""
        cells = list(cells)
        rejections: list[Rejection] = []
        for first, *others in self._aliased:
            for position in others:
                mine, theirs = cells[first].strip(), cells[position].strip()
                if mine and theirs and mine != theirs:
                    rejections.append(
                        Rejection(
                            line, self.titles[first], "conflicting_columns", mine, self.titles[position]
                        )
                    )
                cells[first] = mine or theirs
        if rejections:
            raise RowRefused(rejections)
        return cells


def _titles(header: Sequence[str]) -> list[str]:
    titles = [" ".join(title.split()) for title in header]
    while titles and not titles[-1]:
        titles.pop()
    if len(titles) > MOST_COLUMNS:
        raise TooManyColumns(count=len(titles), limit=MOST_COLUMNS)
    seen: set[str] = set()
    for position, title in enumerate(titles, start=1):
        if not title:
            raise HeaderBlank(position=position)
        if len(title) > MOST_HEADER:
            raise HeaderTooLong(position=position, limit=MOST_HEADER)
        if normal(title) in seen:
            raise HeaderDuplicate(header=title)
        seen.add(normal(title))
    return titles


def _positions(column: Column, titles: Sequence[str]) -> list[int]:
    """Where the column's headers are, in the order in which the column names them."""
    by_title = {normal(title): position for position, title in enumerate(titles)}
    return [by_title[normal(header)] for header in column.headers if normal(header) in by_title]
