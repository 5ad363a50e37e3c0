"""Waking: a queued job's blob, at once after the commit as a shortcut, from the timer for certain."""

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from shared import pool
from shared.actions import jobs as actions
from shared.domain.jobs import ATTEMPTS, PATIENCE, Wake, blob_name
from shared.edge import jobs as blobs
from shared.edge.storage import StorageUnavailable
from shared.store import claims

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

_log = logging.getLogger(__name__)
# As many as one run of the timer can drop in a few seconds.
_MOST = 200


def wake(workers: Iterable[Wake]) -> None:
    """Drop the blob of each. With the storage away nothing is raised: the timer drops them anew."""
    try:
        for worker in workers:
            blobs.drop(blob_name(worker))
    except StorageUnavailable as error:
        _log.warning("a job waits for the timer: %s", error.code)


def forget(blob: "BlobClient") -> None:
    """Take away the blob that woke this worker; with the storage away it stays, and does no harm."""
    try:
        blobs.remove(blob)
    except StorageUnavailable as error:
        _log.warning("the blob %s stays: %s", blob.blob_name, error.code)


def wake_waiting() -> int:
    """Drop a blob anew for each job that nobody came for, and fail those that used up their attempts."""
    with pool.connection() as conn:
        exhausted = claims.find_exhausted_ids(conn, attempts=ATTEMPTS)
    for job_id in exhausted:
        with pool.transaction() as conn:
            if actions.give_up(conn, job_id):
                _log.error("job %s failed: %d attempts without progress", job_id, ATTEMPTS)
    with pool.connection() as conn:
        waiting = claims.update_dropped(conn, attempts=ATTEMPTS, patience=PATIENCE, most=_MOST)
    wake(waiting)
    return len(waiting)
