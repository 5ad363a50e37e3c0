"""Strict reading of JSON documents: what is wrong is refused with the pointer to the exact place."""

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeGuard, cast

from shared.domain.errors import Refused
from shared.domain.money import AmountInexact, CurrencyUnknown, to_minor

_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,12})?")


class DocumentInvalid(Refused):
    """The document is not valid: {detail}."""

    code = "document_invalid"

    def __init__(self, *, pointer: str, detail: str) -> None:
        super().__init__(pointer=pointer, detail=detail)
        self.detail = detail


def at_key(at: str, key: object) -> str:
    """Return the JSON pointer of `key` below `at` (RFC 6901)."""
    return f"{at}/{str(key).replace('~', '~0').replace('/', '~1')}"


def exact(document: Any) -> Any:
    """The document with its numbers as they were written: 12.5 is 12.5, not a binary fraction near it."""
    if isinstance(document, float):
        return Decimal(repr(document))
    if isinstance(document, dict):
        return {key: exact(item) for key, item in cast("dict[str, Any]", document).items()}
    if isinstance(document, list):
        return [exact(item) for item in cast("list[Any]", document)]
    return document


def an_object(document: object, at: str) -> Mapping[str, object]:
    if not isinstance(document, dict):
        raise DocumentInvalid(pointer=at, detail="an object is expected")
    return cast("Mapping[str, object]", document)


def keys(
    document: object, at: str, *, required: Iterable[str], optional: Iterable[str] = ()
) -> Mapping[str, object]:
    """Return the object when it has every required key and no unknown one."""
    found = an_object(document, at)
    required, known = tuple(required), {*required, *optional}
    for key in found:
        if key not in known:
            raise DocumentInvalid(
                pointer=at_key(at, key), detail=f"unknown key; known are {', '.join(sorted(known))}"
            )
    for key in required:
        if key not in found:
            raise DocumentInvalid(pointer=at, detail=f"the key {key} is missing")
    return found


def an_array(document: object, at: str, *, most: int) -> list[object]:
    """Return a list of 1 to `most` items."""
    if not isinstance(document, list):
        raise DocumentInvalid(pointer=at, detail="an array is expected")
    items = cast("list[object]", document)
    if not 1 <= len(items) <= most:
        raise DocumentInvalid(pointer=at, detail=f"1 to {most} items are expected")
    return items


def one_of[T: str](document: object, at: str, allowed: Iterable[T]) -> T:
    allowed = tuple(allowed)
    for choice in allowed:
        if isinstance(document, str) and document == choice:
            return choice
    raise DocumentInvalid(pointer=at, detail=f"one of {', '.join(allowed)} is expected")


def a_text(document: object, at: str, *, most: int = 1000) -> str:
    if not isinstance(document, str) or not 1 <= len(document) <= most:
        raise DocumentInvalid(pointer=at, detail=f"a text of 1 to {most} characters is expected")
    return document


def a_whole_number(document: object, at: str, *, least: int, most: int) -> int:
    """Return a whole number, which 2.0 is as well as 2."""
    if not _is_whole(document) or not least <= document <= most:
        raise DocumentInvalid(pointer=at, detail=f"a whole number from {least} to {most} is expected")
    return int(document)


def a_decimal(document: object, at: str) -> Decimal:
    """Return a number written as a decimal string, a whole number or a `Decimal`; a float is not exact."""
    text = f"{document:f}" if isinstance(document, Decimal) and _is_small(document) else str(document)
    if isinstance(document, bool | float) or not isinstance(document, str | int | Decimal):
        raise DocumentInvalid(pointer=at, detail='a decimal number is expected, such as "12.50"')
    if not _DECIMAL.fullmatch(text):
        raise DocumentInvalid(pointer=at, detail="at most 18 digits and 12 decimals are expected")
    return Decimal(text)


def an_amount(
    amount: object, currency: object, *, amount_at: str, currency_at: str, least: int = 1
) -> tuple[int, str]:
    """Return an amount, a decimal string, in minor units of its currency, and the currency."""
    if not isinstance(amount, str):
        raise DocumentInvalid(pointer=amount_at, detail='an amount is a decimal string, such as "12.50"')
    found = a_decimal(amount, amount_at)
    code = a_text(currency, currency_at, most=3)
    try:
        minor = to_minor(found, code)
    except CurrencyUnknown as unknown:
        detail = f"{code} is not a currency of ISO 4217"
        raise DocumentInvalid(pointer=currency_at, detail=detail) from unknown
    except AmountInexact as inexact:
        raise DocumentInvalid(pointer=amount_at, detail=f"more decimals than {code} has") from inexact
    if minor < least or amount.startswith("-"):
        detail = "an amount above zero is expected" if least else "a negative amount"
        raise DocumentInvalid(pointer=amount_at, detail=detail)
    return minor, code


def _is_whole(document: object) -> TypeGuard[int | Decimal]:
    if isinstance(document, Decimal):
        return document.is_finite() and document == document.to_integral_value()
    return isinstance(document, int) and not isinstance(document, bool)


def _is_small(number: Decimal) -> bool:
    return number.is_finite() and -12 <= number.as_tuple().exponent <= 18  # type: ignore[operator]
