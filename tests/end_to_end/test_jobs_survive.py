"""Jobs and messages survive: workers are killed and the database crashes while they are at work."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from devhost.services.postgres import Postgres
from samples.load import sign_in
from shared.edge import sealing
from shared.jobs import purge
from shared.schema.migrate import migrate
from tests.end_to_end.workers import Workers
from tests.harness import Msg91, Services, eventually
from tests.rows import a_user

ADMIN = "+390600000001"
BATCH = 1
# Messages in hand that nobody has touched for so long were somebody's who is gone: a sender has its answer
# within milliseconds.
UNTOUCHED_S = 4
# Long enough for a pool of connections to find the database again.
BACK_WITHIN_S = 15


@dataclass
class World:
    """Two workers, their database and what was seen of the messages."""

    postgres: Postgres
    workers: Workers
    msg91: Msg91
    admin: httpx.Client
    in_hand_at_kills: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])
    never_heard: set[tuple[str, int]] = field(default_factory=set[tuple[str, int]])

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.postgres.url("app"), autocommit=True) as conn:
            cursor = conn.execute(sql.encode(), parameters)
            return cursor.fetchall() if cursor.description else []

    def befall(self, accident: str) -> None:
        """`worker 0`, `worker 1` or `database`: killed without a word, and started again."""
        match accident.split():
            case ["worker", number]:
                self.workers.kill(int(number))
                self.in_hand_at_kills |= self.in_hand() - self.never_heard
                self.workers.start(int(number))
            case _:
                assert self.postgres.child is not None
                self.postgres.child.kill()
                self.postgres.start()
                self.postgres.wait_until_ready()
                self._see_recorded(self.in_hand() - self.in_hand_at_kills)

    def _see_recorded(self, in_hand: set[tuple[str, int]]) -> None:
        """Senders that live record what they have sent; what stays was leased, but its sender never heard."""
        deadline = time.monotonic() + BACK_WITHIN_S
        while (left := in_hand & self.in_hand()) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.never_heard |= left

    def tick(self) -> None:
        """The timer, on each worker if the connections fall so: a sender ends with its database."""
        for _ in range(3):
            self.workers.run("run_due_work")

    def in_hand(self) -> set[tuple[str, int]]:
        """Where each message goes that some sender has, or had, and at which attempt it is."""
        return {
            (to, attempt)
            for to, attempt in self.query(
                """
                SELECT encode(recipient, 'escape'), attempts
                  FROM outbox
                 WHERE sent_at IS NULL AND attempts > 0 AND recipient IS NOT NULL
                """
            )
        }

    def all_ended(self) -> bool:
        (left,) = self.query(
            """
            SELECT (SELECT count(*) FROM jobs WHERE finished_at IS NULL)
                 + (SELECT count(*) FROM outbox WHERE sent_at IS NULL)
            """
        )[0]
        return left == 0

    def delivered(self) -> list[str]:
        return [f"+{message.to}" for message in self.msg91.messages() if not ADMIN.endswith(message.to)]


@pytest.fixture
def world(
    app: None,  # noqa: ARG001 - messages are sealed here, too
    services: Services,
    app_environment: dict[str, str],
    msg91: Msg91,
    tmp_path: Path,
) -> Iterator[World]:
    """A database server of its own, on which a commit that was answered is kept whatever happens."""
    # Not in pytest's folder, which every pytest that starts closes to PostgreSQL's user.
    postgres = Postgres(services.folder / f"survive-{uuid4().hex[:8]}", durable=True)
    postgres.start()
    try:
        postgres.wait_until_ready()
        postgres.ensure_database("app")
        migrate(postgres.url("app"))
        with psycopg.connect(postgres.url("app"), autocommit=True) as conn:
            a_user(conn, phone=ADMIN)
        settings = app_environment | {"DATABASE_URL": postgres.url("app")}
        with (
            Workers(tmp_path / "workers", settings) as workers,
            httpx.Client(base_url=f"{workers.url}/api/v1", timeout=30) as admin,
        ):
            admin.headers["Authorization"] = f"Bearer {sign_in(admin, msg91.url, ADMIN)}"
            yield World(postgres, workers, msg91, admin)
    finally:
        postgres.stop()


def seed(world: World, *, messages: int, rows: int) -> list[str]:
    """Messages to send, and as many old rows as said in each table that is purged; where the messages go."""
    numbers = [f"+3907{number:08}" for number in range(messages)]
    ids = [uuid4() for _ in numbers]
    sealed = [
        sealing.seal(message_id, {"to": number, "code": "123456", "purpose": "sign_in"})
        for message_id, number in zip(ids, numbers, strict=True)
    ]
    # The recipient in the clear, where the app has a digest: here it is looked for.
    world.query(
        """
        INSERT INTO outbox (id, kind, recipient, sealed, created_at, expires_at)
        SELECT id, 'otp_sms', number::bytea, sealed, now(), now() + interval '1 day'
          FROM unnest(%s::uuid[], %s::text[], %s::bytea[]) AS given (id, number, sealed)
        """,
        [ids, numbers, sealed],
    )
    world.query(
        """
          WITH keys AS (
                 INSERT INTO idempotency_keys (user_id, key, request_hash, transaction_id, created_at)
                 SELECT users.id, gen_random_uuid()::text, '', gen_random_uuid(), now() - interval '2 days'
                   FROM users, generate_series(1, %s)
               ),
               challenges AS (
                 INSERT INTO otp_challenges (id, purpose, digest, created_at, expires_at)
                 SELECT gen_random_uuid(), 'sign_in', '', now() - interval '2 days', now()
                   FROM generate_series(1, %s)
               ),
               ended AS (
                 INSERT INTO jobs (kind, arguments, status, created_at, finished_at)
                 SELECT 'purge', '{"old": true}', 'completed', now(), now() - interval '91 days'
                   FROM generate_series(1, %s)
               )
        INSERT INTO outbox (kind, created_at, expires_at, sent_at)
        SELECT 'otp_sms', now(), now(), now() - interval '31 days'
          FROM generate_series(1, %s)
        """,
        [rows] * 4,
    )
    return numbers


def old_rows_left(world: World) -> int:
    return world.query(
        """
        SELECT (SELECT count(*) FROM idempotency_keys WHERE created_at < now() - interval '1 day')
             + (SELECT count(*) FROM otp_challenges WHERE created_at < now() - interval '1 day')
             + (SELECT count(*) FROM outbox WHERE sent_at < now() - interval '30 days')
             + (SELECT count(*) FROM jobs WHERE arguments ? 'old')
        """
    )[0][0]


def survive(world: World, *, jobs: int, messages: int, rows: int, accidents: Sequence[str]) -> None:
    numbers = seed(world, messages=messages, rows=rows)
    # Slow enough that some are always between the provider and the database.
    world.msg91.behave("slow", seconds=0.03)
    queued = [
        world.admin.post("jobs", json={"kind": "purge", "arguments": {"batch": BATCH}})
        .raise_for_status()
        .json()["id"]
        for _ in range(jobs)
    ]
    world.tick()
    for number, accident in enumerate(accidents, start=1):
        share = number / (len(accidents) + 1)
        # Which of the two is faster is the machine's affair; both are at work at the first accident.
        eventually(
            lambda share=share: (
                len(world.delivered()) >= messages * share or old_rows_left(world) <= 4 * rows * (1 - share)
            )
        )
        messages_left, rows_left = messages - len(set(world.delivered())), old_rows_left(world)
        assert messages_left + rows_left > 0
        assert number > 1 or (messages_left > 0 and rows_left > 0)
        world.befall(accident)
        world.tick()
    _until_all_ended(world)

    delivered = Counter(world.delivered())
    assert set(delivered) == set(numbers), "every message is delivered"
    twice = {number for number, times in delivered.items() if times > 1}
    assert twice <= {to for to, _ in world.in_hand_at_kills}, "none twice but those whose sender was killed"
    states = world.query(
        """
        SELECT count(*) FROM outbox WHERE sent_at IS NOT NULL AND sealed IS NULL AND recipient IS NOT NULL
        """
    )
    assert states == [(messages + 1,)], "with the administrator's code"

    ended = [world.admin.get(f"jobs/{job_id}").raise_for_status().json() for job_id in queued]
    assert Counter(job["status"] for job in ended) == {"completed": jobs}, ended
    slices = [each for job in ended for each in job["slices"]]
    assert Counter(each["status"] for each in slices) == {"completed": len(purge.TABLES) * jobs}
    assert old_rows_left(world) == 0
    assert sum(each["done"] for each in slices) == 4 * rows, "each row was counted by one step"
    # Every step but the last of each slice that found a full batch deleted a full one.
    assert sum(each["step"] for each in slices) >= 4 * rows / BATCH


def _until_all_ended(world: World) -> None:
    """Minute after minute passes, in seconds: leases run out and the timer ticks.

    Jobs are taken from those who live as well, who must do no harm then.
    """
    deadline = time.monotonic() + 600
    while True:
        world.query(
            """
            UPDATE jobs
               SET lease_until = lease_until - interval '1 minute',
                   dropped_at = dropped_at - interval '1 minute'
             WHERE id IN (SELECT id FROM jobs WHERE finished_at IS NULL AND slice_count = 0
                             FOR UPDATE SKIP LOCKED)
            """
        )
        in_hand = world.in_hand()
        world.tick()
        for _ in range(UNTOUCHED_S * 4):
            if world.all_ended():
                return
            time.sleep(0.25)
        assert time.monotonic() < deadline, "it never ends"
        untouched = [to for to, _ in in_hand & world.in_hand()]
        world.query(
            "UPDATE outbox SET lease_until = lease_until - interval '1 minute'"
            " WHERE encode(recipient, 'escape') = ANY(%s)",
            [untouched],
        )


@pytest.mark.slow
def test_killed_workers_and_a_crashed_database_lose_nothing_and_do_nothing_twice(world: World) -> None:
    survive(world, jobs=20, messages=500, rows=2500, accidents=["worker 0", "database", "worker 1"])


@pytest.mark.soak
def test_many_accidents_lose_nothing_and_do_nothing_twice(world: World) -> None:
    accidents = ["worker 0", "database", "worker 1", "database"] * 5
    survive(world, jobs=100, messages=6000, rows=20_000, accidents=accidents)
