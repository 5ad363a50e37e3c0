"""The host's own API: list the functions, run one now."""

import json
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from devhost.blobs import BlobFunction
from devhost.driver import Function, Worker
from devhost.messages import TypedData


class Admin:
    """`/admin/functions`, without keys as `func start` serves it."""

    def __init__(self, worker: Worker, blob_functions: Mapping[str, BlobFunction]) -> None:
        self._worker = worker
        self._functions = {function.name.casefold(): function for function in worker.functions}
        self._blob_functions = blob_functions

    async def list_functions(self, _request: Request) -> Response:
        """Every function with its bindings; the local Event Grid learns its subscriptions here."""
        return JSONResponse(
            [
                {"name": f.name, "language": "python", "config": {"bindings": f.bindings}}
                for f in self._functions.values()
            ]
        )

    async def run(self, request: Request) -> Response:
        """202 at once; the function runs out of band and its failure is only logged."""
        function = self._functions.get(request.path_params["name"].casefold())
        if function is None:
            return Response(status_code=404)
        try:
            body = json.loads(await request.body() or b"{}")
        except ValueError:
            body = None
        if not isinstance(body, dict) or not isinstance(body.get("input", ""), str):
            return PlainTextResponse('the body is {"input": "…"}', status_code=400)
        return self._run(function, body.get("input", ""))

    def _run(self, function: Function, value: str) -> Response:
        match function.trigger["type"].casefold():
            case "timertrigger":
                self._worker.begin(function, _timer_payload())
            case "blobtrigger":
                container, _, name = value.partition("/")
                if not name:
                    return PlainTextResponse(
                        'the input of a blob trigger is "container/blob"', status_code=400
                    )
                self._worker.spawn(self._blob_functions[function.name].run(self._worker, container, name))
            case _:
                return PlainTextResponse("call an HTTP function by its route", status_code=400)
        return Response(status_code=202)


def _timer_payload() -> TypedData:
    payload = {"Schedule": {"AdjustForDST": True}, "ScheduleStatus": None, "IsPastDue": False}
    return TypedData(json=json.dumps(payload))
