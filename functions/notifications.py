"""Notifications: what became of messages to the outside, and another try for those that were given up."""

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import azure.functions as func
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from shared import pool
from shared.actions import notifications as actions
from shared.domain.audit import By
from shared.domain.errors import NotFound
from shared.domain.outbox import (
    Notification,
    NotificationExpired,
    NotificationNotDead,
    NotificationNotFound,
    State,
)
from shared.domain.pages import Page, page_of
from shared.domain.rates import Rate
from shared.domain.users import Permission
from shared.edge import rate_limits
from shared.edge.http import endpoint
from shared.edge.operations import Access, Request
from shared.jobs import outbox
from shared.settings import settings
from shared.store import outbox as messages

bp = func.Blueprint()

# As the provider's table has them, in words and in numbers; what is not here is on its way.
_DELIVERIES = {
    "delivered": "delivered",
    "1": "delivered",
    "failed": "failed",
    "rejected": "failed",
    "blocked": "failed",
    "ndnc": "failed",
    "2": "failed",
    "9": "failed",
    "16": "failed",
    "17": "failed",
    "25": "failed",
}


class ReportAddressUnknown(NotFound):
    """There is nothing here."""

    code = "not_found"


class NotificationsQuery(Request):
    status: State | None = None
    cursor: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class NotificationPath(Request):
    notification_id: UUID


class ReportPath(Request):
    secret: str


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) else value


type Word = Annotated[
    str,
    BeforeValidator(_as_text),
    StringConstraints(max_length=200, pattern=r"^[^\x00]*$"),
]


class DeliveryReport(BaseModel):
    """As the provider's dashboard is set up to send it; it may say more."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    requestId: Annotated[Word, Field(min_length=1)]  # noqa: N815 - the provider's name
    status: Annotated[Word, Field(min_length=1)]
    CRQID: Word = ""
    failureReason: Word = ""  # noqa: N815 - the provider's name


@dataclass(frozen=True, slots=True)
class ReportTaken:
    """`known` is whether the report said something new of a message of ours."""

    known: bool
    taken: Literal[True] = True


@endpoint(bp, "GET", "notifications", access=Permission.NOTIFICATIONS_READ)
def list_notifications(query: NotificationsQuery) -> Page[Notification]:
    """Messages to the outside, newest first; `status=dead` are those that were given up."""
    with pool.connection() as conn:
        found = messages.find(conn, state=query.status, before=query.cursor, limit=query.limit + 1)
    return page_of(found, query.limit, lambda each: each.id)


@endpoint(
    bp,
    "POST",
    "notifications/{notification_id:guid}/retry",
    access=Permission.NOTIFICATIONS_WRITE,
    status=202,
    raises=(NotificationNotFound, NotificationNotDead, NotificationExpired),
)
def retry_notification(path: NotificationPath, by: By, now: datetime) -> Notification:
    """Send a message that was given up once more, from the first attempt on; not one that has expired."""
    with pool.transaction() as conn:
        notification = actions.retry(conn, now, message_id=path.notification_id, by=by)
    outbox.nudge()
    return notification


@endpoint(
    bp,
    "POST",
    "notifications/reports/{secret}",
    access=Access.OPEN,
    raises=(ReportAddressUnknown,),
    rate=None,
)
def receive_report(path: ReportPath, body: DeliveryReport, address: str | None, now: datetime) -> ReportTaken:
    """What the provider says became of a message. It signs nothing, so it is believed as little as can be."""
    _check_secret(path.secret, address, now)
    with pool.connection() as conn:
        known = messages.insert_report(
            conn,
            message_id=_uuid(body.CRQID),
            provider_id=body.requestId,
            status=body.status,
            reason=body.failureReason,
            delivery=_DELIVERIES.get(body.status.lower()),
            now=now,
        )
    return ReportTaken(known)


def _check_secret(given: str, address: str | None, now: datetime) -> None:
    """Who guesses is counted; the provider, which sends one report a message, is not."""
    secret = settings().msg91_webhook_secret
    if secret is None or not hmac.compare_digest(given.encode(), secret.encode()):
        rate_limits.admit_address(Rate.REFUSED, address, now)
        raise ReportAddressUnknown


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
