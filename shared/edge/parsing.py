"""Parsing: bytes and strings of a request into its pydantic models, and what pydantic refuses into places."""

import re
from collections.abc import Iterable
from typing import Any, Literal

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

type Source = Literal["path", "query", "headers", "body"]

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


def parse(req: func.HttpRequest, source: Source, model: type[BaseModel]) -> BaseModel:
    """What the request says in its path, query, headers or body, as a `model`.

    Raises ValidationFailed with every place that is wrong; for a body also UnsupportedMediaType, BodyMissing,
    BodyTooLarge, MalformedJson.
    """
    try:
        match source:
            case "path":
                parsed = model.model_validate(dict(req.route_params))
            case "query":
                parsed = model.model_validate(dict(req.params))
            case "headers":
                parsed = model.model_validate(dict(req.headers))
            case "body":
                parsed = model.model_validate_json(_json_body(req), strict=True)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        if faults[0]["type"] == "json_invalid":
            raise MalformedJson(detail=faults[0].get("ctx", {}).get("error", "")) from None
        raise ValidationFailed(
            tuple(Place(source, _pointer(each["loc"]), _code(each["type"]), each["msg"]) for each in faults)
        ) from None
    # JSON can say a NUL in this one way only, and looking for that is far cheaper than walking the body.
    if source != "body" or b"\\u0000" in req.get_body():
        _refuse_nul(parsed.model_dump(), source)
    return parsed


def _json_body(req: func.HttpRequest) -> bytes:
    body = req.get_body()
    if not body:
        raise BodyMissing
    if len(body) > BODY_LIMIT:
        raise BodyTooLarge(limit=BODY_LIMIT)
    media_type = req.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise UnsupportedMediaType
    return body


def _code(kind: str) -> str:
    return _CODES.get(kind) or ("wrong_type" if re.search(r"_(type|parsing)$", kind) else "invalid")


def _pointer(location: Iterable[int | str]) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in location)


def _refuse_nul(value: Any, source: Source) -> None:
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
