"""A storage account behind a proxy: real, and busy or silent where a test says so."""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from threading import Event, Thread
from urllib.parse import urlsplit

BUSY = (
    b'<?xml version="1.0" encoding="utf-8"?><Error><Code>ServerBusy</Code>'
    b"<Message>The server is currently unable to receive requests.</Message></Error>"
)
# Of the connection, not of the message.
HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding"})


class StorageProxy:
    """Passes on what it gets. A download is one chunk of a file: they are counted from 0.

    `busy` of them are told so before any is passed on, and the one of number `held_back` gets no answer
    until `release` is set; `reached` says that it has come. Of `unanswered` appends the answer is lost: the
    blocks are written, and once `release` is set the connection ends. While it is `away` it is busy for all.
    """

    def __init__(self, connection_string: str) -> None:
        self._parts = dict(part.split("=", 1) for part in connection_string.split(";"))
        endpoint = urlsplit(self._parts["BlobEndpoint"])
        self.upstream = (endpoint.hostname or "", endpoint.port or 80)
        self._path = endpoint.path
        self.busy = 0
        self.held_back: int | None = None
        self.unanswered = 0
        self.away = False
        self.reached, self.release = Event(), Event()
        self.downloads = count()
        self.told_busy = 0
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))

    @property
    def connection_string(self) -> str:
        """The account as it is seen through the proxy."""
        through = f"http://127.0.0.1:{self.server.server_address[1]}{self._path}"
        return ";".join(
            f"{name}={value}" for name, value in (self._parts | {"BlobEndpoint": through}).items()
        )

    def is_busy(self) -> bool:
        if self.busy > 0:
            self.busy -= 1
            self.told_busy += 1
            return True
        return False

    def loses_answer(self) -> bool:
        if self.unanswered > 0:
            self.unanswered -= 1
            self.reached.set()
            self.release.wait()
            return True
        return False


@contextmanager
def storage_proxy(connection_string: str) -> Iterator[StorageProxy]:
    proxy = StorageProxy(connection_string)
    thread = Thread(target=proxy.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield proxy
    finally:
        proxy.release.set()
        proxy.server.shutdown()
        thread.join()
        proxy.server.server_close()


def _handler_of(proxy: StorageProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle(self) -> None:
            # Whoever asked may have hung up, or been killed.
            with suppress(ConnectionError):
                super().handle()

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            downloads = self.command == "GET" and "x-ms-range" in self.headers
            if proxy.away or (downloads and proxy.is_busy()):
                self._answer(503, [("x-ms-error-code", "ServerBusy")], BUSY)
                return
            if downloads and next(proxy.downloads) == proxy.held_back:
                proxy.reached.set()
                proxy.release.wait()
            upstream = http.client.HTTPConnection(*proxy.upstream)
            try:
                upstream.request(self.command, self.path, body, dict(self.headers))
                reply = upstream.getresponse()
                content = reply.read()
                if "comp=appendblock" in self.path and proxy.loses_answer():
                    self.close_connection = True
                    return
                self._answer(reply.status, reply.getheaders(), content)
            finally:
                upstream.close()

        do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _pass_on  # noqa: N815 - http.server names them

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            lengths = [value for name, value in headers if name.lower() == "content-length"]
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in HOP_BY_HOP | {"content-length"}:
                    self.send_header(name, value)
            # To HEAD it is the length of what GET would bring.
            self.send_header("Content-Length", lengths[0] if lengths and not body else str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
