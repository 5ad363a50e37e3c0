"""functionTimeout: the process of an invocation that takes too long ends, as Azure restarts its worker."""

import logging
import os
import sys
import threading
import time

logger = logging.getLogger(__name__)

EXIT_CODE = 124


class Watchdog(threading.Thread):
    """Watches invocations from a thread of its own, which a function that blocks the loop cannot stop."""

    def __init__(self, seconds: float) -> None:
        super().__init__(name="functionTimeout", daemon=True)
        self._seconds = seconds
        self._lock = threading.Lock()
        # In the order of their beginning, which is that of their ends: all have the same time.
        self._running: dict[str, tuple[str, float]] = {}

    def began(self, invocation_id: str, function: str) -> None:
        with self._lock:
            self._running[invocation_id] = (function, time.monotonic() + self._seconds)

    def ended(self, invocation_id: str) -> None:
        with self._lock:
            del self._running[invocation_id]

    def run(self) -> None:
        while True:
            with self._lock:
                oldest = next(iter(self._running.items()), None)
            # What begins while it sleeps ends later than it wakes.
            left = self._seconds if oldest is None else oldest[1][1] - time.monotonic()
            if left > 0:
                time.sleep(left)
            elif oldest is not None:
                self._expire(oldest[0], oldest[1][0])

    def _expire(self, invocation_id: str, function: str) -> None:
        others = len(self._running) - 1
        logger.critical(
            "functionTimeout of %g s exceeded by %s (invocation %s); this process ends, and with it %d other"
            " invocations",
            self._seconds,
            function,
            invocation_id,
            others,
        )
        sys.stderr.flush()
        # Threads cannot be stopped in any gentler way.
        os._exit(EXIT_CODE)
