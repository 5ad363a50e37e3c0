"""Timer triggers: each on its schedule, one worker at a time, catching up what was missed."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from devhost.driver import AppError, Function, InvocationFailedError, Worker
from devhost.messages import TypedData
from devhost.ncrontab import Schedule
from devhost.state import Lease
from devhost.timer_status import Monitor, Status

logger = logging.getLogger(__name__)

# Another worker's timers are taken over this soon after its end.
LEASE_RETRY = timedelta(seconds=1)
# The wall clock is looked at again at least this often: it may be set, and a machine may sleep.
LONGEST_NAP_SECONDS = 20.0

type Invoke = Callable[[Function, TypedData], Awaitable[object]]


class Clock(Protocol):
    """The time, and a way to wait for it."""

    def now(self) -> datetime: ...

    async def sleep_until(self, instant: datetime) -> None: ...


class WallClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep_until(self, instant: datetime) -> None:
        while (left := (instant - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 (time is the event)
            await asyncio.sleep(min(left, LONGEST_NAP_SECONDS))


class Timer:
    """One timer function. Its runs never overlap, and no failure stops its schedule or is tried again."""

    def __init__(self, function: Function, invoke: Invoke, state: Path, clock: Clock) -> None:
        self.function = function
        self._invoke = invoke
        self._clock = clock
        try:
            self._schedule = Schedule(str(function.trigger["schedule"]))
        except ValueError as error:
            raise AppError(f"{function.name}: schedule {function.trigger['schedule']!r}: {error}") from None
        self._lease = Lease(state / f"{function.name}.lease")
        wanted = function.trigger.get("useMonitor") is not False
        monitored = wanted and not self._schedule.is_sub_minute(clock.now())
        self._monitor = Monitor(state / f"{function.name}.json") if monitored else None
        self._running: asyncio.Task[None] | None = None

    def payload(self, status: Status | None, *, past_due: bool = False) -> TypedData:
        """The function's argument."""
        argument = {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": status.as_json() if status and self._monitor else None,
            "IsPastDue": past_due,
        }
        return TypedData(json=json.dumps(argument))

    def recorded(self) -> Status | None:
        return self._monitor.read() if self._monitor else None

    async def tick(self) -> None:
        """Run on schedule until cancelled; a run in progress is not cut short by that."""
        while not self._lease.take():
            await self._clock.sleep_until(self._clock.now() + LEASE_RETRY)
        now = self._clock.now()
        status = self._monitor.resume(self._schedule, now) if self._monitor else None
        status = status or Status.first(self._schedule, now)
        if self._monitor and now > status.next:
            logger.warning("%s is past due: it was to run at %s", self.function.name, status.next)
            status = await self._run(status, self._clock.now(), past_due=True)
        elif self.function.trigger.get("runOnStartup"):
            status = await self._run(status, self._clock.now())
        while True:
            await self._clock.sleep_until(status.next)
            # Never earlier than planned, or the same occurrence would come twice.
            status = await self._run(status, max(self._clock.now(), status.next))

    async def drain(self, seconds: float) -> int:
        """Wait for a run in progress; the number of those that did not end."""
        if self._running is not None and not self._running.done():
            _, pending = await asyncio.wait([self._running], timeout=seconds)
            return len(pending)
        return 0

    def close(self) -> None:
        self._lease.release()

    async def _run(self, status: Status, at: datetime, *, past_due: bool = False) -> Status:
        after = Status.after_run(self._schedule, at)
        self._running = asyncio.create_task(self._run_and_record(status, after, past_due=past_due))
        await asyncio.shield(self._running)
        return after

    async def _run_and_record(self, status: Status, after: Status, *, past_due: bool) -> None:
        try:
            await self._invoke(self.function, self.payload(status, past_due=past_due))
        except InvocationFailedError:
            logger.info("%s runs again at %s", self.function.name, after.next)
        if self._monitor:
            self._monitor.write(after)


class Timers:
    """The app's timers, by name in lower case."""

    def __init__(self, worker: Worker, state: Path, clock: Clock | None = None) -> None:
        clock = clock or WallClock()
        self._timers = {
            function.name.casefold(): Timer(function, worker.begin, state / "timers", clock)
            for function in worker.triggered_by("timerTrigger")
        }
        self._ticking: list[asyncio.Task[None]] = []

    def payload(self, name: str) -> TypedData:
        """The argument of a run out of schedule."""
        timer = self._timers[name.casefold()]
        return timer.payload(timer.recorded())

    def start(self) -> None:
        self._ticking = [asyncio.create_task(_ticks(timer)) for timer in self._timers.values()]

    async def stop(self, seconds: float) -> int:
        """No further runs; the number of those in progress that did not end in time."""
        for task in self._ticking:
            task.cancel()
        left = sum(await asyncio.gather(*(timer.drain(seconds) for timer in self._timers.values())))
        for timer in self._timers.values():
            timer.close()
        return left


async def _ticks(timer: Timer) -> None:
    try:
        await timer.tick()
    except Exception:
        logger.exception("%s: its schedule has stopped", timer.function.name)
        raise
