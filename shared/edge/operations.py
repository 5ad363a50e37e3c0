"""Operations: what each endpoint takes and gives, read once from its handler's signature."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Generic, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict

from shared.domain.errors import PromoPartnerError
from shared.domain.rates import Rate
from shared.domain.users import Permission
from shared.edge.parsing import Source

T = TypeVar("T")


class Access(Enum):
    """Who may call an endpoint that needs no permission of its own."""

    OPEN = auto()
    OPTIONAL = auto()  # open, but who sends a token is who they are
    SIGNED_IN = auto()
    SESSION = auto()  # signed in, and not by an API key


class Request(BaseModel):
    """The shape of a path, query, header set or body: nothing but what is declared is taken."""

    # Its validator is built by the first request that needs it: a new process answers few kinds of them.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


class Headers(BaseModel):
    """The shape of the headers an endpoint reads; a request carries many others.

    A field's header has hyphens where the field has underscores.
    """

    model_config = ConfigDict(
        extra="ignore",
        frozen=True,
        alias_generator=lambda field: field.replace("_", "-"),
        defer_build=True,
    )


@dataclass(frozen=True, slots=True)
class Reply(Generic[T]):  # noqa: UP046 - get_origin() of the new syntax's alias is this class all the same
    """A reply that says more than its value: another status, or headers besides."""

    value: T
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """A reply that is not JSON."""

    body: bytes
    media_type: str
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    name: str
    method: str
    route: str
    tag: str
    summary: str
    access: Permission | Access
    status: int
    also: tuple[int, ...]
    inputs: dict[Source, type[BaseModel]]
    takes: frozenset[str]
    reply: Any
    raises: tuple[type[PromoPartnerError], ...]
    rate: Rate | None


REGISTRY: dict[str, Operation] = {}

_INPUTS: tuple[Source, ...] = ("path", "query", "headers", "body")
_CONTEXT = ("caller", "by", "now", "request_id", "address")


def register(
    handler: Callable[..., Any],
    *,
    method: str,
    route: str,
    access: Permission | Access,
    status: int,
    also: tuple[int, ...],
    raises: tuple[type[PromoPartnerError], ...],
    rate: Rate | None,
) -> Operation:
    """Read what `handler` takes and gives from its signature and remember it.

    Raises TypeError for a parameter that is neither an input (path, query, headers, body: a pydantic
    model) nor context (caller, by, now, request_id, address).
    """
    signature = inspect.signature(handler)
    parameters = signature.parameters
    for name in parameters:
        if name not in (*_INPUTS, *_CONTEXT):
            raise TypeError(f"{handler.__name__} takes {name}, which no request has")
    if handler.__name__ in REGISTRY:
        raise TypeError(f"two endpoints are named {handler.__name__}")
    reply = signature.return_annotation
    operation = Operation(
        name=handler.__name__,
        method=method,
        route=route,
        tag=handler.__module__.rpartition(".")[2],
        summary=inspect.getdoc(handler) or handler.__name__.replace("_", " "),
        access=access,
        status=status,
        also=also,
        inputs={source: parameters[source].annotation for source in _INPUTS if source in parameters},
        takes=frozenset(parameters),
        reply=get_args(reply)[0] if get_origin(reply) is Reply else reply,
        raises=raises,
        rate=rate,
    )
    REGISTRY[operation.name] = operation
    return operation
