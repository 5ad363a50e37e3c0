"""Facts: what conditions and filters can look at, under full names such as `product.attributes.coating`."""

from collections.abc import Mapping
from enum import StrEnum


class Kind(StrEnum):
    TEXT = "text"
    NUMBER = "number"
    BOOLEAN = "boolean"


class Form(StrEnum):
    """What the values of some facts look like besides being of their kind."""

    CODE = "code"
    """A text in upper case without spaces around it; the fact is the set of all codes presented."""
    DATE = "date"
    """A day such as 2026-12-24."""
    TIME_OF_DAY = "time_of_day"
    """Hours and minutes, 00:00 to 23:59."""
    WEEKDAY = "weekday"
    """A whole number, 1 for Monday to 7 for Sunday."""
    MONEY = "money"
    """An amount beside its currency."""


PERIODS = ("7d", "30d", "90d", "365d")
"""The periods before now over which `history` counts; a fact without one counts from the beginning."""


def _with_periods(name: str) -> tuple[str, ...]:
    return name, *(f"{name}.{period}" for period in PERIODS)


FACTS: Mapping[str, Kind] = {
    **dict.fromkeys(
        (f"product.{name}" for name in ("sku", "kind", "name", "brand", "collection", "type")), Kind.TEXT
    ),
    "product.price": Kind.NUMBER,
    **dict.fromkeys(
        (f"store.{name}" for name in ("id", "name", "city", "region", "country", "postal_code")), Kind.TEXT
    ),
    "customer.id": Kind.TEXT,
    **dict.fromkeys(_with_periods("history.orders"), Kind.NUMBER),
    **dict.fromkeys(_with_periods("history.spend"), Kind.NUMBER),
    **dict.fromkeys(_with_periods("history.redemptions"), Kind.NUMBER),
    "history.days_since_last_purchase": Kind.NUMBER,
    "basket.currency": Kind.TEXT,
    "channel": Kind.TEXT,
    "time.date": Kind.TEXT,
    "time.weekday": Kind.NUMBER,
    "time.time_of_day": Kind.TEXT,
    "code": Kind.TEXT,
}
"""Every fact with a fixed kind. Those below `attributes.` of some namespaces are free."""

WITH_ATTRIBUTES = frozenset({"product", "store", "customer"})

FORMS: Mapping[str, Form] = {
    "code": Form.CODE,
    "time.date": Form.DATE,
    "time.time_of_day": Form.TIME_OF_DAY,
    "time.weekday": Form.WEEKDAY,
    **dict.fromkeys(_with_periods("history.spend"), Form.MONEY),
}

SETS = frozenset(name for name, form in FORMS.items() if form is Form.CODE)
"""Facts that are sets of texts: a comparison holds when it holds for any of them."""

PER_PROMOTION = frozenset(_with_periods("history.redemptions"))
"""Facts that differ from promotion to promotion."""


def name_for(fact: str, promotion_id: str) -> str:
    """Return the name under which a promotion finds a fact."""
    return f"{fact}:{promotion_id}" if fact in PER_PROMOTION else fact


def as_code(text: str) -> str:
    """Return a code as codes compare: in upper case, without spaces around it."""
    return text.strip().upper()
