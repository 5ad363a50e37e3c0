"""Copy text: columns of text as the lines that PostgreSQL's COPY reads."""

from collections.abc import Iterable, Sequence

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def of(columns: Iterable[Sequence[str | None]]) -> bytes:
    """The rows of these columns, for COPY with NULL ''; there is no empty text."""
    rows = zip(*map(_escaped, columns), strict=True)
    return "".join([f"{row}\n" for row in map("\t".join, rows)]).encode()


def _escaped(column: Sequence[str | None]) -> list[str]:
    values = [value or "" for value in column]
    # One look at the whole column instead of one at each cell.
    together = "".join(values)
    if "\\" in together or "\t" in together or "\n" in together or "\r" in together:
        return [value.translate(_ESCAPES) for value in values]
    return values
