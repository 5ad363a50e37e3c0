"""Sealing: every committed entry gets one link, whenever it commits and whoever seals."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devhost.environment import ROOT
from shared.domain.audit_chain import Damage
from shared.jobs.audit_sealing import seal_due
from shared.jobs.audit_verify import outside, verify
from tests.harness import eventually
from tests.jobs.auditing import DAY, NOW, sealed, tell, tell_many
from tests.rows import Conn

pytestmark = pytest.mark.usefixtures("app")


def test_entries_get_places_in_the_order_of_their_ids_batch_by_batch(conn: Conn) -> None:
    tell(conn, *"abcdefg")
    assert seal_due(NOW, batch=3) == 7
    assert sealed(conn) == list("abcdefg")
    assert seal_due(NOW) == 0
    report = verify(DAY, storage=False)
    assert (report.links, report.broken) == (7, None)


def test_a_new_day_begins_at_one_and_follows_the_day_before(conn: Conn) -> None:
    tell(conn, "a", "b")
    seal_due(NOW)
    tell(conn, "c")
    seal_due(NOW + timedelta(days=3))
    tell(conn, "d")
    assert seal_due(NOW) == 1, "by a clock that is behind"
    places = conn.execute("SELECT day, position FROM audit_links ORDER BY day, position").fetchall()
    later = DAY + timedelta(days=3)
    assert places == [(DAY, 1), (DAY, 2), (later, 1), (later, 2)]
    assert sealed(conn) == list("abcd")
    assert verify(later, storage=False).previous_link == verify(DAY, storage=False).last_link
    assert verify(later, storage=False).broken is None


def test_an_entry_that_commits_late_is_sealed_at_the_next_place(conn: Conn, database_url: str) -> None:
    with psycopg.connect(database_url) as late:
        tell(late, "late")
        tell(conn, "early")
        assert seal_due(NOW) == 1
        late.commit()
    assert conn.execute("SELECT count(*) FROM audit_unsealed").fetchall() == [(1,)]
    assert seal_due(NOW) == 1
    assert sealed(conn) == ["early", "late"]


class Writers:
    """Connections that add entries in transactions of their own, and keep count of what they committed."""

    def __init__(self, database_url: str) -> None:
        self.connections = [psycopg.connect(database_url) for _ in range(3)]
        self.open: list[list[str]] = [[] for _ in self.connections]
        self.committed: list[str] = []
        self.told = 0

    def tell(self, writer: int) -> None:
        self.told += 1
        tell(self.connections[writer], str(self.told))
        self.open[writer].append(str(self.told))

    def commit(self, writer: int) -> None:
        self.connections[writer].commit()
        self.committed += self.open[writer]
        self.open[writer] = []

    def roll_back(self, writer: int) -> None:
        self.connections[writer].rollback()
        self.open[writer] = []

    def seal(self, batch: int) -> None:
        seal_due(NOW, batch=batch + 1)


STEPS = st.lists(
    st.tuples(st.sampled_from(["tell", "tell", "commit", "roll_back", "seal"]), st.integers(0, 2)),
    max_size=25,
)


def test_none_is_missed_and_none_sealed_twice_whatever_the_order(conn: Conn, database_url: str) -> None:
    writers = Writers(database_url)

    @given(STEPS)
    @settings(
        max_examples=40,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    def run(steps: list[tuple[str, int]]) -> None:
        for step, number in steps:
            getattr(writers, step)(number)
            # Nothing is sealed of what is not committed, and nothing twice.
            assert set(sealed(conn)) <= set(writers.committed)
        for writer in range(3):
            writers.commit(writer)
        seal_due(NOW)
        assert sorted(sealed(conn)) == sorted(writers.committed)
        assert verify(DAY, storage=False).broken is None

    try:
        run()
    finally:
        for each in writers.connections:
            each.close()


def test_many_sealers_at_once_make_one_chain(conn: Conn) -> None:
    tell_many(conn, 600)
    with ThreadPoolExecutor(4) as sealers:
        counts = list(sealers.map(lambda _: seal_due(NOW, batch=50), range(4)))
    while count := seal_due(NOW):
        counts.append(count)
    assert sum(counts) == 600
    report = verify(DAY, storage=False)
    assert (report.links, report.broken) == (600, None)


SEAL = """
from datetime import UTC, datetime
from shared.jobs.audit_sealing import seal_due
seal_due(datetime(2030, 5, 2, 12, tzinfo=UTC), batch=40)
"""


def test_a_sealer_that_is_killed_leaves_whole_batches(
    conn: Conn, database_url: str, app_environment: dict[str, str]
) -> None:
    tell_many(conn, 100)
    with psycopg.connect(database_url) as holder:
        # The 60th link cannot be written: the second batch of three is in its midst.
        taken = conn.execute("SELECT entry_id FROM audit_unsealed OFFSET 59 LIMIT 1").fetchall()[0][0]
        holder.execute("INSERT INTO audit_links VALUES ('2000-01-01', 1, %s, sha256(''))", [taken])
        process = subprocess.Popen([sys.executable, "-c", SEAL], cwd=ROOT, env=os.environ | app_environment)
        eventually(lambda: conn.execute("SELECT count(*) FROM audit_links").fetchall() == [(40,)])
        process.send_signal(signal.SIGKILL)
        process.wait()
        holder.rollback()
    # The server notices the death of its client when its statement ends.
    eventually(lambda: seal_due(NOW) == 60)
    report = verify(DAY, storage=False)
    assert (report.links, report.broken) == (100, None)


def test_an_entry_that_is_gone_before_it_was_sealed_leaves_its_trace(conn: Conn) -> None:
    tell(conn, "a", "b", "c")
    conn.execute("SET session_replication_role = replica")
    conn.execute("DELETE FROM audit_entries WHERE subject_id = 'b'")
    assert seal_due(NOW) == 3
    broken = verify(DAY, storage=False).broken
    assert broken is not None
    assert (broken.damage, broken.position) == (Damage.ENTRY_MISSING, 2)
    assert outside() is None
