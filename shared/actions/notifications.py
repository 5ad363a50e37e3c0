"""Notifications: operators let dead messages be sent again; the provider says what became of a message."""

from datetime import datetime
from uuid import UUID

from shared.domain.audit import Action, By, Subject
from shared.domain.outbox import (
    Notification,
    NotificationExpired,
    NotificationNotDead,
    NotificationNotFound,
    State,
)
from shared.store import Conn, audit, outbox


def retry(conn: Conn, now: datetime, *, message_id: UUID, by: By) -> Notification:
    """`conn` must be in a transaction.

    Raises NotificationNotFound, NotificationNotDead, NotificationExpired.
    """
    before = outbox.get(conn, message_id)
    if before is None:
        raise NotificationNotFound
    if not outbox.update_retried(conn, message_id):
        raise NotificationExpired if before.state is State.DEAD else NotificationNotDead
    after = outbox.get(conn, message_id)
    if after is None:
        raise NotificationNotFound
    audit.insert(
        conn,
        now=now,
        by=by,
        action=Action.NOTIFICATION_RETRIED,
        subject=Subject.NOTIFICATION,
        subject_id=message_id,
        before={"state": before.state, "failure_code": before.failure_code},
        after={"state": after.state},
    )
    return after
