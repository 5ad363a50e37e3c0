"""Stand-ins for the protocol messages that the Python runtime reads and constructs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any


class Message(SimpleNamespace):
    """A message with whatever fields it was given; the runtime never asks for more of those it constructs."""


class TypedData(Message):
    """One value; the only field present names its kind (string, bytes, json, http, model_binding_data)."""

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802 (the name protobuf gives it)
        return next(iter(vars(self)), None)


class ParameterBinding(Message):
    """A value bound to an argument."""

    def WhichOneof(self, _group: str) -> str:  # noqa: N802 (the name protobuf gives it)
        return "data"


class StatusResult(Message):
    """Outcome of a request, with the constants of the protocol."""

    Failure = 0
    Success = 1


class BindingInfo(Message):
    """A binding of an indexed function, with the constants of the protocol."""

    undefined = 0
    out = 1
    inout = 2


class SameSite:
    """The protocol's enumeration; its first member is called None, which Python only allows by setattr."""

    Lax = "lax"
    Strict = "strict"
    ExplicitNone = "none"


setattr(SameSite, "None", None)


class RpcHttpCookie(Message):
    """A cookie of a reply."""

    SameSite = SameSite


class Protos:
    """The message classes as the runtime finds them; those without constants are made on first use."""

    StatusResult = StatusResult
    BindingInfo = BindingInfo
    TypedData = TypedData
    ParameterBinding = ParameterBinding
    RpcHttpCookie = RpcHttpCookie

    def __getattr__(self, name: str) -> type[Message]:
        if not name[0].isupper():
            raise AttributeError(name)
        message = type(name, (Message,), {})
        setattr(self, name, message)
        return message


PROTOS = Protos()


@dataclass(frozen=True)
class Request:
    """What every entry point of the runtime takes."""

    request: Message
    properties: Mapping[str, Any] = field(default_factory=lambda: {"host": "127.0.0.1", "protos": PROTOS})
