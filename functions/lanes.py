"""Lanes: the ordered stages of a price, and how the promotions of each share the units."""

from datetime import datetime

import azure.functions as func

from shared import pool
from shared.actions import lanes as actions
from shared.domain.audit import By
from shared.domain.engine import Lane
from shared.domain.lanes import LaneMode, LaneSetting
from shared.domain.users import Permission
from shared.edge.http import endpoint
from shared.edge.operations import Request
from shared.store import lanes

bp = func.Blueprint()


class LanePath(Request):
    lane: Lane


class LanePatch(Request):
    mode: LaneMode


@endpoint(bp, "GET", "lanes", access=Permission.PROMOTIONS_READ)
def list_lanes() -> tuple[LaneSetting, ...]:
    """The lanes in the order in which a price passes them."""
    with pool.connection() as conn:
        return tuple(lanes.find(conn))


@endpoint(bp, "PATCH", "lanes/{lane}", access=Permission.PROMOTIONS_PUBLISH)
def update_lane(by: By, now: datetime, path: LanePath, body: LanePatch) -> LaneSetting:
    """Set how the promotions of a lane share the units; sales from now on go by it.

    `best` looks for the combination that saves most; with `priority` each promotion in its turn takes what is
    best for itself.
    """
    with pool.transaction() as conn:
        return actions.set_mode(conn, now, path.lane, body.mode, by=by)
