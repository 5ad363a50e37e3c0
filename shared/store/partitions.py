"""Partitions: the months of tables that are partitioned by the time their ids tell."""

from datetime import date

from shared.store import Conn

# What waits for the table's lock holds up everybody who comes after it; there is another minute.
_PATIENCE = "2s"


def make(conn: Conn, table: str, month: date) -> bool:
    """Make sure that the table has the partition of a month, named by its first day; False when it had.

    What the default partition caught of the month moves there. `conn` is in a transaction.
    """
    conn.execute("SELECT set_config('lock_timeout', %(patience)s, true)", {"patience": _PATIENCE})
    return conn.execute(
        "SELECT make_partition(%(table)s, %(month)s)", {"table": table, "month": month}
    ).fetchall()[0][0]


def find_strays(conn: Conn, table: str) -> dict[date, int]:
    """How many rows the default partition caught, by month."""
    rows = conn.execute("SELECT month, rows FROM partition_strays(%(table)s)", {"table": table}).fetchall()
    return {row[0]: row[1] for row in rows}
