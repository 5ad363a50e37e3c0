"""A stand-in of MSG91, which sends SMS and e-mail: shows what it takes, and misbehaves when told to."""

import argparse
import json
import os
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen
from uuid import uuid4

HOST = "127.0.0.1"
BODY_MAX = 1_000_000


class Mode(StrEnum):
    """error_body: refused in the body, with HTTP 200, as the real one refuses. unlisted: refused with code
    418, as for an address that is not on the key's list. http_500: fails before it accepts. slow: accepts,
    answers late. drop_answer: accepts, then closes without an answer. duplicate: delivers and reports twice.
    """

    OK = "ok"
    ERROR_BODY = "error_body"
    UNLISTED = "unlisted"
    HTTP_500 = "http_500"
    SLOW = "slow"
    DROP_ANSWER = "drop_answer"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Message:
    """One accepted message. `to` is an e-mail address, or a number in digits, country code first.

    `reference` is what the sender calls it (CRQID), which reports repeat.
    """

    request_id: str
    to: str
    template_id: str
    variables: dict[str, str]
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How sends are answered; after `times` of them (None: for good) all is well again. Slow is `seconds`."""

    mode: Mode = Mode.OK
    seconds: float = 10.0
    times: int | None = None


@dataclass(slots=True)
class Mailbox:
    """What was accepted, oldest first, and how to behave next."""

    auth_key: str
    _messages: list[Message] = field(default_factory=list)
    _behaviour: Behaviour = field(default_factory=Behaviour)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def messages(self, to: str | None = None) -> list[Message]:
        """All messages, or those to one address or number, however it is written."""
        with self._lock:
            return [message for message in self._messages if to is None or message.to == _address(to)]

    def accept(self, messages: list[Message]) -> None:
        with self._lock:
            self._messages.extend(messages)

    def behave(self, behaviour: Behaviour) -> None:
        with self._lock:
            self._behaviour = behaviour

    def next_behaviour(self) -> Behaviour:
        """How to answer the send at hand."""
        with self._lock:
            current = self._behaviour
            if current.times is not None:
                left = current.times - 1
                self._behaviour = replace(current, times=left) if left > 0 else Behaviour()
            return current

    def forget(self) -> None:
        with self._lock:
            self._messages.clear()
            self._behaviour = Behaviour()


class BadRequestError(Exception):
    """The request cannot be read; the text says why, in the provider's manner."""


def _address(written: str) -> str:
    return written.lower() if "@" in written else re.sub(r"\D", "", written)


def read_flow(body: object) -> list[Message]:
    """The messages of a flow request, one a recipient. Raises BadRequestError."""
    match body:
        case {"template_id": str(template_id), "recipients": [_, *_] as recipients} if template_id:
            return [_read_recipient(template_id, recipient) for recipient in recipients]
        case {"template_id": str(template_id)} if template_id:
            raise BadRequestError("recipients missing")
        case _:
            raise BadRequestError("template_id missing")


def _read_recipient(template_id: str, recipient: object) -> Message:
    match recipient:
        case {"mobiles": str(mobiles), **variables} if re.fullmatch(r"\d{8,15}", mobiles):
            texts = {str(name): str(value) for name, value in variables.items()}
            reference = texts.pop("CRQID", "")
            return Message(uuid4().hex[:24], mobiles, template_id, texts, reference)
        case _:
            raise BadRequestError("mobiles invalid: digits with the country code, no plus sign")


def read_email(body: object) -> list[Message]:
    """The messages of an e-mail request, one an address. Raises BadRequestError."""
    match body:
        case {
            "template_id": str(template_id),
            "domain": str(domain),
            "from": {"email": str(sender)},
            "recipients": [_, *_] as recipients,
        } if template_id and domain:
            if not sender.endswith(f"@{domain}"):
                raise BadRequestError("from: not of the domain")
            return [
                message
                for recipient in recipients
                for message in _read_email_recipient(template_id, recipient)
            ]
        case _:
            raise BadRequestError("template_id, domain, from and recipients are needed")


def _read_email_recipient(template_id: str, recipient: object) -> list[Message]:
    match recipient:
        case {"to": [_, *_] as addresses, "variables": dict(variables)}:
            texts = {str(name): str(value) for name, value in variables.items()}
            return [
                Message(uuid4().hex[:24], _read_email_address(each), template_id, texts) for each in addresses
            ]
        case _:
            raise BadRequestError("recipients: to and variables are needed")


def _read_email_address(address: object) -> str:
    match address:
        case {"email": str(email)} if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
            return email.lower()
        case _:
            raise BadRequestError("to: email invalid")


@dataclass(frozen=True, slots=True)
class Api:
    """One of the provider's APIs: how it is read, and how it says yes and no, both with HTTP 200."""

    read: Callable[[object], list[Message]]
    accepted: Callable[[str], dict[str, object]]
    refused: Callable[[str], dict[str, object]]


APIS = {
    "/api/v5/flow": Api(
        read_flow,
        lambda request_id: {"type": "success", "message": request_id},
        lambda reason: {"type": "error", "message": reason},
    ),
    "/api/v5/email/send": Api(
        read_email,
        lambda request_id: {
            "status": "success",
            "hasError": False,
            "errors": {},
            "data": {"unique_id": request_id},
        },
        lambda reason: {"status": "fail", "hasError": True, "errors": {"request": [reason]}},
    ),
}


class Handler(BaseHTTPRequestHandler):
    """MSG91's APIs as it has them; `/messages` and `/behaviour` for whoever plays with it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 30

    @property
    def _stand_in(self) -> "StandIn":
        if not isinstance(self.server, StandIn):
            raise TypeError("this handler serves the stand-in only")
        return self.server

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path != "/messages":
            self._reply({"type": "error", "message": "not found"}, HTTPStatus.NOT_FOUND)
            return
        to = parse_qs(url.query).get("to", [None])[0]
        self._reply([asdict(message) for message in self._stand_in.mailbox.messages(to)])

    def do_POST(self) -> None:
        try:
            body = self._read()
            match urlsplit(self.path).path.rstrip("/"):
                case path if path in APIS:
                    self._send(APIS[path], body)
                case "/webhook":
                    self._stand_in.webhook = _read_webhook(body)
                    self._reply({"type": "success"})
                case "/behaviour":
                    self._stand_in.mailbox.behave(_read_behaviour(body))
                    self._reply({"type": "success"})
                case _:
                    self._reply({"type": "error", "message": "not found"}, HTTPStatus.NOT_FOUND)
        except BadRequestError as error:
            self._reply({"type": "error", "message": str(error)})

    def _send(self, api: Api, body: object) -> None:
        mailbox = self._stand_in.mailbox
        if self.headers.get("authkey") != mailbox.auth_key:
            refusal = {"type": "error", "code": "401", "message": "Unauthorized"}
            self._reply(refusal, HTTPStatus.UNAUTHORIZED)
            return
        try:
            messages = api.read(body)
        except BadRequestError as error:
            self._reply(api.refused(str(error)))
            return
        behaviour = mailbox.next_behaviour()
        if behaviour.mode is Mode.ERROR_BODY:
            self._reply(api.refused("template not approved"))
            return
        if behaviour.mode is Mode.UNLISTED:
            self._reply(api.refused("IP is not whitelisted") | {"code": "418"})
            return
        if behaviour.mode is Mode.HTTP_500:
            self._reply({"message": "internal error"}, HTTPStatus.INTERNAL_SERVER_ERROR)
            return
        times = 2 if behaviour.mode is Mode.DUPLICATE else 1
        mailbox.accept(messages * times)
        self._stand_in.report(messages * times)
        if behaviour.mode is Mode.DROP_ANSWER:
            self.close_connection = True
            return
        if behaviour.mode is Mode.SLOW:
            self._stand_in.stopping.wait(behaviour.seconds)
        self._reply(api.accepted(messages[0].request_id))

    def _read(self) -> object:
        length = int(self.headers.get("Content-Length", "0"))
        if length > BODY_MAX:
            self.close_connection = True
            raise BadRequestError("body too large")
        try:
            return json.loads(self.rfile.read(length))
        except ValueError as error:
            raise BadRequestError("body is not JSON") from error

    def _reply(self, body: object, status: HTTPStatus = HTTPStatus.OK) -> None:
        content = json.dumps(body).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            # A client that gave up waiting is what a slow answer is for.
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name http.server calls)
        """Says nothing: request lines carry addresses."""


def _read_webhook(body: object) -> str | None:
    match body:
        case {"url": str(url)} if url.startswith("http://"):
            return url
        case {"url": None}:
            return None
        case _:
            raise BadRequestError("url is an http address, or null for no reports")


def _read_behaviour(body: object) -> Behaviour:
    match body:
        case {"mode": str(mode), **rest} if mode in set(Mode) and rest.keys() <= {"seconds", "times"}:
            return Behaviour(Mode(mode), **rest)
        case _:
            raise BadRequestError(f"mode is one of {', '.join(Mode)}; seconds and times are optional")


class StandIn(ThreadingHTTPServer):
    """The server. `port` 0 takes a free one."""

    daemon_threads = True

    def __init__(self, *, port: int, auth_key: str) -> None:
        self.mailbox = Mailbox(auth_key)
        self.stopping = threading.Event()
        self.webhook: str | None = None
        self._reports = ThreadPoolExecutor(1, "reports")
        super().__init__((HOST, port), Handler)

    def report(self, messages: list[Message]) -> None:
        """Tell the webhook, if there is one, that they were delivered; after the answer, as the real one."""
        if self.webhook is not None:
            self._reports.submit(_report, self.webhook, messages)

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.server_port}"


def _report(url: str, messages: list[Message]) -> None:
    """One POST a message, each field of the dashboard's template that holds no address."""
    for message in messages:
        said = {
            "requestId": message.request_id,
            "CRQID": message.reference,
            "status": "Delivered",
            "failureReason": "",
        }
        request = Request(url, json.dumps(said).encode(), {"Content-Type": "application/json"})  # noqa: S310
        try:
            urlopen(request, timeout=10).close()  # noqa: S310 - http alone is taken
        except OSError as error:
            print(f"a report was not taken: {type(error).__name__}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m devhost.services.msg91")
    parser.add_argument("--port", type=int, default=7072)
    port = parser.parse_args().port
    with StandIn(port=port, auth_key=os.environ["MSG91_AUTH_KEY"]) as server:
        print(f"ready {server.url}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
