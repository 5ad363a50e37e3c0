"""`make run` as a process: what it starts, and that nothing of it stays or stands in the way of the next."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from devhost.environment import ROOT, local_folder
from devhost.services.azurite import install, installation
from tests.harness import eventually, free_ports

PORTS = ("API_PORT", "MSG91_PORT", "BLOB_PORT", "QUEUE_PORT", "TABLE_PORT")
OWN_PARTS = {"azurite", "postgres", "msg91", "host", "events"}


class Run:
    """`python -m devhost run`, its output in a file."""

    def __init__(self, local: Path, command: str = "run", **settings: str) -> None:
        self.local = local
        self._output = local.parent / f"output-{len(list(local.parent.glob('output-*')))}"
        self.ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True)) | {
            name: value for name, value in settings.items() if name in PORTS
        }
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "devhost", *command.split()],
                cwd=ROOT,
                env=_without_settings() | {"RELOAD": "0"} | settings | self.ports | {"LOCAL_DIR": str(local)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def output(self) -> str:
        return self._output.read_text()

    def wait_for(self, text: str) -> None:
        eventually(lambda: text in self.output() or self.process.poll() is not None)
        assert text in self.output(), self.output()

    def ended(self) -> int:
        return self.process.wait(60)

    def tell(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def children(self) -> dict[str, psutil.Process]:
        return {
            path.stem: psutil.Process(json.loads(path.read_text())["pid"])
            for path in (self.local / "run").glob("*.json")
        }

    def url(self, port: str) -> str:
        return f"http://127.0.0.1:{self.ports[port]}"


def _without_settings() -> dict[str, str]:
    outside = {*PORTS, "DATABASE_URL", "AZURE_STORAGE_CONNECTION_STRING", "HOST_URL", "LOCAL_DIR"}
    return {name: value for name, value in os.environ.items() if name not in outside}


@pytest.fixture
def local(reachable_path: Path) -> Path:
    """A folder for runs, with the installed Azurite of the checkout."""
    install(local_folder())
    (reachable_path / installation(reachable_path).name).symlink_to(installation(local_folder()))
    return reachable_path


@pytest.fixture
def runs() -> Iterator[list[Run]]:
    """Runs to be ended, whatever the test did."""
    begun: list[Run] = []
    yield begun
    for run in begun:
        if run.process.poll() is None:
            run.tell(signal.SIGTERM)
            run.ended()


def gone(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def of_folder(folder: Path) -> list[str]:
    """Command lines of processes that have this folder in them."""
    lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    return [line for line in lines if str(folder) in line]


def test_start_use_second_start_and_end(local: Path, runs: list[Run]) -> None:
    runs.append(first := Run(local))
    first.wait_for("Ready after")
    children = first.children()
    assert children.keys() == OWN_PARTS
    assert httpx.get(f"{first.url('API_PORT')}/api/v1/ready").status_code == 200
    assert httpx.get(f"{first.url('MSG91_PORT')}/messages").status_code == 200
    assert "Sample data" in first.output()
    for said in ("/api/v1/docs", "/api/v1/openapi.json", "/messages", "/devstoreaccount1", "sign_in +39"):
        assert said in first.output()

    for command in ("run", "reset"):
        runs.append(other := Run(local, command))
        assert other.ended() == 1
        assert f"runs already in this checkout (process {first.process.pid}" in other.output()
    assert not any(gone(child) for child in children.values())

    first.tell(signal.SIGTERM)
    assert first.ended() == 0
    assert [name for name, child in children.items() if not gone(child)] == []
    assert of_folder(local) == []

    runs.append(second := Run(local))
    second.wait_for("Ready after")
    assert "Sample data" not in second.output()
    second.tell(signal.SIGINT)
    assert second.ended() == 0
    assert of_folder(local) == []

    runs.append(reset := Run(local, "reset"))
    assert reset.ended() == 0
    assert sorted(path.name for path in local.iterdir()) == sorted([installation(local).name, "lock"])


def test_a_killed_run_blocks_nothing(local: Path, runs: list[Run]) -> None:
    runs.append(killed := Run(local))
    killed.wait_for("Ready after")
    children = killed.children()
    killed.tell(signal.SIGKILL)
    killed.ended()
    runs.append(after := Run(local, **killed.ports))
    after.wait_for("Ready after")
    assert all(gone(child) for child in children.values())


@pytest.mark.parametrize(
    "reached",
    [
        pytest.param("Azurite", marks=pytest.mark.soak),
        "PostgreSQL",
        "migrations",
        pytest.param("MSG91", marks=pytest.mark.soak),
        "Functions host",
    ],
)
def test_told_to_stop_while_starting(local: Path, runs: list[Run], reached: str) -> None:
    runs.append(run := Run(local))
    run.wait_for(reached)
    run.tell(signal.SIGTERM)
    run.tell(signal.SIGINT)
    assert run.ended() == 0
    assert "Ready" not in run.output()
    assert of_folder(local) == []
    assert list((local / "run").glob("*.json")) == []


def test_a_part_that_dies_ends_the_run_and_says_so(
    local: Path, runs: list[Run], database_url: str, uploads_storage: str
) -> None:
    runs.append(run := Run(local, DATABASE_URL=database_url, AZURE_STORAGE_CONNECTION_STRING=uploads_storage))
    run.wait_for("Ready after")
    assert run.children().keys() == OWN_PARTS - {"azurite", "postgres"}
    with psycopg.connect(database_url) as conn:
        assert conn.execute("SELECT FROM users LIMIT 1").fetchone() is not None
    run.children()["msg91"].kill()
    assert run.ended() == 1
    assert "msg91 ended by itself (SIGKILL)" in run.output()
    assert "ready http://127.0.0.1" in run.output()
    assert of_folder(local) == []


def test_two_workers_that_ask_for_keys_and_one_that_is_killed(
    local: Path, runs: list[Run], database_url: str, uploads_storage: str
) -> None:
    """The sample data comes by upload, so the Event Grid has shown its key when the run is ready."""
    runs.append(
        run := Run(
            local,
            DATABASE_URL=database_url,
            AZURE_STORAGE_CONNECTION_STRING=uploads_storage,
            WORKERS="2",
            ENABLE_AUTH="1",
        )
    )
    run.wait_for("Ready after")
    assert run.children().keys() == {"host", "host-2", "msg91", "events"}
    assert httpx.get(f"{run.url('API_PORT')}/admin/functions").status_code == 401
    killed = run.children()["host-2"]
    killed.kill()
    run.wait_for("host-2 ended by itself (SIGKILL): starting it again")
    logs = local / "logs"
    eventually((logs / "host-2.previous.log").exists)
    eventually(lambda: "ready " in (logs / "host-2.log").read_text())
    assert not gone(run.children()["host-2"])
    assert httpx.get(f"{run.url('API_PORT')}/api/v1/ready").status_code == 200
    run.tell(signal.SIGTERM)
    assert run.ended() == 0
    assert of_folder(local) == []


def test_a_host_that_runs_elsewhere_is_used(
    local: Path, runs: list[Run], database_url: str, uploads_storage: str
) -> None:
    outside = {"DATABASE_URL": database_url, "AZURE_STORAGE_CONNECTION_STRING": uploads_storage}
    runs.append(host := Run(local, **outside))
    host.wait_for("Ready after")
    elsewhere = local.with_name("elsewhere")
    runs.append(run := Run(elsewhere, HOST_URL=host.url("API_PORT"), **outside))
    run.wait_for("Ready after")
    assert run.children().keys() == {"msg91", "events"}
    assert f"{host.url('API_PORT')}/api/v1/docs" in run.output()


def test_a_busy_port_is_named_with_the_variable_that_sets_another(
    local: Path, runs: list[Run], taken_port: int
) -> None:
    runs.append(run := Run(local, QUEUE_PORT=str(taken_port)))
    assert run.ended() == 1
    assert f"port {taken_port} (QUEUE_PORT)" in run.output()
    assert "QUEUE_PORT=" in run.output().splitlines()[-1]
    assert list((local / "run").glob("*.json")) == []


@pytest.fixture
def taken_port() -> Iterator[int]:

    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"API_PORT": "http"}, "API_PORT=http is not a port"),
        ({"API_PORT": "70000"}, "API_PORT=70000 is not a port"),
        ({"API_PORT": "7071", "MSG91_PORT": "7071"}, "MSG91_PORT and API_PORT are the same port"),
        ({"WORKERS": "0"}, "WORKERS=0 is not a number from 1 to 64"),
        ({"WORKERS": "two"}, "WORKERS=two is not a number"),
        ({"RELOAD": "yes"}, "RELOAD=yes is neither 0 nor 1"),
        ({"ENABLE_AUTH": "2"}, "ENABLE_AUTH=2 is neither 0 nor 1"),
    ],
)
def test_what_a_variable_cannot_mean_is_said(
    local: Path, runs: list[Run], settings: dict[str, str], said: str
) -> None:
    runs.append(run := Run(local, **settings))
    assert run.ended() == 1
    assert said in run.output()


def test_a_run_under_make_ends_with_make(local: Path, runs: list[Run]) -> None:
    command = [sys.executable, "-m", "devhost", "run", "--with-parent"]
    ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
    # As make does: the recipe is a child, and make waits for it.
    program = f"import subprocess; subprocess.run({command!r})"
    make = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=_without_settings() | ports | {"LOCAL_DIR": str(local)},
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    eventually((local / "run" / "azurite.json").exists)
    make.kill()
    make.wait()
    runs.append(after := Run(local, **ports))
    after.wait_for("PostgreSQL")


def test_settings_for_func_start_are_the_runs_own(local: Path, runs: list[Run]) -> None:
    runs.append(run := Run(local, "settings"))
    assert run.ended() == 0
    values = json.loads(run.output())["Values"]
    sample = json.loads((ROOT / "local.settings.sample.json").read_text())["Values"]
    assert values.keys() == sample.keys()
    assert f":{run.ports['BLOB_PORT']}/devstoreaccount1" in values["UPLOADS_STORAGE"]
