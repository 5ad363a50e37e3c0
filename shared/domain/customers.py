"""Customers: who buys, recognised without keeping who they are."""

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.domain.errors import Conflict, Refused
from shared.domain.facts import FORMS, PER_PROMOTION, PERIODS, Form, name_for
from shared.domain.money import from_minor

_NO_COUNTS = (0,) * (1 + len(PERIODS))


class UnknownCustomer(Refused):
    """There is no customer {customer_id}."""

    code = "unknown_customer"


class CustomerAppeared(Conflict):
    """The customer was recorded by another sale at the same time."""

    code = "customer_appeared"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedCustomer:
    """How a request names its customer: by id, by the digest of their phone number, or not at all.

    `attributes` count for this basket only, and before those that are kept.
    """

    id: UUID | None = None
    phone_hash: bytes | None = None
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCustomer:
    """A customer as an evaluation reads them; `history` has the facts that live rules ask for."""

    id: UUID
    attributes: Mapping[str, str]
    history: Mapping[str, object]
    is_new: bool


def phone_hash(phone: str, pepper: str) -> bytes:
    """What is kept of a phone number: the same for the same number, useless without the pepper."""
    return hmac.digest(pepper.encode(), f"customer|phone|{phone}".encode(), hashlib.sha256)


def history_facts(
    wanted: Iterable[str],
    counting: Iterable[UUID],
    purchases: Mapping[str, int | None],
    redemptions: Mapping[str, Sequence[int]],
    currency: str,
) -> Mapping[str, object]:
    """Return the facts of a customer's history that rules name.

    `purchases` has what the facts are made of, named without the `history.`: what is absent is zero, and a
    customer who never bought anything has no days since. `redemptions` has for each promotion of `counting`
    how often it was redeemed, ever and in each of PERIODS.
    """
    found: dict[str, object] = {}
    for fact in wanted:
        name = fact.removeprefix("history.")
        if fact in PER_PROMOTION:
            place = 1 + PERIODS.index(name.partition(".")[2]) if "." in name else 0
            for promotion_id in map(str, counting):
                found[name_for(fact, promotion_id)] = redemptions.get(promotion_id, _NO_COUNTS)[place]
        elif FORMS.get(fact) is Form.MONEY:
            found[fact] = from_minor(purchases.get(name) or 0, currency)
        elif name.startswith("orders"):
            found[fact] = purchases.get(name) or 0
        elif purchases.get(name) is not None:
            found[fact] = purchases[name]
    return found
