"""The outbox sender: leases messages, sends them, and records what came of it.

A message is sent at least once. It is sent twice only when the first time is not known to have succeeded: the
provider's answer was lost, or the sender was killed after the provider took the message and before that was
recorded, or the database stayed away for the rest of the lease. A database that is away for less costs
nothing: the sender keeps trying to record.
"""

import logging
import random
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore
from time import monotonic, sleep

from shared import pool
from shared.domain import outbox
from shared.domain.errors import Unavailable
from shared.domain.otp import Purpose
from shared.domain.outbox import Message
from shared.edge import msg91, sealing
from shared.jobs import codes
from shared.store import Conn
from shared.store import outbox as messages

_log = logging.getLogger(__name__)
_BATCH = 4
_RECORD_AGAIN_S = 0.2


def _text(message: Message, content: Mapping[str, str]) -> str | None:
    return msg91.text_otp(
        to=content["to"],
        code=content["code"],
        purpose=Purpose(content["purpose"]),
        reference=str(message.id),
    )


def _mail(_message: Message, content: Mapping[str, str]) -> str | None:
    return msg91.mail_otp(to=content["to"], code=content["code"], purpose=Purpose(content["purpose"]))


_CHANNELS: Mapping[str, Callable[[Message, Mapping[str, str]], str | None]] = {
    "otp_sms": _text,
    "otp_email": _mail,
}

# One sender at work and one waiting are enough: whoever runs sends everything that is due.
_executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="outbox")
_places = BoundedSemaphore(2)


def nudge() -> None:
    """Send what is due soon, in the background. Only a shortcut: the timer is what guarantees it."""
    if _places.acquire(blocking=False):
        _executor.submit(send_due).add_done_callback(_finished)


def send_due() -> int:
    """Send every message that is due; returns how many were delivered."""
    with pool.connection() as conn:
        messages.update_expired(conn, attempts=outbox.ATTEMPTS)
    sent = 0
    while True:
        # Taken before the database begins to count, so never later than the lease's end there.
        lease_until = monotonic() + outbox.LEASE.total_seconds()
        with pool.connection() as conn:
            batch = messages.lock(conn, most=_BATCH, lease=outbox.LEASE, attempts=outbox.ATTEMPTS)
        if not batch:
            return sent
        for message in batch:
            # What there is no time left for is leased anew, by whoever comes.
            if monotonic() + outbox.SENDING.total_seconds() < lease_until:
                sent += _send(message, lease_until)


def _send(message: Message, lease_until: float) -> bool:
    try:
        content = sealing.unseal(message.id, message.sealed)
        if message.kind == outbox.OTP_WISH:
            # Recorded with what comes of it, in one transaction; the messages are leased in the next round.
            codes.let_out(message.id, content)
            return False
        provider_id = _CHANNELS[message.kind](message, content)
    except Exception as error:  # noqa: BLE001 - a message that cannot be sent must not keep others from it
        # The text of another error may quote the message.
        failure = str(error) if isinstance(error, msg91.DeliveryFailed) else type(error).__name__
        _log.warning("message %s not delivered at attempt %d: %s", message.id, message.attempts, failure)
        hopeless = isinstance(error, msg91.SetupRefused)
        _record(lambda conn: _record_failure(conn, message, failure, hopeless=hopeless), lease_until)
        return False
    _record(lambda conn: messages.update_sent(conn, message.id, provider_id), lease_until)
    return True


def _record_failure(conn: Conn, message: Message, failure: str, *, hopeless: bool) -> None:
    """An outage is waited out; what somebody has to set right first waits for an operator instead."""
    if hopeless:
        messages.update_failed(conn, message, code="provider_setup", failure=failure)
    elif message.attempts >= outbox.ATTEMPTS:
        messages.update_failed(conn, message, code="undeliverable", failure=failure)
    else:
        pause = outbox.pause_after(message.attempts, random.random())  # noqa: S311 - nobody gains by guessing
        messages.update_postponed(conn, message, pause=pause, failure=failure)


def _record(write: Callable[[Conn], None], lease_until: float) -> None:
    """Write it down as long as the lease lasts: what is not written down is sent again."""
    while True:
        try:
            with pool.connection() as conn:
                write(conn)
        except Unavailable:
            if monotonic() > lease_until:
                raise
            sleep(_RECORD_AGAIN_S)
        else:
            return


def _finished(future: Future[int]) -> None:
    _places.release()
    error = future.exception()
    if error is not None:
        _log.error("the outbox sender failed", exc_info=error)
