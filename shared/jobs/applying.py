"""Applying: the staged rows go into their target a slice at a time, all in the transaction of the file."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from shared.domain.csv_rows import Table
from shared.domain.kinds.kind import Kind
from shared.domain.uploads import Applied, Slice
from shared.jobs.targets import STATEMENTS
from shared.store import Conn

# A slice takes a fraction of a second; of a large file it is a tenth, since each looks at the target anew.
_PAGES = 4_000
_SLICES = 10


def apply(
    conn: Conn, kind: Kind, now: datetime, *, upload_id: UUID, table: Table
) -> Iterator[tuple[int, Applied]]:
    """How many of a hundred parts are done, and what became of the rows so far, after each slice.

    The caller holds the lock of the target.
    """
    statements = STATEMENTS[kind.target]
    pages = statements.pages(conn)
    step = max(_PAGES, -(-pages // _SLICES))
    inserted = updated = 0
    for first in range(0, pages, step):
        part = Slice(
            constants=kind.constants,
            given=table.given,
            attributes=table.attributes,
            upload_id=upload_id,
            now=now,
            first=first,
            end=first + step,
        )
        applied = statements.merge(conn, part)
        inserted, updated = inserted + applied.inserted, updated + applied.updated
        yield min(100, 100 * (first + step) // pages), Applied(inserted=inserted, updated=updated)
    statements.settle(conn, table.given)
