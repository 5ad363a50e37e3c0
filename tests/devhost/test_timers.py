"""Timers: on schedule, one run at a time, by one worker. A clock that the test moves stands for hours."""

import asyncio
import json
import signal
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from devhost.driver import AppError, Function, InvocationFailedError
from devhost.messages import TypedData
from devhost.timers import Timer
from tests.devhost.programs import Host
from tests.harness import eventually

NEVER_RUN = "0001-01-01T00:00:00+00:00"
HOURLY, NINE, TEN = "0 0 * * * *", "2026-01-01T09:00:00+00:00", "2026-01-01T10:00:00+00:00"


class MovedClock:
    """Stands still until the test moves it, and wakes who waits on the way, in order."""

    def __init__(self, now: str) -> None:
        self._now = at(now)
        self._waiting: list[tuple[datetime, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._now

    async def sleep_until(self, instant: datetime) -> None:
        if instant > self._now:
            future = asyncio.get_running_loop().create_future()
            self._waiting.append((instant, future))
            await future

    async def move(self, to: str) -> None:
        await settled()
        while due := sorted((entry for entry in self._waiting if entry[0] <= at(to)), key=lambda e: e[0]):
            self._now = max(self._now, due[0][0])
            self._waiting.remove(due[0])
            if not due[0][1].cancelled():
                due[0][1].set_result(None)
            await settled()
        self._now = at(to)


class Timed:
    """A timer with what its function was given; the function ends at once unless told to wait."""

    def __init__(self, folder: Path, clock: MovedClock, schedule: str = HOURLY, **binding: Any) -> None:
        trigger = {"type": "timerTrigger", "name": "timer", "schedule": schedule, **binding}
        function = Function("tick", "tick", trigger, (trigger,))
        self.timer = Timer(function, self._invoke, folder, clock)
        self.clock = clock
        self.runs: list[tuple[str, dict[str, Any]]] = []
        self.go = asyncio.Event()
        self.go.set()
        self.fails = False
        self._task = asyncio.create_task(self.timer.tick())

    @property
    def times(self) -> list[str]:
        return [time for time, _ in self.runs]

    @property
    def past_due(self) -> list[bool]:
        return [argument["IsPastDue"] for _, argument in self.runs]

    async def end(self) -> None:
        await settled()
        self._task.cancel()
        await self.timer.drain(1)
        self.timer.close()

    async def _invoke(self, _function: Function, data: TypedData) -> None:
        self.runs.append((self.clock.now().isoformat(), json.loads(data.json)))
        await self.go.wait()
        if self.fails:
            raise InvocationFailedError


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def settled() -> None:
    """Everything that can happen without the clock has happened."""
    for _ in range(20):
        await asyncio.sleep(0)


def in_loop(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def test_it_runs_at_each_occurrence_and_not_at_the_start(tmp_path: Path) -> None:
    async def test() -> None:
        timed = Timed(tmp_path, clock := MovedClock("2026-01-01 08:30:00"))
        await clock.move("2026-01-01 10:59:59")
        assert timed.times == [NINE, TEN]
        assert timed.runs[0][1] == {
            "Schedule": {"AdjustForDST": True},
            "ScheduleStatus": {
                "Last": NEVER_RUN,
                "Next": NINE,
                "LastUpdated": "2026-01-01T08:30:00+00:00",
            },
            "IsPastDue": False,
        }
        assert timed.runs[1][1]["ScheduleStatus"] == {"Last": NINE, "Next": TEN, "LastUpdated": NINE}
        await timed.end()

    in_loop(test())


def test_its_record_is_one_file_with_three_instants(tmp_path: Path) -> None:
    async def test() -> None:
        timed = Timed(tmp_path, clock := MovedClock("2026-01-01 08:30:00"))
        await clock.move("2026-01-01 09:30:00")
        await timed.end()

    in_loop(test())
    assert json.loads((tmp_path / "tick.json").read_text()) == {
        "Last": NINE,
        "Next": TEN,
        "LastUpdated": NINE,
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tick.json", "tick.lease"]


@pytest.mark.parametrize("ran_before", [True, False])
def test_a_run_missed_while_the_host_was_down_is_made_up_at_once_and_once(
    tmp_path: Path, ran_before: bool
) -> None:
    async def test() -> None:
        first = Timed(tmp_path, clock := MovedClock("2026-01-01 08:30:00"))
        await clock.move("2026-01-01 09:30:00" if ran_before else "2026-01-01 08:40:00")
        await first.end()
        second = Timed(tmp_path, clock := MovedClock("2026-01-01 13:30:00"), runOnStartup=True)
        await clock.move("2026-01-01 13:30:01")
        assert (second.times, second.past_due) == (["2026-01-01T13:30:00+00:00"], [True])
        await clock.move("2026-01-01 14:00:00")
        assert second.times[1:] == ["2026-01-01T14:00:00+00:00"]
        assert second.past_due[1:] == [False]
        await second.end()

    in_loop(test())


def test_nothing_is_made_up_when_nothing_was_missed(tmp_path: Path) -> None:
    async def test() -> None:
        await Timed(tmp_path, MovedClock("2026-01-01 08:30:00")).end()
        second = Timed(tmp_path, clock := MovedClock("2026-01-01 08:50:00"))
        await clock.move("2026-01-01 09:00:00")
        assert second.past_due == [False]
        await second.end()

    in_loop(test())


def test_a_changed_schedule_has_missed_nothing(tmp_path: Path) -> None:
    async def test() -> None:
        first = Timed(tmp_path, clock := MovedClock("2026-01-01 08:30:00"))
        await clock.move("2026-01-01 09:30:00")
        await first.end()
        changed = Timed(tmp_path, clock := MovedClock("2026-01-01 13:30:00"), "0 15 * * * *")
        await clock.move("2026-01-01 14:15:00")
        assert (changed.times, changed.past_due) == (["2026-01-01T14:15:00+00:00"], [False])
        await changed.end()

    in_loop(test())


@pytest.mark.parametrize("content", ["", "{", "[]", '{"Last": 1, "Next": 2, "LastUpdated": 3}'])
def test_a_broken_record_is_begun_anew(tmp_path: Path, content: str) -> None:
    async def test() -> None:
        (tmp_path / "tick.json").write_text(content)
        timed = Timed(tmp_path, clock := MovedClock("2026-01-01 08:30:00"))
        await clock.move("2026-01-01 09:00:00")
        assert (timed.times, timed.past_due) == ([NINE], [False])
        await timed.end()

    in_loop(test())


def test_without_monitor_nothing_is_made_up_and_no_record_is_kept(tmp_path: Path) -> None:
    async def test() -> None:
        for schedule, binding in ((HOURLY, {"useMonitor": False}), ("*/20 * * * * *", {"useMonitor": True})):
            (tmp_path / "tick.json").write_text(
                json.dumps({"Last": NEVER_RUN, "Next": NINE, "LastUpdated": "2026-01-01T08:30:00+00:00"})
            )
            timed = Timed(tmp_path, clock := MovedClock("2026-01-01 11:59:50"), schedule, **binding)
            await clock.move("2026-01-01 12:00:00")
            assert (timed.times, timed.past_due) == (["2026-01-01T12:00:00+00:00"], [False])
            assert timed.runs[0][1]["ScheduleStatus"] is None
            await timed.end()
            assert json.loads((tmp_path / "tick.json").read_text())["Next"] == NINE

    in_loop(test())


def test_run_on_startup_runs_at_the_start_and_not_as_past_due(tmp_path: Path) -> None:
    async def test() -> None:
        timed = Timed(tmp_path, clock := MovedClock("2026-01-01 08:30:00"), runOnStartup=True)
        await clock.move("2026-01-01 09:00:00")
        assert timed.times == ["2026-01-01T08:30:00+00:00", NINE]
        assert timed.past_due == [False, False]
        await timed.end()

    in_loop(test())


def test_a_failure_neither_stops_the_schedule_nor_is_tried_again(tmp_path: Path) -> None:
    async def test() -> None:
        timed = Timed(tmp_path, clock := MovedClock("2026-01-01 08:30:00"))
        timed.fails = True
        await clock.move("2026-01-01 10:30:00")
        assert timed.times == [NINE, TEN]
        await timed.end()

    in_loop(test())


def test_runs_never_overlap_and_those_that_fell_into_a_long_one_become_one(tmp_path: Path) -> None:
    async def test() -> None:
        timed = Timed(tmp_path, clock := MovedClock("2026-01-01 08:30:00"))
        timed.go.clear()
        await clock.move("2026-01-01 12:30:00")
        assert timed.times == [NINE]
        timed.go.set()
        await settled()
        assert (timed.times[1:], timed.past_due) == (["2026-01-01T12:30:00+00:00"], [False, False])
        await clock.move("2026-01-01 13:00:00")
        assert timed.times[2:] == ["2026-01-01T13:00:00+00:00"]
        await timed.end()

    in_loop(test())


def test_a_run_in_progress_is_recorded_when_the_host_stops(tmp_path: Path) -> None:
    async def test() -> None:
        timed = Timed(tmp_path, clock := MovedClock("2026-01-01 08:30:00"))
        timed.go.clear()
        await clock.move("2026-01-01 09:00:00")
        ending = asyncio.create_task(timed.end())
        await settled()
        timed.go.set()
        await ending
        assert json.loads((tmp_path / "tick.json").read_text())["Last"] == NINE

    in_loop(test())


def test_of_several_workers_one_runs_it_and_another_takes_over(tmp_path: Path) -> None:
    async def test() -> None:
        clock = MovedClock("2026-01-01 08:30:00")
        workers = [Timed(tmp_path, clock), Timed(tmp_path, clock)]
        await clock.move("2026-01-01 10:00:00")
        assert [worker.times for worker in workers] == [[NINE, TEN], []]
        await workers[0].end()
        await clock.move("2026-01-01 11:00:00")
        assert [len(worker.times) for worker in workers] == [2, 1]
        await workers[1].end()

    in_loop(test())


@pytest.mark.parametrize("schedule", ["00:05:00", "0 0 0 * * 7", "often"])
def test_a_schedule_that_is_none_is_refused(tmp_path: Path, schedule: str) -> None:
    trigger = {"type": "timerTrigger", "name": "timer", "schedule": schedule}
    with pytest.raises(AppError, match="tick: schedule"):
        Timer(Function("tick", "tick", trigger, (trigger,)), _unused, tmp_path, MovedClock("2026-01-01"))


async def _unused(_function: Function, _data: TypedData) -> None:
    raise AssertionError("not to be run")


def test_the_host_runs_its_timers_by_the_clock(own_host: Host) -> None:
    own_host.environment["TICK_SCHEDULE"] = "* * * * * *"
    own_host.start()
    eventually(lambda: len(own_host.recorded("tick")) > 1)
    first = own_host.recorded("tick")[0]
    assert (first["past_due"], first["schedule"], first["status"]) == (False, {"AdjustForDST": True}, {})


def test_the_host_makes_up_what_it_missed_after_a_kill(own_host: Host) -> None:
    own_host.environment["TICK_SCHEDULE"] = "0 0 * * * *"
    own_host.start()
    record = own_host.state / "timers" / "tick.json"
    eventually(record.exists)
    own_host.stop(signal.SIGKILL)
    # As if the host had been down for the last two hours.
    ran = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=2)
    following = ran + timedelta(hours=1)
    instants = {"Last": ran, "Next": following, "LastUpdated": ran}
    record.write_text(json.dumps({name: instant.isoformat() for name, instant in instants.items()}))
    own_host.start()
    (made_up,) = eventually(lambda: own_host.recorded("tick"))
    assert made_up["past_due"] is True
    assert made_up["status"]["Next"] == following.isoformat()
    eventually(lambda: json.loads(record.read_text())["Last"] > following.isoformat())
