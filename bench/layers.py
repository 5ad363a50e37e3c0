"""Layers: `python -m bench.layers` calls each layer of one request in this process and says what it takes.

The layers are called from outside, one after the other and in turns, so that a busy moment of the machine
meets all of them. What a layer spends itself is its time less that of the layers below it.
"""

import argparse
import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count, cycle
from pathlib import Path
from typing import Any
from uuid import uuid4

import azure.functions as func
import psycopg
from starlette.types import Message as Event

from bench import tills, world
from bench.database import Raw
from bench.figures import percentile
from bench.mark import UNIQUE
from bench.world import Basket
from devhost import host_json
from devhost.driver import Worker
from devhost.environment import ROOT
from devhost.host import Host
from devhost.keys import Gate
from devhost.messages import Message, TypedData
from functions.transactions import EvaluationBody, SaleHeaders, evaluate_basket
from shared import pool, rulesets
from shared.actions import transactions as actions
from shared.domain import engine
from shared.domain.allocations import allocated_in
from shared.domain.baskets import basket_of
from shared.domain.counters import preferred_slots, takes_of
from shared.domain.quotes import Quote, quote_of
from shared.domain.redemptions import granted_by, redemptions_of
from shared.domain.seen import Seen, seen_text
from shared.edge import tokens
from shared.edge.parsing import parse
from shared.rows import adapter, json_text
from shared.store import Conn, sale_facts
from shared.store import transactions as store

_FUNCTION = "evaluate_basket"


class Stopwatch:
    """Seconds by the name of what was timed."""

    def __init__(self) -> None:
        self.took: dict[str, list[float]] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.took.setdefault(name, []).append(time.perf_counter() - began)

    def lowest_tenths_us(self) -> dict[str, float]:
        """What a tenth of the calls did not exceed: steadier than the median where others are at work."""
        return {name: round(percentile(sorted(took), 10) * 1e6, 1) for name, took in self.took.items()}


class Request:
    """One request of a till in every form that a layer takes it in."""

    def __init__(self, basket: Basket, operation: str, mark: str) -> None:
        self.basket = basket
        self.headers = {
            name: value.replace(UNIQUE, mark) for name, value in tills.headers(basket, operation).items()
        }
        self.body = tills.body(basket, operation).replace(UNIQUE.encode(), mark.encode())
        self.mark = mark
        self.headers |= {"host": "localhost", "content-length": str(len(self.body))}

    def scope(self) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "http",
            "method": "POST",
            "path": tills.PATH,
            "raw_path": tills.PATH.encode(),
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in self.headers.items()],
        }

    def message(self) -> TypedData:
        return TypedData(
            http=Message(
                method="POST",
                url=f"http://localhost{tills.PATH}",
                headers=self.headers,
                params={},
                query={},
                body=TypedData(bytes=self.body),
            )
        )

    def incoming(self) -> func.HttpRequest:
        return func.HttpRequest(
            method="POST", url=f"http://localhost{tills.PATH}", headers=self.headers, body=self.body
        )


class Layers:
    """The app in this process, from the host's front down to the database."""

    def __init__(self, worker: Worker, host: Host, conn: Conn, operation: str) -> None:
        self._worker = worker
        self._front = host.asgi()
        self._function = next(one for one in worker.functions if one.name == _FUNCTION)
        self._door: Callable[[func.HttpRequest], func.HttpResponse] = (
            evaluate_basket.build().get_user_function()
        )
        self._conn = conn
        self._operation = operation
        self._raw = Raw(conn)
        self._numbers = count(time.time_ns())
        self.watch = Stopwatch()

    async def once(self, basket: Basket) -> None:
        """Every layer once, each with a sale of its own."""
        await self._asgi(self._request(basket))
        await self._invocation(self._request(basket))
        self._call_door(self._request(basket))
        self._edge(self._request(basket))
        with self.watch("pool"), pool.connection():
            pass
        self._action(self._request(basket))
        self._parts(self._request(basket))

    def _request(self, basket: Basket) -> Request:
        return Request(basket, self._operation, self._mark())

    def _mark(self) -> str:
        return f"layer-{next(self._numbers):030}"

    async def _asgi(self, request: Request) -> None:
        events = iter([{"type": "http.request", "body": request.body, "more_body": False}])
        sent: list[Event] = []

        async def receive() -> Event:
            return next(events)

        async def send(event: Event) -> None:
            sent.append(event)

        with self.watch("asgi"):
            await self._front(request.scope(), receive, send)
        _require(sent[0]["status"])

    async def _invocation(self, request: Request) -> None:
        message = request.message()
        with self.watch("invocation"):
            reply = await self._worker.begin(self._function, message)
        _require(int(reply.http.status_code) if reply else 0)

    def _call_door(self, request: Request) -> None:
        incoming = request.incoming()
        with self.watch("door"):
            response = self._door(incoming)
        _require(response.status_code)

    def _edge(self, request: Request) -> None:
        incoming, now = request.incoming(), datetime.now(UTC)
        with self.watch("authorise"):
            tokens.read(incoming.headers["authorization"].partition(" ")[2], now)
        with self.watch("parse"):
            parse(incoming, "headers", SaleHeaders)
            parse(incoming, "body", EvaluationBody)

    def _action(self, request: Request) -> None:
        """The one call of the handler, on a connection it need not wait for."""
        now, caller = datetime.now(UTC), request.basket.caller
        sale = EvaluationBody.model_validate_json(request.body).request()
        with self.watch("action"):
            if self._operation == "confirm":
                actions.confirm(self._conn, now, request=sale, caller=caller, key=request.mark)
            else:
                actions.evaluate(self._conn, now, request=sale, caller=caller)

    def _parts(self, request: Request) -> None:
        """What the action is made of."""
        now, basket, watch = datetime.now(UTC), request.basket, self.watch
        confirm = self._operation == "confirm"
        body = EvaluationBody.model_validate_json(request.body)
        with watch("request"):
            sale = body.request()
        with watch("read"):
            live = rulesets.newest()
            facts = sale_facts.get(
                self._conn,
                now,
                request=sale,
                live=live,
                new_customer_id=uuid4(),
                slots=preferred_slots(0, 1),
                whole_counters=False,
                user_id=basket.user_id,
                key=request.mark if confirm else None,
            )
        with watch("basket"):
            seen = basket_of(sale, facts, live.gifts)
        with watch("engine"):
            evaluation = engine.evaluate(live.rule_set, seen, now)
        with watch("quote"):
            quote = quote_of(evaluation, now)
        with watch("render"):
            func.HttpResponse(adapter(Quote).dump_json(quote), mimetype="application/json")
        if confirm:
            with watch("record"):
                whole = Seen(seen, sale.overridden, facts.rule_set_version, now)
                texts = seen_text(whole), json_text(Quote, quote), sale.hash
                takes, _ = takes_of(facts.counters, granted_by(evaluation))
                redemptions = redemptions_of(evaluation, takes)
                allocations = allocated_in(quote)
            with watch("write"):
                store.insert(
                    self._conn,
                    store_id=sale.store_id,
                    receipt_number=sale.receipt_number,
                    currency=evaluation.currency,
                    gross_minor=evaluation.gross,
                    discount_minor=evaluation.discount,
                    net_minor=evaluation.net,
                    tax_minor=evaluation.tax,
                    channel=sale.channel,
                    user_id=basket.user_id,
                    request_id=None,
                    customer_id=None,
                    new_phone_hash=None,
                    rule_set_version=facts.rule_set_version,
                    engine_semantics=engine.SEMANTICS,
                    allocations=allocations,
                    seen=texts[0],
                    quote=texts[1],
                    redemptions=redemptions,
                    takes=takes,
                    key=request.mark,
                    request_hash=texts[2],
                    now=now,
                )
        self._raw.once(basket, self._operation, self._mark(), self.watch)
        for name, seconds in self._raw.told(basket, self._operation, self._mark()).items():
            self.watch.took.setdefault(name, []).append(seconds)


def _require(status: int) -> None:
    if status != 200:
        raise RuntimeError(f"a layer answered {status}")


async def _run(baskets: list[Basket], calls: int, state: Path) -> dict[str, dict[str, float]]:
    settings = host_json.read(ROOT)
    worker = await Worker.start(ROOT, settings.timeout_seconds)
    host = Host(worker, settings, state, Gate(None))
    found = {}
    for operation in tills.OPERATIONS:
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as conn:
            layers, turns = Layers(worker, host, conn, operation), cycle(baskets)
            # Statements are prepared and plans are kept from the sixth time on.
            for _ in range(12):
                await layers.once(next(turns))
            layers.watch.took.clear()
            for _ in range(calls):
                await layers.once(next(turns))
            found[operation] = layers.watch.lowest_tenths_us()
    pool.close()
    worker.stop()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.layers", description=__doc__)
    parser.add_argument("--baskets", type=Path, required=True)
    parser.add_argument("--calls", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True)
    given = parser.parse_args()
    print(json.dumps(asyncio.run(_run(world.read(given.baskets), given.calls, given.state))))


if __name__ == "__main__":
    main()
