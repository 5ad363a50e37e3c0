"""OpenAPI: the 3.1 document, generated from the registered operations."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from shared.domain.api_keys import NOT_FOR_KEYS
from shared.domain.errors import PromoPartnerError
from shared.domain.rates import RateLimited
from shared.domain.users import Permission
from shared.edge.callers import API_KEY
from shared.edge.operations import REGISTRY, Access, Content, Operation
from shared.edge.parsing import BODY_LIMIT
from shared.edge.problems import (
    ApiKeyInvalid,
    BodyMissing,
    BodyTooLarge,
    InternalError,
    MalformedJson,
    PermissionMissing,
    Problem,
    SessionEnded,
    SessionNeeded,
    TokenExpired,
    TokenInvalid,
    Unauthenticated,
    UnsupportedMediaType,
    ValidationFailed,
    status_of,
)
from shared.rows import DatabaseBusy, DatabaseUnavailable

type Json = dict[str, Any]

_PROBLEM = "#/components/schemas/Problem"


@cache
def document() -> Json:
    """The document of every operation registered so far, as JSON-ready values."""
    schemas = _Schemas(REGISTRY.values())
    paths: dict[str, Json] = {}
    for operation in sorted(REGISTRY.values(), key=lambda each: (each.tag, each.route, each.method)):
        path = "/" + re.sub(r"\{(\w+):\w+\}", r"{\1}", operation.route)
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "PromoPartner",
            "version": "1",
            "description": (
                "Trade promotions for independent shops. Amounts are decimal strings with a currency beside "
                f"them; instants are RFC 3339 in UTC. Bodies are at most {BODY_LIMIT} bytes. Every error is "
                "application/problem+json with a stable `code`."
            ),
        },
        "servers": [{"url": "/api/v1"}],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {
                "access_token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "api_key": {
                    "type": "apiKey",
                    "in": "header",
                    "name": API_KEY,
                    "description": "Of a machine, which may do what its key says; instead of a token.",
                },
            },
        },
    }


_LOCAL_DATE_TIME: Json = {
    "type": "string",
    "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$",
    "examples": ["2026-12-31T18:00:00"],
}


class _Schemas:
    """The JSON schemas of every input and reply, sharing one set of components."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        wanted: list[tuple[tuple[str, str], JsonSchemaMode, TypeAdapter[Any]]] = [
            (("", "problem"), "serialization", TypeAdapter(Problem))
        ]
        for operation in operations:
            for source, model in operation.inputs.items():
                wanted.append(((operation.name, source), "validation", TypeAdapter(model)))
            if operation.reply is not Content:
                wanted.append(((operation.name, "reply"), "serialization", TypeAdapter(operation.reply)))
        found, definitions = TypeAdapter.json_schemas(wanted, ref_template="#/components/schemas/{model}")
        # JSON Schema's date-time has an offset; a local one has none.
        self.components: Json = definitions["$defs"] | {"LocalDateTime": _LOCAL_DATE_TIME}
        self._found = {key: schema for (key, _), schema in found.items()}
        # Paths, queries and headers are told parameter by parameter; as schemas nobody needs them.
        for operation in operations:
            for source in operation.inputs:
                if source != "body":
                    name = self._found[operation.name, source]["$ref"].rpartition("/")[2]
                    self._found[operation.name, source] = self.components[name]
        self.components = {
            name: schema
            for name, schema in self.components.items()
            if not any(schema is each for each in self._found.values())
        }

    def of(self, operation: Operation, source: str) -> Json:
        return self._found[operation.name, source]


def _operation(operation: Operation, schemas: _Schemas) -> Json:
    summary, _, description = operation.summary.partition("\n")
    result: Json = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": summary.rstrip("."),
        "responses": _responses(operation, schemas),
        "security": [{scheme: []} for scheme in _schemes(operation)],
    }
    needs = f"Needs the permission `{operation.access.value}`." if _needs_permission(operation) else ""
    text = "\n\n".join(part for part in (description.strip(), needs) if part)
    if text:
        result["description"] = text
    parameters = [
        parameter
        for source in operation.inputs
        if source != "body"
        for parameter in _parameters(source, schemas.of(operation, source))
    ]
    if parameters:
        result["parameters"] = parameters
    if "body" in operation.inputs:
        result["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schemas.of(operation, "body")}},
        }
    return result


def _parameters(source: str, model: Json) -> Iterable[Json]:
    for name, schema in model["properties"].items():
        described = {key: value for key, value in schema.items() if key not in {"title", "description"}}
        if "anyOf" in described:
            # Nullable means optional here: a query or a header has no null.
            described = next(each for each in described["anyOf"] if each != {"type": "null"})
        yield {
            "name": name.title() if source == "headers" else name,
            "in": "header" if source == "headers" else source,
            "required": name in model.get("required", ()),
            "schema": described,
            **({"description": schema["description"]} if "description" in schema else {}),
        }


def _responses(operation: Operation, schemas: _Schemas) -> Json:
    content = (
        {"*/*": {}}
        if operation.reply is Content
        else {"application/json": {"schema": schemas.of(operation, "reply")}}
    )
    responses: Json = {
        str(status): {"description": "Done", "content": content, "headers": _REPLY_HEADERS}
        for status in sorted((operation.status, *operation.also))
    }
    by_status: dict[int, list[type[PromoPartnerError]]] = {}
    for error in dict.fromkeys((*_usual(operation), *operation.raises, InternalError)):
        by_status.setdefault(status_of(error), []).append(error)
    for status, errors in sorted(by_status.items()):
        responses[str(status)] = {
            "description": "\n".join(
                f"- `{error.code}`: {(error.__doc__ or '').strip()}" for error in errors
            ),
            "headers": _REPLY_HEADERS,
            "content": {
                "application/problem+json": {
                    "schema": {
                        "allOf": [{"$ref": _PROBLEM}],
                        "properties": {"code": {"enum": [error.code for error in errors]}},
                    }
                }
            },
        }
    return responses


_REPLY_HEADERS: Json = {
    "X-Request-Id": {"description": "Names this request in the log.", "schema": {"type": "string"}},
    "RateLimit-Policy": {
        "description": 'What may be asked for: `"name";q=requests;w=seconds`; absent if not counted.',
        "schema": {"type": "string"},
    },
    "RateLimit": {
        "description": 'What is left of it, and until when: `"name";r=requests;t=seconds`.',
        "schema": {"type": "string"},
    },
}


def _usual(operation: Operation) -> Iterable[type[PromoPartnerError]]:
    """What any request of this form can meet."""
    if operation.access is not Access.OPEN:
        yield from (Unauthenticated, TokenInvalid, TokenExpired, SessionEnded, ApiKeyInvalid)
    if operation.access is Access.SESSION:
        yield SessionNeeded
    if _needs_permission(operation):
        yield PermissionMissing
    if operation.rate is not None:
        yield RateLimited
    if operation.inputs:
        yield ValidationFailed
    if "body" in operation.inputs:
        yield from (MalformedJson, BodyMissing, BodyTooLarge, UnsupportedMediaType)
    if operation.access is not Access.OPEN or "body" in operation.inputs:
        yield from (DatabaseUnavailable, DatabaseBusy)


def _schemes(operation: Operation) -> Iterable[str]:
    """The ways to say who calls."""
    if operation.access is not Access.OPEN:
        yield "access_token"
    if operation.access not in {Access.OPEN, Access.SESSION} and operation.access not in NOT_FOR_KEYS:
        yield "api_key"


def _needs_permission(operation: Operation) -> bool:
    return isinstance(operation.access, Permission)
