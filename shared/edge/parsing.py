"""Parsing: bytes and strings of a request into its pydantic models, and what pydantic refuses into places."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import azure.functions as func
from pydantic import BaseModel, ValidationError

from shared.edge.problems import (
    BodyMissing,
    BodyTooLarge,
    MalformedJson,
    Place,
    UnsupportedMediaType,
    ValidationFailed,
)

BODY_LIMIT = 1_048_576  # bytes; files go to storage, never through here

# What pydantic calls a fault, told in our own stable codes; anything else is "invalid".
_CODES = {
    "missing": "missing",
    "extra_forbidden": "unknown_field",
    "enum": "unknown_value",
    "literal_error": "unknown_value",
    "greater_than": "out_of_range",
    "greater_than_equal": "out_of_range",
    "less_than": "out_of_range",
    "less_than_equal": "out_of_range",
    "too_short": "out_of_range",
    "too_long": "out_of_range",
    "string_too_short": "out_of_range",
    "string_too_long": "out_of_range",
    "decimal_max_digits": "out_of_range",
    "decimal_max_places": "out_of_range",
}


def body_of[M: BaseModel](req: func.HttpRequest, model: type[M]) -> M:
    """The JSON body as a `model`, types taken strictly.

    Raises UnsupportedMediaType, BodyMissing, BodyTooLarge, MalformedJson, or pydantic's ValidationError.
    """
    media_type = req.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = req.get_body()
    if not body:
        raise BodyMissing
    if len(body) > BODY_LIMIT:
        raise BodyTooLarge(limit=BODY_LIMIT)
    if media_type != "application/json":
        raise UnsupportedMediaType
    try:
        parsed = model.model_validate_json(body, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=True)[0]
        if first["type"] == "json_invalid":
            raise MalformedJson(detail=first.get("ctx", {}).get("error", "")) from None
        raise
    if b"\\u0000" in body:
        _refuse_nul(parsed.model_dump(), "body")
    return parsed


def parameters_of[M: BaseModel](values: Mapping[str, str], model: type[M]) -> M:
    """Path, query or header strings as a `model`. Raises pydantic's ValidationError, ValidationFailed."""
    fields = {name.replace("_", "-"): name for name in model.model_fields}
    extra_forbidden = model.model_config.get("extra") == "forbid"
    given = (
        dict(values)
        if extra_forbidden
        else {name: values[header] for header, name in fields.items() if header in values}
    )
    if any("\0" in value for value in given.values()):
        _refuse_nul(given, "parameter")
    return model.model_validate(given)


def refusal(error: ValidationError, source: str) -> ValidationFailed:
    """The places pydantic names, as JSON pointers into the request."""
    return ValidationFailed(
        tuple(
            Place(source, _pointer(fault["loc"]), _code(fault["type"]), fault["msg"])
            for fault in error.errors(include_url=False, include_context=False, include_input=False)
        )
    )


def _code(kind: str) -> str:
    return _CODES.get(kind) or ("wrong_type" if re.search(r"_(type|parsing)$", kind) else "invalid")


def _pointer(location: Iterable[int | str]) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in location)


def _refuse_nul(value: Any, source: str) -> None:
    """PostgreSQL holds no NUL in text, and no honest client sends one."""
    places = tuple(
        Place(source, pointer, "invalid", "A text must not hold the character U+0000.")
        for pointer, text in _texts(value, "")
        if "\0" in text
    )
    if places:
        raise ValidationFailed(places)


def _texts(value: Any, pointer: str) -> Iterable[tuple[str, str]]:
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, dict):
        for key, item in value.items():
            place = f"{pointer}{_pointer([key])}"
            yield place, str(key)
            yield from _texts(item, place)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _texts(item, f"{pointer}/{index}")
