"""Statements: the SQL that the app runs for a basket, heard while it runs, not copied from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString, cast

import psycopg
from psycopg.abc import Params, QueryNoTemplate

from bench.mark import UNIQUE
from bench.world import Basket
from functions.transactions import EvaluationBody
from shared.actions import transactions


@dataclass(frozen=True, slots=True)
class Statement:
    sql: LiteralString
    parameters: Mapping[str, Any]

    def unique(self, mark: str) -> dict[str, Any]:
        """The parameters of one sale more."""
        return {name: mark if value == UNIQUE else value for name, value in self.parameters.items()}


class Listening(psycopg.Cursor[Any]):
    """A cursor that tells its connection what it executes."""

    def execute(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        query: QueryNoTemplate,
        params: Params | None = None,
        *,
        prepare: bool | None = None,
        binary: bool | None = None,
    ) -> "Listening":
        heard = getattr(self.connection, "heard", None)
        if heard is not None:
            heard.append(Statement(cast("LiteralString", query), cast("Mapping[str, Any]", params or {})))
        return super().execute(query, params, prepare=prepare, binary=binary)


def evaluation(url: str, basket: Basket, now: datetime) -> list[Statement]:
    """What pricing the basket runs once its rule set is compiled."""
    return _heard(url, basket, now, confirm=False)


def sale(url: str, basket: Basket, now: datetime) -> list[Statement]:
    """What recording the basket as a sale runs; the sale itself is rolled back."""
    return _heard(url, basket, now, confirm=True)


def _heard(url: str, basket: Basket, now: datetime, *, confirm: bool) -> list[Statement]:
    request = EvaluationBody.model_validate(
        {**basket.body, "receipt_number": UNIQUE if confirm else None}
    ).request()
    heard: list[Statement] = []
    with psycopg.connect(url, autocommit=True, cursor_factory=Listening) as conn:
        transactions.evaluate(conn, now, request=request, caller=basket.caller)
        vars(conn)["heard"] = heard
        with conn.transaction(force_rollback=True):
            if confirm:
                transactions.confirm(conn, now, request=request, caller=basket.caller, key=UNIQUE)
            else:
                transactions.evaluate(conn, now, request=request, caller=basket.caller)
    return heard
