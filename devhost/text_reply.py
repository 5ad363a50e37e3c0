"""What becomes of a plain string that a function returns: the host looks inside for JSON."""

import json
from dataclasses import dataclass
from typing import Any

_TEXT = {"content-type": "text/plain; charset=utf-8"}
_JSON = {"content-type": "application/json; charset=utf-8"}


@dataclass(frozen=True)
class Reply:
    """As the string describes it; not yet known to be fit for sending."""

    status: int
    headers: dict[str, str]
    body: bytes


def read(text: str) -> Reply:
    """Text is text, JSON is JSON, and a JSON object with a `body` describes a reply."""
    try:
        content = json.loads(text)
    except ValueError:
        return Reply(200, _TEXT, text.encode())
    described = _members(content)
    if "body" not in described:
        return Reply(200, _JSON, _compact(content))
    status = _status(described.get("statuscode", described.get("status")))
    headers = {name.casefold(): str(value) for name, value in _members(described.get("headers")).items()}
    body = described["body"]
    if isinstance(body, str):
        return Reply(status, _TEXT | headers, body.encode())
    return Reply(status, _JSON | headers, _compact(body))


def _members(content: Any) -> dict[str, Any]:
    """The members of an object, their names in lower case."""
    return {name.casefold(): value for name, value in content.items()} if isinstance(content, dict) else {}


def _compact(content: Any) -> bytes:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()


def _status(value: Any) -> int:
    """A number, or digits; anything else is 200."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else 200
