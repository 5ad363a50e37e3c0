"""docs/benchmarks.md: each comparison's tables stand between two marks of its own name."""

from pathlib import Path

DOCUMENT = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def put(name: str, text: str) -> None:
    """Put the tables of a comparison in place of what stood there."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, _, rest = DOCUMENT.read_text().partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"{DOCUMENT.name} has no place for {name}")
    DOCUMENT.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}")
