"""Limits of host.json: requests at once, requests waiting, the time of an invocation."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from starlette.responses import Response

from devhost import timeout
from devhost.throttle import Throttle
from tests.devhost.apps import http, write_app
from tests.devhost.programs import Host
from tests.harness import eventually

WAITS = """
import os, pathlib, time
folder = pathlib.Path(os.environ["RECORD_FOLDER"])
@app.route(route="waits/{name}")
def waits(req: func.HttpRequest) -> func.HttpResponse:
    name = req.route_params["name"]
    (folder / f"began-{name}").touch()
    while not (folder / f"go-{name}").exists():
        time.sleep(0.02)
    return func.HttpResponse(name)
"""
BLOCKS = """
@app.route(route="blocks")
async def blocks(req: func.HttpRequest) -> func.HttpResponse:
    time.sleep(600)
"""
ENDLESS = """
import asyncio
@app.route(route="endless")
async def endless(req: func.HttpRequest) -> func.HttpResponse:
    await asyncio.sleep(600)
"""
TICKS = """
@app.timer_trigger(arg_name="timer", schedule="0 0 0 1 1 *", run_on_startup=True)
def ticks(timer: func.TimerRequest) -> None:
    time.sleep(600)
"""


class Limited:
    """A host whose functions wait until they are told to go on."""

    def __init__(self, folder: Path, host_json: object, code: str = WAITS) -> None:
        self.host = Host(folder, "", app=write_app(folder / "app", code, host_json))
        self.host.start()
        assert self.host.url
        self._threads = ThreadPoolExecutor(8)

    def ask(self, name: str) -> Future[httpx.Response]:
        return self._threads.submit(self.host.request, "GET", f"/api/waits/{name}")

    def began(self, name: str) -> bool:
        return (self.host.records / f"began-{name}").exists()

    def end(self) -> None:
        for name in "abcdef":
            self.host.release(name)
        self._threads.shutdown()
        self.host.stop()


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Callable[..., Limited]]:
    begun: list[Limited] = []

    def start(**http_options: int) -> Limited:
        begun.append(Limited(tmp_path, {"extensions": {"http": http_options}}))
        return begun[-1]

    yield start
    for one in begun:
        one.end()


def test_beyond_the_outstanding_ones_a_request_is_429_and_says_scale_out(
    limited: Callable[..., Limited],
) -> None:
    one = limited(maxOutstandingRequests=2)
    running = [one.ask(name) for name in "ab"]
    eventually(lambda: one.began("a") and one.began("b"))
    answer = one.host.request("GET", "/api/waits/c")
    assert (answer.status_code, answer.content) == (429, b"")
    assert answer.headers["X-FUNCTION-SCALEOUT"] == "1"
    one.host.release("a")
    one.host.release("b")
    assert [answer.result().status_code for answer in running] == [200, 200]
    one.host.release("d")
    assert one.ask("d").result().status_code == 200


def test_beyond_the_concurrent_ones_requests_wait_and_are_outstanding_too() -> None:
    async def test() -> None:
        throttle = Throttle(concurrent=1, outstanding=2)
        go, running = asyncio.Event(), list[int]()

        async def answer(number: int) -> Response:
            running.append(number)
            await go.wait()
            return Response(str(number))

        first, second = (
            asyncio.create_task(throttle.run(lambda number=number: answer(number))) for number in (1, 2)
        )
        await asyncio.sleep(0)
        assert (await throttle.run(lambda: answer(3))).status_code == 429
        assert running == [1]
        go.set()
        assert [(await task).body for task in (first, second)] == [b"1", b"2"]
        assert (await throttle.run(lambda: answer(4))).status_code == 200

    asyncio.run(test())


@pytest.mark.parametrize(("limit", "most"), [(1, 1), (2, 2)])
def test_the_host_runs_as_many_at_once_as_host_json_says(
    limited: Callable[..., Limited], limit: int, most: int
) -> None:
    one = limited(maxConcurrentRequests=limit)
    answers = [one.ask(name) for name in "abcd"]
    released: set[str] = set()
    while len(released) < 4:
        running = eventually(lambda: [name for name in "abcd" if one.began(name) and name not in released])
        assert len(running) <= most
        one.host.release(running[0])
        released.add(running[0])
        # Only when its answer is here has it left its place.
        answers["abcd".index(running[0])].result()
    assert [answer.result().status_code for answer in answers] == [200] * 4


def test_minus_one_is_no_limit(limited: Callable[..., Limited]) -> None:
    one = limited(maxConcurrentRequests=-1, maxOutstandingRequests=-1)
    running = [one.ask(name) for name in "abcd"]
    eventually(lambda: all(one.began(name) for name in "abcd"))
    for name in "abcd":
        one.host.release(name)
    assert [answer.result().status_code for answer in running] == [200] * 4


@pytest.mark.parametrize(
    ("code", "name", "called"),
    [
        (WAITS, "waits", "/api/waits/a"),
        ("import time\n" + BLOCKS, "blocks", "/api/blocks"),
        (ENDLESS, "endless", "/api/endless"),
        ("import time\n" + TICKS, "ticks", None),
    ],
    ids=["synchronous", "blocks the loop", "asynchronous", "timer"],
)
def test_an_invocation_that_takes_too_long_ends_the_process(
    tmp_path: Path, code: str, name: str, called: str | None
) -> None:
    host = Host(tmp_path, "", app=write_app(tmp_path / "app", code, {"functionTimeout": "00:00:00.4"}))
    host.start()
    if called is not None:
        with pytest.raises(httpx.TransportError):
            host.request("GET", called)
    assert host.wait() == timeout.EXIT_CODE
    assert f"functionTimeout of 0.4 s exceeded by {name} (invocation " in host.errors


def test_quick_invocations_do_not_add_up_to_a_timeout(tmp_path: Path) -> None:
    code = "import time\n" + http("quick", "route='quick'", "str(time.sleep(0.1))")
    host = Host(tmp_path, "", app=write_app(tmp_path / "app", code, {"functionTimeout": "00:00:00.7"}))
    host.start()
    for _ in range(10):
        assert host.request("GET", "/api/quick").status_code == 200
    assert host.stop() == 0
