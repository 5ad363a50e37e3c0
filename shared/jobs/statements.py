"""Statements as files: short ones are answered at once, long ones are fetched from the storage."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from shared import pool
from shared.actions import settlements as actions
from shared.domain.settlements import SettlementDetail, SettlementLine
from shared.domain.users import Reach
from shared.edge import blobs, files, statement_files, storage
from shared.edge.statement_pdf import pdf_of
from shared.store import Conn, settlements

# Lines of a file that is answered from memory: some megabytes.
MOST_LINES = 10_000


class Form(StrEnum):
    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class StatementFile:
    """A file of a settlement: what is in it or, of a long one, where it can be fetched for a while."""

    filename: str
    body: bytes
    url: str | None


_WRITERS: dict[Form, Callable[[SettlementDetail, Iterable[SettlementLine]], Iterator[bytes]]] = {
    Form.CSV: statement_files.csv_of,
    Form.JSON: statement_files.json_of,
}
MEDIA_TYPES = {Form.CSV: "text/csv", Form.JSON: "application/json"}


def lines_of(
    now: datetime, *, settlement_id: UUID, reach: Reach, form: Form, most: int = MOST_LINES
) -> StatementFile:
    """Every line of a settlement. A long file is written once, since a settlement never changes its lines.

    Raises SettlementNotFound, StorageUnavailable.
    """
    with pool.transaction() as conn:
        settlement = actions.get(conn, settlement_id, reach)
        filename = statement_files.filename(settlement, form)
        if sum(document.lines for document in settlement.documents) <= most:
            return StatementFile(filename, b"".join(_chunks(conn, settlement, form)), None)
        name = f"settlements/{settlement_id}/{_as_of(settlement)}.{form}"
        if not blobs.has_file(name):
            with storage.answering():
                blobs.write_file(name, _chunks(conn, settlement, form), MEDIA_TYPES[form], filename)
    return StatementFile(filename, b"", files.file_url(name, now))


def pdf(*, settlement_id: UUID, reach: Reach) -> StatementFile:
    """The documents of a settlement to be printed, with their sums. Raises SettlementNotFound."""
    with pool.connection() as conn:
        settlement = actions.get(conn, settlement_id, reach)
        stores = settlements.find_store_totals(conn, settlement_id)
    return StatementFile(statement_files.filename(settlement, "pdf"), pdf_of(settlement, stores), None)


def _chunks(conn: Conn, settlement: SettlementDetail, form: Form) -> Iterator[bytes]:
    return _WRITERS[form](settlement, settlements.read_lines(conn, settlement.id))


def _as_of(settlement: SettlementDetail) -> str:
    """What may still change of a settlement: whether it is paid, and what corrects it. The lines never do."""
    return f"{settlement.status}-{len(settlement.corrected_by)}"
