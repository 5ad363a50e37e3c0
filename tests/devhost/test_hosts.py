"""The host's workers in a local run: spread, begun again after an end, reloaded after a change."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from devhost import hosts
from devhost.changes import Changes
from devhost.hosts import Hosts
from devhost.options import Options
from devhost.processes import Child, ChildError
from tests.devhost.apps import http, write_app
from tests.harness import eventually, free_ports

PID = "import os, time\n" + http("pid", "route='pid'", "str(os.getpid())")
SLEEPS = http("sleeps", "route='sleeps'", "time.sleep(600)")
BROKEN = "raise RuntimeError('broken on purpose')"


class Run:
    """Hosts of a small app, looked at as the supervisor does."""

    def __init__(self, folder: Path, code: str, options: Options, host_json: object = None) -> None:
        self.app = write_app(folder / "app", code, host_json)
        self.local = folder / "local"
        self.port = free_ports(1)[0]
        environment = dict(os.environ) | {"PYTHONUNBUFFERED": "1", "AzureWebJobsStorage": ""}
        self.hosts = Hosts(self.local, app=self.app, port=self.port, environment=environment, options=options)

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}/api/{path}", timeout=30)

    def pid(self) -> int | None:
        """Of the worker that answers; None when none does."""
        try:
            return int(self.get("pid").text)
        except httpx.TransportError:
            return None

    def watch_until(self, holds: Callable[[], object]) -> None:
        def look() -> object:
            self.hosts.watch()
            return holds()

        eventually(look)

    def change(self, code: str) -> None:
        path = self.app / "function_app.py"
        head = path.read_text().partition("\n\n")[0]
        path.write_text(f"{head}\n\n{code}")


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    begun: list[Run] = []

    def start(code: str = PID, host_json: object = None, **options: bool | int) -> Run:
        run = Run(tmp_path, code, Options(**{"reload": False} | options), host_json)
        begun.append(run)
        run.hosts.start()
        return run

    yield start
    for run in begun:
        run.hosts.stop()


def alive(child: Child) -> bool:
    return child.process.poll() is None


def test_requests_are_spread_over_the_workers(run: Callable[..., Run]) -> None:
    two = run(workers=2)
    pids = {child.process.pid for child in two.hosts.children()}
    seen: set[int | None] = set()
    eventually(lambda: seen.add(two.pid()) or seen == pids)


def test_a_killed_worker_is_begun_again_and_the_other_goes_on(
    run: Callable[..., Run], capsys: pytest.CaptureFixture[str]
) -> None:
    two = run(workers=2)
    killed, other = two.hosts.children()
    killed.process.kill()
    killed.process.wait()
    # Only one listens now, so it answers everything.
    assert {two.pid() for _ in range(20)} == {other.process.pid}
    two.watch_until(lambda: killed not in two.hosts.children())
    assert "host ended by itself (SIGKILL): starting it again" in capsys.readouterr().out
    pids = {child.process.pid for child in two.hosts.children()}
    seen: set[int | None] = set()
    two.watch_until(lambda: seen.add(two.pid()) or pids <= seen)
    assert alive(other)


def test_a_function_that_takes_too_long_ends_its_process_which_is_begun_again(
    run: Callable[..., Run], capsys: pytest.CaptureFixture[str]
) -> None:
    one = run(PID + SLEEPS, {"functionTimeout": "00:00:00.5"})
    before = one.pid()
    with pytest.raises(httpx.RemoteProtocolError):
        one.get("sleeps")
    one.watch_until(lambda: one.pid() not in {None, before})
    said = capsys.readouterr().out
    assert "functionTimeout of 0.5 s exceeded by sleeps" in said
    assert "host ended by itself (a function ran longer than functionTimeout): starting it again" in said
    assert "exceeded by sleeps" in (one.local / "logs" / "host.previous.log").read_text()


def test_a_host_that_ends_again_and_again_ends_the_run(run: Callable[..., Run]) -> None:
    one = run()
    one.change("import os\nos._exit(7)")
    one.hosts.children()[0].process.kill()
    with pytest.raises(
        ChildError, match=rf"host ended by itself \(exit code 7\), {hosts.MOST_ENDS} ends within 60 s"
    ):
        one.watch_until(lambda: False)


def test_ends_that_lie_far_apart_do_not_end_the_run(
    run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "WITHIN_S", 0.0)
    one = run()
    for _ in range(hosts.MOST_ENDS + 1):
        (child,) = one.hosts.children()
        child.process.kill()
        one.watch_until(lambda child=child: child not in one.hosts.children())


def test_a_change_of_the_app_reloads_it(run: Callable[..., Run], capsys: pytest.CaptureFixture[str]) -> None:
    one = run(reload=True)
    before = one.pid()
    one.change(PID + http("later", "route='later'", "'second'"))
    one.watch_until(lambda: one.pid() not in {None, before})
    assert one.get("later").text == "second"
    assert "function_app.py changed: starting the host again" in capsys.readouterr().out


def test_a_change_of_host_json_reloads_the_app(run: Callable[..., Run]) -> None:
    one = run(reload=True)
    (one.app / "host.json").write_text('{"extensions": {"http": {"routePrefix": "v2"}}}')

    def found() -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{one.port}/v2/pid").status_code == 200
        except httpx.TransportError:
            return False

    one.watch_until(found)


def test_an_app_that_does_not_index_keeps_the_run_alive_until_the_next_change(
    run: Callable[..., Run], capsys: pytest.CaptureFixture[str]
) -> None:
    one = run(reload=True)
    one.change(BROKEN)
    one.watch_until(lambda: not one.hosts.children())
    said = capsys.readouterr().out
    assert "RuntimeError: broken on purpose" in said
    assert "host did not start, for the reason above; waiting for a change of the app" in said
    one.change(PID)
    one.watch_until(one.pid)


def test_without_reload_a_change_changes_nothing(run: Callable[..., Run]) -> None:
    one = run()
    before = one.pid()
    one.change(PID + http("later", "route='later'"))
    for _ in range(10):
        one.hosts.watch()
    assert one.get("later").status_code == 404
    assert one.pid() == before


def test_an_app_that_does_not_index_at_the_start_ends_the_run(run: Callable[..., Run]) -> None:
    with pytest.raises(ChildError, match="broken on purpose"):
        run(BROKEN, reload=True)


def test_a_reload_lets_running_functions_finish(run: Callable[..., Run], tmp_path: Path) -> None:
    go, began = tmp_path / "go", tmp_path / "began"
    code = f"""{PID}
import pathlib
@app.route(route="waits")
def waits(req: func.HttpRequest) -> func.HttpResponse:
    pathlib.Path({str(began)!r}).touch()
    while not pathlib.Path({str(go)!r}).exists():
        time.sleep(0.02)
    return func.HttpResponse("finished")
"""
    one = run(code, reload=True)
    with ThreadPoolExecutor(2) as threads:
        answer = threads.submit(one.get, "waits")
        eventually(began.exists)
        (child,) = one.hosts.children()
        one.change(PID)

        def let_go() -> None:
            """Once the host takes no more requests; from beside, since the reload waits for the function."""
            eventually(lambda: one.pid() is None)
            go.touch()

        threads.submit(let_go)
        one.watch_until(lambda: child not in one.hosts.children())
        assert answer.result().text == "finished"
    assert child.process.returncode == 0


def test_keys_are_asked_for_on_demand(run: Callable[..., Run]) -> None:
    code = http("f", "route='f', auth_level=func.AuthLevel.FUNCTION")
    assert run(code, enable_auth=True).get("f").status_code == 401


def test_changes_are_reported_once_and_only_when_the_files_stand_still(tmp_path: Path) -> None:
    app = write_app(tmp_path / "app", "")
    changes = Changes(app)
    (app / "one.py").write_text("1")
    assert changes.found() == []
    (app / "two.py").write_text("2")
    assert changes.found() == []
    assert changes.found() == ["one.py", "two.py"]
    assert changes.found() == []
    (app / "one.py").unlink()
    assert [changes.found(), changes.found()] == [[], ["one.py"]]


def test_files_that_are_no_part_of_the_app_do_not_count(tmp_path: Path) -> None:
    app = write_app(tmp_path / "app", "")
    changes = Changes(app)
    for name in ("tests/test_x.py", ".venv/x.py", "devhost/x.py", "functions/__pycache__/x.py", "data.csv"):
        (app / name).parent.mkdir(parents=True, exist_ok=True)
        (app / name).write_text("")
    assert [changes.found(), changes.found()] == [[], []]
    (app / "functions" / "deep").mkdir()
    (app / "functions" / "deep" / "x.py").write_text("")
    assert [changes.found(), changes.found()] == [[], ["functions/deep/x.py"]]
