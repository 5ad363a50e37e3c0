"""Readiness: whether what the app stands on answers; asked once in a few seconds, whoever wants to know."""

import logging
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from shared import pool
from shared.domain.errors import Unavailable
from shared.edge import blobs, storage
from shared.store import health

_log = logging.getLogger(__name__)

_FRESH = timedelta(seconds=3)
_PATIENCE_S = 1


class NotReady(Unavailable):
    """Not ready; try again in a moment."""

    code = "not_ready"


@dataclass(frozen=True, slots=True)
class _Answer:
    at: datetime
    ready: bool


_lock = Lock()
_latest: _Answer | None = None
# What hangs keeps its thread and is not asked again meanwhile, since there are no others.
_executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix="readiness")


def check(now: datetime) -> None:
    """Raise NotReady, which tells no more, unless the database and the storage answered within a second."""
    global _latest  # noqa: PLW0603 - the process has one answer
    with _lock:
        if _latest is None or now - _latest.at >= _FRESH:
            _latest = _Answer(now, _ask())
        ready = _latest.ready
    if not ready:
        raise NotReady


def _ask() -> bool:
    # Its libraries may have to be imported first, which must not count.
    storage.service()
    asked = {"the database": _executor.submit(_ask_database), "the storage": _executor.submit(blobs.check)}
    answered, _ = wait(asked.values(), timeout=_PATIENCE_S)
    ready = True
    for name, one in asked.items():
        if one not in answered:
            one.cancel()
            _log.warning("not ready: %s did not answer within %d s", name, _PATIENCE_S)
            ready = False
        elif (error := one.exception()) is not None:
            _log.warning("not ready: %s: %r", name, error.__cause__ or error)
            ready = False
    return ready


def _ask_database() -> None:
    with pool.connection() as conn:
        health.get(conn)
