"""What the local host reads from host.json; everything else in it is Azure's business."""

import json
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devhost.driver import AppError

LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "information": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}


@dataclass(frozen=True)
class HostJson:
    """Settings with the documented defaults."""

    route_prefix: str = "api"
    blob_parallelism: int = 8 * (os.cpu_count() or 1)
    blob_tries: int = 5
    concurrent_requests: int | None = None
    outstanding_requests: int | None = None
    timeout_seconds: float | None = 1800
    log_level: int = logging.INFO


def read(app: Path) -> HostJson:
    """AppError when the file is missing, is no JSON, or holds a value of the wrong kind."""
    path = app / "host.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AppError(f"{path} is missing") from None
    except json.JSONDecodeError as error:
        raise AppError(f"{path} is not JSON: {error}") from None
    defaults = HostJson()
    return HostJson(
        route_prefix=_read(content, "extensions.http.routePrefix", defaults.route_prefix).strip("/"),
        blob_parallelism=_read(content, "extensions.blobs.maxDegreeOfParallelism", defaults.blob_parallelism),
        blob_tries=_read(content, "extensions.blobs.poisonBlobThreshold", defaults.blob_tries),
        concurrent_requests=_limit(content, "extensions.http.maxConcurrentRequests"),
        outstanding_requests=_limit(content, "extensions.http.maxOutstandingRequests"),
        timeout_seconds=_timeout(content, defaults.timeout_seconds),
        log_level=_log_level(content),
    )


def _value(content: Any, key: str) -> Any:
    value = content
    for name in key.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _read[T: (str, int)](content: Any, key: str, default: T) -> T:
    value = _value(content, key)
    if value is None:
        return default
    if type(value) is not type(default) or (isinstance(value, int) and value < 1):
        raise AppError(f"host.json: {key} cannot be {value!r}")
    return value


def _limit(content: Any, key: str) -> int | None:
    """Absent and -1 are no limit."""
    return None if _value(content, key) == -1 else _read(content, key, 0) or None


def _timeout(content: Any, default: float | None) -> float | None:
    """Seconds of `[days.]hours:minutes:seconds[.fraction]`; None for -1, which is no limit."""
    value = _value(content, "functionTimeout")
    if value is None:
        return default
    if value == "-1":
        return None
    found = re.fullmatch(
        r"(?:(\d+)\.)?(\d+):(\d\d):(\d\d(?:\.\d{1,7})?)", value if isinstance(value, str) else ""
    )
    if found is None:
        raise AppError(f"host.json: functionTimeout cannot be {value!r}")
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds


def _log_level(content: Any) -> int:
    """What the app logs falls into Azure's category Function, which else has the level of default."""
    level = logging.INFO
    for category in ("default", "Function"):
        key = f"logging.logLevel.{category}"
        name = _read(content, key, "")
        if name and name.casefold() not in LEVELS:
            raise AppError(f"host.json: {key} cannot be {name!r}")
        level = LEVELS.get(name.casefold(), level)
    return level
