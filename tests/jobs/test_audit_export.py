"""The export: each sealed entry is appended once, whatever dies or is away in between."""

import gc
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from devhost.environment import ROOT
from shared.domain.audit_chain import Damage
from shared.edge import audit_blobs, storage
from shared.jobs.audit_export import export_due
from shared.jobs.audit_sealing import seal_due
from shared.jobs.audit_verify import verify
from tests.jobs.auditing import DAY, NOW, sealed, tell, tell_many
from tests.jobs.storage_proxy import StorageProxy, storage_proxy
from tests.rows import Conn

pytestmark = [
    pytest.mark.usefixtures("app", "impatient"),
    # The SDK leaves the connection of a reply that it did not like to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]


@pytest.fixture
def proxy(uploads_storage: str) -> Iterator[StorageProxy]:
    with storage_proxy(uploads_storage) as proxy:
        yield proxy
    gc.collect()


@pytest.fixture
def app_environment(app_environment: dict[str, str], proxy: StorageProxy) -> dict[str, str]:
    """The app's settings, with the storage behind the proxy."""
    return app_environment | {"UPLOADS_STORAGE": proxy.connection_string}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits a second between two tries."""
    for name in ("initial_backoff", "increment_base", "random_jitter_range"):
        monkeypatch.setitem(storage._OPTIONS, name, 0)


def exported() -> list[str]:
    """The subjects of the lines of the day, as an auditor reads them."""
    return [json.loads(line)["entry"]["subject_id"] for line in audit_blobs.lines(DAY)]


def holds(conn: Conn) -> None:
    """Everything sealed is exported once, in its order."""
    assert exported() == sealed(conn)
    report = verify(DAY)
    assert report.broken is None
    assert report.exported == report.links == len(exported())


def test_what_is_sealed_is_appended_and_nothing_twice(conn: Conn) -> None:
    assert export_due() == 0
    tell(conn, "a", "b", "c")
    assert export_due() == 0, "nothing is sealed yet"
    seal_due(NOW)
    assert export_due(batch=2) == 3
    assert export_due() == 0
    tell(conn, "d")
    seal_due(NOW)
    assert export_due() == 1
    holds(conn)


def test_each_day_has_blobs_of_its_own(conn: Conn) -> None:
    for days in range(3):
        tell(conn, f"day {days}")
        seal_due(NOW + timedelta(days=days))
    assert export_due() == 3
    assert audit_blobs.days() == {DAY + timedelta(days=days) for days in range(3)}
    assert exported() == ["day 0"]


def test_a_full_blob_is_followed_by_another(conn: Conn) -> None:
    tell_many(conn, 10)
    seal_due(NOW)
    assert export_due(batch=2, most_blocks=2) == 10
    parts = conn.execute("SELECT part, position, blocks FROM audit_exports ORDER BY part").fetchall()
    assert parts == [(1, 4, 2), (2, 8, 2), (3, 10, 1)]
    assert audit_blobs.extent(DAY, 1).blocks == 2
    holds(conn)


def test_an_outage_of_the_storage_is_caught_up_with(
    conn: Conn, proxy: StorageProxy, caplog: pytest.LogCaptureFixture
) -> None:
    tell(conn, "before")
    seal_due(NOW)
    assert export_due() == 1
    proxy.away = True
    for subject in ("during", "during it"):
        tell(conn, subject)
        assert seal_due(NOW) == 1, "who changes something, and who seals, does not care"
        assert export_due() == 0
    assert "waits for the storage" in caplog.text
    proxy.away = False
    assert export_due() == 2
    holds(conn)


def test_an_answer_that_is_lost_appends_nothing_twice(conn: Conn, proxy: StorageProxy) -> None:
    tell(conn, *"abcd")
    seal_due(NOW)
    proxy.release.set()
    proxy.unanswered = 2
    assert export_due(batch=2) == 4
    assert proxy.unanswered == 0
    holds(conn)
    assert conn.execute("SELECT position, blocks FROM audit_exports").fetchall() == [(4, 2)]


EXPORT = """
from shared.jobs.audit_export import export_due
export_due(batch=3)
"""


def test_who_is_killed_between_the_append_and_its_record_appends_nothing_twice(
    conn: Conn, proxy: StorageProxy, app_environment: dict[str, str]
) -> None:
    tell(conn, *"abcd")
    seal_due(NOW)
    proxy.unanswered = 1
    process = subprocess.Popen([sys.executable, "-c", EXPORT], cwd=ROOT, env=os.environ | app_environment)
    assert proxy.reached.wait(60)
    process.send_signal(signal.SIGKILL)
    process.wait()
    proxy.release.set()
    assert conn.execute("SELECT position, length FROM audit_exports").fetchall() == [(0, 0)]
    assert exported() == list("abc")
    tell(conn, "e")
    seal_due(NOW)
    assert export_due() == 5
    holds(conn)


def test_many_exporters_at_once_append_nothing_twice(conn: Conn) -> None:
    tell_many(conn, 60)
    seal_due(NOW)
    with ThreadPoolExecutor(3) as exporters:
        counts = list(exporters.map(lambda _: export_due(batch=7), range(3)))
    assert sum(counts) == 60
    holds(conn)


def test_what_somebody_else_appended_stays_and_is_told_of(
    conn: Conn, caplog: pytest.LogCaptureFixture
) -> None:
    tell(conn, "a")
    seal_due(NOW)
    export_due()
    length = audit_blobs.extent(DAY, 1).length
    assert audit_blobs.append(DAY, 1, b'{"forged": true}\n', at=length) is not None
    tell(conn, "b")
    seal_due(NOW)
    with caplog.at_level(logging.ERROR):
        assert export_due() == 1
    assert f"{DAY}/00001.jsonl does not hold what was exported" in caplog.text
    assert [line[:8] for line in audit_blobs.lines(DAY)] == [b'{"day": ', b'{"forged', b'{"day": ']
    broken = verify(DAY).broken
    assert broken is not None
    assert (broken.damage, broken.position) == (Damage.EXPORT_DIFFERS, 2)
