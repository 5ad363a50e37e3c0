"""Limits: how often and how much a promotion may give, in all, to one customer, in one store, in a period."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.domain import documents
from shared.domain.documents import DocumentInvalid, at_key
from shared.domain.errors import Conflict, Refused

MOST_LIMITS = 10
_MOST_REDEMPTIONS = 1_000_000_000
_MOST_MINOR = 10**15


class LimitsInvalid(Refused):
    """The limits are not valid: {detail}."""

    code = "limits_invalid"


class LimitContended(Conflict):
    """Others take what is left of a promotion at this moment; nothing was recorded. Ask again."""

    code = "limit_contended"


class Measure(StrEnum):
    """What is counted: sales with the promotion, one each, or what it took off them."""

    REDEMPTIONS = "redemptions"
    BUDGET = "budget"


class Scope(StrEnum):
    """Whose redemptions count together."""

    PROMOTION = "promotion"
    CUSTOMER = "customer"
    STORE = "store"


class Period(StrEnum):
    """Within which time they count together; days begin at midnight in the store, weeks on Monday."""

    EVER = "ever"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Partial(StrEnum):
    """What happens when a budget leaves less than a promotion wants to give."""

    REFUSE = "refuse"
    GRANT_REST = "grant_rest"


@dataclass(frozen=True, slots=True)
class Limit:
    """`most` is a number of sales, or a budget in minor units of `currency`."""

    measure: Measure
    most: int
    per: Scope = Scope.PROMOTION
    period: Period = Period.EVER
    partial: Partial = Partial.REFUSE
    currency: str | None = None

    @property
    def name(self) -> str:
        """Such as `redemptions per customer and day`; a promotion has at most one limit of a name."""
        whose = [each.value for each in (self.per, self.period) if each not in (Scope.PROMOTION, Period.EVER)]
        return f"{self.measure} per {' and '.join(whose)}" if whose else self.measure.value


def measured_by(name: str) -> Measure:
    """Return what the limit of a name counts."""
    return Measure(name.partition(" ")[0])


def parse_limits(document: Sequence[Any], at: str = "/limits") -> tuple[Limit, ...]:
    """Return the limits of a document, or raise LimitsInvalid with a pointer.

    {"redemptions": 1, "per": "customer", "period": "day"}
    {"budget": "5000.00", "currency": "EUR", "partial": "grant_rest"}
    """
    try:
        return _parse(list(document), at)
    except DocumentInvalid as invalid:
        raise LimitsInvalid(pointer=invalid.pointer, detail=invalid.detail) from invalid


def _parse(document: list[Any], at: str) -> tuple[Limit, ...]:
    if not document:
        return ()
    limits: list[Limit] = []
    for place, item in enumerate(documents.an_array(document, at, most=MOST_LIMITS)):
        limit = _limit(item, at_key(at, place))
        if any(other.name == limit.name for other in limits):
            raise DocumentInvalid(pointer=at_key(at, place), detail=f"there are two limits of {limit.name}")
        limits.append(limit)
    return tuple(limits)


def _limit(item: object, at: str) -> Limit:
    found = documents.an_object(item, at)
    if Measure.BUDGET in found:
        documents.keys(found, at, required=("budget", "currency"), optional=("per", "period", "partial"))
        most, currency = documents.an_amount(
            found["budget"],
            found["currency"],
            amount_at=at_key(at, "budget"),
            currency_at=at_key(at, "currency"),
        )
        if most > _MOST_MINOR:
            raise DocumentInvalid(
                pointer=at_key(at, "budget"), detail=f"at most {_MOST_MINOR} minor units are expected"
            )
        partial = documents.one_of(found.get("partial", Partial.REFUSE), at_key(at, "partial"), Partial)
    else:
        documents.keys(found, at, required=("redemptions",), optional=("per", "period"))
        most = documents.a_whole_number(
            found["redemptions"], at_key(at, "redemptions"), least=1, most=_MOST_REDEMPTIONS
        )
        currency, partial = None, Partial.REFUSE
    return Limit(
        Measure.BUDGET if currency else Measure.REDEMPTIONS,
        most,
        documents.one_of(found.get("per", Scope.PROMOTION), at_key(at, "per"), Scope),
        documents.one_of(found.get("period", Period.EVER), at_key(at, "period"), Period),
        partial,
        currency,
    )
