"""Sealing: audit entries get their links, a batch a transaction, while nobody who adds entries waits."""

from datetime import datetime, timedelta
from time import monotonic

from shared import pool
from shared.actions import audit_chain

_BATCH = 10_000
_BUDGET = timedelta(seconds=20)


def seal_due(now: datetime, *, batch: int = _BATCH, budget: timedelta = _BUDGET) -> int:
    """Seal what is committed, until nothing is left or `budget` is used up; how many entries.

    Safe to call at any time and by any number at once: who comes while another seals does nothing.
    """
    sealed, deadline = 0, monotonic() + budget.total_seconds()
    while True:
        with pool.transaction() as conn:
            count = audit_chain.extend(conn, now, limit=batch)
        sealed += count or 0
        if count is None or count < batch or monotonic() >= deadline:
            return sealed
