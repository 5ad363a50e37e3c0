"""Logs: every record says which request it belongs to, and nothing that is a secret.

Done where records are made, so that it holds for every library and whoever collects them: the local host, the
Functions host, OpenTelemetry.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

# These speak at every call, and of whole addresses.
_CHATTY = ("azure.core", "azure.identity", "azure.storage", "httpcore", "httpx", "msal", "urllib3")

_HIDDEN = "[hidden]"
_SECRETS = re.compile(
    r"""
      (?P<name>
        \b(?:authorization|authkey|auth_key|password|pwd|accountkey|sharedaccesssignature|sig
           |access_token|refresh_token|mobiles
           |x-functions-key|x-api-key)\b
           ["']? \s* [:=] \s* ["']? (?:bearer\s+)?
      | \bbearer\s+
      )
      [^\s"',;&}]+
    | (?P<code>\b(?:otp|code)\b ["']? \s* [:=] \s* ["']?) [0-9]{4,8}\b     # a one-time password
    | (?P<user>://[^\s:/@]*:) [^\s/@]+ (?=@)                           # the password in a URL
    | \beyJ[\w-]+\.[\w-]+\.[\w-]*                                     # a token
    | \bpp[rk]_[\w-]+                                                # a refresh token, an API key
    | \+[1-9][0-9]{6,14}\b                                            # a phone number
    | [\w.!#$%&'*+/=?^`{|}~-]{1,64}(?:@|%40)[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+   # an e-mail address
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----.*?(?:-----END\ [A-Z ]*-----|\Z)
    """,
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)

_request: ContextVar[dict[str, str] | None] = ContextVar("request", default=None)
_formatter = logging.Formatter()


@contextmanager
def request(*, function: str, request_id: str) -> Iterator[None]:
    """Records made within belong to this request."""
    token = _request.set({"function": function, "request_id": request_id})
    try:
        yield
    finally:
        _request.reset(token)


def install() -> None:
    """Make every record of this process so from now on."""
    if logging.getLogRecordFactory() is not _record:
        logging.setLogRecordFactory(_record)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


def hide(text: str) -> str:
    """`text` without what looks like a secret, a phone number or an e-mail address."""
    return _SECRETS.sub(
        lambda found: f"{found['name'] or found['code'] or found['user'] or ''}{_HIDDEN}", text
    )


def _record(*args: Any, **kwargs: Any) -> logging.LogRecord:
    record = logging.LogRecord(*args, **kwargs)
    record.__dict__.update(_request.get() or {})
    try:
        record.msg = hide(record.getMessage())
    except (TypeError, ValueError):
        # The arguments do not fit; say the rest.
        record.msg = hide(str(record.msg))
    record.args = ()
    if record.exc_info and record.exc_info[1] is not None:
        # Formatters take this instead of making their own.
        record.exc_text = hide(_formatter.formatException(record.exc_info))
    return record
