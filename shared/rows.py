"""Rows: from columns to domain dataclasses, and from what the database refuses to errors of the tree."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter
from pydantic_core import to_json

from shared.domain.errors import PromoPartnerError, Unavailable


class DatabaseUnavailable(Unavailable):
    """The database does not answer; try again in a moment."""

    code = "database_unavailable"


class DatabaseBusy(Unavailable):
    """The database has too much to do to finish this in time; try again in a moment."""

    code = "database_busy"


@cache
def adapter[T](shape: type[T]) -> TypeAdapter[T]:
    """The validator of `shape`, built once."""
    return TypeAdapter(shape)


def of[T](shape: type[T]) -> Callable[[psycopg.Cursor[Any]], Callable[[Sequence[Any]], T]]:
    """A psycopg row factory: each row becomes a `shape`, by column name; columns it lacks are dropped."""

    def factory(cursor: psycopg.Cursor[Any]) -> Callable[[Sequence[Any]], T]:
        names = [column.name for column in cursor.description or ()]
        validate = adapter(shape).validate_python

        def row(values: Sequence[Any]) -> T:
            return validate(dict(zip(names, values, strict=True)))

        return row

    return factory


def json_text[T](shape: type[T], value: T) -> str:
    """`value` as the JSON text that a reply would carry."""
    return adapter(shape).dump_json(value).decode()


def jsonb(value: object) -> Jsonb:
    """`value` as a jsonb parameter; decimals and dates as strings."""
    return Jsonb(value, dumps=to_json)


@contextmanager
def constraints(leaves: Mapping[str, Callable[[], PromoPartnerError]]) -> Iterator[None]:
    """Turn a violation of a constraint named in `leaves` into that error; others pass unchanged."""
    try:
        yield
    except psycopg.errors.IntegrityError as violation:
        leaf = leaves.get(violation.diag.constraint_name or "")
        if leaf is None:
            raise
        raise leaf() from violation


def unavailability(error: psycopg.OperationalError) -> type[Unavailable] | None:
    """What `error` says of the database at large; None when it is about the statement alone."""
    state = error.sqlstate
    # No SQLSTATE: the connection was never made or broke. 08: connection exceptions. 53: out of resources.
    # 57P: shut down, crashed, starting up.
    if state is None or state[:2] in {"08", "53"} or state.startswith("57P"):
        return DatabaseUnavailable
    # Cancelled by a time-out, a lock that was not to be had, and two transactions in each other's way.
    if state in {"57014", "55P03", "40P01", "40001"}:
        return DatabaseBusy
    return None
