"""The bare limit: `python -m bench.bare`, a Starlette handler that runs the app's statements and no more.

Same server, loop and HTTP parser as the local host, and as many database connections as the app's pool; no
token, no parsing, no engine. It answers the bytes that the app answers.
"""

import argparse
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import count, cycle
from pathlib import Path
from typing import Any

import psycopg_pool
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench import statements, tills, world
from bench.statements import Statement
from devhost.host import Server


class Bare:
    """One operation: its statements for each basket, and a reply of the app's length."""

    def __init__(
        self, pool: psycopg_pool.AsyncConnectionPool[Any], sales: list[list[Statement]], reply: bytes
    ) -> None:
        self._pool = pool
        self._sales = cycle(sales)
        self._numbers = count()
        self._reply = reply

    async def __call__(self, request: Request) -> Response:
        await request.body()
        mark = f"bare-{next(self._numbers):031}"
        async with self._pool.connection() as conn:
            for statement in next(self._sales):
                cursor = await conn.execute(statement.sql, statement.unique(mark))
                await cursor.fetchall()
        return Response(self._reply, media_type="application/json")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.bare", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--baskets", type=Path, required=True)
    parser.add_argument("--reply-bytes", type=int, nargs=2, required=True, help="of evaluate and of confirm")
    parser.add_argument("--connections", type=int, required=True)
    given = parser.parse_args()
    url, now = os.environ["DATABASE_URL"], datetime.now(UTC)
    baskets = world.read(given.baskets)
    heard = (statements.evaluation, statements.sale)
    sales = [[listen(url, basket, now) for basket in baskets] for listen in heard]
    pool = psycopg_pool.AsyncConnectionPool[Any](
        url,
        kwargs={"autocommit": True},
        min_size=given.connections,
        max_size=given.connections,
        open=False,
    )

    @asynccontextmanager
    async def opened(_app: Starlette) -> AsyncGenerator[None]:
        async with pool:
            yield

    routes = [
        Route(f"/{operation}{tills.PATH}", Bare(pool, own, b" " * size).__call__, methods=["POST"])
        for operation, own, size in zip(tills.OPERATIONS, sales, given.reply_bytes, strict=True)
    ]
    config = uvicorn.Config(
        Starlette(routes=routes, lifespan=opened),
        port=given.port,
        http="httptools",
        loop="uvloop",
        ws="none",
        log_config=None,
        access_log=False,
    )
    Server(config).run(sockets=[config.bind_socket()])


if __name__ == "__main__":
    main()
