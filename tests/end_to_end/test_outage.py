"""A database that goes away under a running host, and comes back."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from devhost.services.postgres import Postgres
from shared.schema.migrate import migrate
from tests.end_to_end.driving import ADMIN, client, load_samples
from tests.harness import Msg91, RunningHost, eventually


@pytest.fixture
def own_postgres(tmp_path: Path) -> Iterator[Postgres]:
    """A server that nobody else needs."""
    server = Postgres(tmp_path, durable=False)
    server.start()
    try:
        server.wait_until_ready()
        server.ensure_database("app")
        migrate(server.url("app"))
        yield server
    finally:
        server.stop()


@pytest.mark.parametrize(
    "stop_signal",
    [pytest.param(signal.SIGINT, marks=pytest.mark.soak), signal.SIGQUIT],
    ids=["in order", "in a crash"],
)
def test_without_its_database_the_app_says_so_and_finds_it_again(
    own_postgres: Postgres,
    running_host: Callable[..., RunningHost],
    msg91: Msg91,
    stop_signal: signal.Signals,
) -> None:
    host = running_host(DATABASE_URL=own_postgres.url("app"))
    load_samples(host, msg91, own_postgres.url("app"))
    with client(host, msg91, ADMIN) as admin, ThreadPoolExecutor(16) as threads:

        def ask(_: int) -> httpx.Response:
            return admin.get("promotions", params={"limit": 1})

        def answers() -> list[httpx.Response]:
            return list(threads.map(ask, range(64)))

        assert {answer.status_code for answer in answers()} == {200}
        for _ in range(2):
            assert own_postgres.child is not None
            own_postgres.child.process.send_signal(stop_signal)
            own_postgres.child.process.wait()
            for answer in answers():
                assert answer.status_code == 503, answer.text
                assert answer.json()["code"] == "database_unavailable"
                assert int(answer.headers["retry-after"]) > 0
            assert admin.get("health").status_code == 200
            eventually(lambda: admin.get("ready").status_code == 503)

            own_postgres.start()
            own_postgres.wait_until_ready()
            assert {answer.status_code for answer in answers()} == {200}
            eventually(lambda: admin.get("ready").status_code == 200)
