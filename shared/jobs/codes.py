"""Codes: how one-time passwords are capped and let out, as the settings say."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from shared import pool
from shared.actions import otp
from shared.actions.otp import Out, Secret
from shared.domain.otp import Caps, Channel, Purpose
from shared.edge import phones, sealing
from shared.settings import settings


def caps() -> Caps:
    here = settings()
    return Caps(
        cooldown=timedelta(seconds=here.otp_cooldown_s),
        recipient_hour=here.otp_per_recipient_hour,
        recipient_day=here.otp_per_recipient_day,
        address_hour=here.otp_per_address_hour,
        caller_hour=here.otp_per_caller_hour,
        guesses_day=here.otp_guesses_per_recipient_day,
        messages_day=here.otp_messages_per_day,
    )


def sealed(message_id: UUID, secret: Secret) -> bytes:
    """The secret as it waits in the outbox."""
    content = {
        "challenge_id": str(secret.challenge_id),
        "purpose": secret.purpose.value,
        "channel": secret.channel.value,
        "to": secret.to,
        "code": secret.code,
    }
    return sealing.seal(
        message_id, content if secret.asked_by is None else content | {"asked_by": str(secret.asked_by)}
    )


def let_out(message_id: UUID, content: Mapping[str, str]) -> None:
    """Turn a wish for a code into the messages that carry it."""
    here = settings()
    secret = Secret(
        challenge_id=UUID(content["challenge_id"]),
        purpose=Purpose(content["purpose"]),
        channel=Channel(content["channel"]),
        to=content["to"],
        code=content["code"],
        asked_by=UUID(content["asked_by"]) if "asked_by" in content else None,
    )
    out = Out(
        pepper=here.otp_pepper,
        caps=caps(),
        stopped=here.otp_stopped,
        allowed=lambda phone: phones.is_reachable(phone, here.otp_countries),
        seal=sealing.seal,
    )
    with pool.transaction() as conn:
        otp.let_out(conn, message_id, secret, out)
