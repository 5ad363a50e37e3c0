"""Names and values in words: facts, groups, texts, numbers."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal

from shared.domain.facts import PERIODS

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

_PLAIN_NAME = re.compile(r"[^\W\d_][\w'-]*( [\w'-]+)*")
_PLAIN_ATTRIBUTE = re.compile(r"[a-z_][a-z0-9_]*")
_OWN_WORDS = frozenset(
    {
        *("and", "as", "at", "below", "by", "dearest", "different", "each", "everything", "exactly"),
        *("first", "for", "free", "from", "get", "gift", "goods", "group", "if", "is"),
        *("it", "its", "known", "least", "less", "line", "lines", "list", "more", "most"),
        *("no", "not", "of", "off", "on", "one", "or", "other", "over", "pieces"),
        *("points", "price", "prices", "running", "spent", "than", "them", "times", "to", "together"),
        *("under", "unit", "units", "unknown", "up", "values", "where"),
    }
)
"""Words of ours: a name of a group with one of them in it is quoted."""

_FACTS: Mapping[str, str] = {
    "history.orders": "number of orders",
    "history.spend": "spend",
    "history.redemptions": "number of redemptions",
    "history.days_since_last_purchase": "days since the last purchase",
    "basket.currency": "currency",
    "time.date": "date",
    "time.weekday": "weekday",
    "time.time_of_day": "time",
}


def fact_words(fact: str) -> str:
    if fact in _FACTS:
        return _FACTS[fact]
    namespace, _, name = fact.partition(".")
    if name.startswith("attributes."):
        name = name.removeprefix("attributes.")
        name = f"attribute {name if _PLAIN_ATTRIBUTE.fullmatch(name) else quoted(name)}"
        return name if namespace == "product" else f"{namespace} {name}"
    name, _, period = name.partition(".")
    if period in PERIODS:
        return f"{_FACTS[f'{namespace}.{name}']} in the last {period.removesuffix('d')} days"
    words = name.replace("_", " ")
    return words if namespace == "product" else f"{namespace} {words}".rstrip()


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def group_name(name: str) -> str:
    """Return the name of a group, quoted where it could be read as something else."""
    plain = _PLAIN_NAME.fullmatch(name) and not _OWN_WORDS.intersection(name.casefold().split())
    return name if plain else quoted(name)


def number_words(number: int | Decimal) -> str:
    plain = f"{Decimal(number):f}"
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain == "-0" else plain
