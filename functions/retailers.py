"""Retailers: how their tills write receipts, and by which rules these are reconciled."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Annotated

import azure.functions as func
from pydantic import Field, StringConstraints

from shared import pool
from shared.actions import retailer_terms as actions
from shared.domain import till_cells
from shared.domain.audit import By
from shared.domain.receipt_mappings import MappingInvalid, ReceiptMapping
from shared.domain.reconciliation.rules import Rules, RulesInvalid
from shared.domain.retailer_terms import MappingNotFound, RetailerMapping, RetailerRules
from shared.domain.stores import RetailerUnknown
from shared.domain.users import Permission
from shared.edge.http import endpoint
from shared.edge.operations import Headers, Reply, Request
from shared.edge.problems import PreconditionFailed, PreconditionRequired

bp = func.Blueprint()

type Key = Annotated[str, StringConstraints(min_length=1, max_length=64)]
type Text = Annotated[str, StringConstraints(min_length=1, max_length=100)]

_USUAL = Rules()
_EXAMPLE = {
    "store_id": "Negozio",
    "number": "Scontrino",
    "sold_on": "Data",
    "sold_time": "Ora",
    "sku": "Articolo",
    "quantity": "Qta",
    "amount": "Totale",
}


class RetailerPath(Request):
    retailer_id: Key


class EditHeaders(Headers):
    if_match: str | None = Field(
        default=None, description="The ETag of what was read; needed where there is something to replace."
    )


class MappingBody(Request):
    columns: dict[str, str] = Field(
        description="The till's header of each of our columns, as `GET /uploads/kinds` names them, and of "
        "`sold_on` and `sold_time` where date and time stand apart.",
        examples=[_EXAMPLE],
    )
    constants: dict[str, str] = Field(
        default_factory=dict, description="What the file does not say: `store_id`, `currency`."
    )
    time_format: Text = Field(
        default=till_cells.ISO, description="Of sold_at: YYYY, YY, MM, M, DD, D, HH, H, hh, A, mm, ss."
    )
    date_format: Text = Field(default="YYYY-MM-DD", description="Of sold_on.")
    hour_format: Text = Field(default="HH:mm:ss", description="Of sold_time.")
    decimal_mark: Text = Field(default=".", description="A point or a comma.")
    store_by: Text = Field(
        default="id",
        description="What the till calls a store by: id, company_a_id, company_b_id, attribute:…",
    )
    skip_other_goods: bool = Field(
        default=False, description="Pass over lines of goods that are not in the catalogue, not reject them."
    )


class RulesBody(Request):
    amount_tolerance: Decimal = Field(
        default=_USUAL.amount_tolerance, description="By what totals may differ, in the receipt's currency."
    )
    window_minutes: int = Field(
        default=_USUAL.window_minutes, description="How far the till's time may be from ours."
    )
    grace_hours: int = Field(
        default=_USUAL.grace_hours, description="How long a receipt may take to come before it is missing."
    )
    verify: bool = Field(default=True, description="Whether what matches without a difference is Verified.")
    review: bool = Field(default=True, description="Whether what differs is sent Under Review.")


@endpoint(
    bp,
    "GET",
    "retailers/{retailer_id}/receipt-mapping",
    access=Permission.RECONCILIATION_READ,
    raises=(RetailerUnknown, MappingNotFound),
)
def get_receipt_mapping(path: RetailerPath) -> Reply[RetailerMapping]:
    """How the retailer's till names and writes what a file of receipts tells."""
    with pool.connection() as conn:
        found = actions.get_mapping(conn, path.retailer_id)
    return Reply(found, headers=(("ETag", _etag(found.revision)),))


@endpoint(
    bp,
    "PUT",
    "retailers/{retailer_id}/receipt-mapping",
    access=Permission.RECONCILIATION_WRITE,
    raises=(RetailerUnknown, MappingInvalid, PreconditionRequired, PreconditionFailed),
)
def put_receipt_mapping(
    by: By, now: datetime, path: RetailerPath, headers: EditHeaders, body: MappingBody
) -> Reply[RetailerMapping]:
    """Say how the retailer's till writes receipts; it counts from the next file that names the retailer."""
    with pool.transaction() as conn:
        found = actions.put_mapping(
            conn,
            now,
            path.retailer_id,
            mapping=ReceiptMapping(**body.model_dump()),
            expects=_expecting(headers),
            by=by,
        )
    return Reply(found, headers=(("ETag", _etag(found.revision)),))


@endpoint(
    bp,
    "GET",
    "retailers/{retailer_id}/reconciliation-rules",
    access=Permission.RECONCILIATION_READ,
    raises=(RetailerUnknown,),
)
def get_reconciliation_rules(path: RetailerPath) -> Reply[RetailerRules]:
    """The rules by which the retailer's receipts are reconciled; revision 0 are those for everybody."""
    with pool.connection() as conn:
        found = actions.get_rules(conn, path.retailer_id)
    return Reply(found, headers=(("ETag", _etag(found.revision)),))


@endpoint(
    bp,
    "PUT",
    "retailers/{retailer_id}/reconciliation-rules",
    access=Permission.RECONCILIATION_WRITE,
    raises=(RetailerUnknown, RulesInvalid, PreconditionRequired, PreconditionFailed),
)
def put_reconciliation_rules(
    by: By, now: datetime, path: RetailerPath, headers: EditHeaders, body: RulesBody
) -> Reply[RetailerRules]:
    """Set the rules for the retailer; they count from the next run on."""
    with pool.transaction() as conn:
        found = actions.put_rules(
            conn,
            now,
            path.retailer_id,
            rules=Rules(**body.model_dump()),
            expects=_expecting(headers),
            by=by,
        )
    return Reply(found, headers=(("ETag", _etag(found.revision)),))


def _etag(revision: int) -> str:
    return f'"{revision}"'


def _expecting(headers: EditHeaders) -> Callable[[int], None]:
    """Raises unless the caller has seen the revision that is there."""

    def expects(revision: int) -> None:
        if headers.if_match is None and revision > 0:
            raise PreconditionRequired
        if headers.if_match not in {None, "*", _etag(revision)}:
            raise PreconditionFailed

    return expects
