"""Several workers on one port, one state and one queue, as several instances in the cloud."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.devhost.programs import Host, blob_created
from tests.harness import eventually, free_ports

PARALLEL = 2  # maxDegreeOfParallelism of the fixture app


type Start = Callable[..., tuple[Host, Host]]


@pytest.fixture
def workers(tmp_path: Path, uploads_storage: str) -> Iterator[Start]:
    """Starts two at the same moment; either is a way to ask whichever gets the request."""
    begun: list[Host] = []

    def start(*options: str, **settings: str) -> tuple[Host, Host]:
        (port,) = free_ports(1)
        shared = ("--share-port", *options)
        first = Host(tmp_path, uploads_storage, *shared, port=port)
        second = Host(tmp_path / "second", uploads_storage, *shared, port=port, state=first.state)
        for worker in (first, second):
            worker.environment |= settings | {"RECORD_FOLDER": str(first.records)}
            worker.start()
            begun.append(worker)
        assert first.url == second.url
        return first, second

    yield start
    for worker in begun:
        worker.blobs.close()
        if worker.running:
            worker.stop()


def test_blobs_are_shared_out_each_to_one_worker(workers: Start) -> None:
    host, _ = workers()
    names = [f"wait-{number}" for number in range(2 * PARALLEL)]
    for name in names:
        host.upload("uploads", name, "ok")
    host.deliver("take_client", [blob_created("uploads", name) for name in names])
    # More at once than one worker would take.
    eventually(lambda: len(host.recorded("began")) == len(names))
    for name in names:
        host.release(name)
    eventually(lambda: len(host.recorded("client")) == len(names) and host.messages() == 0)
    assert sorted(run["name"] for run in host.recorded("began")) == names


def test_a_timer_runs_in_one_worker_and_the_other_takes_over_when_that_is_killed(workers: Start) -> None:
    pair = workers(TICK_SCHEDULE="* * * * * *")
    host = pair[0]
    eventually(lambda: len(host.recorded("tick")) > 2)
    (running,) = {run["process"] for run in host.recorded("tick")}
    killed, other = sorted(pair, key=lambda worker: worker.pid != running)
    killed.stop(signal.SIGKILL)
    eventually(lambda: host.recorded("tick", process=other.pid))


def test_both_know_the_same_keys(workers: Start) -> None:
    host, _ = workers("--enable-auth")
    key = json.loads((host.state / "keys.json").read_text())["master"]
    assert {host.request("GET", f"/api/mastered?code={key}").status_code for _ in range(30)} == {200}
