"""Compiled rule sets: each once, the last three kept, and nobody waits for a version they did not ask for."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier

import psycopg
import pytest

from shared import rulesets
from shared.actions import promotions
from shared.domain.audit import By
from shared.domain.live import LiveRules
from tests.harness import eventually
from tests.rows import NOW, Conn, a_user, terms

PATIENCE_S = 30


@pytest.fixture
def newest(conn: Conn, app: None) -> int:  # noqa: ARG001 - it forgets what was compiled
    """Five rule sets, each with one promotion more."""
    by = By(a_user(conn))
    for _ in range(5):
        with conn.transaction():
            promotion = promotions.create(conn, NOW, terms=terms(), by=by)
            promotions.publish(conn, NOW, promotion.id, by=by, approval_required=False)
    return 5


def get(database_url: str, version: int) -> LiveRules:
    """The rules of a version, asked for on a connection of one's own."""
    with psycopg.connect(database_url, autocommit=True) as own:
        return rulesets.get(own, version)


@contextmanager
def nothing_is_read(database_url: str) -> Iterator[Conn]:
    """Meanwhile whoever compiles waits for the database, on the connection given."""
    with psycopg.connect(database_url, autocommit=True) as own, own.transaction():
        own.execute("LOCK TABLE promotion_versions")
        yield own


def wait_until_held_up(conn: Conn) -> list[tuple[int]]:
    """The sessions that wait for this one."""
    return eventually(
        lambda: conn.execute(
            "SELECT pid FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"
        ).fetchall(),
        within_s=PATIENCE_S,
    )


def test_many_who_ask_at_once_compile_once(newest: int, database_url: str) -> None:
    barrier = Barrier(16)

    def ask(_: int) -> LiveRules:
        barrier.wait()
        return get(database_url, newest)

    with ThreadPoolExecutor(16) as threads:
        first, *others = threads.map(ask, range(16))
    assert len(first.rule_set.promotions) == 5
    assert all(other is first for other in others)


@pytest.mark.usefixtures("newest")
def test_the_last_three_asked_for_are_kept(conn: Conn) -> None:
    first, second, third = (rulesets.get(conn, version) for version in (1, 2, 3))
    assert rulesets.get(conn, 1) is first
    rulesets.get(conn, 4)
    assert rulesets.get(conn, 1) is first
    assert rulesets.get(conn, 3) is third
    assert rulesets.get(conn, 2) is not second, "it was the one not asked for the longest"


def test_a_version_at_hand_does_not_wait_for_one_under_way(
    conn: Conn, newest: int, database_url: str
) -> None:
    at_hand = rulesets.get(conn, 4)
    with ThreadPoolExecutor(3) as threads:
        with nothing_is_read(database_url) as holder:
            under_way = threads.submit(get, database_url, newest)
            wait_until_held_up(holder)
            assert threads.submit(rulesets.get, conn, 4).result(PATIENCE_S) is at_hand
            assert threads.submit(rulesets.newest).result(PATIENCE_S) is at_hand
            joined = threads.submit(get, database_url, newest)
            assert not under_way.done()
        assert len(under_way.result(PATIENCE_S).rule_set.promotions) == 5
        assert joined.result(PATIENCE_S) is under_way.result()
    assert rulesets.newest() is under_way.result()


def test_who_waited_for_a_failure_does_it_themselves(newest: int, database_url: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        with nothing_is_read(database_url) as holder:
            first = threads.submit(get, database_url, newest)
            ((session,),) = wait_until_held_up(holder)
            others = [threads.submit(get, database_url, newest) for _ in range(3)]
            holder.execute("SELECT pg_terminate_backend(%s)", [session])
            with pytest.raises(psycopg.OperationalError):
                first.result(PATIENCE_S)
            assert len(wait_until_held_up(holder)) == 1
        found = [other.result(PATIENCE_S) for other in others]
    assert len(found[0].rule_set.promotions) == 5
    assert all(each is found[0] for each in found)


@pytest.mark.usefixtures("app")
def test_before_any_publish_there_is_the_empty_set(conn: Conn) -> None:
    assert rulesets.newest().rule_set.promotions == ()
    assert rulesets.get(conn, 0).rule_set.promotions == ()
