"""The local Functions host: python -m devhost.host --app DIR --port 7071 --state DIR."""

import argparse
import asyncio
import contextlib
import errno
import logging
import os
import signal
import socket
import sys
import uuid
from collections.abc import Generator
from pathlib import Path

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route

from devhost import host_json, keys, logs, state
from devhost.admin import Admin
from devhost.blob_queue import BlobQueue
from devhost.blobs import BlobTriggers, Webhook
from devhost.driver import AppError, Worker
from devhost.host_json import HostJson
from devhost.http import HttpFront
from devhost.keys import Gate
from devhost.throttle import Throttle
from devhost.timers import Timers

logger = logging.getLogger(__name__)

# Given to open requests, then once more to work nobody waits for.
GRACE_SECONDS = 5


class Server(uvicorn.Server):
    """uvicorn that says when it accepts connections and ends with exit code 0 when told to stop."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if sockets:
            address, port = sockets[0].getsockname()[:2]
            print(f"ready http://{address}:{port}", flush=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        loop = asyncio.get_running_loop()
        for stop in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(stop, self.handle_exit, stop, None)
        yield


class Host:
    """The app, its HTTP front, its timers and its blob queue."""

    def __init__(self, worker: Worker, settings: HostJson, folder: Path, gate: Gate) -> None:
        self._worker = worker
        self._gate = gate
        self._blobs = BlobTriggers(worker)
        self._timers = Timers(worker, folder)
        throttle = Throttle(
            concurrent=settings.concurrent_requests, outstanding=settings.outstanding_requests
        )
        self._front = HttpFront(worker, settings.route_prefix, gate, throttle)
        self._admin = Admin(worker, self._blobs.functions, self._timers, gate)
        self._queue = BlobQueue(_storage(), _host_id(folder), settings) if self._blobs.functions else None

    def asgi(self) -> Starlette:
        own: list[BaseRoute] = [
            Route("/admin/functions", self._admin.list_functions, methods=["GET"]),
            Route("/admin/functions/{name}", self._admin.run, methods=["POST"]),
        ]
        if self._queue is not None:
            webhook = Webhook(self._blobs.functions, self._queue, self._gate)
            own.append(Route("/runtime/webhooks/blobs", webhook.receive, methods=["POST"]))
        app = Starlette(routes=own)
        # Whatever is not the host's own is the app's, line feeds and all: a mount would not match those.
        app.router.default = self._front
        app.router.redirect_slashes = False
        return app

    async def serve(self, listener: socket.socket) -> bool:
        """Serve until told to stop; False when work had to be abandoned then."""
        config = uvicorn.Config(
            self.asgi(),
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        queue = self._queue
        processing = queue and asyncio.create_task(queue.process(self._blobs.run, self._blobs.data_account))
        self._timers.start()
        await Server(config).serve(sockets=[listener])
        if processing:
            processing.cancel()
        stopping = [self._timers.stop(GRACE_SECONDS), self._worker.drain(GRACE_SECONDS)]
        if queue:
            stopping.append(queue.drain(GRACE_SECONDS))
        return not any(await asyncio.gather(*stopping))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m devhost.host", description="The local Functions host.")
    parser.add_argument("--app", type=Path, default=Path(), help="folder with function_app.py and host.json")
    parser.add_argument("--bind", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=7071, help="0 lets the system choose")
    parser.add_argument("--state", type=Path, required=True, help="folder for what the host remembers")
    parser.add_argument("--enable-auth", action="store_true", help="ask for the keys of STATE/keys.json")
    parser.add_argument("--share-port", action="store_true", help="let other workers listen on the same port")
    arguments = parser.parse_args()
    app, folder = arguments.app.resolve(), arguments.state.resolve()
    try:
        with _listener(arguments.bind, arguments.port, shared=arguments.share_port) as listener:
            return uvloop.run(_run(app, folder, listener, with_keys=arguments.enable_auth))
    except AppError as error:
        print(error, file=sys.stderr)
        return 1


async def _run(app: Path, folder: Path, listener: socket.socket, *, with_keys: bool) -> int:
    settings = host_json.read(app)
    logs.to_stderr(settings.log_level)
    worker = await Worker.start(app, settings.timeout_seconds)
    gate = Gate(keys.make(folder, [function.name for function in worker.functions]) if with_keys else None)
    if await Host(worker, settings, folder, gate).serve(listener):
        worker.stop()
        return 0
    logger.error("stopped while functions were still running")
    # Their threads would keep the interpreter alive.
    sys.stderr.flush()
    os._exit(1)


def _listener(address: str, port: int, *, shared: bool) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        # Linux spreads new connections over the listeners.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((address, port))
    except OSError as error:
        listener.close()
        reason = "is busy; choose another with --port" if error.errno == errno.EADDRINUSE else error.strerror
        raise AppError(f"port {port} on {address}: {reason}") from None
    return listener


def _storage() -> str:
    connection_string = os.environ.get("AzureWebJobsStorage")  # noqa: SIM112 (Azure's spelling)
    if not connection_string:
        raise AppError("the setting AzureWebJobsStorage is not set; blob triggers need it for their queue")
    return connection_string


def _host_id(folder: Path) -> str:
    """The same after a restart, so that waiting messages are found; another for another state folder."""
    return state.kept(folder / "host-id", lambda: f"local-{uuid.uuid4().hex[:12]}")


if __name__ == "__main__":
    sys.exit(main())
