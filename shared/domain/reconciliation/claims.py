"""Claims: promotions that receipts name, held against those that were in force."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.domain.applicable import in_force
from shared.domain.engine import PromotionTerms


@dataclass(frozen=True, slots=True)
class Claim:
    """A promotion as a receipt names it, and those that have or had that name."""

    text: str
    promotion_ids: frozenset[UUID]


def not_allowed(
    claims: Sequence[str],
    moments: Iterable[tuple[datetime, Sequence[PromotionTerms]]],
    *,
    zone: str,
    facts: Mapping[str, object],
) -> tuple[str, ...]:
    """The claims to promotions that were in force at none of the moments in a store of this zone and facts.

    A receipt names a promotion by its id or its name, in any case. With each moment come the promotions that
    were live then.
    """
    allowed = {
        name
        for at, live in moments
        for terms in live
        for name in (terms.promotion_id, terms.name)
        if in_force(terms, facts, zone, at)
    }
    known = {name.casefold() for name in allowed}
    return tuple(claim for claim in claims if claim.strip().casefold() not in known)
