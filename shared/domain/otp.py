"""One-time passwords: what a challenge is and when a code answers it."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from shared.domain.errors import Refused

DIGITS = 6
LIFETIME = timedelta(minutes=10)
RESEND_AFTER = timedelta(seconds=30)
ATTEMPTS = 5


class Channel(StrEnum):
    """How a code travels; the value is the kind of the message in the outbox."""

    SMS = "otp_sms"
    EMAIL = "otp_email"


class CodeRefused(Refused):
    """The code is wrong, used or too old; ask for a new one."""

    code = "code_refused"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A challenge after this attempt was counted; `user_id` is None where nobody has the address."""

    id: UUID
    user_id: UUID | None
    purpose: str
    digest: bytes


def digest(code: str, challenge_id: UUID, purpose: str, pepper: str) -> bytes:
    """What is kept of a code: bound to its challenge and purpose, useless without the pepper."""
    return hmac.digest(pepper.encode(), f"{challenge_id}|{purpose}|{code}".encode(), hashlib.sha256)


def assess(attempt: Attempt | None, code: str, pepper: str) -> UUID:
    """The user whom the right code names.

    Raises CodeRefused, the same for every reason: no such challenge, used, expired, attempts spent, nobody
    has the address, or a wrong code.
    """
    if attempt is None:
        raise CodeRefused
    wanted = digest(code, attempt.id, attempt.purpose, pepper)
    if not hmac.compare_digest(wanted, attempt.digest) or attempt.user_id is None:
        raise CodeRefused
    return attempt.user_id
