"""MSG91: sending a text message through its Flow API, an e-mail through its e-mail API."""

import logging
from collections.abc import Mapping
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from shared.domain.otp import Purpose
from shared.settings import settings

if TYPE_CHECKING:
    import httpx

_log = logging.getLogger(__name__)

_lock = Lock()
# What it says in the body, or as status, when our key or the address we call from is not known to it.
_SETUP = {"401": "the key is refused", "418": "this address is not on the key's list"}


class DeliveryFailed(Exception):
    """The provider did not take the message; the text says why, without address or content."""


class SetupRefused(DeliveryFailed):
    """The provider takes no message of ours before somebody changes its settings or ours."""


def text_otp(*, to: str, code: str, purpose: Purpose, reference: str) -> str | None:
    """Text `code` to the number `to` (E.164); the provider's name for the message, if it says one.

    `reference` comes back in delivery reports. Raises DeliveryFailed.
    """
    here = settings()
    templates = {
        Purpose.SIGN_IN: here.msg91_otp_template_id,
        Purpose.REDEMPTION: here.msg91_redemption_template_id,
        Purpose.STEP_UP: here.msg91_step_up_template_id,
    }
    answer = _post(
        "/api/v5/flow",
        {
            "template_id": templates[purpose],
            "short_url": "0",
            "recipients": [{"mobiles": to.removeprefix("+"), "OTP": code, "CRQID": reference}],
        },
    )
    # The Flow API gives the id as `message`, newer versions of it as `request_id`.
    return _text(answer.get("request_id") or answer.get("message"))


def mail_otp(*, to: str, code: str, purpose: Purpose) -> str | None:
    """Mail `code` to the address `to`; the provider's name for the message. Raises DeliveryFailed."""
    here = settings()
    templates = {
        Purpose.SIGN_IN: here.msg91_email_template_id,
        Purpose.REDEMPTION: here.msg91_email_redemption_template_id,
        Purpose.STEP_UP: here.msg91_email_step_up_template_id,
    }
    answer = _post(
        "/api/v5/email/send",
        {
            "template_id": templates[purpose],
            "domain": here.msg91_email_domain,
            "from": {"email": here.msg91_email_from},
            "recipients": [{"to": [{"email": to}], "variables": {"OTP": code}}],
        },
    )
    data = answer.get("data")
    return _text(data.get("unique_id")) if isinstance(data, dict) else None


def _post(path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Hand one message over; what the provider answers.

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
        _check_setup(str(response.status_code))
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
        _check_setup(str(response.status_code))
        if isinstance(answer, dict):
            _check_setup(str(answer.get("code")))
            _check_setup(str(answer.get("apiError")))
        raise DeliveryFailed(f"status {response.status_code}, type {kind}")
    return answer


def _check_setup(code: str) -> None:
    if code in _SETUP:
        # Nothing is sent until an operator acts: this record is what the alert rule looks for.
        _log.error("MSG91 takes no messages: %s (%s)", _SETUP[code], code, extra={"alert": "msg91_setup"})
        raise SetupRefused(f"{_SETUP[code]} ({code})")


def _text(value: object) -> str | None:
    return value[:100] if isinstance(value, str) and value else None


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
