"""Sessions: one chain of refresh tokens, whoever presents them how often, and what ends it."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Event
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from shared.actions import sessions
from shared.actions.sessions import Renewed, Stolen
from shared.domain.audit import By
from shared.domain.sessions import GRACE, IDLE, LIFETIME, EndedFor, Session, token_of
from shared.domain.users import SCOPES, Role, Scope
from tests.harness import eventually
from tests.rows import NOW, Conn, a_store, a_user

SECOND = timedelta(seconds=1)


def new_token() -> str:
    return token_of(secrets.token_urlsafe(32))


def begin(conn: Conn, user_id: UUID) -> tuple[UUID, str]:
    token = new_token()
    session = sessions.begin(conn, NOW, user_id=user_id, session_id=uuid4(), token=token, request_id="test")
    assert session is not None
    return session.id, token


def renew(conn: Conn, token: str, after: timedelta = timedelta()) -> Renewed | Stolen | None:
    with conn.transaction():
        return sessions.renew(conn, NOW + after, token=token, successor=new_token())


def renewed(conn: Conn, token: str, after: timedelta = timedelta()) -> Renewed:
    outcome = renew(conn, token, after)
    assert isinstance(outcome, Renewed)
    return outcome


def ended_for(conn: Conn, session_id: UUID) -> str | None:
    row = conn.execute("SELECT ended_for FROM sessions WHERE id = %s", [session_id]).fetchone()
    assert row is not None
    return row[0]


def test_each_token_is_replaced_by_the_next(conn: Conn) -> None:
    a_store(conn)
    user_id = a_user(conn, Role.STORE_USER, store_id="S1")
    session_id, first = begin(conn, user_id)
    second = renewed(conn, first)
    third = renewed(conn, second.refresh_token)
    assert len({first, second.refresh_token, third.refresh_token}) == 3
    caller = third.session.caller
    assert (caller.user_id, caller.role, caller.store_id) == (user_id, Role.STORE_USER, "S1")
    assert caller.session_id == session_id


def test_a_token_that_comes_again_within_the_grace_is_answered_with_the_same_next(conn: Conn) -> None:
    session_id, first = begin(conn, a_user(conn))
    second = renewed(conn, first)
    again = renewed(conn, first, GRACE)
    assert again == second
    third = renewed(conn, second.refresh_token, SECOND)
    assert renewed(conn, first, GRACE).refresh_token == third.refresh_token, "the end of the chain"
    assert ended_for(conn, session_id) is None


def test_a_token_that_comes_again_after_the_grace_ends_the_session(conn: Conn) -> None:
    session_id, first = begin(conn, a_user(conn))
    second = renewed(conn, first)
    assert renew(conn, first, GRACE + SECOND) == Stolen(session_id)
    assert ended_for(conn, session_id) == "reuse"
    assert renew(conn, second.refresh_token, GRACE + SECOND) is None, "the thief's and the owner's alike"


def test_the_grace_does_not_open_a_session_that_ended(conn: Conn) -> None:
    session_id, first = begin(conn, a_user(conn))
    second = renewed(conn, first)
    third = renewed(conn, second.refresh_token, GRACE)
    assert renew(conn, first, GRACE + SECOND) == Stolen(session_id)
    assert renew(conn, second.refresh_token, GRACE + SECOND) is None, "replaced a second ago"
    assert renew(conn, third.refresh_token, GRACE + SECOND) is None
    assert conn.execute("SELECT count(*) FROM refresh_tokens").fetchone() == (3,)


def test_a_thief_is_found_out_whoever_was_first(conn: Conn) -> None:
    """Within the grace a thief is told what the owner is told: one chain, on which one of them comes late."""
    session_id, first = begin(conn, a_user(conn))
    owners = renewed(conn, first)
    thiefs = renewed(conn, first, GRACE)
    renewed(conn, owners.refresh_token, timedelta(minutes=10))
    assert renew(conn, thiefs.refresh_token, timedelta(minutes=11)) == Stolen(session_id)


def test_sixteen_requests_with_one_token_leave_one_chain(conn: Conn, database_url: str) -> None:
    session_id, first = begin(conn, a_user(conn))
    together = Barrier(16)

    def present(_: int) -> str:
        with psycopg.connect(database_url, autocommit=True) as own:
            together.wait()
            return renewed(own, first).refresh_token

    with ThreadPoolExecutor(16) as threads:
        told = set(threads.map(present, range(16)))
    [second] = told
    assert conn.execute("SELECT count(*), count(rotated_at) FROM refresh_tokens").fetchone() == (2, 1)
    renewed(conn, second)
    assert ended_for(conn, session_id) is None


@pytest.mark.parametrize(
    ("after", "good"),
    [(IDLE - SECOND, True), (IDLE, False)],
    ids=["in time", "too late"],
)
def test_a_token_waits_a_week_to_be_used(conn: Conn, after: timedelta, *, good: bool) -> None:
    _, first = begin(conn, a_user(conn))
    assert isinstance(renew(conn, first, after), Renewed) is good


def test_a_session_lasts_thirty_days_however_busy(conn: Conn) -> None:
    _, token = begin(conn, a_user(conn))
    for day in range(5, 30, 5):
        token = renewed(conn, token, timedelta(days=day)).refresh_token
    assert renew(conn, token, LIFETIME) is None
    assert isinstance(renew(conn, token, LIFETIME - SECOND), Renewed)


def test_what_was_never_a_token_is_refused(conn: Conn) -> None:
    begin(conn, a_user(conn))
    assert renew(conn, new_token()) is None
    assert renew(conn, "") is None


def test_nothing_that_is_kept_can_be_presented(conn: Conn) -> None:
    session_id, first = begin(conn, a_user(conn))
    second = renewed(conn, first).refresh_token
    kept = "".join(
        row[0]
        for table in ("sessions", "refresh_tokens", "audit_entries")
        for row in conn.execute(SQL("SELECT t::text FROM {} AS t").format(Identifier(table)))
    )
    assert str(session_id) in kept
    for token in (first, second):
        assert token not in kept
        assert token.encode().hex() not in kept


CHANGES = {
    "disabled": ("UPDATE users SET active = false", True),
    "given another role": ("UPDATE users SET role = 'marketing'", True),
    "deleted": ("DELETE FROM users", True),
    "renamed": ("UPDATE users SET name = 'Ada', phone = '+390612312312'", False),
    "written again": ("UPDATE users SET active = true, role = role", False),
}


@pytest.mark.parametrize(("change", "ends"), CHANGES.values(), ids=CHANGES.keys())
def test_whoever_changes_what_a_user_may_do_ends_their_sessions(
    conn: Conn, change: str, *, ends: bool
) -> None:
    session_id, token = begin(conn, a_user(conn))
    _, of_another = begin(conn, a_user(conn))
    conn.execute(SQL(change) + SQL(" WHERE id = (SELECT user_id FROM sessions LIMIT 1)"))
    assert ended_for(conn, session_id) == ("user" if ends else None)
    assert isinstance(renew(conn, token), Renewed) is not ends
    assert isinstance(renew(conn, of_another), Renewed)


def test_who_is_enabled_again_signs_in_again(conn: Conn) -> None:
    user_id = a_user(conn)
    _, token = begin(conn, user_id)
    conn.execute("UPDATE users SET active = false")
    conn.execute("UPDATE users SET active = true")
    assert renew(conn, token) is None
    begin(conn, user_id)


def test_who_is_not_active_begins_no_session(conn: Conn) -> None:
    user_id = a_user(conn)
    conn.execute("UPDATE users SET active = false")
    assert (
        sessions.begin(conn, NOW, user_id=user_id, session_id=uuid4(), token=new_token(), request_id="test")
        is None
    )
    assert conn.execute("SELECT count(*) FROM sessions").fetchone() == (0,)


def test_a_sign_in_and_a_disabling_at_once_leave_no_session(conn: Conn, database_url: str) -> None:
    """Whichever commits first: a session begun before is ended, and none is begun after."""
    user_id = a_user(conn)
    begun, go = Event(), Event()

    def sign_in() -> Session | None:
        with psycopg.connect(database_url, autocommit=True) as own, own.transaction():
            session = sessions.begin(
                own, NOW, user_id=user_id, session_id=uuid4(), token=new_token(), request_id="test"
            )
            begun.set()
            go.wait(30)
            return session

    def disable() -> None:
        with psycopg.connect(database_url, autocommit=True) as own:
            own.execute("UPDATE users SET active = false")

    with ThreadPoolExecutor(2) as threads:
        signing_in = threads.submit(sign_in)
        assert begun.wait(30)
        disabling = threads.submit(disable)
        eventually(
            lambda: conn.execute(
                "SELECT true FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock'"
            ).fetchone()
        )
        go.set()
        session = signing_in.result()
        disabling.result()
    assert session is not None
    assert ended_for(conn, session.id) == "user"


def test_a_renewal_while_the_user_is_being_disabled_does_not_outlive_it(
    conn: Conn, database_url: str
) -> None:
    session_id, token = begin(conn, a_user(conn))
    with psycopg.connect(database_url) as other:
        other.execute("UPDATE users SET active = false")
        between = renewed(conn, token)
        other.commit()
    assert ended_for(conn, session_id) == "user"
    assert renew(conn, between.refresh_token) is None


def test_signing_out_ends_every_token_of_the_session(conn: Conn) -> None:
    user_id = a_user(conn)
    session_id, token = begin(conn, user_id)
    _, elsewhere = begin(conn, user_id)
    for _ in range(2):
        sessions.end(conn, NOW, session_id=session_id, why=EndedFor.LOGOUT, by=By(user_id))
    assert ended_for(conn, session_id) == "logout"
    assert renew(conn, token) is None
    assert isinstance(renew(conn, elsewhere), Renewed)


def test_beginning_and_ending_leave_audit_entries(conn: Conn) -> None:
    user_id = a_user(conn)
    session_id, token = begin(conn, user_id)
    renewed(conn, token)
    renew(conn, token, GRACE + SECOND)
    assert conn.execute(
        "SELECT actor, action, subject_kind, subject_id, after FROM audit_entries ORDER BY id"
    ).fetchall() == [
        (user_id, "session.begun", "session", str(session_id), {"role": "admin", "store_id": None}),
        (None, "session.ended", "session", str(session_id), {"why": "reuse"}),
    ]


# Stores -----------------------------------------------------------------------------------------------------


def a_tree(conn: Conn) -> None:
    """P above A and B, A above A1; Q apart; all but Q active."""
    for store_id, parent_id in (("P", None), ("A", "P"), ("B", "P"), ("A1", "A"), ("Q", None)):
        a_store(conn, store_id)
        conn.execute("UPDATE stores SET parent_id = %s WHERE id = %s", [parent_id, store_id])


def choose(conn: Conn, session_id: UUID, store_id: str) -> str | None:
    with conn.transaction():
        session = sessions.choose_store(
            conn, NOW, session_id=session_id, store_id=store_id, by=By(uuid4(), "test")
        )
    return session and session.caller.store_id


@pytest.mark.parametrize(
    ("role", "reached"),
    [
        (Role.PARENT_STORE_USER, ["A", "A1"]),
        (Role.STORE_USER, ["A"]),
        (Role.ADMIN, []),
    ],
)
def test_who_looks_after_stores_chooses_among_those_below_theirs(
    conn: Conn, role: Role, reached: list[str]
) -> None:
    a_tree(conn)
    session_id, _ = begin(conn, a_user(conn, role, store_id="A" if reached else None))
    found = [each for each in ("P", "A", "B", "A1", "Q", "none") if choose(conn, session_id, each) == each]
    assert found == reached


def test_a_store_that_is_closed_cannot_be_chosen(conn: Conn) -> None:
    a_tree(conn)
    session_id, _ = begin(conn, a_user(conn, Role.PARENT_STORE_USER, store_id="P"))
    conn.execute("UPDATE stores SET active = false WHERE id = 'B'")
    assert choose(conn, session_id, "B") is None


def test_the_chosen_store_stays_for_as_long_as_it_is_below(conn: Conn) -> None:
    a_tree(conn)
    session_id, token = begin(conn, a_user(conn, Role.PARENT_STORE_USER, store_id="P"))
    assert choose(conn, session_id, "A1") == "A1"
    second = renewed(conn, token)
    assert second.session.store_id == "A1"
    conn.execute("UPDATE stores SET parent_id = 'Q' WHERE id = 'A'")
    third = renewed(conn, second.refresh_token)
    assert third.session.store_id == "P", "moved away with the store above it"
    assert choose(conn, session_id, "A1") is None
    conn.execute("UPDATE stores SET parent_id = 'P' WHERE id = 'Q'")
    assert choose(conn, session_id, "A1") == "A1"


def test_a_user_without_a_store_any_more_has_a_token_for_none(conn: Conn) -> None:
    a_store(conn)
    _, token = begin(conn, a_user(conn, Role.STORE_USER, store_id="S1"))
    conn.execute("DELETE FROM user_stores")
    assert renewed(conn, token).session.store_id is None


def test_a_ring_of_parents_has_an_end(conn: Conn) -> None:
    a_tree(conn)
    conn.execute("UPDATE stores SET parent_id = 'A1' WHERE id = 'A'")
    conn.execute("SET statement_timeout = '10s'")
    session_id, _ = begin(conn, a_user(conn, Role.PARENT_STORE_USER, store_id="A1"))
    assert choose(conn, session_id, "A") == "A"
    assert choose(conn, session_id, "P") is None


def test_a_session_that_ended_chooses_no_store(conn: Conn) -> None:
    a_tree(conn)
    session_id, _ = begin(conn, a_user(conn, Role.PARENT_STORE_USER, store_id="P"))
    sessions.end(conn, NOW, session_id=session_id, why=EndedFor.LOGOUT, by=None)
    assert choose(conn, session_id, "A") is None


def test_the_database_and_the_domain_agree_on_who_sees_below() -> None:
    """`user_reaches_store` names the one role whose scope is a subtree."""
    assert [role for role, scope in SCOPES.items() if scope is Scope.SUBTREE] == [Role.PARENT_STORE_USER]
