"""MSG91: sending a text message through its Flow API, an e-mail through its e-mail API."""

from collections.abc import Mapping
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from shared.settings import settings

if TYPE_CHECKING:
    import httpx


_lock = Lock()


class DeliveryFailed(Exception):
    """The provider did not take the message; the text says why, without address or content."""


def text_otp(*, to: str, code: str) -> None:
    """Text `code` to the number `to` (E.164). Raises DeliveryFailed."""
    _post(
        "/api/v5/flow",
        {
            "template_id": settings().msg91_otp_template_id,
            "short_url": "0",
            "recipients": [{"mobiles": to.removeprefix("+"), "OTP": code}],
        },
    )


def mail_otp(*, to: str, code: str) -> None:
    """Mail `code` to the address `to`. Raises DeliveryFailed."""
    here = settings()
    _post(
        "/api/v5/email/send",
        {
            "template_id": here.msg91_email_template_id,
            "domain": here.msg91_email_domain,
            "from": {"email": here.msg91_email_from},
            "recipients": [{"to": [{"email": to}], "variables": {"OTP": code}}],
        },
    )


def _post(path: str, body: Mapping[str, Any]) -> None:
    """Hand one message over.

    MSG91 reports refusals in the body of a 200, so the body decides. Not repeated here: a lost answer may be
    a delivered message, and repeating is the outbox's decision.
    """
    import httpx  # noqa: PLC0415 - heavy, and most processes never send

    try:
        response = _client().post(path, json=body)
    except httpx.HTTPError as error:
        raise DeliveryFailed(type(error).__name__) from error
    try:
        answer = response.json()
    except ValueError as error:
        raise DeliveryFailed(f"status {response.status_code}, not JSON") from error
    # Flow says `type`; the e-mail API says `status` and `hasError`.
    match answer:
        case {"hasError": True}:
            kind = "error"
        case {"type": str(kind)} | {"status": str(kind)}:
            pass
        case _:
            kind = None
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
