"""Tokens at the door: which are taken for what, what ends them, and how soon."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import jwt
import psycopg
import pytest

from functions import auth, catalogue
from shared import pool
from shared.actions import sessions
from shared.domain.sessions import EndedFor, token_of
from shared.domain.users import Role
from shared.edge import callers, tokens
from shared.rows import DatabaseUnavailable
from shared.store import sessions as rows
from tests.functions.doors import Doors
from tests.harness import eventually
from tests.rows import NOW, Conn, a_store, a_user

pytestmark = pytest.mark.usefixtures("app")

ROOT = Path(__file__).parents[2]


class Device:
    """A user's device, as it keeps its tokens and calls with them."""

    def __init__(self, conn: Conn, role: Role = Role.STORE_USER, store_id: str | None = None) -> None:
        self.doors = Doors(conn)
        self.user_id = a_user(conn, role, store_id=store_id)
        self.refresh_token = token_of(secrets.token_urlsafe(32))
        now = datetime.now(UTC)
        session = sessions.begin(
            conn,
            now,
            user_id=self.user_id,
            session_id=uuid4(),
            token=self.refresh_token,
            request_id="test",
        )
        assert session is not None
        self.session_id = session.id
        self.access_token = tokens.issue(session.caller, now)

    def call(self, door: Any, *, token: str | None = None, **request: Any) -> tuple[int, Any]:
        headers = {"authorization": f"Bearer {token or self.access_token}"}
        return self.doors.call(door, role=None, headers=headers, **request)

    def refresh(self, token: str | None = None) -> tuple[int, Any]:
        body = {"refresh_token": token or self.refresh_token}
        return self.doors.call(auth.refresh_token, role=None, body=body)


def refused(answer: tuple[int, Any]) -> str:
    status, problem = answer
    assert status == 401
    return problem["code"]


def test_a_refresh_brings_the_next_tokens(conn: Conn) -> None:
    a_store(conn)
    device = Device(conn, store_id="S1")
    status, told = device.refresh()
    assert status == 200
    assert told.keys() == {
        "access_token",
        "token_type",
        "expires_in",
        "store_id",
        "refresh_token",
        "user",
    }
    assert (told["token_type"], told["expires_in"], told["store_id"]) == ("Bearer", 600, "S1")
    assert told["refresh_token"] != device.refresh_token
    assert device.call(auth.get_me, token=told["access_token"]) == (200, told["user"])
    assert device.refresh(told["refresh_token"])[0] == 200


def test_no_token_passes_for_the_other_kind(conn: Conn) -> None:
    device = Device(conn)
    assert refused(device.call(auth.get_me, token=device.refresh_token)) == "token_invalid"
    assert refused(device.refresh(device.access_token)) == "refresh_refused"
    assert device.refresh()[0] == 200, "nothing was ended by that"


def test_a_stolen_refresh_token_ends_the_session_with_its_access_tokens(conn: Conn) -> None:
    device = Device(conn)
    _, told = device.refresh()
    long_ago = datetime.now(UTC) - timedelta(seconds=21)
    conn.execute("UPDATE refresh_tokens SET rotated_at = %s WHERE rotated_at IS NOT NULL", [long_ago])
    assert device.call(auth.get_me)[0] == 200
    assert refused(device.refresh()) == "refresh_refused"
    assert refused(device.call(auth.get_me)) == "session_ended"
    assert refused(device.call(auth.get_me, token=told["access_token"])) == "session_ended"
    assert refused(device.refresh(told["refresh_token"])) == "refresh_refused"


def test_sixteen_requests_at_once_get_one_next_token(conn: Conn) -> None:
    device = Device(conn)
    together = Barrier(16)

    def refresh(_: int) -> tuple[int, Any]:
        together.wait()
        return device.refresh()

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(refresh, range(16)))
    assert {status for status, _ in answers} == {200}
    [following] = {told["refresh_token"] for _, told in answers}
    assert len({told["access_token"] for _, told in answers}) == 16
    assert device.refresh(following)[0] == 200


def test_an_answer_that_died_with_its_process_is_given_again(conn: Conn, database_url: str) -> None:
    """A kill -9 between the commit and the answer: the client asks again, within the grace."""
    device = Device(conn)
    program = (
        "import os, signal, sys\n"
        "from datetime import UTC, datetime\n"
        "from shared import pool\n"
        "from shared.actions import sessions\n"
        "with pool.transaction() as conn:\n"
        "    renewed = sessions.renew(conn, datetime.now(UTC), token=sys.argv[1], successor=sys.argv[2])\n"
        "assert isinstance(renewed, sessions.Renewed)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    lost = token_of(secrets.token_urlsafe(32))
    died = subprocess.run(
        [sys.executable, "-c", program, device.refresh_token, lost],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": database_url},
        check=False,
    )
    assert died.returncode == -signal.SIGKILL
    status, told = device.refresh()
    assert (status, told["refresh_token"]) == (200, lost)
    assert device.refresh(lost)[0] == 200


def test_signing_out_ends_access_and_refresh_tokens(conn: Conn) -> None:
    device, other = Device(conn), Device(conn)
    assert device.call(auth.sign_out) == (200, {"ended": True})
    assert refused(device.call(auth.get_me)) == "session_ended"
    assert refused(device.call(auth.sign_out)) == "session_ended"
    assert refused(device.refresh()) == "refresh_refused"
    assert other.call(auth.get_me)[0] == 200


def test_the_access_token_of_a_disabled_user_is_refused_shortly(conn: Conn) -> None:
    """This process has just looked who ended: it looks again after a second, without being told to."""
    device, other = Device(conn), Device(conn)
    assert device.call(auth.get_me)[0] == 200
    conn.execute("UPDATE users SET active = false WHERE id = %s", [device.user_id])
    eventually(lambda: device.call(catalogue.list_stores)[0] == 401)
    assert refused(device.call(catalogue.list_stores)) == "session_ended"
    assert refused(device.refresh()) == "refresh_refused"
    assert other.call(catalogue.list_stores)[0] == 200


# Which sessions ended --------------------------------------------------------------------------------------


def an_ended_session(conn: Conn, at: datetime) -> UUID:
    session_id = uuid4()
    token = token_of(secrets.token_urlsafe(32))
    user_id = a_user(conn)
    sessions.begin(conn, at, user_id=user_id, session_id=session_id, token=token, request_id="test")
    sessions.end(conn, at, session_id=session_id, why=EndedFor.LOGOUT, by=None)
    return session_id


def test_who_ended_is_asked_once_a_second_and_when_it_was_forgotten(conn: Conn) -> None:
    ended = callers._Ended()
    assert ended.sessions(NOW) == frozenset()
    first = an_ended_session(conn, NOW)
    assert ended.sessions(NOW + timedelta(milliseconds=999)) == frozenset()
    assert ended.sessions(NOW + timedelta(seconds=1)) == {first}
    second = an_ended_session(conn, NOW)
    assert ended.sessions(NOW + timedelta(seconds=1)) == {first}
    ended.forget()
    assert ended.sessions(NOW + timedelta(seconds=1)) == {first, second}


def test_sessions_are_known_as_ended_for_as_long_as_a_token_of_them_could_come(conn: Conn) -> None:
    session_id = an_ended_session(conn, NOW)
    assert callers._Ended().sessions(NOW + tokens.LIFETIME) == {session_id}
    assert callers._Ended().sessions(NOW + 3 * tokens.LIFETIME) == frozenset()


@contextmanager
def held_up(database_url: str) -> Iterator[None]:
    """Whoever asks for sessions waits for the end of the block."""
    with psycopg.connect(database_url) as other:
        other.execute("LOCK TABLE sessions")
        yield


def asked() -> int:
    return pool._open_pool().get_stats().get("requests_num", 0)


def waiting(conn: Conn) -> bool:
    return eventually(
        lambda: (
            conn.execute(
                "SELECT true FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ).fetchone()
            is not None
        )
    )


def test_many_requests_at_once_ask_once(conn: Conn, database_url: str) -> None:
    session_id = an_ended_session(conn, NOW)
    ended, before = callers._Ended(), asked()
    together = Barrier(8)

    def ask(_: int) -> frozenset[UUID]:
        together.wait()
        return ended.sessions(NOW)

    with ThreadPoolExecutor(8) as threads:
        with held_up(database_url):
            answers = threads.map(ask, range(8))
            assert waiting(conn)
        assert set(answers) == {frozenset({session_id})}
    assert asked() - before == 1


def test_what_was_asked_before_it_was_forgotten_is_not_kept(conn: Conn, database_url: str) -> None:
    ended, before = callers._Ended(), asked()
    with ThreadPoolExecutor(1) as threads:
        with held_up(database_url):
            answer = threads.submit(ended.sessions, NOW)
            assert waiting(conn)
            ended.forget()
        assert answer.result() == frozenset()
    ended.sessions(NOW)
    assert asked() - before == 2
    ended.sessions(NOW)
    assert asked() - before == 2


def test_while_nobody_can_say_who_ended_nobody_is_let_in_and_then_everybody_again(
    conn: Conn, database_url: str
) -> None:
    device = Device(conn)
    name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    with psycopg.connect(database_url.replace(str(name), "postgres"), autocommit=True) as server:
        try:
            server.execute(psycopg.sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(_id(name)))
            pool.close()
            answers = [device.call(auth.get_me) for _ in range(2)]
            with pytest.raises(DatabaseUnavailable):
                callers._ended.sessions(datetime.now(UTC))
        finally:
            server.execute(psycopg.sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(_id(name)))
    assert [status for status, _ in answers] == [503, 503]
    assert device.call(auth.get_me)[0] == 200


def _id(name: object) -> psycopg.sql.Identifier:
    return psycopg.sql.Identifier(str(name))


# Stores --------------------------------------------------------------------------------------------------


@pytest.fixture
def tree(conn: Conn) -> None:
    """P above A and B, Q apart."""
    for store_id, parent_id in (("P", None), ("A", "P"), ("B", "P"), ("Q", None)):
        a_store(conn, store_id)
        conn.execute("UPDATE stores SET parent_id = %s WHERE id = %s", [parent_id, store_id])


def seen(device: Device, token: str | None = None) -> list[str]:
    status, page = device.call(catalogue.list_stores, token=token)
    assert status == 200
    return [store["id"] for store in page["items"]]


@pytest.mark.usefixtures("tree")
def test_a_parent_switches_store_and_sees_what_is_below_the_one_chosen(conn: Conn) -> None:
    device = Device(conn, Role.PARENT_STORE_USER, "P")
    assert seen(device) == ["A", "B", "P"]
    status, told = device.call(auth.switch_store, body={"store_id": "A"})
    assert (status, told["store_id"], told.keys()) == (
        200,
        "A",
        {"access_token", "token_type", "expires_in", "store_id"},
    )
    claims = jwt.decode(told["access_token"], options={"verify_signature": False})
    assert (claims["store_id"], claims["scope"], claims["sid"]) == ("A", "subtree", str(device.session_id))
    assert seen(device, told["access_token"]) == ["A"]
    assert device.call(catalogue.get_store, token=told["access_token"], path={"store_id": "B"})[0] == 404
    assert device.refresh()[1]["store_id"] == "A"


@pytest.mark.usefixtures("tree")
def test_a_store_that_is_not_below_is_refused_like_one_there_is_not(conn: Conn) -> None:
    device = Device(conn, Role.PARENT_STORE_USER, "P")
    answers = [device.call(auth.switch_store, body={"store_id": each}) for each in ("Q", "none")]
    assert [(status, problem["code"]) for status, problem in answers] == [(403, "store_out_of_reach")] * 2
    assert seen(device) == ["A", "B", "P"]


@pytest.mark.usefixtures("tree")
def test_a_store_moved_away_is_not_seen_any_more_and_left_with_the_next_token(conn: Conn) -> None:
    device = Device(conn, Role.PARENT_STORE_USER, "P")
    _, told = device.call(auth.switch_store, body={"store_id": "A"})
    conn.execute("UPDATE stores SET parent_id = 'Q' WHERE id = 'A'")
    assert seen(device) == ["B", "P"]
    assert seen(device, told["access_token"]) == ["A"], "until the token ends"
    _, renewed = device.refresh()
    assert renewed["store_id"] == "P"
    assert seen(device, renewed["access_token"]) == ["B", "P"]


@pytest.mark.usefixtures("tree")
def test_a_store_user_sees_their_store_alone_though_others_are_below_it(conn: Conn) -> None:
    device = Device(conn, Role.STORE_USER, "P")
    assert seen(device) == ["P"]
    assert device.call(catalogue.get_store, path={"store_id": "A"})[0] == 404
    assert device.call(auth.switch_store, body={"store_id": "A"})[0] == 403


# Keys ------------------------------------------------------------------------------------------------------


def test_the_published_keys_verify_tokens_and_may_be_kept(conn: Conn) -> None:
    status, published = Doors(conn).call(auth.get_jwks, role=None)
    assert status == 200
    [key] = jwt.PyJWKSet.from_dict(published).keys
    token = Device(conn).access_token
    assert jwt.get_unverified_header(token)["kid"] == key.key_id
    assert jwt.decode(token, key, algorithms=["ES256"], audience="promopartner-api")["iss"] == "promopartner"
    assert all("d" not in each for each in published["keys"])


def test_what_ended_is_read_in_one_statement(conn: Conn) -> None:
    kept = {an_ended_session(conn, NOW) for _ in range(3)}
    assert rows.find_ended(conn, NOW - timedelta(seconds=1)) == kept
    assert rows.find_ended(conn, NOW) == frozenset()
