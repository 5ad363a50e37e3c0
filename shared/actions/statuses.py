"""Statuses: somebody looks at a transaction again, or has looked at it."""

from datetime import datetime
from uuid import UUID

from shared.domain.audit import By
from shared.domain.quotes import TransactionStatus
from shared.domain.statuses import TransitionNotAllowed
from shared.domain.transactions import Transaction, TransactionNotFound
from shared.domain.users import Reach
from shared.store import Conn, transaction_statuses, transactions


def change(
    conn: Conn,
    now: datetime,
    *,
    transaction_id: UUID,
    to: TransactionStatus,
    reason: str,
    by: By,
    reach: Reach,
) -> Transaction:
    """Give the transaction the status, unless it has it. Raises TransactionNotFound, TransitionNotAllowed."""
    before = _get(conn, transaction_id, reach)
    if before.status is to:
        return before
    if not transaction_statuses.update(conn, [transaction_id], to=to, reason=reason, by=by, now=now):
        status = _get(conn, transaction_id, reach).status
        raise TransitionNotAllowed(transaction_id=transaction_id, status=status, wanted=to)
    return _get(conn, transaction_id, reach)


def _get(conn: Conn, transaction_id: UUID, reach: Reach) -> Transaction:
    found = transactions.get(conn, transaction_id, reach)
    if found is None:
        raise TransactionNotFound(transaction_id=transaction_id)
    return found
