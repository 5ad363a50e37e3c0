"""Callers: who makes a request, by the access token or the API key it carries, as things stand now."""

from collections.abc import Mapping
from concurrent.futures import Future
from datetime import datetime, timedelta
from threading import Lock
from uuid import UUID

from shared import pool
from shared.domain import api_keys as keys
from shared.domain.users import Caller
from shared.edge import tokens
from shared.edge.problems import ApiKeyInvalid, SessionEnded, TokenInvalid, Unauthenticated
from shared.store import api_keys, sessions

API_KEY = "X-Api-Key"

_FRESH = timedelta(seconds=1)
# Of what could still be presented, and a while longer for whoever was slow to commit.
_LOOK_BACK = tokens.LIFETIME + timedelta(minutes=10)


def says_who(headers: Mapping[str, str]) -> bool:
    """Whether the request carries a token or a key at all."""
    return bool(headers.get("authorization") or headers.get(API_KEY.lower()))


def authenticate(headers: Mapping[str, str], now: datetime) -> Caller:
    """Raises Unauthenticated and its kind: nothing says who, two things do, or what says it is void."""
    authorization, key = headers.get("authorization", ""), headers.get(API_KEY.lower(), "")
    if key and authorization:
        raise TokenInvalid
    if key:
        return _machine(key, now)
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated
    caller = tokens.read(token.strip(), now)
    if caller.session_id in _ended.sessions(now):
        raise SessionEnded
    return caller


def forget() -> None:
    """Look anew which sessions have ended, at the next request to this process."""
    _ended.forget()


def _machine(key: str, now: datetime) -> Caller:
    # A key is looked up each time: a partner that is cut off is cut off at once.
    with pool.connection() as conn:
        holder = api_keys.update_used(
            conn, digest=keys.digest(key), now=now, noticed_before=now - keys.NOTICED
        )
    if holder is None:
        raise ApiKeyInvalid
    return holder.caller


class _Ended:
    """The sessions that ended lately, asked for once a second and not with each request.

    An access token is good for ten minutes, whatever its session has come to; this is what cuts it short.
    While one request asks, those that come meanwhile wait for its answer.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._found: frozenset[UUID] = frozenset()
        self._asked_at: datetime | None = None
        self._asking: Future[frozenset[UUID]] | None = None

    def sessions(self, now: datetime) -> frozenset[UUID]:
        """Raises Unavailable when the database, which knows them, is away."""
        with self._lock:
            if self._asked_at is not None and abs(now - self._asked_at) < _FRESH:
                return self._found
            asked = self._asking
            mine: Future[frozenset[UUID]] = Future()
            if asked is None:
                self._asking = mine
        if asked is not None:
            return asked.result()
        try:
            with pool.connection() as conn:
                found = sessions.find_ended(conn, now - _LOOK_BACK)
        except BaseException as error:
            self._settle(mine, None, now)
            mine.set_exception(error)
            raise
        self._settle(mine, found, now)
        mine.set_result(found)
        return found

    def forget(self) -> None:
        with self._lock:
            self._asked_at = None
            self._asking = None

    def _settle(self, mine: Future[frozenset[UUID]], found: frozenset[UUID] | None, now: datetime) -> None:
        with self._lock:
            if self._asking is mine:
                # Not when it was forgotten meanwhile: what was found may be older than what has ended since.
                self._asking = None
                if found is not None:
                    self._found, self._asked_at = found, now


_ended = _Ended()
