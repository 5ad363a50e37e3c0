"""Several workers on one port, one state and one queue, as several instances in the cloud."""

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.devhost.programs import Host, Program, blob_created, eventually, free_port

PARALLEL = 2  # maxDegreeOfParallelism of the fixture app


@pytest.fixture
def workers(tmp_path: Path, uploads_storage: str) -> Iterator[Callable[..., tuple[Host, Program]]]:
    """Starts two at the same moment; the first is also the way to ask them."""
    port = free_port()
    first = Host(tmp_path, uploads_storage, "--share-port", port=port)
    second = Host(tmp_path / "second", uploads_storage, "--share-port", port=port, state=first.state)

    def start(**settings: str) -> tuple[Host, Program]:
        for worker in (first, second):
            worker.environment |= settings | {"RECORD_FOLDER": str(first.records)}
            worker.start()
        assert first.url == second.url
        return first, second

    yield start
    for worker in (first, second):
        worker.blobs.close()
        if worker.running:
            worker.stop()


def test_blobs_are_shared_out_each_to_one_worker(workers: Callable[..., tuple[Host, Program]]) -> None:
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


def test_a_timer_runs_in_one_worker_and_the_other_takes_over_when_that_is_killed(
    workers: Callable[..., tuple[Host, Program]],
) -> None:
    pair = workers(TICK_SCHEDULE="* * * * * *")
    host = pair[0]
    eventually(lambda: len(host.recorded("tick")) > 2)
    (running,) = {run["process"] for run in host.recorded("tick")}
    killed, other = sorted(pair, key=lambda worker: worker.pid != running)
    killed.stop(signal.SIGKILL)
    eventually(lambda: host.recorded("tick", process=other.pid))


def test_both_know_the_same_keys(tmp_path: Path, uploads_storage: str) -> None:
    port = free_port()
    first = Host(tmp_path, uploads_storage, "--share-port", "--enable-auth", port=port)
    second = Host(
        tmp_path / "second", uploads_storage, "--share-port", "--enable-auth", port=port, state=first.state
    )
    for worker in (first, second):
        worker.start()
    assert first.url == second.url
    key = json.loads((first.state / "keys.json").read_text())["master"]
    answers = {first.request("GET", f"/api/mastered?code={key}").status_code for _ in range(30)}
    assert answers == {200}
    for worker in (first, second):
        worker.stop()
