"""The canonical form of a JSON document: equal documents have equal texts."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import cast

# json.dumps would make an encoder for every text.
_encode = json.JSONEncoder(ensure_ascii=False).encode


def canonical_json(document: object) -> str:
    """Return the document with sorted keys, without spaces, with every number in its shortest plain form.

    Numbers are whole numbers and `Decimal`; 1, 1.0 and 1.00 are one number, and text is kept as it is. A
    float is refused with TypeError, since its text depends on how it came to be.
    """
    if isinstance(document, str):
        return _text(document)
    if isinstance(document, Mapping):
        found = cast("Mapping[str, object]", document)
        return "{" + ",".join(f"{_text(key)}:{canonical_json(found[key])}" for key in sorted(found)) + "}"
    if isinstance(document, bool) or document is None:
        return json.dumps(document)
    if isinstance(document, int):
        return str(document)
    if isinstance(document, Decimal):
        return _number(document)
    if isinstance(document, Sequence):
        return "[" + ",".join(canonical_json(item) for item in cast("Sequence[object]", document)) + "]"
    raise TypeError(f"{type(document).__name__} has no canonical form")


def _text(text: str) -> str:
    return _encode(str(text))


def _number(number: Decimal) -> str:
    if not number.is_finite() or abs(number.adjusted()) > 40:
        raise TypeError(f"{number} has no canonical form")
    plain = f"{number:f}"
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in ("-0", "") else plain
