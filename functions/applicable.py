"""What could be used: the promotions in force in a store, and the language their rules are written in."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import azure.functions as func
from pydantic import Field, StringConstraints

from shared import pool
from shared.actions import applicable as actions
from shared.domain.applicable import Applicable
from shared.domain.baskets import SaleRequest, UnknownStore
from shared.domain.customers import RequestedCustomer, UnknownCustomer
from shared.domain.engine.schema import rule_schema
from shared.domain.money import CurrencyUnknown
from shared.domain.transactions import StoreOutOfScope
from shared.domain.users import Caller, Permission
from shared.edge.http import endpoint
from shared.edge.operations import Request

bp = func.Blueprint()


class ApplicableQuery(Request):
    store_id: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    channel: Annotated[str, StringConstraints(min_length=1, max_length=30)] | None = None
    customer_id: UUID | None = None
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = Field(
        default=None, examples=["EUR"]
    )

    def request(self) -> SaleRequest:
        return SaleRequest(
            store_id=self.store_id,
            currency=self.currency or "",
            channel=self.channel or "",
            lines=(),
            receipt_number=None,
            expected_net=None,
            customer=RequestedCustomer(id=self.customer_id, attributes={}) if self.customer_id else None,
        )


@endpoint(bp, "GET", "promotions/rule-schema", access=Permission.PROMOTIONS_READ)
def get_rule_schema() -> dict[str, Any]:
    """The JSON Schema of the rule of a promotion."""
    return dict(rule_schema())


@endpoint(
    bp,
    "GET",
    "promotions/applicable",
    access=Permission.BASKETS_EVALUATE,
    raises=(StoreOutOfScope, UnknownStore, UnknownCustomer, CurrencyUnknown),
)
def list_applicable_promotions(
    caller: Caller, now: datetime, query: ApplicableQuery
) -> tuple[Applicable, ...]:
    """What could be used in a store now: the promotions in force there, and whether they wait for a basket.

    What is not said, the channel, the customer or the currency, is taken to be decided with the basket.
    """
    with pool.connection() as conn:
        return actions.find(conn, now, request=query.request(), caller=caller)
