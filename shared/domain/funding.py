"""Funding: who bears which part of a promotion's discounts."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from shared.domain import documents
from shared.domain.documents import DocumentInvalid, at_key
from shared.domain.engine.ruleset import Funder
from shared.domain.errors import Refused

MOST_FUNDERS = 10
_WHOLE = 10_000


class FundingInvalid(Refused):
    """The funding is not valid: {detail}."""

    code = "funding_invalid"


def parse_funding(document: Sequence[Any], at: str = "/funding") -> tuple[Funder, ...]:
    """Return the funders of a document in their order, or raise FundingInvalid with a pointer.

    [{"party": "brand", "share": "0.70"}, {"party": "retailer", "share": "0.30"}]

    The shares sum to exactly 1, with at most four decimals each. Nobody is named: nobody but the seller.
    """
    try:
        return _parse(list(document), at)
    except DocumentInvalid as invalid:
        raise FundingInvalid(pointer=invalid.pointer, detail=invalid.detail) from invalid


def _parse(document: list[Any], at: str) -> tuple[Funder, ...]:
    if not document:
        return ()
    funders: list[Funder] = []
    for place, item in enumerate(documents.an_array(document, at, most=MOST_FUNDERS)):
        funder = _funder(item, at_key(at, place))
        if any(other.party == funder.party for other in funders):
            raise DocumentInvalid(pointer=at_key(at, place), detail=f"{funder.party} is named twice")
        funders.append(funder)
    total = sum(funder.share for funder in funders)
    if total != _WHOLE:
        raise DocumentInvalid(pointer=at, detail=f"the shares sum to {Decimal(total) / _WHOLE}, not to 1")
    return tuple(funders)


def _funder(item: object, at: str) -> Funder:
    found = documents.keys(item, at, required=("party", "share"))
    share = documents.a_decimal(found["share"], at_key(at, "share"))
    if not 0 < share <= 1 or (share * _WHOLE) % 1:
        raise DocumentInvalid(
            pointer=at_key(at, "share"),
            detail="more than 0, at most 1 and at most four decimals are expected",
        )
    return Funder(documents.a_text(found["party"], at_key(at, "party"), most=100), int(share * _WHOLE))
