"""Replays: a recorded sale evaluated once more from what was seen, held against what was recorded."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from shared.domain.documents import at_key
from shared.domain.engine import SEMANTICS, Evaluation, canonical_json
from shared.domain.quotes import Quote, TransactionKind
from shared.domain.transactions import NotASale, RecordedEvaluation, SemanticsChanged

_MOST_DIFFERENCES = 100
# What quotes did not tell when the first were recorded, and what it was then.
_UNTOLD = {"requires_otp": "false"}


@dataclass(frozen=True, slots=True)
class Difference:
    """A place in the quote, as a JSON pointer, with the JSON texts recorded and found; None is absence."""

    pointer: str
    recorded: str | None
    replayed: str | None


@dataclass(frozen=True, slots=True)
class Replay:
    """`equal` says that the replayed quote is the recorded one to the byte of its canonical JSON."""

    equal: bool
    quote: Quote
    differences: tuple[Difference, ...]


def require_replayable(recorded: RecordedEvaluation) -> None:
    """Raises NotASale, SemanticsChanged."""
    if recorded.kind is not TransactionKind.SALE:
        raise NotASale(transaction_id=recorded.id, kind=recorded.kind.value)
    if recorded.engine_semantics != SEMANTICS:
        raise SemanticsChanged(recorded=recorded.engine_semantics, current=SEMANTICS)


def replay_of(recorded: RecordedEvaluation, evaluation: Evaluation, quote: Quote, text: str) -> Replay:
    """Compare what was recorded with the evaluation of now, its quote, and the quote's JSON text."""
    amounts = {
        "gross_minor": (recorded.gross_minor, evaluation.gross),
        "discount_minor": (recorded.discount_minor, evaluation.discount),
        "net_minor": (recorded.net_minor, evaluation.net),
        "tax_minor": (recorded.tax_minor, evaluation.tax),
    }
    differences = [
        Difference(at_key("", name), str(before), str(now))
        for name, (before, now) in amounts.items()
        if before != now
    ]
    before, now = dict(_leaves(_read(recorded.quote), "")), dict(_leaves(_read(text), ""))
    differences += [
        Difference(pointer, before.get(pointer), now.get(pointer))
        for pointer in sorted(before.keys() | now.keys())
        if before.get(pointer, _untold(pointer)) != now.get(pointer)
    ]
    return Replay(not differences, quote, tuple(differences[:_MOST_DIFFERENCES]))


def _untold(pointer: str) -> str | None:
    return _UNTOLD.get(pointer.rpartition("/")[2])


def _read(text: str) -> object:
    return json.loads(text, parse_float=Decimal)


def _leaves(document: object, at: str) -> Iterator[tuple[str, str]]:
    """Every value that holds no other, by its pointer, in canonical form."""
    if isinstance(document, dict) and document:
        for key, item in cast("dict[str, object]", document).items():
            yield from _leaves(item, at_key(at, key))
    elif isinstance(document, list) and document:
        for place, item in enumerate(cast("list[object]", document)):
            yield from _leaves(item, at_key(at, place))
    else:
        yield at, canonical_json(cast("object", document))
