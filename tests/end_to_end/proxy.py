"""A proxy that passes a request on and keeps the reply to itself."""

import socket
from queue import Queue
from threading import Thread
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class WithholdingProxy:
    """Takes one connection on the loopback address. `withheld` gets the reply once it has come whole."""

    def __init__(self, target: str) -> None:
        where = urlsplit(target)
        self._target = (where.hostname or "", where.port or 80)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._client: socket.socket | None = None
        self._thread = Thread(target=self._serve)
        self.withheld: Queue[bytes] = Queue()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hang_up()
        self._listener.close()
        self._thread.join()

    def hang_up(self) -> None:
        """Close the connection of the waiting client without a word."""
        if self._client is not None:
            self._client.close()

    def _serve(self) -> None:
        self._client, _ = self._listener.accept()
        with socket.create_connection(self._target) as upstream:
            upstream.sendall(_message(self._client))
            self.withheld.put(_message(upstream))


def _message(connection: socket.socket) -> bytes:
    """One HTTP message with a Content-Length."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length:")
    )
    while len(body) < length:
        body += _some(connection)
    return head + b"\r\n\r\n" + body


def _some(connection: socket.socket) -> bytes:
    received = connection.recv(65_536)
    if not received:
        raise ConnectionError("closed in the middle of a message")
    return received
