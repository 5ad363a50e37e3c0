"""Tills: the bytes of the requests that tills send."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bench.mark import UNIQUE
from bench.world import Basket
from shared.edge import tokens

PATH = "/api/v1/promotions/evaluate"
OPERATIONS = ("evaluate", "confirm")


def headers(basket: Basket, operation: str) -> dict[str, str]:
    """The headers of one request, signed in for ten minutes from now."""
    own = {"idempotency-key": UNIQUE} if operation == "confirm" else {}
    token = tokens.issue(basket.caller, datetime.now(UTC))
    return {"authorization": f"Bearer {token}", "content-type": "application/json", **own}


def body(basket: Basket, operation: str) -> bytes:
    document: dict[str, Any] = dict(basket.body)
    if operation == "confirm":
        document |= {"confirm": True, "receipt_number": UNIQUE}
    return json.dumps(document).encode()


def requests(baskets: Sequence[Basket], operation: str, prefix: str = "") -> list[str]:
    """Whole requests of HTTP/1.1, one for each basket; `prefix` goes before the path."""
    return [_request(basket, operation, prefix) for basket in baskets]


def _request(basket: Basket, operation: str, prefix: str) -> str:
    content = body(basket, operation)
    fields = {"host": "localhost", **headers(basket, operation), "content-length": str(len(content))}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"POST {prefix}{PATH} HTTP/1.1\r\n{head}\r\n{content.decode()}"
