"""Sales survive: what serves tills is killed while they sell and repeat themselves; none is lost or double.

Every till sells receipt after receipt. When no answer comes, or one that says to try again, it asks once
more, as shops do: with the same key or, as after a restart of the shop's own app, with another and the same
receipt. One in twenty answered sales is sent again for no reason.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from threading import Event, Lock
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from devhost.services.postgres import Postgres
from shared.domain.users import Caller, Role
from shared.edge import tokens
from shared.schema.migrate import migrate
from tests.actions.selling import publish, used
from tests.harness import RunningHost, Services, eventually
from tests.rows import a_product, a_store, a_user

TILLS = 8
AGAIN_FOR_NO_REASON = 0.05
# Whoever is told to come again, or nothing at all, does so after a moment.
PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class Ordeal:
    """So many sales, and at how many points of it each is killed."""

    sales: int
    hosts: int
    databases: int = 0

    def accidents(self) -> list[tuple[int, str]]:
        """After how many sales what is killed, spread over all of them."""
        found = [((place + 1) * self.sales // (self.hosts + 1), "host") for place in range(self.hosts)]
        found += [
            ((place + 1) * self.sales // (self.databases + 1) + self.sales // 50, "database")
            for place in range(self.databases)
        ]
        return sorted(found)


@dataclass
class Book:
    """What the tills were told: each receipt with the sale that it is recorded as."""

    answered: dict[str, str] = field(default_factory=dict[str, str])
    repeated: int = 0
    unanswered: int = 0
    _lock: Lock = field(default_factory=Lock)

    def write(self, receipt: str, sale: str) -> None:
        with self._lock:
            before = self.answered.setdefault(receipt, sale)
        assert before == sale, f"{receipt} is recorded twice"

    def count(self, *, repeated: int = 0, unanswered: int = 0) -> None:
        with self._lock:
            self.repeated += repeated
            self.unanswered += unanswered


class Till:
    """A till of a store of its own."""

    def __init__(self, conn: psycopg.Connection, number: int) -> None:
        self.store_id = a_store(conn, f"S{number}")
        self._user_id = a_user(conn, Role.STORE_USER, store_id=self.store_id)
        self._random = Random(number)  # noqa: S311 - the same accidents each time

    def sell(self, url: str, count: int, book: Book, stop: Event) -> None:
        with httpx.Client(base_url=f"{url}/api/v1", timeout=30) as api:
            for number in range(count):
                if stop.is_set():
                    return
                receipt = f"{self.store_id}-{number}"
                key = str(uuid4())
                book.write(receipt, self._insist(api, receipt, key, book))
                if self._random.random() < AGAIN_FOR_NO_REASON:
                    again = key if self._random.random() < 0.5 else str(uuid4())
                    book.write(receipt, self._insist(api, receipt, again, book))
                    book.count(repeated=1)

    def _insist(self, api: httpx.Client, receipt: str, key: str, book: Book) -> str:
        """The id of the sale, however often it takes to hear it."""
        while True:
            try:
                reply = api.post("transactions", json=self._sale(receipt), headers=self._headers(key))
            except httpx.TransportError:
                reply = None
            if reply is not None and reply.status_code == 201:
                return reply.json()["transaction"]["id"]
            # The host is gone, or says to come again; anything else is a fault.
            assert reply is None or reply.status_code == 503, reply.text
            book.count(unanswered=1)
            time.sleep(PAUSE_S)
            if self._random.random() < 0.3:
                key = str(uuid4())

    def _sale(self, receipt: str) -> dict[str, Any]:
        lines = [{"sku": sku, "quantity": 1} for sku in "AB"]
        return {
            "store_id": self.store_id,
            "currency": "EUR",
            "channel": "store",
            "receipt_number": receipt,
            "lines": lines,
        }

    def _headers(self, key: str) -> dict[str, str]:
        caller = Caller(self._user_id, Role.STORE_USER, self.store_id, uuid4())
        return {
            "Idempotency-Key": key,
            "Authorization": f"Bearer {tokens.issue(caller, datetime.now(UTC))}",
        }


@pytest.fixture
def postgres_alone(services: Services) -> Iterator[Postgres]:
    """A server of its own, on which a commit that was answered is kept whatever happens."""
    server = Postgres(services.folder / f"sales-{uuid4().hex[:8]}", durable=True)
    server.start()
    try:
        server.wait_until_ready()
        server.ensure_database("app")
        migrate(server.url("app"))
        yield server
    finally:
        server.stop()


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(
    "ordeal",
    [
        pytest.param(Ordeal(sales=2_000, hosts=4), marks=pytest.mark.slow, id="short"),
        pytest.param(Ordeal(sales=100_000, hosts=20, databases=5), marks=pytest.mark.soak, id="long"),
    ],
)
def test_every_sale_is_recorded_once(
    ordeal: Ordeal, postgres_alone: Postgres, running_host: Callable[..., RunningHost]
) -> None:
    url = postgres_alone.url("app")
    with psycopg.connect(url, autocommit=True) as conn:
        for sku, price in (("A", "19.99"), ("B", "33.33")):
            a_product(conn, sku, price)
        publish(
            conn,
            datetime.now(UTC),
            ends_at=None,
            limits=({"redemptions": ordeal.sales * 2}, {"budget": str(ordeal.sales * 6), "currency": "EUR"}),
        )
        tills = [Till(conn, number) for number in range(TILLS)]
    book = _through(ordeal, tills, postgres_alone, running_host(DATABASE_URL=url))
    assert len(book.answered) == ordeal.sales
    assert book.repeated > ordeal.sales * AGAIN_FOR_NO_REASON / 2
    assert book.unanswered >= ordeal.hosts
    with psycopg.connect(url, autocommit=True) as conn:
        recorded = conn.execute("SELECT receipt_number, id::text FROM transactions").fetchall()
        assert len(recorded) == ordeal.sales
        assert dict(recorded) == book.answered
        # 53.32 less ten percent, each time: 19.99 and 33.33 less 5.33.
        assert conn.execute("SELECT sum(net_minor), sum(discount_minor) FROM transactions").fetchone() == (
            Decimal(4799 * ordeal.sales),
            Decimal(533 * ordeal.sales),
        )
        assert sorted(used(conn).values()) == [ordeal.sales, 533 * ordeal.sales]
        told = conn.execute(
            """
            SELECT count(DISTINCT subject_id), count(*)
              FROM audit_entries
             WHERE action = 'transaction.recorded'
            """
        ).fetchone()
        assert told == (ordeal.sales, ordeal.sales)


def _through(ordeal: Ordeal, tills: list[Till], postgres: Postgres, host: RunningHost) -> Book:
    """Let the tills sell while what serves them is killed; what they were told."""
    book, stop = Book(), Event()
    share = ordeal.sales // len(tills)
    with ThreadPoolExecutor(len(tills)) as threads:
        selling = [threads.submit(till.sell, host.url, share, book, stop) for till in tills]
        try:
            for after, what in ordeal.accidents():
                eventually(lambda after=after: len(book.answered) >= after or _failed(selling), within_s=900)
                if what == "host":
                    host.kill()
                    host.start()
                else:
                    assert postgres.child is not None
                    postgres.child.kill()
                    postgres.start()
                    postgres.wait_until_ready()
        finally:
            if _failed(selling):
                stop.set()
        for each in selling:
            each.result()
    return book


def _failed(selling: list[Future[None]]) -> bool:
    return any(each.done() and each.exception() is not None for each in selling)
