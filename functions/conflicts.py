"""Conflicts: which live promotions one meets."""

from datetime import datetime
from uuid import UUID

import azure.functions as func

from shared import pool
from shared.actions import conflicts as actions
from shared.domain.conflict_reports import ConflictReport
from shared.domain.promotions import PromotionNotFound
from shared.domain.users import Permission
from shared.edge.http import endpoint
from shared.edge.operations import Request

bp = func.Blueprint()


class PromotionPath(Request):
    promotion_id: UUID


@endpoint(
    bp,
    "GET",
    "promotions/{promotion_id:guid}/conflicts",
    access=Permission.PROMOTIONS_WRITE,
    raises=(PromotionNotFound,),
)
def get_promotion_conflicts(now: datetime, path: PromotionPath) -> ConflictReport:
    """The live promotions whose schedule, stores and targets can meet those of the newest version.

    Each comes with a small basket that proves it, of real goods where there are some, and with what wins
    there. A pair for which no such basket was found is listed without, as possible; a pair that is proved
    never to meet is not listed.
    """
    with pool.connection() as conn:
        return actions.scan(conn, now, path.promotion_id)
