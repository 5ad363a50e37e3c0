"""Statements: the files of a settlement, to be kept, reckoned with and printed."""

from datetime import datetime
from uuid import UUID

import azure.functions as func

from shared.domain.settlements import SettlementNotFound
from shared.domain.users import Caller, Permission
from shared.edge.http import endpoint
from shared.edge.operations import Content, Request
from shared.edge.storage import StorageUnavailable
from shared.jobs import statements as jobs
from shared.jobs.statements import MEDIA_TYPES, Form, StatementFile

bp = func.Blueprint()


class StatementPath(Request):
    settlement_id: UUID


@endpoint(
    bp,
    "GET",
    "settlements/{settlement_id:guid}/statement.csv",
    access=Permission.SETTLEMENTS_READ,
    also=(303,),
    raises=(SettlementNotFound, StorageUnavailable),
)
def get_statement_csv(caller: Caller, now: datetime, path: StatementPath) -> Content:
    """Every line of a settlement as CSV, safe to open in a spreadsheet.

    A long one is answered by 303 with the address at which it can be fetched for a quarter of an hour.
    """
    found = jobs.lines_of(now, settlement_id=path.settlement_id, reach=caller.reach, form=Form.CSV)
    return _content(found, MEDIA_TYPES[Form.CSV])


@endpoint(
    bp,
    "GET",
    "settlements/{settlement_id:guid}/statement.json",
    access=Permission.SETTLEMENTS_READ,
    also=(303,),
    raises=(SettlementNotFound, StorageUnavailable),
)
def get_statement_json(caller: Caller, now: datetime, path: StatementPath) -> Content:
    """The settlement with its sums and every line as JSON.

    A long one is answered by 303 with the address at which it can be fetched for a quarter of an hour.
    """
    found = jobs.lines_of(now, settlement_id=path.settlement_id, reach=caller.reach, form=Form.JSON)
    return _content(found, MEDIA_TYPES[Form.JSON])


@endpoint(
    bp,
    "GET",
    "settlements/{settlement_id:guid}/statement.pdf",
    access=Permission.SETTLEMENTS_READ,
    raises=(SettlementNotFound,),
)
def get_statement_pdf(caller: Caller, path: StatementPath) -> Content:
    """The statement and its credit note to be printed: sums by promotion and funder, and by store."""
    return _content(jobs.pdf(settlement_id=path.settlement_id, reach=caller.reach), "application/pdf")


def _content(file: StatementFile, media_type: str) -> Content:
    if file.url is not None:
        return Content(b"", media_type, (("Location", file.url),), status=303)
    headers = (("Content-Disposition", f'attachment; filename="{file.filename}"'),)
    return Content(file.body, media_type, headers)
