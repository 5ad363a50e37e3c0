"""The outbox: messages to the outside, and how long they are worth trying."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from shared.domain.errors import Conflict, NotFound

ATTEMPTS = 5
LEASE = timedelta(seconds=60)
# What sending one message and noting it takes at most, all time-outs included.
SENDING = timedelta(seconds=20)

OTP_WISH = "otp_wish"
"""A code that was asked for, before anybody looked whom the address belongs to."""


class NotificationNotFound(NotFound):
    """There is no such message."""

    code = "notification_not_found"


class NotificationNotDead(Conflict):
    """The message was delivered to the provider, or is still being tried."""

    code = "notification_not_dead"


class NotificationExpired(Conflict):
    """What the message said is of no use any more and was erased; it cannot be sent again."""

    code = "notification_expired"


@dataclass(frozen=True, slots=True)
class Message:
    """A message leased to one sender; `attempts` counts this one and names the lease."""

    id: UUID
    kind: str
    sealed: bytes
    attempts: int


@dataclass(frozen=True, slots=True)
class Draft:
    """A message to be written; `recipient` is the digest of its address."""

    id: UUID
    kind: str
    recipient: bytes
    sealed: bytes


class State(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Notification:
    """A message as operators see it: never whom it is for, nor what it says.

    `failure_code` is `expired`, `undeliverable` (every attempt failed) or `provider_setup` (the provider
    does not know the key, or the address it is called from; see docs/notifications.md).
    """

    id: UUID
    kind: str
    state: State
    attempts: int
    created_at: datetime
    expires_at: datetime
    sent_at: datetime | None
    failed_at: datetime | None
    failure_code: str | None
    failure: str | None
    delivery: str | None
    can_be_retried: bool


def pause_after(attempts: int, jitter: float) -> timedelta:
    """How long to wait after that many attempts: 5, 10, 20, 40 seconds, less up to half of it.

    `jitter` from 0 to 1 keeps messages that failed together from coming back together.
    """
    return timedelta(seconds=5 * 2 ** (attempts - 1)) * (1 - jitter / 2)
