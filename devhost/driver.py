"""Drives the genuine Python runtime through its exported API: index the app, invoke its functions."""

import asyncio
import json
import logging
import os
import re
import sys
import time
import uuid
from collections.abc import Coroutine, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import azure_functions_runtime as runtime

from devhost.messages import Message, ParameterBinding, Request, StatusResult, TypedData
from devhost.timeout import Watchdog

logger = logging.getLogger(__name__)

# Declared by its default None; the runtime itself puts strings in.
invocation_id_cv = cast("ContextVar[str | None]", runtime.invocation_id_cv)

HOST_DEFAULT_THREADS = "1000"


class AppError(Exception):
    """The app cannot be served; the message says why."""


class InvocationFailedError(Exception):
    """The function raised, or returned what its bindings do not allow; the traceback has been logged."""


@dataclass(frozen=True)
class Function:
    """A function as the runtime indexed it."""

    name: str
    function_id: str
    trigger: Mapping[str, Any]
    bindings: tuple[Mapping[str, Any], ...]


class Worker:
    """The app inside the runtime. The runtime keeps its state in modules, so there is one per process."""

    def __init__(self, functions: list[Function], watchdog: Watchdog | None) -> None:
        self.functions = functions
        self._watchdog = watchdog
        self._running: set[asyncio.Task[Any]] = set()

    @classmethod
    async def start(cls, app: Path, timeout_seconds: float | None) -> Self:
        """Import and index the app; AppError carries the app's traceback when it does not.

        An invocation that takes longer than the timeout ends this process; None lets it run for ever.
        """
        if not (app / "function_app.py").is_file():
            raise AppError(f"{app} holds no function_app.py")
        # The host sets this; the runtime alone would fall back to Python's few threads.
        os.environ.setdefault("PYTHON_THREADPOOL_THREAD_COUNT", HOST_DEFAULT_THREADS)
        sys.path.insert(0, str(app))
        os.chdir(app)
        runtime.start_threadpool_executor()
        init = Message(capabilities={}, function_app_directory=str(app))
        reply = await runtime.worker_init_request(Request(Message(worker_init_request=init)))
        if reply.result.status != StatusResult.Success:
            raise AppError(f"The app does not index:\n{reply.result.exception.stack_trace}")
        reply = await runtime.functions_metadata_request(
            Request(Message(functions_metadata_request=Message()))
        )
        functions = [_function(metadata) for metadata in reply.function_metadata_results or []]
        if timeout_seconds is None:
            return cls(functions, None)
        watchdog = Watchdog(timeout_seconds)
        watchdog.start()
        return cls(functions, watchdog)

    def triggered_by(self, trigger_type: str) -> list[Function]:
        return [f for f in self.functions if f.trigger["type"].casefold() == trigger_type.casefold()]

    def begin(
        self, function: Function, data: TypedData, metadata: Mapping[str, TypedData] | None = None
    ) -> asyncio.Task[Message | None]:
        """Start one invocation; it finishes whether or not anybody awaits the task."""
        return self.spawn(self._invoke(function, data, metadata or {}))

    def spawn[T](self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run work out of band; the host waits for it when it stops."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    async def drain(self, seconds: float) -> int:
        """Wait for running work; the number of tasks that were still running at the end."""
        if not self._running:
            return 0
        _, pending = await asyncio.wait(self._running, timeout=seconds)
        return len(pending)

    def stop(self) -> None:
        """End the threads of the synchronous functions, which must have finished."""
        runtime.stop_threadpool_executor()

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, InvocationFailedError):
            logger.error("work of the host failed", exc_info=error)

    async def _invoke(
        self, function: Function, data: TypedData, metadata: Mapping[str, TypedData]
    ) -> Message | None:
        invocation_id = str(uuid.uuid4())
        # The runtime sets this for its threads only; an async function runs in this task.
        invocation_id_cv.set(invocation_id)
        invocation = Message(
            invocation_id=invocation_id,
            function_id=function.function_id,
            input_data=[ParameterBinding(name=function.trigger["name"], data=data)],
            trigger_metadata=metadata,
            trace_context=Message(trace_parent="", trace_state="", attributes={}),
            retry_context=Message(retry_count=0, max_retry_count=0, exception=None),
        )
        if self._watchdog is not None:
            self._watchdog.began(invocation_id, function.name)
        began = time.perf_counter()
        try:
            reply = await runtime.invocation_request(Request(Message(invocation_request=invocation)))
        finally:
            if self._watchdog is not None:
                self._watchdog.ended(invocation_id)
        took_ms = (time.perf_counter() - began) * 1000
        if reply.result.status != StatusResult.Success:
            failure = reply.result.exception
            logger.error("%s failed after %.0f ms\n%s", function.name, took_ms, failure.stack_trace.rstrip())
            raise InvocationFailedError(failure.message)
        logger.info("%s succeeded after %.0f ms", function.name, took_ms)
        return reply.return_value


def _function(metadata: Message) -> Function:
    bindings = tuple(_resolve(json.loads(raw), metadata.name) for raw in metadata.raw_bindings)
    trigger = next(binding for binding in bindings if binding["type"].casefold().endswith("trigger"))
    return Function(metadata.name, metadata.function_id, trigger, bindings)


def _resolve(value: Any, function_name: str) -> Any:
    """Replace %SETTING% in binding values by the setting, as the host does."""
    if isinstance(value, dict):
        return {key: _resolve(item, function_name) for key, item in value.items()}
    if isinstance(value, list):
        return [_resolve(item, function_name) for item in value]
    if isinstance(value, str):
        return re.sub(r"%([A-Za-z_][A-Za-z0-9_]*)%", lambda found: _setting(found[1], function_name), value)
    return value


def _setting(name: str, function_name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise AppError(f"{function_name}: %{name}% is in a binding but the setting {name} is not set")
    return value
