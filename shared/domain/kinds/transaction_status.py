"""Uploads of statuses: what back office found out about transactions, many at a time."""

from shared.domain import cells
from shared.domain.kinds.kind import Column, Kind, Target
from shared.domain.quotes import TransactionStatus
from shared.domain.users import Permission

KIND = Kind(
    name="transaction_status",
    says=(
        "A row for each transaction: its id, and Under Review or Verified. A status that cannot follow the "
        "present one is refused, one that it has already counts as unchanged. Settlement Complete comes with "
        "the payment of a statement and with no file. What became of each row is told in a file of results."
    ),
    target=Target.STATUSES,
    key="transaction_id",
    columns=(
        Column(
            name="transaction_id",
            headers=("Transaction ID", "Transaction"),
            read=cells.uuid,
            mandatory=True,
        ),
        Column(
            name="status",
            headers=("Status", "New Status"),
            read=cells.one_of(tuple(TransactionStatus)),
            mandatory=True,
        ),
        Column(name="reason", headers=("Reason", "Note"), read=cells.text(500)),
    ),
    takes_attributes=False,
    needs=Permission.TRANSACTIONS_REVIEW,
    tells_each_row=True,
)
