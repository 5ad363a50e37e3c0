"""Sessions: beginning one, replacing its refresh token, choosing its store, ending it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.domain import sessions
from shared.domain.audit import Action, By, State, Subject
from shared.domain.sessions import EndedFor, Session, Verdict
from shared.store import Conn, audit
from shared.store import sessions as rows


@dataclass(frozen=True, slots=True)
class Renewed:
    """A session and the refresh token it goes on with."""

    session: Session
    refresh_token: str


@dataclass(frozen=True, slots=True)
class Stolen:
    """A refresh token came back after its time: the session is over."""

    session_id: UUID


def begin(
    conn: Conn, now: datetime, *, user_id: UUID, session_id: UUID, token: str, request_id: str
) -> Session | None:
    """A session that `token` goes on with; None when the user is not active."""
    session = rows.insert(
        conn,
        session_id=session_id,
        user_id=user_id,
        digest=sessions.digest(token),
        now=now,
        expires_at=now + sessions.LIFETIME,
        idle_at=now + sessions.IDLE,
    )
    if session is not None:
        after = {"role": session.user.role, "store_id": session.store_id}
        _tell(conn, now, By(user_id, request_id), Action.SESSION_BEGUN, session_id, after=after)
    return session


def renew(conn: Conn, now: datetime, *, token: str, successor: str) -> Renewed | Stolen | None:
    """Replace `token` by `successor`; by the one that replaced it before, if that was a moment ago.

    None when it is not good for anything. Nothing is raised: that a stolen token ended its session stands.
    """
    session = rows.update_rotated(
        conn,
        digest=sessions.digest(token),
        sealed=sessions.seal(successor, token),
        next_digest=sessions.digest(successor),
        now=now,
        idle_at=now + sessions.IDLE,
    )
    if session is not None:
        return Renewed(session, successor)
    presented = rows.get_presented(conn, sessions.digest(token))
    if presented is None:
        return None
    match sessions.assess(presented, now):
        case Verdict.REFUSE:
            return None
        case Verdict.REPEAT:
            session = rows.get(conn, presented.session_id)
            return None if session is None else Renewed(session, _newest(conn, token))
        case Verdict.END:
            end(conn, now, session_id=presented.session_id, why=EndedFor.REUSE, by=None)
            return Stolen(presented.session_id)


def _newest(conn: Conn, token: str) -> str:
    """The end of the chain: whoever is late must not be handed a token that was replaced meanwhile."""
    while (presented := rows.get_presented(conn, sessions.digest(token))) and presented.sealed:
        token = sessions.unseal(presented.sealed, token)
    return token


def choose_store(conn: Conn, now: datetime, *, session_id: UUID, store_id: str, by: By) -> Session | None:
    """The session, made out for another store; None when its user may not work there.

    `conn` is in a transaction.
    """
    session = rows.update_store(conn, session_id=session_id, store_id=store_id)
    if session is not None:
        _tell(conn, now, by, Action.SESSION_SWITCHED, session_id, after={"store_id": store_id})
    return session


def end(conn: Conn, now: datetime, *, session_id: UUID, why: EndedFor, by: By | None) -> None:
    """No token of the session is good any more."""
    if rows.update_ended(conn, session_id=session_id, why=why, now=now):
        _tell(conn, now, by, Action.SESSION_ENDED, session_id, after={"why": why})


def _tell(
    conn: Conn, now: datetime, by: By | None, action: Action, session_id: UUID, *, after: State
) -> None:
    audit.insert(
        conn,
        now=now,
        by=by,
        action=action,
        subject=Subject.SESSION,
        subject_id=session_id,
        before=None,
        after=after,
    )
