"""Applying: the staged rows are checked, and go into their target a slice at a time.

All of it is in the transaction of the file.
"""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from shared.domain.csv_rows import Table
from shared.domain.kinds.kind import Kind
from shared.domain.uploads import Applied, Slice
from shared.jobs.targets import STATEMENTS
from shared.store import Conn

# Whoever watches sees each slice done, and waits less than a second for it. A small file is one slice, since
# each looks at the target anew, which is also why there are not more of a large one.
_PAGES_AT_ONCE = 4_000
_PAGES = 2_000
_SLICES = 16


def reject(conn: Conn, table: Table) -> Iterator[int]:
    """Take out the staged rows that are bad; how many of a hundred parts are done, after each check.

    The caller holds the lock of the target.
    """
    checks = STATEMENTS[table.kind.target].reject
    done, gone = 0, 1
    # Without a rejected row others may lose their parent, so until nothing goes.
    while gone:
        gone = 0
        for number, check in enumerate(checks, start=1):
            gone += check(conn, table)
            done = max(done, 100 * number // len(checks))
            yield done


def apply(
    conn: Conn, kind: Kind, now: datetime, *, upload_id: UUID, table: Table
) -> Iterator[tuple[int, Applied]]:
    """How many of a hundred parts are done, and what became of the rows so far, after each slice.

    The caller holds the lock of the target.
    """
    statements = STATEMENTS[kind.target]
    statements.gather(conn, table)
    pages = statements.pages(conn)
    step = pages if pages <= _PAGES_AT_ONCE else max(_PAGES, -(-pages // _SLICES))
    inserted = updated = 0
    for first in range(0, pages, max(1, step)):
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
