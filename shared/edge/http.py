"""HTTP: the one decorator that makes an endpoint of a handler: parse, authorise, one call, reply."""

import logging
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from time import perf_counter
from typing import Any, Literal
from uuid import uuid4

import azure.functions as func
from pydantic_core import to_json

from shared.domain.audit import By
from shared.domain.errors import PromoPartnerError, Unavailable
from shared.domain.rates import Rate, RateLimited, Standing
from shared.domain.users import Caller, Permission
from shared.edge import callers, client_address, logs, rate_limits
from shared.edge.operations import Access, Content, Operation, Reply, register
from shared.edge.parsing import parse
from shared.edge.problems import (
    ApiKeyInvalid,
    InternalError,
    PermissionMissing,
    SessionNeeded,
    TokenInvalid,
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
    also: tuple[int, ...] = (),
    raises: tuple[type[PromoPartnerError], ...] = (),
    rate: Rate | Literal["usual"] | None = "usual",
) -> Callable[[Callable[..., Any]], Any]:
    """Make an endpoint of a handler and register it as the function named like the handler.

    The handler's parameters say what it wants: `path`, `query`, `headers`, `body` (pydantic models) and
    `caller`, `by` (the caller in this request), `now` (UTC), `request_id`. It returns a dataclass, a `Reply`
    around one, or `Content`; what it raises of the error tree becomes problem+json. `also` are the statuses
    besides `status` that a `Reply` may have, `raises` the leaves a caller should expect beyond those any
    request can meet; they are documented with the operation.
    """

    def decorate(handler: Callable[..., Any]) -> Any:
        operation = register(
            handler,
            method=method,
            route=route,
            access=access,
            status=status,
            also=also,
            raises=raises,
            rate=_usual_rate(method, access) if rate == "usual" else rate,
        )

        def door(req: func.HttpRequest) -> func.HttpResponse:
            return _answer(operation, handler, req)

        door.__name__ = handler.__name__
        door.__doc__ = handler.__doc__
        # Signing in is ours; keys of the host would be one secret shared by every app.
        return bp.route(BASE + route, methods=[method], auth_level=func.AuthLevel.ANONYMOUS)(door)

    return decorate


def _usual_rate(method: str, access: Permission | Access) -> Rate:
    if access in {Access.OPEN, Access.OPTIONAL}:
        return Rate.PUBLIC
    return Rate.READ if method == "GET" else Rate.WRITE


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
    standings: list[Standing] = []
    try:
        response = _render(operation, handler(**_arguments(operation, req, request_id, standings)))
    except PromoPartnerError as error:
        if isinstance(error, Unavailable):
            _log.warning("%s request %s: %s: %r", operation.name, request_id, error.code, error.__cause__)
        if isinstance(error, RateLimited) and error.standing is not None:
            standings.append(error.standing)
        response = _render_problem(error, request_id)
    except Exception:  # noqa: BLE001
        # The last door before the host, which would answer 500 without a body or a request id.
        _log.exception("%s request %s failed", operation.name, request_id)
        response = _render_problem(InternalError(), request_id)
    response.headers.update(rate_limits.headers(standings))
    return response


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


def _arguments(
    operation: Operation, req: func.HttpRequest, request_id: str, standings: list[Standing]
) -> dict[str, Any]:
    now = datetime.now(UTC)
    address = client_address.of(req.headers)
    caller = _authorise(operation, req, address, now, standings)
    if caller is not None:
        caller = replace(caller, request_id=request_id)
    by = By(caller.user_id, request_id) if caller else None
    context = {"caller": caller, "by": by, "now": now, "request_id": request_id, "address": address}
    arguments: dict[str, Any] = {name: context[name] for name in operation.takes if name in context}
    for source, model in operation.inputs.items():
        arguments[source] = parse(req, source, model)
    return arguments


def _authorise(
    operation: Operation,
    req: func.HttpRequest,
    address: str | None,
    now: datetime,
    standings: list[Standing],
) -> Caller | None:
    """Who calls, if anybody says so, once their request is counted. Strangers are counted by address."""
    access, rate = operation.access, operation.rate
    if access is Access.OPEN or (access is Access.OPTIONAL and not callers.says_who(req.headers)):
        if rate is not None:
            standings.append(rate_limits.admit_address(rate, address, now))
        return None
    caller = _authenticate(req, address, now)
    if rate is not None:
        mine = Rate.WRITE if access is Access.OPTIONAL else rate
        standings.append(rate_limits.admit_caller(mine, caller.user_id, now))
    if access is Access.SESSION and caller.session_id is None:
        raise SessionNeeded
    if isinstance(access, Permission) and not caller.may(access):
        raise PermissionMissing(permission=access.value)
    return caller


def _authenticate(req: func.HttpRequest, address: str | None, now: datetime) -> Caller:
    rate_limits.check_refused(address, now)
    try:
        return callers.authenticate(req.headers, now)
    except (TokenInvalid, ApiKeyInvalid):
        # A guess; that a token has expired or a session ended is none.
        rate_limits.admit_address(Rate.REFUSED, address, now)
        raise


def _render(operation: Operation, result: Any) -> func.HttpResponse:
    if isinstance(result, Content):
        headers = {**_ALWAYS, **dict(result.headers)}
        return func.HttpResponse(
            result.body, status_code=result.status, headers=headers, mimetype=result.media_type
        )
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
    if isinstance(error, RateLimited):
        headers["Retry-After"] = str(error.retry_after_s)
    return func.HttpResponse(
        to_json(problem),
        status_code=problem.status,
        headers=headers,
        mimetype="application/problem+json",
    )


def _request_id(req: func.HttpRequest) -> str:
    given = req.headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else str(uuid4())
