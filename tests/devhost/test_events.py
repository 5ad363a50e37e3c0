"""The local Event Grid: every new blob reaches its function, whatever is down meanwhile, and only once."""

import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.devhost.programs import Host, Program
from tests.harness import eventually, free_ports


@pytest.fixture
def watched_host(tmp_path: Path, uploads_storage: str) -> Iterator[Host]:
    """Not started; on a port of its own, the same after a restart."""
    host = Host(tmp_path, uploads_storage, port=free_ports(1)[0])
    yield host
    host.blobs.close()
    if host.running:
        host.stop()


@pytest.fixture
def event_grid(tmp_path: Path, watched_host: Host) -> Iterator[Program]:
    """Not started."""
    where = ("--functions-url", watched_host.fixed_url, "--state", str(tmp_path / "events"))
    program = Program(tmp_path / "grid", watched_host.environment, "devhost.events", *where)
    yield program
    if program.running:
        assert program.stop() == 0


def test_new_and_overwritten_blobs_reach_their_function_and_others_do_not(
    watched_host: Host, event_grid: Program
) -> None:
    watched_host.start()
    event_grid.start()
    eventually(lambda: event_grid.output.count("subscribed ") == 2)
    assert event_grid.output.splitlines() == [
        "subscribed take_client:uploads/",
        "subscribed take_stream:streams/",
    ]
    watched_host.upload("elsewhere", "x.csv", "not watched")
    watched_host.upload("uploads", "in/ü 1.csv", "first")
    eventually(lambda: watched_host.recorded("client", content="first"))
    watched_host.upload("uploads", "in/ü 1.csv", "second")
    watched_host.upload("streams", "a.csv", "third")
    eventually(lambda: watched_host.recorded("stream", name="streams/a.csv"))
    eventually(lambda: watched_host.recorded("client", content="second"))
    assert [run["content"] for run in watched_host.recorded("client")] == ["first", "second"]
    assert len(watched_host.recorded("stream")) == 1


def test_blobs_that_come_while_the_host_is_down_are_delivered_when_it_is_back(
    watched_host: Host, event_grid: Program
) -> None:
    watched_host.start()
    event_grid.start()
    eventually(lambda: event_grid.output.count("subscribed ") == 2)
    watched_host.stop(signal.SIGKILL)
    watched_host.upload("uploads", "late", "late")
    eventually(lambda: "waiting for the host" in event_grid.errors)
    watched_host.start()
    eventually(lambda: watched_host.recorded("client", content="late"))


def test_a_restart_neither_loses_nor_repeats(watched_host: Host, event_grid: Program) -> None:
    watched_host.start()
    watched_host.upload("uploads", "one", "one")
    event_grid.start()
    eventually(lambda: watched_host.recorded("client", content="one"))
    event_grid.stop(signal.SIGKILL)
    watched_host.upload("uploads", "two", "two")
    event_grid.start()
    eventually(lambda: watched_host.recorded("client", content="two"))
    watched_host.upload("uploads", "three", "three")
    eventually(lambda: watched_host.recorded("client", content="three"))
    assert [run["content"] for run in watched_host.recorded("client")] == ["one", "two", "three"]


def test_what_is_no_longer_in_the_container_is_forgotten(
    watched_host: Host, event_grid: Program, tmp_path: Path
) -> None:
    watched_host.start()
    watched_host.upload("uploads", "gone", "gone")
    event_grid.start()
    eventually(lambda: watched_host.recorded("client", content="gone"))
    with sqlite3.connect(tmp_path / "events" / "events.sqlite3") as log:
        count = "SELECT count(*) FROM delivered"
        eventually(lambda: log.execute(count).fetchone() == (1,))
        watched_host.blobs.get_blob_client("uploads", "gone").delete_blob()
        eventually(lambda: log.execute(count).fetchone() == (0,))
    log.close()


def test_it_waits_for_a_host_that_is_not_there_yet(watched_host: Host, event_grid: Program) -> None:
    event_grid.start()
    watched_host.upload("uploads", "early", "early")
    watched_host.start()
    eventually(lambda: watched_host.recorded("client", content="early"))


def test_a_connection_that_is_not_set_ends_it_with_a_message(watched_host: Host, event_grid: Program) -> None:
    watched_host.start()
    del event_grid.environment["UPLOADS_STORAGE"]
    event_grid.start()
    assert event_grid.wait() == 1
    assert "the setting UPLOADS_STORAGE, which take_client names, is not set" in event_grid.errors
