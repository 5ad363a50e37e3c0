"""maxConcurrentRequests and maxOutstandingRequests of host.json: requests wait, then are turned away."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from starlette.responses import Response

SCALE_OUT_HEADER = "x-function-scaleout"


class Throttle:
    """None is no limit, as in Azure outside Windows Consumption. Waiting requests are outstanding too."""

    def __init__(self, *, concurrent: int | None, outstanding: int | None) -> None:
        self._places = asyncio.Semaphore(concurrent) if concurrent else contextlib.nullcontext()
        self._most = outstanding
        self._outstanding = 0

    async def run(self, answer: Callable[[], Awaitable[Response]]) -> Response:
        """429 without a body when there are too many already."""
        if self._most is not None and self._outstanding >= self._most:
            return Response(status_code=429, headers={SCALE_OUT_HEADER: "1"})
        self._outstanding += 1
        try:
            async with self._places:
                return await answer()
        finally:
            self._outstanding -= 1
