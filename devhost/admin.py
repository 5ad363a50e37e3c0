"""The host's own API: list the functions, run one now."""

import json
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from devhost.blobs import BlobFunction
from devhost.driver import Function, Worker
from devhost.keys import Gate
from devhost.timers import Timers


class Admin:
    """`/admin/functions`; the master key opens it where keys are asked for."""

    def __init__(
        self, worker: Worker, blob_functions: Mapping[str, BlobFunction], timers: Timers, gate: Gate
    ) -> None:
        self._worker = worker
        self._functions = {function.name.casefold(): function for function in worker.functions}
        self._blob_functions = blob_functions
        self._timers = timers
        self._gate = gate

    async def list_functions(self, request: Request) -> Response:
        """Every function with its bindings; the local Event Grid learns its subscriptions here."""
        if not self._gate.lets_administer(request):
            return Response(status_code=401)
        return JSONResponse(
            [
                {"name": f.name, "language": "python", "config": {"bindings": f.bindings}}
                for f in self._functions.values()
            ]
        )

    async def run(self, request: Request) -> Response:
        """202 at once; the function runs out of band and its failure is only logged."""
        if not self._gate.lets_administer(request):
            return Response(status_code=401)
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
                self._worker.begin(function, self._timers.payload(function.name))
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
