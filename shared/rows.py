"""Rows: from columns to domain dataclasses, and from broken constraints to domain errors."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter
from pydantic_core import to_json

from shared.domain.errors import PromoPartnerError


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
