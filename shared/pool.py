"""The pool: one lazy psycopg pool a process, opened at the first statement and never at import."""

import atexit
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from select import POLLIN, poll
from threading import Lock
from time import monotonic
from typing import Any, override

import certifi
import psycopg
import psycopg_pool
from psycopg.conninfo import conninfo_to_dict

from shared import identity
from shared.rows import DatabaseBusy, DatabaseUnavailable, unavailability
from shared.settings import DatabaseAuth, settings
from shared.store import Conn

__all__ = ["DatabaseBusy", "DatabaseUnavailable", "close", "connection", "transaction"]

_log = logging.getLogger(__name__)
_lock = Lock()
_pool: "_Pool | None" = None

# How long a request waits for a connection while all are in use, or while one is being made.
_PATIENCE_S = 5
# Sockets of an instance that was frozen die without a word, and pool maintenance does not run meanwhile:
# hence short lives, a check at check-out and TCP keep-alives. Whoever was heard of so lately has not died
# without a word.
_HEARD_S = 1.0
_CONNECT = {
    "autocommit": True,
    "application_name": "promopartner",
    "connect_timeout": 3,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 5_000,
}


@contextmanager
def connection() -> Iterator[Conn]:
    """A connection in autocommit: each statement is its own transaction.

    Raises DatabaseUnavailable when none can be made, at once if that is certain, or it breaks while in use;
    DatabaseBusy when too many wait for one already, or a statement takes too long.
    """
    try:
        with _open_pool().connection() as conn:
            yield conn
            conn.heard_at = monotonic()
    except psycopg_pool.TooManyRequests as error:
        raise DatabaseBusy from error
    except psycopg.OperationalError as error:
        unavailable = unavailability(error)
        if unavailable is None:
            raise
        raise unavailable from error


@contextmanager
def transaction() -> Iterator[Conn]:
    """A connection inside one transaction, committed when the block ends without an error."""
    with connection() as conn, conn.transaction():
        yield conn


def close() -> None:
    """Close the pool; the next use opens a new one."""
    global _pool  # noqa: PLW0603 - the process owns one pool
    with _lock:
        if _pool is not None:
            _pool.close()
            _pool = None


class _Connection(psycopg.Connection[Any]):
    """A connection that knows when it was last used well, which is when its server was heard of."""

    heard_at = 0.0

    @property
    def is_fresh(self) -> bool:
        """Whether its server was heard of just now and has not said anything since.

        A server that ends a session says so, or its system does, and then there is something to be read.
        """
        if monotonic() - self.heard_at > _HEARD_S:
            return False
        silence = poll()
        silence.register(self.pgconn.socket, POLLIN)
        return not silence.poll(0)


class _Pool(psycopg_pool.ConnectionPool[_Connection]):
    """A pool that says at once that the database is away, and hands out nothing that died with it.

    psycopg's own lets everybody wait to the end of their patience while it tries again ever more rarely.
    """

    def __init__(self) -> None:
        size = settings().database_pool_max
        super().__init__(
            settings().database_url,
            connection_class=_Connection,
            kwargs=_parameters,
            configure=_check_session if settings().database_pgbouncer else None,
            min_size=0,
            max_size=size,
            max_waiting=32 * size,
            timeout=_PATIENCE_S,
            max_idle=60,
            max_lifetime=900,
            # One more attempt at once; the next comes with the next request.
            reconnect_timeout=0,
            check=self._check_alive,
            name="promopartner",
            open=True,
        )

    @override
    def reconnect_failed(self) -> None:
        """No connection could be made: when there is none at all, nobody need wait for one."""
        with self._lock:
            waiting = [] if self._nconns else list(self._waiting)
            for client in waiting:
                self._waiting.remove(client)
        for client in waiting:
            client.fail(psycopg.OperationalError("no connection could be made"))

    def _check_alive(self, conn: _Connection) -> None:
        if conn.is_fresh:
            return
        try:
            self.check_connection(conn)
        except psycopg.OperationalError:
            # Those that idle beside it have most likely died of the same.
            self.drain()
            raise


def _open_pool() -> _Pool:
    global _pool  # noqa: PLW0603 - the process owns one pool
    with _lock:
        if _pool is None:
            _pool = _Pool()
            atexit.register(close)
        return _pool


def _parameters() -> dict[str, Any]:
    """What a connection is made with. Asked for at every attempt, so that a token is never stale."""
    here = settings()
    parameters: dict[str, Any] = dict(_CONNECT)
    if here.database_pgbouncer:
        # Statements prepared in one server session are unknown in the next, and options are refused.
        parameters["prepare_threshold"] = None
    else:
        parameters["options"] = " ".join(f"-c {name}={value}" for name, value in _session().items())
    if here.database_auth is DatabaseAuth.ENTRA:
        parameters |= {
            "password": identity.database_password(here.database_identity_client_id),
            "sslmode": "verify-full",
            # Not "system": the libpq of psycopg's wheel looks for that where no system has it.
            "sslrootcert": conninfo_to_dict(here.database_url).get("sslrootcert") or certifi.where(),
        }
    return parameters


def _session() -> dict[str, str]:
    """What every session must have, in the words of current_setting()."""
    here = settings()
    return {
        "TimeZone": "UTC",
        "statement_timeout": f"{here.database_statement_timeout_s}s",
        "idle_in_transaction_session_timeout": f"{here.database_idle_transaction_timeout_s}s",
    }


def _check_session(conn: Conn) -> None:
    """Through PgBouncer a session has what its role has; say what the role lacks."""
    wanted = _session()
    found = conn.execute(
        """
        SELECT name, setting
          FROM pg_settings
         WHERE name = ANY(%(names)s)
        """,
        {"names": list(wanted)},
    ).fetchall()
    for name, setting in found:
        if setting == "0" or (name == "TimeZone" and setting not in {"UTC", "Etc/UTC"}):
            _log.warning("this role needs: ALTER ROLE … SET %s = '%s'", name, wanted[name])
