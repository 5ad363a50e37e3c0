"""docs/benchmarks.md: each comparison's tables stand between two marks of its own name."""

from pathlib import Path

DOCUMENT = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def put(name: str, text: str) -> None:
    """Put the tables of a comparison in place of what stood there."""
    DOCUMENT.write_text(inserted(DOCUMENT.read_text(), name, text))


def inserted(document: str, name: str, text: str) -> str:
    """The document with this text at its place; one without such a place is a ValueError."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, _, rest = document.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"there is no place for {name}")
    return f"{before}{begin}\n\n{text}\n\n{end}{after}"
