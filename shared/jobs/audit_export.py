"""The export: sealed entries are appended, as JSON lines, to blobs that nobody can change.

Each entry is appended once. A block goes to where the blob is recorded to end, or nowhere; whoever comes
after a crash between the append and its record finds the blob longer than recorded, and records what is there
if it is what was to be appended. If it is anything else, it stays as evidence, and the export goes on in the
next blob.
"""

import logging
from dataclasses import replace
from datetime import timedelta
from time import monotonic

from shared import pool
from shared.domain.audit_chain import Export, Sealed, block_of, lines_in
from shared.edge import audit_blobs
from shared.edge.storage import StorageUnavailable
from shared.store import Conn, audit_chain, audit_exports

_log = logging.getLogger(__name__)
_BATCH = 5_000
_BUDGET = timedelta(seconds=20)


def export_due(
    *,
    batch: int = _BATCH,
    most_blocks: int = audit_blobs.MOST_BLOCKS,
    budget: timedelta = _BUDGET,
) -> int:
    """Append what is sealed, until nothing is left or `budget` is used up; how many entries.

    Safe to call at any time and by any number at once. A storage that is away is caught up with later.
    """
    exported, deadline = 0, monotonic() + budget.total_seconds()
    try:
        while monotonic() < deadline:
            with pool.connection() as conn:
                target, found = _next(conn, batch, most_blocks)
            if target is None:
                break
            exported += _append(target, found)
    except StorageUnavailable as error:
        _log.warning(
            "the export of the audit waits for the storage: %r",
            error.__cause__,
            extra={"metric": "audit_export_waits", "value": 1},
        )
    return exported


def _next(conn: Conn, batch: int, most_blocks: int) -> tuple[Export | None, list[Sealed]]:
    """The blob to append to and what comes next; no blob when everything is exported."""
    end = audit_exports.get_end(conn)
    # Asked first: once there is a next day, nothing is added to this one any more.
    next_day = audit_exports.get_day_after(conn, end and end.day)
    found = [] if end is None else _find(conn, end, batch)
    if end is not None and found:
        if end.blocks < most_blocks:
            return end, found
        begun = Export(end.day, end.part + 1, end.position)
    elif next_day is None:
        return None, []
    else:
        begun = Export(next_day, 1, 0)
        found = _find(conn, begun, batch)
    audit_exports.insert(conn, begun)
    return begun, found


def _find(conn: Conn, export: Export, limit: int) -> list[Sealed]:
    return audit_chain.find_sealed(conn, day=export.day, after=export.position, limit=limit)


def _append(target: Export, found: list[Sealed]) -> int:
    if target.length == 0:
        audit_blobs.create(target.day, target.part)
    block, count = block_of(found, most_bytes=audit_blobs.MOST_BYTES)
    extent = audit_blobs.append(target.day, target.part, block, at=target.length)
    if extent is None:
        return _catch_up(target)
    return _record(target, count, extent)


def _record(target: Export, count: int, extent: audit_blobs.Extent) -> int:
    """How many entries this process may say it exported: none when another recorded them first."""
    with pool.connection() as conn:
        recorded = audit_exports.update(
            conn, target, position=target.position + count, length=extent.length, blocks=extent.blocks
        )
    return count if recorded else 0


def _catch_up(target: Export) -> int:
    """Record what is in the blob beyond its record."""
    extent = audit_blobs.extent(target.day, target.part)
    there = b""
    if target.length < extent.length <= target.length + audit_blobs.MOST_BYTES:
        beyond = extent.length - target.length
        there = audit_blobs.read(target.day, target.part, at=target.length, length=beyond)
    with pool.connection() as conn:
        if audit_exports.get_end(conn) != target:
            return 0  # Another has recorded it by now.
        found = _find(conn, target, there.count(b"\n"))
    count = lines_in(found, there)
    if count:
        return _record(target, count, extent)
    name = audit_blobs.name_of(target.day, target.part)
    _log.error(
        "audit blob %s does not hold what was exported: it is left as it is",
        name,
        extra={"metric": "audit_export_differs", "value": 1},
    )
    with pool.connection() as conn:
        audit_exports.insert(conn, replace(target, part=target.part + 1, length=0, blocks=0))
    return 0
