"""Partitioning: the months to come get their partitions, and what came before its month had one finds it."""

import logging
from datetime import UTC, datetime

from shared import pool
from shared.domain.months import months_from
from shared.store import partitions

_log = logging.getLogger(__name__)

TABLES = ("transactions", "audit_entries")
# This month and those to come: the app may stand still for so long before anything is caught by a default.
_AHEAD = 4


def make_due(now: datetime) -> int:
    """Make the partitions that are missing, each in a transaction of its own; returns how many."""
    return sum(_make_due(table, now) for table in TABLES)


def _make_due(table: str, now: datetime) -> int:
    with pool.connection() as conn:
        strays = partitions.find_strays(conn, table)
    if strays:
        # Nothing is lost, but somebody should know why the month was not there.
        _log.error(
            "%d rows of %s had no partition",
            sum(strays.values()),
            table,
            extra={"metric": "partition_strays", "value": sum(strays.values())},
        )
    made = 0
    for month in sorted({*months_from(now.astimezone(UTC).date(), _AHEAD), *strays}):
        with pool.transaction() as conn:
            made += partitions.make(conn, table, month)
    return made
