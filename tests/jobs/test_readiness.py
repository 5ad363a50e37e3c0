"""Readiness: what it takes, how long an answer counts, and that it tells nothing more."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from shared import pool
from shared.jobs import readiness
from tests.harness import forget_app, free_ports

pytestmark = pytest.mark.usefixtures("app")

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
LATER = NOW + timedelta(seconds=3)


@pytest.fixture(autouse=True)
def _unasked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process that nobody asked yet; patient, since the machine may have other things to do."""
    monkeypatch.setattr(readiness, "_latest", None)
    monkeypatch.setattr(readiness, "_PATIENCE_S", 60)
    yield
    # What was given up may still be at it.
    readiness._executor.submit(int).result()


def nobody() -> str:
    (port,) = free_ports(1)
    return f"127.0.0.1:{port}"


def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"postgresql://{nobody()}/x")
    forget_app()


def test_ready_when_both_answer() -> None:
    readiness.check(NOW)


def test_not_ready_without_the_database(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    no_database(monkeypatch)
    with pytest.raises(readiness.NotReady) as refusal:
        readiness.check(NOW)
    assert "database" not in str(refusal.value)
    assert "not ready: the database" in caplog.text


def test_not_ready_without_the_schema(
    monkeypatch: pytest.MonkeyPatch, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("DATABASE_URL", _another_database(database_url))
    forget_app()
    with pytest.raises(readiness.NotReady):
        readiness.check(NOW)
    assert "schema_migrations" in caplog.text


def _another_database(url: str) -> str:
    before, _, query = url.partition("?")
    return f"{before.rpartition('/')[0]}/postgres?{query}"


def test_not_ready_without_the_storage(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    account = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ=="
    monkeypatch.setenv("UPLOADS_STORAGE", f"{account};BlobEndpoint=http://{nobody()}/a;")
    forget_app()
    with pytest.raises(readiness.NotReady):
        readiness.check(NOW)
    assert "not ready: the storage" in caplog.text


def test_what_does_not_answer_in_time_is_not_ready(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A pool whose only connection is taken: whoever wants one waits longer than readiness does."""
    monkeypatch.setenv("DATABASE_POOL_MAX", "1")
    monkeypatch.setattr(readiness, "_PATIENCE_S", 1)
    forget_app()
    with pool.connection():
        with pytest.raises(readiness.NotReady):
            readiness.check(NOW)
        assert "not ready: the database did not answer within 1 s" in caplog.text
    monkeypatch.setattr(readiness, "_PATIENCE_S", 60)
    readiness.check(LATER)


def test_an_answer_counts_for_seconds_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    readiness.check(NOW)
    no_database(monkeypatch)
    readiness.check(LATER - timedelta(microseconds=1))
    with pytest.raises(readiness.NotReady):
        readiness.check(LATER)
    with pytest.raises(readiness.NotReady):
        readiness.check(LATER + timedelta(seconds=1))
