"""Roll-ups: adding what the audit's chain tells of to the sums, each entry once."""

from shared.domain.rollups import BEGINNING, Progress
from shared.store import Conn, rollups


def advance(conn: Conn, *, limit: int) -> bool:
    """Add the next `limit` entries to the sums; False when there are no more, or somebody else adds.

    `conn` is in a transaction, which moves the sums and how far they are together, or neither.
    """
    progress = rollups.lock(conn)
    return progress is not None and _advance(conn, progress, limit) is not None


def rebuild(conn: Conn, *, limit: int) -> None:
    """Make all sums anew from the beginning; `conn` is in a transaction, before whose end nobody sees it."""
    rollups.lock(conn, wait=True)
    rollups.delete(conn)
    progress: Progress | None = BEGINNING
    rollups.update_progress(conn, BEGINNING)
    while progress is not None:
        progress = _advance(conn, progress, limit)


def _advance(conn: Conn, progress: Progress, limit: int) -> Progress | None:
    until = rollups.get_end(conn, progress, limit=limit)
    if until is None:
        return None
    rollups.stage(conn, progress, until)
    for add in (
        rollups.add_sales,
        rollups.add_promotions,
        rollups.add_skus,
        rollups.add_funders,
        rollups.add_statuses,
        rollups.add_status_funders,
    ):
        add(conn)
    rollups.update_progress(conn, until)
    return until
