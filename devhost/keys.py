"""Keys of functions, host and master: made once, enforced on demand."""

import hmac
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.requests import Request

from devhost import state

HEADER = "x-functions-key"
QUERY = "code"
FILE = "keys.json"


@dataclass(frozen=True)
class Keys:
    """`master` opens everything, `host` every function, a function's own that function alone.

    `blobs_extension` is the system key that Event Grid shows at the blob webhook.
    """

    master: str
    host: str
    blobs_extension: str
    functions: dict[str, str]


class Gate:
    """Who may call what. Without keys everybody may, as with `func start`."""

    def __init__(self, keys: Keys | None = None) -> None:
        self._keys = keys

    def lets_call(self, request: Request, function: str, level: str) -> bool:
        """Whether the request has a key for a function of that authLevel; unset, the level is function."""
        keys = self._keys
        if keys is None or level.casefold() == "anonymous":
            return True
        if level.casefold() == "admin":
            return _shows(request, keys.master)
        return _shows(request, keys.functions[function], keys.host, keys.master)

    def lets_administer(self, request: Request) -> bool:
        return self._keys is None or _shows(request, self._keys.master)

    def lets_deliver_blobs(self, request: Request) -> bool:
        return self._keys is None or _shows(request, self._keys.blobs_extension, self._keys.master)


def make(folder: Path, functions: Iterable[str]) -> Keys:
    """The keys kept in this folder, with new ones for functions that have none yet."""
    path = folder / FILE
    with state.locked(path):
        kept = read(folder)
        old = kept.functions if kept else {}
        keys = Keys(
            master=kept.master if kept else _new(),
            host=kept.host if kept else _new(),
            blobs_extension=kept.blobs_extension if kept else _new(),
            functions=old | {name: _new() for name in functions if name not in old},
        )
        if keys != kept:
            state.write(path, json.dumps(vars(keys), indent=2), mode=0o600)
    return keys


def read(folder: Path) -> Keys | None:
    """None when no host has made keys there."""
    path = folder / FILE
    if not path.exists():
        return None
    content: dict[str, Any] = json.loads(path.read_text())
    return Keys(**content)


def _new() -> str:
    return secrets.token_urlsafe(40)


def _shows(request: Request, *keys: str) -> bool:
    """The header is looked at first; with one, the query does not count."""
    shown = request.headers.get(HEADER) or request.query_params.get(QUERY) or ""
    return any(hmac.compare_digest(shown.encode(), key.encode()) for key in keys)
