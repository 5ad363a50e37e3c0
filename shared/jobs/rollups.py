"""Roll-ups kept up with what is sold; `python -m shared.jobs.rollups rebuild` makes all of them anew."""

import argparse
import sys
from collections.abc import Sequence
from datetime import timedelta
from time import monotonic

from shared import pool
from shared.actions import rollups
from shared.store import claims

_BATCH = 10_000
_BUDGET = timedelta(seconds=20)


def roll_up_due(*, batch: int = _BATCH, budget: timedelta = _BUDGET) -> int:
    """Add what was sealed since to the sums, until nothing is left or `budget` is used up; how many batches.

    Safe to call at any time and by any number at once: who comes while another adds does nothing.
    """
    batches, deadline = 0, monotonic() + budget.total_seconds()
    while monotonic() < deadline:
        with pool.transaction() as conn:
            if not rollups.advance(conn, limit=batch):
                break
        batches += 1
    return batches


def rebuild(*, batch: int = 10 * _BATCH) -> None:
    """Make the sums anew, by the zones that stores have now."""
    with pool.transaction() as conn:
        claims.update_limits(conn)
        rollups.rebuild(conn, limit=batch)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m shared.jobs.rollups", description=__doc__)
    parser.add_argument("what", choices=["rebuild"])
    parser.parse_args(arguments)
    rebuild()
    return 0


if __name__ == "__main__":
    sys.exit(main())
