"""Lanes: setting how the promotions of one share the units."""

from datetime import datetime

from shared.domain.audit import Action, By, Subject
from shared.domain.engine import Lane
from shared.domain.lanes import LaneMode, LaneSetting
from shared.store import Conn, audit, lanes, rule_sets


def set_mode(conn: Conn, now: datetime, lane: Lane, mode: LaneMode, *, by: By) -> LaneSetting:
    """The lane as it is from the next rule set on, which is made here; the mode it has changes nothing."""
    rule_sets.lock(conn)
    was = lanes.lock(conn, lane)
    if was.mode is mode:
        return was
    setting = lanes.update(conn, lane, mode, now=now)
    rule_sets.insert(conn, now=now)
    audit.insert(
        conn,
        now=now,
        by=by,
        action=Action.LANE_CHANGED,
        subject=Subject.LANE,
        subject_id=lane.value,
        before={"mode": was.mode},
        after={"mode": mode},
    )
    return setting
