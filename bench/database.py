"""The database's share of a statement: libpq alone, and what the server says of itself."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, cast

import psycopg
from psycopg import pq
from psycopg.adapt import PyFormat, Transformer
from psycopg.sql import SQL, Identifier, Literal

from bench import statements
from bench.statements import Statement
from bench.world import Basket

type Watch = Callable[[str], AbstractContextManager[None]]


class Raw:
    """The statements of an operation, prepared, without the driver's Python around them."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        self._conn = conn
        self._heard: dict[tuple[str, str], list[Statement]] = {}
        self._prepared: dict[str, tuple[bytes, list[str]]] = {}

    def once(self, basket: Basket, operation: str, mark: str, watch: Watch) -> None:
        """Time `read_raw` and `write_raw`, each with its round trip."""
        for name, statement in zip(
            ("read_raw", "write_raw"), self._statements(basket, operation), strict=False
        ):
            prepared, order = self._prepare(statement)
            values = _dumped(self._conn, statement.unique(mark), order)
            with watch(name):
                result = self._conn.pgconn.exec_prepared(prepared, cast("list[bytes]", values))
            if result.status != pq.ExecStatus.TUPLES_OK:
                raise RuntimeError(result.error_message.decode())

    def told(self, basket: Basket, operation: str, mark: str) -> dict[str, float]:
        """Seconds that the server says it spends on planning and executing: `read_told`, `write_told`."""
        found: dict[str, float] = {}
        for name, statement in zip(
            ("read_told", "write_told"), self._statements(basket, operation), strict=False
        ):
            prepared, order = self._prepare(statement)
            values = statement.unique(mark)
            command = SQL("EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) EXECUTE {} ({})").format(
                Identifier(prepared.decode()), SQL(", ").join(Literal(values[each]) for each in order)
            )
            row = self._conn.execute(command).fetchone()
            plan = row[0][0] if row else {}
            found[name] = (plan["Planning Time"] + plan["Execution Time"]) / 1000
        return found

    def _statements(self, basket: Basket, operation: str) -> list[Statement]:
        at = (str(basket.user_id), operation)
        if at not in self._heard:
            listen = statements.sale if operation == "confirm" else statements.evaluation
            self._heard[at] = listen(os.environ["DATABASE_URL"], basket, datetime.now(UTC))
        return self._heard[at]

    def _prepare(self, statement: Statement) -> tuple[bytes, list[str]]:
        if statement.sql not in self._prepared:
            order = list(statement.parameters)
            numbered = {name: f"${place}" for place, name in enumerate(order, 1)}
            name = f"raw_{len(self._prepared)}".encode()
            dumpers = Transformer(self._conn)
            types = [
                0 if value is None else dumpers.get_dumper(value, PyFormat.TEXT).oid
                for value in statement.parameters.values()
            ]
            sql = (statement.sql % cast("Any", numbered)).encode()
            result = self._conn.pgconn.prepare(name, sql, types)
            if result.status != pq.ExecStatus.COMMAND_OK:
                raise RuntimeError(result.error_message.decode())
            self._prepared[statement.sql] = name, order
        return self._prepared[statement.sql]


def _dumped(conn: psycopg.Connection[Any], values: dict[str, Any], order: list[str]) -> list[bytes | None]:
    dumpers = Transformer(conn)
    found: list[bytes | None] = []
    for name in order:
        value = values[name]
        dumped = None if value is None else dumpers.get_dumper(value, PyFormat.TEXT).dump(value)
        found.append(None if dumped is None else bytes(dumped))
    return found
