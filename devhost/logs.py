"""Log lines on stderr: one JSON object a line, with the invocation it belongs to."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, override

from azure_functions_runtime import invocation_id_cv

# What every record has; whatever else is there was put by whoever logged, to be shown.
_USUAL = {*vars(logging.LogRecord("", 0, "", 0, "", None, None)), "message", "asctime", "invocation_id"}


class _Invocation(logging.Filter):
    @override
    def filter(self, record: logging.LogRecord) -> bool:
        record.invocation_id = invocation_id_cv.get()
        return True


class _Json(logging.Formatter):
    @override
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "invocation_id": vars(record).get("invocation_id"),
            **{name: value for name, value in vars(record).items() if name not in _USUAL},
        }
        if record.exc_info:
            line["exception"] = record.exc_text or self.formatException(record.exc_info)
        return json.dumps({name: value for name, value in line.items() if value is not None}, default=str)


def to_stderr(level: int) -> None:
    """Send every logger to stderr; the Azure SDK and the runtime, which speak at each call, from warnings."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_Invocation())
    handler.setFormatter(_Json())
    logging.basicConfig(level=level, handlers=[handler])
    for chatty in ("azure", "httpx", "uvicorn"):
        logging.getLogger(chatty).setLevel(max(level, logging.WARNING))
