"""The runner: holds a job, does step after step, each one transaction, and hands over before time is up."""

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Event, Thread
from time import monotonic
from uuid import UUID

from shared import pool
from shared.actions import jobs as actions
from shared.domain.errors import PromoPartnerError, Unavailable
from shared.domain.jobs import ATTEMPTS, BUDGET, LEASE, Claim, JobStatus, LeaseLost
from shared.jobs.kinds import KINDS
from shared.jobs.waking import wake
from shared.store import claims

_log = logging.getLogger(__name__)
# So often in the time of a lease is it renewed: two of these may fail.
_BEATS = 3


class UnknownKind(Exception):
    """The job is of a kind this version of the app does not have, as while another is being rolled out."""


def run(job_id: UUID, now: datetime, *, budget: timedelta = BUDGET, lease: timedelta = LEASE) -> None:
    """Work on the job until it ends or `budget` is used up, and then wake whoever goes on.

    Safe to call at any time and by any number at once: who comes while another holds the job, or after its
    end, returns. Raises nothing that calling again at once would mend: what a step raises is recorded and
    tried again later, and a database that is away leaves the job to the timer.
    """
    try:
        with pool.connection() as conn:
            held = claims.lock(conn, job_id, lease=lease, attempts=ATTEMPTS)
        if held is None:
            _log.info("job %s is held by another, or has ended", job_id)
            return
        _work(_Run(held, now, lease), monotonic() + budget.total_seconds())
    except LeaseLost:
        _log.warning("job %s was lost to another; nothing of the step at hand was saved", job_id)
    except Unavailable as error:
        _log.warning("job %s is left to be taken up later: %s", job_id, error.code)


class _Run:
    """A claim on its way through the steps; `held` is as of the last one saved."""

    def __init__(self, held: Claim, now: datetime, lease: timedelta) -> None:
        self.held = held
        self._now = now
        self._lease = lease

    def step(self) -> JobStatus:
        """One step and its outcome in one transaction. Raises LeaseLost, and whatever the step raises."""
        held = self.held
        kind = KINDS.get(held.kind)
        if kind is None:
            raise UnknownKind
        with pool.transaction() as conn:
            claims.update_limits(conn)
            result = kind.step(conn, held.cursor, held.arguments, self._now)
            status = actions.save(conn, held, result, self._lease)
        self.held = replace(held, cursor=result.cursor, step=held.step + 1, attempt=1)
        return status

    @contextmanager
    def heartbeat(self) -> Iterator[None]:
        """Renew the lease from a second connection while the first is busy."""
        over = Event()
        thread = Thread(target=self._beat, args=[over], name=f"job {self.held.id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _beat(self, over: Event) -> None:
        while not over.wait(self._lease.total_seconds() / _BEATS):
            try:
                with pool.connection() as conn:
                    if not claims.update_lease(conn, self.held, self._lease):
                        return
            except Unavailable as error:
                _log.warning("the lease of job %s could not be renewed: %s", self.held.id, error.code)


def _work(run: _Run, deadline: float) -> None:
    if run.held.cancel_requested:
        with pool.transaction() as conn:
            actions.end(conn, run.held, JobStatus.CANCELLED)
        return
    try:
        with run.heartbeat():
            status = run.step()
            while not status.ended and monotonic() < deadline:
                status = run.step()
    except (LeaseLost, pool.DatabaseUnavailable):
        raise
    except Exception as error:  # noqa: BLE001 - whatever a step raises must not be tried again at once
        _postpone(run.held, error)
        return
    if status.ended:
        _log.info("job %s is %s after %d steps", run.held.id, status.value, run.held.step)
        return
    with pool.connection() as conn:
        released = claims.update_released(conn, run.held)
    if released is None:
        raise LeaseLost
    wake([released])


def _postpone(held: Claim, error: Exception) -> None:
    # Neither the log nor the row gets the error's text: it may quote what the step was reading.
    where = "".join(traceback.format_tb(error.__traceback__))
    name = error.code if isinstance(error, PromoPartnerError) else type(error).__name__
    _log.error("attempt %d of job %s met %s\n%s", held.attempt, held.id, name, where)
    with pool.transaction() as conn:
        actions.postpone(conn, held, f"Attempt {held.attempt} at step {held.step + 1} met {name}.")
