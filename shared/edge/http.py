"""HTTP: the one decorator that makes an endpoint of a handler: parse, authorise, one call, reply."""

import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime
from time import perf_counter
from typing import Any
from uuid import uuid4

import azure.functions as func
from pydantic_core import to_json

from shared.domain.audit import By
from shared.domain.errors import PromoPartnerError, Unavailable
from shared.domain.users import Caller, Permission
from shared.edge import callers, logs
from shared.edge.operations import Access, Content, Operation, Reply, register
from shared.edge.parsing import parse
from shared.edge.problems import (
    InternalError,
    PermissionMissing,
    SessionNeeded,
    Unauthenticated,
    problem_of,
)
from shared.rows import adapter

_log = logging.getLogger(__name__)

BASE = "v1/"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ALWAYS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def endpoint(
    bp: func.Blueprint,
    method: str,
    route: str,
    *,
    access: Permission | Access,
    status: int = 200,
    raises: tuple[type[PromoPartnerError], ...] = (),
) -> Callable[[Callable[..., Any]], Any]:
    """Make an endpoint of a handler and register it as the function named like the handler.

    The handler's parameters say what it wants: `path`, `query`, `headers`, `body` (pydantic models) and
    `caller`, `by` (the caller in this request), `now` (UTC), `request_id`. It returns a dataclass, a `Reply`
    around one, or `Content`; what it raises of the error tree becomes problem+json. `raises` are the leaves a
    caller should expect beyond those any request can meet; they are documented with the operation.
    """

    def decorate(handler: Callable[..., Any]) -> Any:
        operation = register(handler, method=method, route=route, access=access, status=status, raises=raises)

        def door(req: func.HttpRequest) -> func.HttpResponse:
            return _answer(operation, handler, req)

        door.__name__ = handler.__name__
        door.__doc__ = handler.__doc__
        # Signing in is ours; keys of the host would be one secret shared by every app.
        return bp.route(BASE + route, methods=[method], auth_level=func.AuthLevel.ANONYMOUS)(door)

    return decorate


def _answer(operation: Operation, handler: Callable[..., Any], req: func.HttpRequest) -> func.HttpResponse:
    began = perf_counter()
    request_id = _request_id(req)
    with logs.request(function=operation.name, request_id=request_id):
        response = _reply(operation, handler, req, request_id)
        response.headers["X-Request-Id"] = request_id
        _log_answer(operation, request_id, response.status_code, (perf_counter() - began) * 1000)
    return response


def _reply(
    operation: Operation, handler: Callable[..., Any], req: func.HttpRequest, request_id: str
) -> func.HttpResponse:
    try:
        return _render(operation, handler(**_arguments(operation, req, request_id)))
    except PromoPartnerError as error:
        if isinstance(error, Unavailable):
            _log.warning("%s request %s: %s: %r", operation.name, request_id, error.code, error.__cause__)
        return _render_problem(error, request_id)
    except Exception:  # noqa: BLE001
        # The last door before the host, which would answer 500 without a body or a request id.
        _log.exception("%s request %s failed", operation.name, request_id)
        return _render_problem(InternalError(), request_id)


def _log_answer(operation: Operation, request_id: str, status: int, duration_ms: float) -> None:
    # Said twice: as fields, and in the text, which is all that some collectors keep.
    _log.info(
        "%s request %s answered %d after %.1f ms",
        operation.name,
        request_id,
        status,
        duration_ms,
        extra={
            "method": operation.method,
            "route": operation.route,
            "status": status,
            "duration_ms": round(duration_ms, 1),
        },
    )


def _arguments(operation: Operation, req: func.HttpRequest, request_id: str) -> dict[str, Any]:
    now = datetime.now(UTC)
    caller = _authorise(operation.access, req, now)
    by = By(caller.user_id, request_id) if caller else None
    context = {"caller": caller, "by": by, "now": now, "request_id": request_id}
    arguments: dict[str, Any] = {name: context[name] for name in operation.takes if name in context}
    for source, model in operation.inputs.items():
        arguments[source] = parse(req, source, model)
    return arguments


def _authorise(access: Permission | Access, req: func.HttpRequest, now: datetime) -> Caller | None:
    if access is Access.OPEN:
        return None
    caller = callers.authenticate(req.headers, now)
    if access is Access.SESSION and caller.session_id is None:
        raise SessionNeeded
    if isinstance(access, Permission) and not caller.may(access):
        raise PermissionMissing(permission=access.value)
    return caller


def _render(operation: Operation, result: Any) -> func.HttpResponse:
    if isinstance(result, Content):
        headers = {**_ALWAYS, **dict(result.headers)}
        return func.HttpResponse(result.body, headers=headers, mimetype=result.media_type)
    reply: Reply[Any] = result if isinstance(result, Reply) else Reply(result)
    return func.HttpResponse(
        adapter(operation.reply).dump_json(reply.value),
        status_code=reply.status or operation.status,
        headers={**_ALWAYS, **dict(reply.headers)},
        mimetype="application/json",
    )


def _render_problem(error: PromoPartnerError, request_id: str) -> func.HttpResponse:
    problem = problem_of(error, request_id)
    headers = dict(_ALWAYS)
    if problem.status == 401:
        headers["WWW-Authenticate"] = (
            "Bearer" if problem.code == Unauthenticated.code else 'Bearer error="invalid_token"'
        )
    if problem.status == 503:
        headers["Retry-After"] = "5"
    return func.HttpResponse(
        to_json(problem),
        status_code=problem.status,
        headers=headers,
        mimetype="application/problem+json",
    )


def _request_id(req: func.HttpRequest) -> str:
    given = req.headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else str(uuid4())
