"""MSG91: sending a text message through its Flow API."""

from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

from shared.settings import settings

if TYPE_CHECKING:
    import httpx


_lock = Lock()


class DeliveryFailed(Exception):
    """The provider did not take the message; the text says why, without number or content."""


def send_otp(*, to: str, code: str) -> None:
    """Text `code` to the number `to` (E.164).

    Raises DeliveryFailed. MSG91 reports refusals in the body of a 200, so the body decides. Not repeated
    here: a lost answer may be a delivered message, and repeating is the outbox's decision.
    """
    import httpx  # noqa: PLC0415 - heavy, and most processes never send

    recipient = {"mobiles": to.removeprefix("+"), "OTP": code}
    body = {
        "template_id": settings().msg91_otp_template_id,
        "short_url": "0",
        "recipients": [recipient],
    }
    try:
        response = _client().post("/api/v5/flow", json=body)
    except httpx.HTTPError as error:
        raise DeliveryFailed(type(error).__name__) from error
    try:
        answer = response.json()
    except ValueError as error:
        raise DeliveryFailed(f"status {response.status_code}, not JSON") from error
    kind = answer.get("type") if isinstance(answer, dict) else None
    if response.is_error or kind != "success":
        raise DeliveryFailed(f"status {response.status_code}, type {kind}")


def _client() -> "httpx.Client":
    # A cache alone would let two threads make one each, and lose one open.
    with _lock:
        return _one_client()


@cache
def _one_client() -> "httpx.Client":
    import httpx  # noqa: PLC0415 - heavy, and most processes never send

    return httpx.Client(
        base_url=settings().msg91_base_url,
        headers={"authkey": settings().msg91_auth_key},
        timeout=httpx.Timeout(5, connect=2),
    )
