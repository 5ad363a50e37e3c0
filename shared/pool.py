"""The pool: one lazy psycopg pool a process, opened at the first statement and never at import."""

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import psycopg
import psycopg_pool

from shared.domain.errors import Unavailable
from shared.settings import settings
from shared.store import Conn

_lock = Lock()
_pool: psycopg_pool.ConnectionPool[Conn] | None = None

# Sockets of an instance that was frozen die without a word, and pool maintenance does not run meanwhile:
# hence short lives, a check at check-out and TCP keep-alives.
_CONNECT = {
    "autocommit": True,
    "application_name": "promopartner",
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "options": "-c timezone=UTC -c statement_timeout=30s -c idle_in_transaction_session_timeout=60s",
}


class DatabaseUnavailable(Unavailable):
    """The database does not answer; try again in a moment."""

    code = "database_unavailable"


@contextmanager
def connection() -> Iterator[Conn]:
    """A connection in autocommit: each statement is its own transaction.

    Raises DatabaseUnavailable when none can be had within 5 seconds or it breaks while in use.
    """
    try:
        with _open_pool().connection() as conn:
            yield conn
    except (psycopg_pool.PoolTimeout, psycopg_pool.TooManyRequests) as error:
        raise DatabaseUnavailable from error
    except psycopg.OperationalError as error:
        if _is_outage(error):
            raise DatabaseUnavailable from error
        raise


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


def _open_pool() -> psycopg_pool.ConnectionPool[Conn]:
    global _pool  # noqa: PLW0603 - the process owns one pool
    with _lock:
        if _pool is None:
            size = settings().database_pool_max
            _pool = psycopg_pool.ConnectionPool(
                settings().database_url,
                kwargs=_CONNECT,
                min_size=0,
                max_size=size,
                max_waiting=32 * size,
                timeout=5,
                max_idle=60,
                max_lifetime=900,
                check=psycopg_pool.ConnectionPool.check_connection,
                name="promopartner",
                open=True,
            )
            atexit.register(close)
        return _pool


def _is_outage(error: psycopg.OperationalError) -> bool:
    # No SQLSTATE: the connection was never made or broke. 08: connection exceptions. 53: out of resources.
    # 57P: shut down, crashed, starting up.
    return error.sqlstate is None or error.sqlstate[:2] in {"08", "53"} or error.sqlstate.startswith("57P")
