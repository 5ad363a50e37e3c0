"""One-time passwords: asking for one and answering with it."""

from datetime import datetime
from uuid import UUID

from shared.domain import otp
from shared.domain.otp import Channel, CodeRefused
from shared.domain.users import Challenge, User
from shared.store import Conn, users
from shared.store import otp as challenges

SIGN_IN = "sign_in"


def request(
    conn: Conn, now: datetime, *, channel: Channel, to: str, challenge_id: UUID, code: str, pepper: str
) -> Challenge:
    """Record the challenge and the message that carries its code; the same for an address nobody has."""
    expires_at = now + otp.LIFETIME
    challenges.insert(
        conn,
        challenge_id=challenge_id,
        channel=channel,
        to=to,
        purpose=SIGN_IN,
        digest=otp.digest(code, challenge_id, SIGN_IN, pepper),
        message={"to": to, "code": code},
        now=now,
        expires_at=expires_at,
    )
    return Challenge(challenge_id, expires_at, now + otp.RESEND_AFTER)


def redeem(conn: Conn, now: datetime, *, challenge_id: UUID, code: str, pepper: str) -> User:
    """The user who answered the challenge. `conn` must be in autocommit: an attempt counts even if refused.

    Raises CodeRefused.
    """
    attempt = challenges.update_attempts(conn, challenge_id=challenge_id, most=otp.ATTEMPTS, now=now)
    user_id = otp.assess(attempt, code, pepper)
    user = users.get(conn, user_id)
    if user is None or not challenges.update_used(conn, challenge_id=challenge_id, now=now):
        raise CodeRefused
    return user
