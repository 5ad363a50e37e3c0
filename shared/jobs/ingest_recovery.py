"""Ingest recovery: what was received but never finished is queued again, and what is hopeless is told so.

Events are lost, hosts are killed, and the host's own tries follow each other at once, so that none of them
outlives an outage. Run from the timer; a rerun changes nothing.
"""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from shared import pool
from shared.domain.uploads import Rows, UploadStatus, WaitingUpload, upload_id_of
from shared.edge import blobs, poison, storage
from shared.edge.storage import StorageUnavailable
from shared.store import uploads

_log = logging.getLogger(__name__)

PATIENCE = timedelta(minutes=2)
ATTEMPTS = 15
_MOST = 50
# A file may still be on its way when its ticket expires, but not for so long.
_LATEST = timedelta(hours=1)
# What is no fault of the file and passes: such a try says nothing about the next.
_OUTAGES = frozenset(
    {
        "",
        "AdminShutdown",
        "CannotConnectNow",
        "CrashShutdown",
        "HttpResponseError",
        "OperationalError",
        "ResourceModifiedError",
        "ServiceRequestError",
        "ServiceResponseError",
        "database_unavailable",
        "storage_unavailable",
    }
)


def recover(now: datetime) -> int:
    """Queue again and fail; how many uploads were touched. With the storage away it is for the next run."""
    try:
        return _fail_poisoned() + _requeue_waiting(now)
    except StorageUnavailable as error:
        _log.warning("recovering uploads is left to the next run: %s", error.code)
        return 0


def _fail_poisoned() -> int:
    """Take what the host gave up. An upload that only met outages is queued again in its time."""
    failed = 0
    for event in poison.take():
        upload_id = upload_id_of(event.name) if event.container == storage.UPLOADS else None
        if upload_id is not None:
            with pool.connection() as conn:
                tried = uploads.get_attempts(conn, upload_id)
            if tried is not None and tried[1] not in _OUTAGES:
                failed += _fail(upload_id, tried[0], tried[1])
        # Jobs look after themselves, by their leases.
        event.done()
    return failed


def _requeue_waiting(now: datetime) -> int:
    with pool.connection() as conn:
        waiting = uploads.find_waiting(conn, patience=PATIENCE, most=_MOST)
    return sum(
        _fail(upload.id, upload.attempts, upload.last_failure)
        if upload.attempts >= ATTEMPTS
        else _requeue(upload, late=upload.expires_at + _LATEST < now)
        for upload in waiting
    )


def _requeue(upload: WaitingUpload, *, late: bool) -> int:
    """Put the file again, which is an event of its own; not while somebody is at work on it."""
    with pool.transaction() as conn:
        if not uploads.lock(conn, upload.id):
            return 0
        uploads.update_requeued(conn, upload.id)
        if blobs.put_again(upload.kind, upload.id):
            status = upload.status.value
            _log.warning("upload %s was %s and nobody at work on it; queued again", upload.id, status)
            return 1
        if upload.status is UploadStatus.AWAITING and not late:
            return 0
        never_came = upload.status is UploadStatus.AWAITING
        uploads.update_finished(
            conn,
            upload.id,
            status=UploadStatus.FAILED,
            rows=Rows(),
            reason="No file came." if never_came else "The file was deleted before it could be read.",
            reason_code="file_never_came" if never_came else "file_gone",
        )
        return 1


def _fail(upload_id: UUID, attempts: int, failure: str) -> int:
    with pool.transaction() as conn:
        if not uploads.lock(conn, upload_id) or uploads.get_attempts(conn, upload_id) is None:
            return 0
        uploads.update_finished(
            conn,
            upload_id,
            status=UploadStatus.FAILED,
            rows=Rows(),
            reason=f"It was tried {attempts} times without success; the last try met {failure or 'a crash'}.",
            reason_code="gave_up",
        )
    _log.error("upload %s failed: %d tries, the last met %s", upload_id, attempts, failure or "a crash")
    return 1
