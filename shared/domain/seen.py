"""Seen: everything that an evaluation was given, written down so that it can be repeated to the byte."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, cast

from shared.domain.baskets import exact_number
from shared.domain.engine import SEMANTICS, Basket, BasketLine, StoreFacts, canonical_json
from shared.domain.engine.basket import CustomerFacts, Facts, Headroom
from shared.domain.facts import FORMS, Form
from shared.domain.money import from_minor, to_minor

_MONEY = tuple(name for name, form in FORMS.items() if form is Form.MONEY)
_KEPT_TEXTS = 16_384

# json.loads would make a decoder for every text.
_decode = json.JSONDecoder(parse_float=exact_number).decode

# What stands before facts, and after those of a line and of the store. A quote inside of a text is escaped,
# so that none of these is ever part of one.
_FACTS = '"facts":{'
_AFTER_LINE, _AFTER_STORE = '},"quantity":', '},"id":'
_CUSTOMER = '"customer":{'

type Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """An evaluation's arguments. `overridden` are the places of the lines that brought their own price."""

    basket: Basket
    overridden: frozenset[int]
    rule_set_version: int
    now: datetime
    semantics: int = SEMANTICS


def seen_text(seen: Seen) -> str:
    """Return the canonical JSON of what was seen."""
    basket = seen.basket
    parts = {
        "channel": canonical_json(basket.channel),
        "codes": canonical_json(basket.codes),
        "currency": canonical_json(basket.currency),
        "customer": _customer_text(basket.customer, basket.currency),
        "engine_semantics": str(seen.semantics),
        "gifts": _array(_line_text(line) for _, line in sorted(basket.gifts.items())),
        "headroom": canonical_json({name: _headroom(left) for name, left in basket.headroom.items()}),
        "lines": _array(_line_text(line) for line in basket.lines),
        "now": canonical_json(seen.now.isoformat()),
        "overridden": canonical_json(sorted(seen.overridden)),
        "rule_set_version": str(seen.rule_set_version),
        "store": _object(
            {
                "facts": _facts_text(basket.store.facts),
                "id": canonical_json(basket.store.id),
                "prices_include_tax": canonical_json(basket.store.prices_include_tax),
                "zone": canonical_json(basket.store.zone),
            }
        ),
    }
    return _object(parts)


def seen_from(text: str) -> Seen:
    """Return what `seen_text` wrote; the facts are other objects with the same content."""
    found, facts = _parsed(text)
    store, customer, currency = found["store"], found["customer"], found["currency"]
    basket = Basket(
        store=StoreFacts(
            store["id"],
            store["zone"],
            facts[store["facts"]],
            prices_include_tax=store["prices_include_tax"],
        ),
        currency=currency,
        channel=found["channel"],
        codes=tuple(found["codes"]),
        lines=tuple([_line_from(line, facts) for line in found["lines"]]),
        customer=None if customer is None else _customer_from(customer, currency),
        headroom={name: Headroom(**left) for name, left in found["headroom"].items()},
        gifts={line["sku"]: _line_from(line, facts) for line in found["gifts"]},
    )
    return Seen(
        basket,
        frozenset(found["overridden"]),
        found["rule_set_version"],
        datetime.fromisoformat(found["now"]),
        found["engine_semantics"],
    )


def _parsed(text: str) -> tuple[Json, Sequence[Facts]]:
    """The document with places where goods and store have their facts, and these facts.

    Most of the text are facts, most of which were met before: they are known again by their text alone. An
    object that is cut in the wrong place does not parse.
    """
    try:
        head, *rest = text.split(_FACTS)
        parts, facts = [head], list[Facts]()
        for part in rest:
            if parts[-1].endswith(_CUSTOMER):
                parts += _FACTS, part
                continue
            end = part.find(_AFTER_LINE)
            if end < 0:
                end = part.index(_AFTER_STORE)
            parts.append(f'"facts":{len(facts)}{part[end + 1 :]}')
            facts.append(_kept_facts(f"{{{part[: end + 1]}"))
        return _decode("".join(parts)), facts
    except ValueError:
        return _parsed_whole(text)


def _parsed_whole(text: str) -> tuple[Json, Sequence[Facts]]:
    """The same where something inside facts is named like what stands around them."""
    found = cast("dict[str, Any]", _decode(text))
    facts: list[Facts] = []
    for owner in (*found["lines"], *found["gifts"], found["store"]):
        facts.append(_kept_facts(canonical_json(owner["facts"])))
        owner["facts"] = len(facts) - 1
    return found, facts


def _line_text(line: BasketLine) -> str:
    sku, quantity, unit_price, tax_rate_pct, facts = line
    return (
        f'{{"facts":{_facts_text(facts)},"quantity":{quantity},"sku":{canonical_json(sku)},'
        f'"tax_rate_pct":{_rate_text(tax_rate_pct)},"unit_price":{unit_price}}}'
    )


@lru_cache(maxsize=256)
def _rate_text(rate: Decimal) -> str:
    """Equal rates have one text, however they were written."""
    return canonical_json(rate)


def _line_from(found: Json, facts: Sequence[Facts]) -> BasketLine:
    return BasketLine(
        found["sku"],
        found["quantity"],
        found["unit_price"],
        Decimal(found["tax_rate_pct"]),
        facts[found["facts"]],
    )


def _facts_text(facts: Mapping[str, object]) -> str:
    if isinstance(facts, Facts):
        return _kept_text(facts)  # pyright: ignore[reportArgumentType] - hashed by identity
    return canonical_json(facts)


@lru_cache(maxsize=_KEPT_TEXTS)
def _kept_text(facts: Facts) -> str:
    return canonical_json(facts)


@lru_cache(maxsize=_KEPT_TEXTS)
def _kept_facts(text: str) -> Facts:
    """The same content is the same object, as it was when the catalogue was read."""
    found = cast("dict[str, object]", _decode(text))
    return Facts({name: _frozen(value) for name, value in found.items()})


def _frozen(value: object) -> object:
    return tuple(cast("list[object]", value)) if isinstance(value, list) else value


def _customer_text(customer: CustomerFacts | None, currency: str) -> str:
    if customer is None:
        return "null"
    # Amounts in minor units: a decimal loses the form of its number, which explanations show.
    facts = {
        name: to_minor(cast("Decimal", value), currency) if name in _MONEY else value
        for name, value in customer.facts.items()
    }
    return canonical_json({"id": customer.id, "facts": facts})


def _customer_from(found: Json, currency: str) -> CustomerFacts:
    facts = cast("Mapping[str, Any]", found["facts"])
    return CustomerFacts(
        found["id"],
        {name: from_minor(each, currency) if name in _MONEY else each for name, each in facts.items()},
    )


def _headroom(left: Headroom) -> Mapping[str, object]:
    return {"used_up": left.used_up, "refuse_above": left.refuse_above, "grant_up_to": left.grant_up_to}


def _object(parts: Mapping[str, str]) -> str:
    """Join texts that are canonical themselves; the names are given in order."""
    return "{" + ",".join(f'"{name}":{text}' for name, text in parts.items()) + "}"


def _array(texts: Iterable[str]) -> str:
    return f"[{','.join(texts)}]"
