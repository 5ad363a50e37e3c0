"""Log lines on stderr, each with the invocation it belongs to."""

import logging
import sys

from azure_functions_runtime import invocation_id_cv


class _Invocation(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.invocation = invocation_id_cv.get() or "-"
        return True


def to_stderr(level: int) -> None:
    """Send every logger to stderr; the Azure SDK and the runtime, which speak at each call, from warnings."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_Invocation())
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s [%(invocation)s] %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    for chatty in ("azure", "httpx", "uvicorn"):
        logging.getLogger(chatty).setLevel(max(level, logging.WARNING))
