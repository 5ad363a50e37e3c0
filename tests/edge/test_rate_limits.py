"""Rate limits: exact across processes, without the tables as well, and told to callers."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest
from azure.core import MatchConditions
from azure.core.exceptions import ResourceModifiedError
from azure.data.tables import TableServiceClient, TableTransactionError, UpdateMode

from devhost.environment import ROOT
from shared.domain.rates import DEFAULTS, Policy, Rate, RateLimited, standing
from shared.edge import rate_limits, rate_tables
from shared.edge.rate_tables import ContendedError, Counter
from tests.harness import forget_app, free_ports
from tests.rows import Conn

NOW = datetime(2026, 6, 15, 12, 0, 10, tzinfo=UTC)
ADDRESS = "203.0.113.7"

type Limit = Callable[..., None]


@pytest.fixture
def limit(app: None, monkeypatch: pytest.MonkeyPatch) -> Limit:  # noqa: ARG001
    """Sets a limit, as an operator does, and begins as a new process."""

    def limit(rate: Rate, most: int, seconds: int = 60) -> None:
        monkeypatch.setenv("RATE_LIMITS", f"{rate}={most}/{seconds}")
        forget_app()

    return limit


def admitted(rate: Rate, times: int, *, address: str | None = ADDRESS, now: datetime = NOW) -> int:
    """How many of so many requests were let in."""
    count = 0
    for _ in range(times):
        try:
            rate_limits.admit_address(rate, address, now)
        except RateLimited:
            continue
        count += 1
    return count


# Windows ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", Rate)
def test_every_rate_has_a_limit(rate: Rate) -> None:
    assert DEFAULTS[rate].most > 0


def test_a_standing_says_what_is_left_and_when_the_window_ends() -> None:
    policy = Policy(10, 60)
    found = standing(Rate.READ, policy, 3, NOW)
    assert (found.remaining, found.reset_s) == (7, 50)
    assert standing(Rate.READ, policy, 11, NOW).remaining == 0
    late = NOW.replace(second=59, microsecond=999_999)
    assert standing(Rate.READ, policy, 1, late).reset_s == 1
    assert policy.window(NOW) == policy.window(late) == policy.window(NOW.replace(second=0))
    assert policy.window(late + timedelta(microseconds=1)) == policy.window(NOW) + 60


def test_headers_say_both_drafts() -> None:
    read = standing(Rate.READ, Policy(600, 60), 100, NOW)
    otp = standing(Rate.OTP, Policy(20, 3600), 19, NOW)
    assert rate_limits.headers([read, otp]) == {
        "RateLimit-Policy": '"read";q=600;w=60, "otp";q=20;w=3600',
        "RateLimit": '"read";r=500;t=50, "otp";r=1;t=3590',
        "RateLimit-Limit": "20",
        "RateLimit-Remaining": "1",
        "RateLimit-Reset": "3590",
    }
    assert rate_limits.headers([]) == {}


# By address -------------------------------------------------------------------------------------------------


def test_an_address_gets_its_number_and_no_more(limit: Limit) -> None:
    limit(Rate.PUBLIC, 3)
    assert rate_limits.admit_address(Rate.PUBLIC, ADDRESS, NOW).remaining == 2
    assert admitted(Rate.PUBLIC, 5) == 2
    with pytest.raises(RateLimited) as refusal:
        rate_limits.admit_address(Rate.PUBLIC, ADDRESS, NOW)
    assert refusal.value.retry_after_s == 50
    assert admitted(Rate.PUBLIC, 1, address="203.0.113.8") == 1
    assert admitted(Rate.OTP, 1) == 1, "each class of its own"
    assert admitted(Rate.PUBLIC, 5, now=NOW + timedelta(minutes=1)) == 3


def test_what_other_processes_counted_counts(limit: Limit) -> None:
    limit(Rate.PUBLIC, 5)
    assert admitted(Rate.PUBLIC, 3) == 3
    rate_limits.forget()
    assert admitted(Rate.PUBLIC, 5) == 2


def test_a_process_denies_alone_once_it_knows(limit: Limit, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(Rate.PUBLIC, 2)
    assert admitted(Rate.PUBLIC, 3) == 2

    def asked(*_: object) -> None:
        raise AssertionError("the tables were asked")

    monkeypatch.setattr(rate_tables, "_table", asked)
    assert admitted(Rate.PUBLIC, 3) == 0


def test_parallel_threads_get_exactly_the_number(limit: Limit) -> None:
    limit(Rate.PUBLIC, 20)
    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(lambda _: admitted(Rate.PUBLIC, 3), range(16))) == 20


PROGRAM = f"""
import sys, time
from datetime import datetime
from shared.domain.rates import Rate, RateLimited
from shared.edge import rate_limits
now, count = datetime.fromisoformat("{NOW.isoformat()}"), 0
rate_limits.admit_address(Rate.OTP, "somebody", now)
print("ready", flush=True)
sys.stdin.readline()
while True:
    try:
        rate_limits.admit_address(Rate.PUBLIC, "{ADDRESS}", now)
        count += 1
    except RateLimited as refusal:
        if refusal.standing is not None:
            break
print(count)
"""


@pytest.mark.slow
def test_processes_together_get_exactly_the_number(limit: Limit) -> None:
    """Each goes on until it is told that the number is reached, not merely that others were in its way."""
    limit(Rate.PUBLIC, 150)
    with ExitStack() as running:
        processes = [
            running.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", PROGRAM],
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(3)
        ]
        for each in processes:
            assert each.stdout is not None
            assert each.stdout.readline() == "ready\n"
        for each in processes:
            assert each.stdin is not None
            each.stdin.write("go\n")
            each.stdin.flush()
        counts = [int(each.communicate(timeout=60)[0]) for each in processes]
    assert sum(counts) == 150
    assert sum(count > 0 for count in counts) > 1, "they did run together"


def test_after_three_conflicts_a_request_is_refused(limit: Limit, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(Rate.PUBLIC, 100)
    assert admitted(Rate.PUBLIC, 1) == 1
    read, tries = Counter._read, 0

    def read_and_be_overtaken(counter: Counter) -> None:
        nonlocal tries
        tries += 1
        read(counter)
        overtake()

    def overtake() -> None:
        [entity] = table().list_entities()
        table().update_entity(entity | {"Count": entity["Count"] + 1})

    overtake()
    monkeypatch.setattr(Counter, "_read", read_and_be_overtaken)
    with pytest.raises(RateLimited) as refusal:
        rate_limits.admit_address(Rate.PUBLIC, ADDRESS, NOW)
    assert isinstance(refusal.value.__cause__, ContendedError)
    assert refusal.value.retry_after_s == 1
    assert tries == rate_tables.TRIES - 1
    [entity] = table().list_entities()
    assert entity["Count"] == 4, "its own and those of the others, nothing lost"


def table() -> object:
    return rate_tables._table("ratelimits20260615")


@pytest.fixture
def _tables_away(limit: Limit, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(Rate.PUBLIC, 3)
    (port,) = free_ports(1)
    away = f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;TableEndpoint=http://127.0.0.1:{port}/a;"
    monkeypatch.setenv("UPLOADS_STORAGE", away)
    forget_app()


@pytest.mark.usefixtures("_tables_away")
def test_without_the_tables_a_process_counts_alone(caplog: pytest.LogCaptureFixture) -> None:
    assert admitted(Rate.PUBLIC, 5) == 3
    assert admitted(Rate.PUBLIC, 5, address="203.0.113.8") == 3
    assert caplog.text.count("counted by this process alone") == 1, "nor are they asked again and again"
    rate_limits.purge(NOW)
    assert "old rate tables are still there" in caplog.text


def test_the_table_names_nobody(limit: Limit) -> None:
    limit(Rate.PUBLIC, 3)
    admitted(Rate.PUBLIC, 1)
    [entity] = table().list_entities()  # type: ignore[attr-defined]
    assert ADDRESS not in str(entity)


def test_many_addresses_do_not_fill_the_memory(limit: Limit, monkeypatch: pytest.MonkeyPatch) -> None:
    limit(Rate.PUBLIC, 3)
    monkeypatch.setattr(rate_limits, "_REMEMBERED", 5)
    for number in range(9):
        rate_limits.check_refused(f"203.0.113.{number}", NOW)
    assert len(rate_limits._slots._found) == 5


def test_old_tables_are_dropped_whole(limit: Limit) -> None:
    limit(Rate.PUBLIC, 3)
    for days in (0, 1, 2, 40):
        admitted(Rate.PUBLIC, 1, now=NOW - timedelta(days=days))
    assert rate_tables.purge(NOW) == 2
    assert rate_tables.purge(NOW) == 0
    left = {each.name for each in rate_tables._service_of_settings().list_tables()}
    assert left == {"ratelimits20260615", "ratelimits20260614"}


# Azurite, whose word the tests above take -------------------------------------------------------------------


@pytest.fixture
def tables(uploads_storage: str) -> Iterator[TableServiceClient]:
    with TableServiceClient.from_connection_string(uploads_storage) as service:
        yield service


def test_a_stale_etag_is_refused(tables: TableServiceClient) -> None:
    table = tables.create_table("etags")
    entity = {"PartitionKey": "p", "RowKey": "r", "Count": 1}
    stale = table.create_entity(entity)["etag"]
    table.update_entity(entity | {"Count": 2})
    with pytest.raises(ResourceModifiedError) as refusal:
        table.update_entity(
            entity | {"Count": 3},
            mode=UpdateMode.REPLACE,
            etag=stale,
            match_condition=MatchConditions.IfNotModified,
        )
    assert refusal.value.status_code == 412
    assert table.get_entity("p", "r")["Count"] == 2


def test_a_stale_etag_in_a_batch_is_refused_with_all_of_it(tables: TableServiceClient) -> None:
    table = tables.create_table("etags")
    rows = [{"PartitionKey": "p", "RowKey": row, "Count": 1} for row in "abc"]
    stale = [table.create_entity(row)["etag"] for row in rows]
    table.update_entity(rows[2] | {"Count": 2})
    with pytest.raises(TableTransactionError) as refusal:
        table.submit_transaction(
            [
                (
                    "update",
                    row | {"Count": 3},
                    {
                        "mode": UpdateMode.REPLACE,
                        "etag": etag,
                        "match_condition": MatchConditions.IfNotModified,
                    },
                )
                for row, etag in zip(rows, stale, strict=True)
            ]
        )
    assert refusal.value.status_code == 412
    assert [entity["Count"] for entity in table.list_entities()] == [1, 1, 2]


def test_a_batch_with_fresh_etags_is_taken(tables: TableServiceClient) -> None:
    table = tables.create_table("etags")
    rows = [{"PartitionKey": "p", "RowKey": row, "Count": 1} for row in "ab"]
    fresh = [table.create_entity(row)["etag"] for row in rows]
    table.submit_transaction(
        [
            (
                "update",
                row | {"Count": 3},
                {"mode": UpdateMode.REPLACE, "etag": etag, "match_condition": MatchConditions.IfNotModified},
            )
            for row, etag in zip(rows, fresh, strict=True)
        ]
    )
    assert [entity["Count"] for entity in table.list_entities()] == [3, 3]


# By caller --------------------------------------------------------------------------------------------------


def test_a_caller_gets_their_number_and_no_more(limit: Limit, conn: Conn) -> None:
    limit(Rate.WRITE, 3)
    one, other = uuid4(), uuid4()

    def admitted(caller: object = one, *, rate: Rate = Rate.WRITE, now: datetime = NOW) -> bool:
        try:
            rate_limits.admit_caller(rate, caller, now)  # type: ignore[arg-type]
        except RateLimited:
            return False
        return True

    assert [admitted() for _ in range(5)] == [True] * 3 + [False] * 2
    assert admitted(other)
    assert admitted(rate=Rate.READ)
    assert admitted(now=NOW + timedelta(minutes=1))
    assert conn.execute("SELECT max(requests) FROM rate_counts").fetchone() == (3,)
    rate_limits.forget()
    assert not admitted(), "another process counted them"


def test_callers_in_parallel_get_exactly_their_number(
    limit: Limit, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As processes do it: each asks the database, none knows of the others."""
    from shared.store import rate_counts

    limit(Rate.WRITE, 1)
    monkeypatch.undo()
    caller = uuid4()

    def ask(_: int) -> int:
        with psycopg.connect(database_url, autocommit=True) as own:
            counted = [
                rate_counts.update(own, caller=caller, rate=Rate.WRITE, began_at=NOW, most=50)
                for _ in range(10)
            ]
        return sum(count is not None for count in counted)

    with ThreadPoolExecutor(16) as threads:
        assert sum(threads.map(ask, range(16))) == 50


def test_windows_that_are_over_are_forgotten(limit: Limit, conn: Conn) -> None:
    limit(Rate.WRITE, 3)
    now = datetime.now(UTC)
    for hours in (0, 2):
        rate_limits.admit_caller(Rate.WRITE, uuid4(), now - timedelta(hours=hours))
    rate_limits.purge(now)
    assert conn.execute("SELECT count(*) FROM rate_counts").fetchone() == (1,)
