"""The load: `python -m bench.load` drives one address in a closed loop, from a process of its own.

It reads a JSON object from standard input (address, requests, connections, seconds, warm_up_s, most) and
writes one with what it saw. Each connection sends its next request when it has the whole reply to the last.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from itertools import count, cycle
from statistics import median
from typing import Any, cast, override

import uvloop

from bench.figures import latencies
from bench.mark import UNIQUE

_MARK = UNIQUE.encode()


class Load:
    """One point: the requests, the clock, and what came back."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._requests = cycle([request.encode() for request in given["requests"]])
        self._numbers = count(time.time_ns())
        self._most: int | None = given["most"]
        self._sent = 0
        self._from = time.perf_counter() + given["warm_up_s"]
        self.until = self._from + given["seconds"]
        self.took: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.reply_bytes: list[int] = []

    def next(self) -> bytes | None:
        """The next request to send; None when it is over."""
        if self._most is not None and self._sent >= self._most:
            return None
        if self._most is None and time.perf_counter() >= self.until:
            return None
        self._sent += 1
        request = next(self._requests)
        if _MARK in request:
            request = request.replace(_MARK, b"%036d" % next(self._numbers))
        return request

    def record(self, status: int, reply_bytes: int, began: float, ended: float) -> None:
        self.statuses[status] += 1
        self.reply_bytes.append(reply_bytes)
        if self._most is not None or (began >= self._from and ended <= self.until):
            self.took.append(ended - began)


class Connection(asyncio.Protocol):
    """One connection of the load. It takes replies with a Content-Length, which are all it can get."""

    def __init__(self, load: Load, done: asyncio.Future[None]) -> None:
        self._load = load
        self._done = done
        self._reply = b""
        self._whole = 0

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    @override
    def data_received(self, data: bytes) -> None:
        self._reply = self._reply + data if self._reply else data
        if not self._whole:
            end = self._reply.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._reply[:end].lower()
            self._length = int(head[head.index(b"content-length:") + 15 :].partition(b"\r\n")[0])
            self._whole = end + 4 + self._length
        if len(self._reply) >= self._whole:
            ended = time.perf_counter()
            self._load.record(int(self._reply[9:12]), self._length, self._began, ended)
            self._reply, self._whole = b"", 0
            self._send()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(exc or ConnectionError("the server closed the connection"))

    def _send(self) -> None:
        request = self._load.next()
        if request is None:
            self._done.set_result(None)
            self._transport.close()
            return
        self._began = time.perf_counter()
        self._transport.write(request)


async def drive(given: dict[str, Any]) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    load = Load(given)
    host, port = given["address"]
    done = [loop.create_future() for _ in range(given["connections"])]
    began, cpu = time.perf_counter(), time.process_time()
    for each in done:
        await loop.create_connection(lambda each=each: Connection(load, each), host, port)
    await asyncio.gather(*done)
    whole = time.perf_counter() - began
    measured = whole if given["most"] is not None else given["seconds"]
    return {
        "completed": len(load.took),
        "per_s": len(load.took) / measured,
        **latencies(load.took),
        "statuses": dict(load.statuses),
        "reply_bytes": median(load.reply_bytes),
        "client_cpu_share": round((time.process_time() - cpu) / whole, 3),
    }


def main() -> None:
    print(json.dumps(uvloop.run(drive(json.load(sys.stdin)))))


if __name__ == "__main__":
    main()
