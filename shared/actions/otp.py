"""One-time passwords: asking for one, letting its messages out, and answering with it."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from shared.domain import otp
from shared.domain.otp import Caps, Challenge, Channel, CodeRefused, Purpose, Verified, Wish
from shared.domain.outbox import Draft
from shared.domain.users import User
from shared.store import Conn, accounts, outbox, users
from shared.store import otp as challenges

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Secret:
    """What a wish for a code carries to its sender, sealed on the way."""

    challenge_id: UUID
    purpose: Purpose
    channel: Channel
    to: str
    code: str
    asked_by: UUID | None


@dataclass(frozen=True, slots=True)
class Out:
    """How messages are let out: `allowed` says whether a number gets texts, `seal` hides what a message says.

    `pepper` is the key of digests.
    """

    pepper: str
    caps: Caps
    stopped: bool
    allowed: Callable[[str], bool]
    seal: Callable[[UUID, dict[str, str]], bytes]


def request(
    conn: Conn, now: datetime, wish: Wish, *, digest: bytes, sealed: bytes, message_id: UUID, caps: Caps
) -> Challenge:
    """Record the challenge and the wish that it be sent; the same for an address nobody has.

    `conn` must be in a transaction: whoever asks for the same address, or from the same source, waits, so
    that the caps hold exactly. Raises OtpTooSoon, OtpTooMany.
    """
    # Recipients before sources, always: no two ever wait for each other.
    challenges.lock(conn, wish.recipient)
    if wish.source is not None:
        challenges.lock(conn, wish.source)
    resend_after = otp.assess_wish(wish, challenges.get_asked(conn, wish, now), caps, now)
    expires_at = now + otp.LIFETIME
    challenges.insert(
        conn, wish, digest=digest, message_id=message_id, sealed=sealed, now=now, expires_at=expires_at
    )
    return Challenge(wish.challenge_id, expires_at, resend_after)


def let_out(conn: Conn, message_id: UUID, secret: Secret, out: Out) -> int:
    """Turn the wish into a message for each address of whoever it is for; returns how many.

    `conn` must be in a transaction. Nobody there, or the caps say no: no message, and nobody is told.
    """
    addressees = [] if out.stopped else _addressees(conn, secret, out)
    # All locks of addresses before those of rows, in one order, so that no two ever wait for each other.
    for each in sorted(addressees, key=lambda each: each.recipient):
        challenges.lock(conn, each.recipient[8:])
    challenge = challenges.lock_open(conn, secret.challenge_id)
    drafts = [] if challenge is None else _drafts(conn, addressees, secret, out)
    if drafts and not challenges.update_day(conn, messages=len(drafts), most=out.caps.messages_day):
        _log.error(
            "codes are not sent: the deployment's messages of the day are used up",
            extra={"alert": "otp_messages_capped"},
        )
        drafts = []
    outbox.insert(conn, drafts, expires_at=outbox.get_expiry(conn, message_id))
    outbox.update_sent(conn, message_id)
    for draft in drafts:
        _count("let_out", secret.purpose, draft.kind)
    return len(drafts)


def check(
    conn: Conn, now: datetime, *, challenge_id: UUID, code: str, purpose: Purpose, pepper: str, caps: Caps
) -> Verified:
    """Count an attempt and see whether the code is right; `use` it up in the transaction of what it is for.

    `conn` must be in autocommit: an attempt counts even if refused. Raises CodeRefused, the same for every
    reason: no such challenge, of another purpose, used, expired, attempts spent, or a wrong code.
    """
    attempt = challenges.update_attempts(
        conn,
        challenge_id=challenge_id,
        purpose=purpose,
        most=otp.ATTEMPTS,
        most_in_day=caps.guesses_day,
        now=now,
    )
    if not otp.answers(attempt, code, pepper) or attempt is None:
        _count("refused", purpose, "")
        raise CodeRefused
    return Verified(
        attempt.id,
        attempt.purpose,
        attempt.recipient,
        attempt.user_id,
        attempt.asked_by,
        attempt.phone_hash,
    )


def use(conn: Conn, now: datetime, verified: Verified) -> None:
    """Use the code up. Raises CodeRefused when another call was first."""
    if not challenges.update_used(conn, challenge_id=verified.challenge_id, now=now):
        raise CodeRefused
    tell_used(verified.purpose)


def tell_used(purpose: Purpose) -> None:
    """Count a code that was used up, also by who did so in a statement of their own."""
    _count("verified", purpose, "")


def redeem(conn: Conn, now: datetime, *, challenge_id: UUID, code: str, pepper: str, caps: Caps) -> User:
    """The user who signs in with the code. `conn` must be in autocommit. Raises CodeRefused."""
    verified = check(
        conn,
        now,
        challenge_id=challenge_id,
        code=code,
        purpose=Purpose.SIGN_IN,
        pepper=pepper,
        caps=caps,
    )
    user = None if verified.user_id is None else users.get(conn, verified.user_id)
    if user is None:
        raise CodeRefused
    use(conn, now, verified)
    return user


def step_up(
    conn: Conn, now: datetime, *, challenge_id: UUID, code: str, pepper: str, caps: Caps, user_id: UUID
) -> None:
    """See that the signed-in user has just answered a code of theirs. `conn` must be in autocommit.

    Raises CodeRefused.
    """
    verified = check(
        conn,
        now,
        challenge_id=challenge_id,
        code=code,
        purpose=Purpose.STEP_UP,
        pepper=pepper,
        caps=caps,
    )
    if verified.user_id != user_id:
        raise CodeRefused
    use(conn, now, verified)


@dataclass(frozen=True, slots=True)
class _Addressee:
    channel: Channel
    to: str
    recipient: bytes


def _addressees(conn: Conn, secret: Secret, out: Out) -> list[_Addressee]:
    """Where the code goes: to the customer's address as given, to both addresses of a user."""
    if secret.purpose is Purpose.REDEMPTION:
        # A customer is whoever the till says; they need be no user.
        addresses: dict[Channel, str | None] = {secret.channel: secret.to}
    else:
        user = _user(conn, secret)
        if user is None:
            return []
        addresses = {Channel.SMS: user.phone, Channel.EMAIL: user.email}
    return [
        _Addressee(channel, to, otp.address_digest(to, out.pepper))
        for channel, to in addresses.items()
        if to is not None and (channel is Channel.EMAIL or out.allowed(to))
    ]


def _user(conn: Conn, secret: Secret) -> User | None:
    """The active user who has the address; for an act of their own, only they themselves."""
    user = accounts.get_by_address(
        conn,
        phone=secret.to if secret.channel is Channel.SMS else None,
        email=secret.to if secret.channel is Channel.EMAIL else None,
    )
    mine = user is not None and (secret.purpose is Purpose.SIGN_IN or secret.asked_by == user.id)
    return user if mine else None


def _drafts(conn: Conn, addressees: Sequence[_Addressee], secret: Secret, out: Out) -> list[Draft]:
    if secret.purpose is not Purpose.REDEMPTION and addressees:
        user = _user(conn, secret)
        if user is None:
            return []
        challenges.update_user(
            conn, challenge_id=secret.challenge_id, user_id=user.id, purpose=secret.purpose
        )
    drafts = []
    for each in addressees:
        # Their number, not the wishes', for a user is asked for under either address.
        hour, day = challenges.count_messages(conn, each.recipient)
        if hour >= out.caps.recipient_hour or day >= out.caps.recipient_day:
            _log.warning("a code is not sent: its address has had too many")
            continue
        message_id = uuid4()
        content = {"to": each.to, "code": secret.code, "purpose": secret.purpose.value}
        drafts.append(Draft(message_id, each.channel, each.recipient, out.seal(message_id, content)))
    return drafts


def _count(event: str, purpose: Purpose, kind: str) -> None:
    """What the rate of codes sent to codes verified is made of."""
    _log.info(
        "one-time password %s, %s",
        event,
        purpose,
        extra={"metric": f"otp_{event}", "purpose": purpose, "kind": kind},
    )
