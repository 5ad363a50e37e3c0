"""The outbox: messages to the outside, and how long they are worth trying."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

ATTEMPTS = 5
LEASE = timedelta(seconds=60)
# What sending one message and noting it takes at most, all time-outs included.
SENDING = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Message:
    """A message leased to one sender; `attempts` counts this one and names the lease."""

    id: UUID
    kind: str
    message: Mapping[str, str]
    attempts: int


def pause_after(attempts: int) -> timedelta:
    """How long to wait after that many attempts: 5, 10, 20, 40 seconds."""
    return timedelta(seconds=5 * 2 ** (attempts - 1))
