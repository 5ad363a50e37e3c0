"""Verification: `python -m shared.jobs.audit_verify [YYYY-MM-DD …] [--without-storage]`, days or all of them.

Recomputes the chain from the rows as they are, and holds the export and the transactions against it. Says
where the first thing is that does not hold, and ends with 1 then, else with 0.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice

from shared import pool
from shared.domain.audit_chain import GENESIS, Break, ChainReport, Damage, Link, compare, follow
from shared.edge import audit_blobs
from shared.rows import json_text
from shared.store import Conn, audit_chain, audit_exports, claims

_BATCH = 5_000


def verify(day: date, *, storage: bool = True) -> ChainReport:
    """Raises StorageUnavailable, unless the export is to be left alone."""
    with pool.transaction() as conn:
        claims.update_limits(conn)
        before = audit_chain.get_end_before(conn, day)
        previous = before.link if before else GENESIS
        end, broken = _follow(conn, Link(day, 0, previous))
        exported = audit_exports.get_position(conn, day)
        if broken is None and exported > end.position:
            broken = Break(Damage.CUT_SHORT, day, end.position + 1, None)
        if storage and (broken is None or broken.damage is Damage.CUT_SHORT):
            broken = _compare(conn, day, exported) or broken
        return ChainReport(
            day=day,
            links=end.position,
            previous_link=previous.hex(),
            last_link=end.link.hex(),
            exported=exported,
            broken=broken or _outside(conn, day),
        )


def verify_all(*, storage: bool = True) -> Iterator[ChainReport]:
    """Day after day; the last of them with what was put beside the chain on any day."""
    with pool.connection() as conn:
        days = set(audit_chain.find_days(conn))
    if storage:
        days |= audit_blobs.days()
    for day in sorted(days):
        yield verify(day, storage=storage)


def outside() -> Break | None:
    """The first entry without a link, or transaction without an entry, of all time."""
    with pool.transaction() as conn:
        claims.update_limits(conn)
        return _outside(conn, None)


def _follow(conn: Conn, end: Link) -> tuple[Link, Break | None]:
    """To the end of the day, or to what is broken first: in the chain, or in a transaction it tells of."""
    while found := audit_chain.find_sealed(conn, day=end.day, after=end.position, limit=_BATCH):
        last, broken = follow(end, found)
        changed = audit_chain.get_unfaithful(conn, day=end.day, after=end.position, until=last.position)
        if changed is not None:
            return end, changed
        if broken is not None:
            return last, broken
        end = last
    return end, None


def _compare(conn: Conn, day: date, exported: int) -> Break | None:
    """Hold the export against the chain, which holds by itself as far as it goes."""
    lines, position = audit_blobs.lines(day), 0
    while batch := list(islice(lines, _BATCH)):
        # Read after the lines: what was exported was sealed before.
        found = audit_chain.find_sealed(conn, day=day, after=position, limit=len(batch))
        broken = compare(day, position, found, batch)
        if broken is not None:
            return broken
        position += len(batch)
    if position < exported:
        return Break(Damage.EXPORT_CUT_SHORT, day, position + 1, None)
    return None


def _outside(conn: Conn, day: date | None) -> Break | None:
    unsealed = audit_chain.get_unsealed(conn, day=day)
    if unsealed is not None:
        return Break(Damage.NOT_SEALED, day, None, unsealed)
    unrecorded = audit_chain.get_unrecorded(conn, day=day)
    if unrecorded is not None:
        return Break(Damage.TRANSACTION_NOT_RECORDED, day, None, unrecorded)
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m shared.jobs.audit_verify", description=__doc__)
    parser.add_argument("days", nargs="*", type=date.fromisoformat, help="as 2026-11-27; none is all of them")
    parser.add_argument("--without-storage", action="store_true", help="leave the export alone")
    asked = parser.parse_args(arguments)
    storage = not asked.without_storage
    named = (verify(day, storage=storage) for day in asked.days)
    for report in named if asked.days else verify_all(storage=storage):
        sys.stdout.write(json_text(ChainReport, report) + "\n")
        if report.broken is not None:
            return 1
    broken = None if asked.days else outside()
    if broken is not None:
        sys.stdout.write(json_text(Break, broken) + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
