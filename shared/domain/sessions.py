"""Sessions: a sign-in and the chain of refresh tokens that came of it, each replaced by the next.

A token that is presented again means that two hold it. Within the grace that is two tabs, or a reply that was
lost: both are told the same next token, so the chain stays one. Later it is a theft, and the session ends.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, StrEnum, auto
from uuid import UUID

from shared.domain.users import Caller, User

LIFETIME = timedelta(days=30)
"""Of a session, however busy."""
IDLE = timedelta(days=7)
"""How long a refresh token waits to be used."""
GRACE = timedelta(seconds=20)

_PREFIX = "ppr_"
TOKEN_LENGTH = len(_PREFIX) + 43


class EndedFor(StrEnum):
    LOGOUT = "logout"
    REUSE = "reuse"
    USER = "user"


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it stands, with its user; `store_id` is the store that the next token is made out for."""

    id: UUID
    user: User
    store_id: str | None

    @property
    def caller(self) -> Caller:
        return Caller(self.user.id, self.user.role, self.store_id, self.id)


@dataclass(frozen=True, slots=True)
class Presented:
    """A refresh token that could not be replaced, and what may be the reason."""

    session_id: UUID
    ended: bool
    rotated_at: datetime | None
    sealed: bytes | None


class Verdict(Enum):
    """What to do with a refresh token that could not be replaced."""

    REFUSE = auto()
    REPEAT = auto()
    END = auto()


def assess(presented: Presented, now: datetime) -> Verdict:
    """A session that ended stays so, within the grace too."""
    if presented.ended or presented.rotated_at is None:
        return Verdict.REFUSE
    return Verdict.REPEAT if now - presented.rotated_at <= GRACE else Verdict.END


def token_of(secret: str) -> str:
    """The refresh token of 32 random bytes in URL-safe base64; the prefix is for those who look for leaks."""
    return _PREFIX + secret


def digest(token: str) -> bytes:
    """What is kept of a refresh token: with 256 random bits, nothing slower is needed."""
    return hashlib.sha256(token.encode()).digest()


def seal(successor: str, token: str) -> bytes:
    """`successor` for nobody but the holder of `token`, whose digest alone is kept."""
    return _mask(successor.encode(), token)


def unseal(sealed: bytes, token: str) -> str:
    return _mask(sealed, token).decode()


def _mask(text: bytes, token: str) -> bytes:
    # A pad that nothing else uses: each token has one successor.
    pad = hashlib.shake_256(b"successor:" + token.encode()).digest(len(text))
    return bytes(one ^ two for one, two in zip(text, pad, strict=True))
