"""HTTP triggers: a request into the runtime's message, its reply back on the wire, with Azure's edges."""

import asyncio
import logging
import re
from collections.abc import Iterable, Mapping
from email.utils import formatdate
from urllib.parse import parse_qsl, quote, unquote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from devhost import routes, text_reply
from devhost.driver import Function, InvocationFailedError, Worker
from devhost.keys import Gate
from devhost.messages import Message, TypedData
from devhost.throttle import Throttle

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 104_857_600
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
_BODILESS = {204, 205, 304}
# Written by the server, which knows what it sends.
_SERVER_HEADERS = {"content-length", "transfer-encoding", "connection"}


class HttpFront:
    """Answers every path that is not the host's own."""

    def __init__(self, worker: Worker, prefix: str, gate: Gate, throttle: Throttle) -> None:
        self._worker = worker
        self._routes = routes.build(worker.triggered_by("httpTrigger"), prefix)
        self._gate = gate
        self._throttle = throttle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.answer(Request(scope, receive))
        await response(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        """Wrong method and unknown path are alike 404, no valid key is 401, without a body."""
        try:
            path = _decoded_path(request)
        except UnicodeDecodeError:
            return Response(status_code=400)
        found = routes.find(self._routes, request.method, path)
        if found is None:
            return Response(status_code=404)
        function, values = found
        if not self._gate.lets_call(request, function.name, str(function.trigger.get("authLevel") or "")):
            return Response(status_code=401)
        return await self._throttle.run(lambda: self._pass_on(request, function, values))

    async def _pass_on(self, request: Request, function: Function, values: dict[str, str]) -> Response:
        length = int(request.headers.get("content-length", "0"))
        if length > MAX_BODY_BYTES:
            return Response(status_code=413, headers={"connection": "close"})
        try:
            # Azure passes a body only when its length was announced: a chunked one arrives empty.
            body = await request.body() if length else None
        except ClientDisconnect:
            return Response(status_code=400)
        return await self._call(function, TypedData(http=_incoming(request, values, body)))

    async def _call(self, function: Function, data: TypedData) -> Response:
        """A function that raises, or replies with what cannot be sent, is 500 without a body."""
        try:
            # The function goes on when the client has gone.
            return _outgoing(await asyncio.shield(self._worker.begin(function, data)))
        except InvocationFailedError:
            return Response(status_code=500)
        except ValueError:
            logger.exception("%s returned a reply that cannot be sent", function.name)
            return Response(status_code=500)


def _decoded_path(request: Request) -> str:
    raw = request.scope["raw_path"].decode("ascii")
    # Kestrel leaves an encoded slash as it is, so it never separates segments.
    return unquote(re.sub("%2[fF]", lambda slash: "%25" + slash[0][1:], raw), errors="strict")


def _incoming(request: Request, values: dict[str, str], body: bytes | None) -> Message:
    scope = request.scope
    query_string = scope["query_string"].decode("latin-1")
    url = f"{scope['scheme']}://{request.headers.get('host', '')}{scope['raw_path'].decode('ascii')}"
    query = _joined(parse_qsl(query_string, keep_blank_values=True))
    return Message(
        method=request.method,
        url=f"{url}?{query_string}" if query_string else url,
        headers=_joined(request.headers.items()),
        params=values,
        query={key: value for key, value in query.items() if value},
        body=TypedData() if body is None else TypedData(bytes=body),
    )


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Repeated keys, in whatever case, become one whose values are joined by a comma."""
    spelling: dict[str, str] = {}
    joined: dict[str, str] = {}
    for key, value in pairs:
        name = spelling.setdefault(key.casefold(), key)
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _outgoing(reply: Message | None) -> Response:
    if reply is None:
        return Response()
    if not hasattr(reply, "http"):
        described = text_reply.read(reply.string)
        return _response(described.status, described.headers, described.body)
    http = reply.http
    response = _response(int(http.status_code), http.headers, http.body.bytes)
    for cookie in http.cookies or ():
        response.headers.append("set-cookie", _cookie(cookie))
    return response


def _response(status: int, headers: Mapping[str, str], body: bytes) -> Response:
    if not 200 <= status <= 599:
        raise ValueError(f"status {status}")
    response = Response(b"" if status in _BODILESS else body, status_code=status)
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise ValueError(f"header {name!r}")
        if name.lower() not in _SERVER_HEADERS:
            response.headers[name] = value
    return response


def _cookie(cookie: Message) -> str:
    parts = [f"{cookie.name}={quote(cookie.value, safe='')}"]
    if cookie.expires:
        parts.append(f"expires={formatdate(cookie.expires.value.seconds, usegmt=True)}")
    if cookie.max_age:
        parts.append(f"max-age={int(cookie.max_age.value)}")
    parts += [
        f"{name}={part.value}"
        for name, part in (("domain", cookie.domain), ("path", cookie.path))
        if part.value
    ]
    if cookie.secure.value:
        parts.append("secure")
    if cookie.same_site:
        parts.append(f"samesite={cookie.same_site}")
    if cookie.http_only.value:
        parts.append("httponly")
    return "; ".join(parts)
