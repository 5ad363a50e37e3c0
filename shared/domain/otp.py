"""One-time passwords: what a challenge is, when one may be asked for, and when a code answers it."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from uuid import UUID

from shared.domain.errors import Refused, Unavailable
from shared.domain.rates import RateLimited

DIGITS = 6
LIFETIME = timedelta(minutes=10)
ATTEMPTS = 5
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Channel(StrEnum):
    """How a code travels; the value is the kind of the message in the outbox."""

    SMS = "otp_sms"
    EMAIL = "otp_email"


class Purpose(StrEnum):
    """What a code is good for: signing in, a customer's or a user's yes to something of weight."""

    SIGN_IN = "sign_in"
    REDEMPTION = "redemption"
    STEP_UP = "step_up"


class CodeRefused(Refused):
    """The code is wrong, used or too old; ask for a new one."""

    code = "code_refused"


class OtpTooSoon(RateLimited):
    """A code was asked for a moment ago; ask again in {retry_after_s} seconds."""

    code = "otp_too_soon"


class OtpTooMany(RateLimited):
    """Too many codes were asked for; ask again in {retry_after_s} seconds."""

    code = "otp_too_many"


class OtpStopped(Unavailable):
    """Codes are not sent at the moment."""

    code = "otp_stopped"


@dataclass(frozen=True, slots=True)
class Caps:
    """How many codes may be asked for, guessed and sent; docs/settings.md explains each."""

    cooldown: timedelta
    recipient_hour: int
    recipient_day: int
    address_hour: int
    caller_hour: int
    guesses_day: int
    messages_day: int


@dataclass(frozen=True, slots=True)
class Challenge:
    """A one-time password that was asked for. `resend_after` is when another may be asked for."""

    challenge_id: UUID
    expires_at: datetime
    resend_after: datetime


@dataclass(frozen=True, slots=True)
class Wish:
    """Who asks for a code: for whom, what for, and where the wish came from. Digests, not addresses.

    `source` is the caller where `asked_by` names one, else the network address; None when that is not known.
    `phone_hash` is the digest by which a customer with this number is known (`domain.customers`).
    """

    challenge_id: UUID
    purpose: Purpose
    recipient: bytes
    source: bytes | None
    asked_by: UUID | None
    phone_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Codes asked for before: for the recipient in the last hour and day, from the source in the hour."""

    hour: int
    hour_first: datetime | None
    day: int
    day_first: datetime | None
    last: datetime | None
    source_hour: int
    source_first: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """A challenge after this attempt was counted; `user_id` is None where it names nobody."""

    id: UUID
    user_id: UUID | None
    asked_by: UUID | None
    purpose: Purpose
    recipient: bytes
    digest: bytes
    phone_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class Verified:
    """A code that was right: for which purpose, whose address (a digest), and whose, if it is a user's.

    `phone_hash` is the digest by which a customer with this number is known.
    """

    challenge_id: UUID
    purpose: Purpose
    recipient: bytes
    user_id: UUID | None
    asked_by: UUID | None
    phone_hash: bytes | None


def address_digest(address: str, pepper: str) -> bytes:
    """What is kept of a phone number, an e-mail or network address: enough to know it again."""
    return hmac.digest(pepper.encode(), f"address|{address}".encode(), hashlib.sha256)


def digest(code: str, challenge_id: UUID, purpose: Purpose, recipient: bytes, pepper: str) -> bytes:
    """What is kept of a code: bound to its challenge, purpose and recipient, useless without the pepper."""
    said = f"{challenge_id}|{purpose}|{recipient.hex()}|{code}"
    return hmac.digest(pepper.encode(), said.encode(), hashlib.sha256)


def cooldown(asked: int, base: timedelta) -> timedelta:
    """How long after the `asked`-th code within an hour the next may be asked for: it doubles each time."""
    return base * 2 ** min(asked - 1, 7)


def assess_wish(wish: Wish, asked: Asked, caps: Caps, now: datetime) -> datetime:
    """When the next code may be asked for after this one. Nothing here depends on whether anybody is known.

    Raises OtpTooSoon within the cooldown of the last, OtpTooMany when a cap is reached.
    """
    if asked.last is not None and asked.hour:
        _wait_until(asked.last + cooldown(asked.hour, caps.cooldown), now, OtpTooSoon)
    if asked.day >= caps.recipient_day and asked.day_first is not None:
        _wait_until(asked.day_first + DAY, now, OtpTooMany)
    if asked.hour >= caps.recipient_hour and asked.hour_first is not None:
        _wait_until(asked.hour_first + HOUR, now, OtpTooMany)
    from_source = caps.address_hour if wish.asked_by is None else caps.caller_hour
    if asked.source_hour >= from_source and asked.source_first is not None:
        _wait_until(asked.source_first + HOUR, now, OtpTooMany)
    return now + cooldown(asked.hour + 1, caps.cooldown)


def _wait_until(instant: datetime, now: datetime, refusal: type[RateLimited]) -> None:
    if now < instant:
        raise refusal(retry_after_s=ceil((instant - now).total_seconds()))


def answers(attempt: Attempt | None, code: str, pepper: str) -> bool:
    """Whether the code is the challenge's; the same work whether there is a challenge or not."""
    held = attempt or _NOBODYS
    wanted = digest(code, held.id, held.purpose, held.recipient, pepper)
    return hmac.compare_digest(wanted, held.digest) and attempt is not None


def require_of(verified: Verified, phone_hash: bytes | None) -> None:
    """The code was sent to the customer with this digest. Raises CodeRefused, which tells no more."""
    if phone_hash is None or verified.phone_hash is None:
        raise CodeRefused
    if not hmac.compare_digest(phone_hash, verified.phone_hash):
        raise CodeRefused


_NOBODYS = Attempt(UUID(int=0), None, None, Purpose.SIGN_IN, b"", bytes(hashlib.sha256().digest_size))
