"""Copy text: columns of text as the lines that PostgreSQL's COPY reads."""

from collections.abc import Iterable, Sequence

_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


def of(columns: Sequence[Sequence[str | None]]) -> bytes:
    """The rows of these columns, for COPY with NULL ''; there is no empty text."""
    filled = [[value or "" for value in column] for column in columns]
    text = _lines(filled)
    rows = len(filled[0])
    # One look at the whole text instead of one at each cell.
    if (
        "\\" in text
        or "\r" in text
        or text.count("\t") != rows * (len(filled) - 1)
        or text.count("\n") != rows
    ):
        text = _lines([[value.translate(_ESCAPES) for value in column] for column in filled])
    return text.encode()


def _lines(columns: Iterable[Sequence[str]]) -> str:
    return "\n".join([*map("\t".join, zip(*columns, strict=True)), ""])
