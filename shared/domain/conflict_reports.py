"""Conflict reports: the promotions that one meets, as clients read them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import cast
from uuid import UUID

from shared.domain.engine import Basket
from shared.domain.engine.conflicts import Conflict
from shared.domain.engine.proofs import Effect, Proof
from shared.domain.money import from_minor

type Scalar = str | int | Decimal | bool
type Told = Mapping[str, Scalar | tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvingLine:
    """A line of a proving basket; a good that is not `real` was made up of the `facts` that rules ask for."""

    sku: str
    real: bool
    quantity: int
    unit_price: Decimal
    facts: Told


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvingBasket:
    """A basket of which nothing can be left out; its store is made up unless it is `real`."""

    store_id: str
    real_store: bool
    store_facts: Told
    at: datetime
    currency: str
    channel: str
    codes: tuple[str, ...]
    customer: Told | None
    lines: tuple[ProvingLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvedDiscount:
    """What a promotion gives in the basket when it is the only one, and beside the other."""

    promotion_id: UUID
    alone: Decimal
    together: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedProof:
    """What happens in the basket: `winners` apply.

    With `excludes` and `beats` the other gives nothing, with `splits` they share the units out, with `stacks`
    both take from the same units.
    """

    effect: Effect
    winners: tuple[UUID, ...]
    discounts: tuple[ProvedDiscount, ...]
    basket: ProvingBasket


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedConflict:
    """A live promotion that can meet the one in question. Without a proof it is only possible."""

    promotion_id: UUID
    version: int
    name: str
    proof: ReportedProof | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictReport:
    """The conflicts of a version with what is live in a rule set; those proved come first."""

    promotion_id: UUID
    version: int
    rule_set_version: int
    compared: int
    conflicts: tuple[ReportedConflict, ...]


def reported(conflict: Conflict, skus: Collection[str], stores: Collection[str]) -> ReportedConflict:
    """The conflict as it is told; `skus` and `stores` are real."""
    return ReportedConflict(
        promotion_id=UUID(conflict.promotion_id),
        version=conflict.version,
        name=conflict.name,
        proof=None if conflict.proof is None else _proof(conflict.proof, skus, stores),
    )


def _proof(proof: Proof, skus: Collection[str], stores: Collection[str]) -> ReportedProof:
    currency = proof.basket.currency
    return ReportedProof(
        effect=proof.effect,
        winners=tuple(map(UUID, proof.winners)),
        discounts=tuple(
            ProvedDiscount(
                promotion_id=UUID(name),
                alone=from_minor(alone, currency),
                together=from_minor(proof.together[name], currency),
            )
            for name, alone in proof.alone.items()
        ),
        basket=_basket(proof.basket, proof.at, skus, stores),
    )


def _basket(basket: Basket, at: datetime, skus: Collection[str], stores: Collection[str]) -> ProvingBasket:
    customer = None
    if basket.customer is not None:
        known = {} if basket.customer.id is None else {"customer.id": basket.customer.id}
        customer = _told({**known, **basket.customer.facts})
    return ProvingBasket(
        store_id=basket.store.id,
        real_store=basket.store.id in stores,
        store_facts=_told(basket.store.facts),
        at=at,
        currency=basket.currency,
        channel=basket.channel,
        codes=basket.codes,
        customer=customer,
        lines=tuple(
            ProvingLine(
                sku=line.sku,
                real=line.sku in skus,
                quantity=line.quantity,
                unit_price=from_minor(line.unit_price, basket.currency),
                facts=_told(line.facts),
            )
            for line in basket.lines
        ),
    )


def _told(facts: Mapping[str, object]) -> Told:
    return {name: _value(value) for name, value in facts.items()}


def _value(value: object) -> Scalar | tuple[str, ...]:
    if isinstance(value, str | int | Decimal | bool):
        return value
    return tuple(map(str, cast("tuple[object, ...]", value)))
