"""The chain: sealing entries that are committed."""

from datetime import datetime

from shared.domain.audit_chain import GENESIS, Link, seal
from shared.store import Conn, audit_chain


def extend(conn: Conn, now: datetime, *, limit: int) -> int | None:
    """Seal up to `limit` entries; how many there were, or None while somebody else seals.

    `conn` is in a transaction. A day that was begun is never left for an earlier one, whatever clocks say.
    """
    if not audit_chain.lock(conn):
        return None
    end = audit_chain.get_end(conn) or Link(now.date(), 0, GENESIS)
    day = max(end.day, now.date())
    after = end.position if day == end.day else 0
    waiting = audit_chain.delete_waiting(conn, day=day, after=after, limit=limit)
    audit_chain.insert_links(conn, day, seal(end.link, waiting))
    return len(waiting)
