"""The outbox sender: leases messages, sends them, and records what came of it."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore

from shared import pool
from shared.domain import outbox
from shared.domain.outbox import Message
from shared.edge import msg91
from shared.store import outbox as messages

_log = logging.getLogger(__name__)
# As many as can be sent one after the other, each up to its time-outs, well within a lease.
_BATCH = 4

_CHANNELS: Mapping[str, Callable[[Mapping[str, str]], None]] = {
    "otp_sms": lambda message: msg91.text_otp(to=message["to"], code=message["code"]),
    "otp_email": lambda message: msg91.mail_otp(to=message["to"], code=message["code"]),
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
        messages.update_expired(conn)
    sent = 0
    while True:
        with pool.connection() as conn:
            batch = messages.lock(conn, most=_BATCH, lease=outbox.LEASE)
        if not batch:
            return sent
        sent += sum(_send(message) for message in batch)


def _send(message: Message) -> bool:
    try:
        _CHANNELS[message.kind](message.message)
    except msg91.DeliveryFailed as error:
        _log.warning("message %s not delivered at attempt %d: %s", message.id, message.attempts, error)
        with pool.connection() as conn:
            if message.attempts >= outbox.ATTEMPTS:
                messages.update_failed(conn, message_id=message.id, failure=str(error))
            else:
                pause = outbox.pause_after(message.attempts)
                messages.update_postponed(conn, message_id=message.id, pause=pause, failure=str(error))
        return False
    with pool.connection() as conn:
        messages.update_sent(conn, message.id)
    return True


def _finished(future: Future[int]) -> None:
    _places.release()
    error = future.exception()
    if error is not None:
        _log.error("the outbox sender failed", exc_info=error)
