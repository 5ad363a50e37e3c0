"""How many workers a local run has, whether they ask for keys, whether they follow the app's files."""

import os
from collections.abc import Mapping
from dataclasses import dataclass


class OptionError(Exception):
    """A variable holds what it cannot mean; the message says which."""


@dataclass(frozen=True, slots=True)
class Options:
    """As `make run` has them when nothing is set."""

    workers: int = 1
    enable_auth: bool = False
    reload: bool = True


def read(environment: Mapping[str, str] = os.environ) -> Options:
    """WORKERS, ENABLE_AUTH and RELOAD; raises OptionError."""

    def flag(name: str, *, default: bool) -> bool:
        value = environment.get(name) or str(int(default))
        if value not in {"0", "1"}:
            raise OptionError(f"{name}={value} is neither 0 nor 1")
        return value == "1"

    workers = environment.get("WORKERS") or "1"
    if not (workers.isascii() and workers.isdecimal() and 0 < int(workers) <= 64):
        raise OptionError(f"WORKERS={workers} is not a number from 1 to 64")
    return Options(
        workers=int(workers),
        enable_auth=flag("ENABLE_AUTH", default=False),
        reload=flag("RELOAD", default=True),
    )
