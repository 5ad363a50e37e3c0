"""A rule written as the document it is read from, with what was left out filled in, and its hash.

Equal rules have one document, however they were spelled: `parse_rule(document_of(rule)) == rule`.
"""

import hashlib
from collections.abc import Mapping
from decimal import Decimal
from typing import cast

from shared.domain.engine.canonical import canonical_json
from shared.domain.engine.grammar import SCHEMA, BenefitKind
from shared.domain.engine.rule import (
    Aggregate,
    AmountOff,
    Benefit,
    Bounded,
    BundlePrice,
    BuyXGetY,
    Condition,
    FixedPrice,
    Gift,
    Measure,
    PercentOff,
    Pick,
    Points,
    Rule,
    Targeted,
    TierBy,
    Tiered,
)
from shared.domain.facts import FORMS, Form
from shared.domain.filters import AllOf, AnyOf, Compare, Filter, InGroup, NotOf
from shared.domain.money import from_minor
from shared.domain.operators import Op, Value

type Document = dict[str, object]


def document_of(rule: Rule) -> Document:
    """Return the document of a rule; numbers in it are whole numbers and `Decimal`."""
    currency = rule.currency or ""
    return {
        "schema": SCHEMA,
        "if": {} if rule.condition is None else _condition(rule.condition, currency),
        "then": [_benefit(benefit, currency) for benefit in rule.benefits],
    }


def filter_document(tree: Filter) -> Document:
    """Return the document of a filter."""
    return _condition(cast("Condition", tree), "")


def rule_hash(rule: Rule) -> str:
    """Return the SHA-256 of the canonical form, in hexadecimal: equal rules have equal hashes."""
    return hashlib.sha256(canonical_json(document_of(rule)).encode()).hexdigest()


def hundredths(number: int) -> str:
    """Return a number of hundredths as the shortest decimal: 1250 is 12.5."""
    return f"{Decimal(number).scaleb(-2).normalize():f}"


def _condition(condition: Condition, currency: str) -> Document:
    match condition:
        case AllOf(items):
            return {"all": [_condition(item, currency) for item in items]}
        case AnyOf(items):
            return {"any": [_condition(item, currency) for item in items]}
        case NotOf(item):
            return {"not": _condition(item, currency)}
        case InGroup():
            return {"in_group": condition.group_id}
        case Compare():
            return _compare(condition, currency)
        case Aggregate():
            return _aggregate(condition, currency)


def _compare(leaf: Compare, currency: str) -> Document:
    written: Document = {"fact": leaf.fact, "op": leaf.op, "value": _value(leaf.value)}
    if FORMS.get(leaf.fact) is Form.MONEY and leaf.op is not Op.EXISTS:
        amounts = [str(amount) for amount in _each(leaf.value)]
        written["value"] = amounts if isinstance(leaf.value, tuple) else amounts[0]
        written["currency"] = currency
    return written


def _aggregate(leaf: Aggregate, currency: str) -> Document:
    written: Document = {
        leaf.measure: leaf.fact or "lines",
        "op": leaf.op,
        "value": _value(leaf.value),
        "basis": leaf.basis,
    } | _where(leaf.where)
    if leaf.measure is Measure.SUM_AMOUNT:
        amounts = [_amount(cast("int", minor), currency) for minor in _each(leaf.value)]
        written["value"] = amounts if isinstance(leaf.value, tuple) else amounts[0]
        written["currency"] = currency
    return written


def _value(value: Value) -> object:
    return list(value) if isinstance(value, tuple) else value


def _each(value: Value) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)


def _amount(minor: int, currency: str) -> str:
    return str(from_minor(minor, currency))


def _money(minor: int, currency: str, key: str = "amount") -> Document:
    return {key: _amount(minor, currency), "currency": currency}


def _where(where: Filter | None, key: str = "where") -> Document:
    return {} if where is None else {key: filter_document(where)}


def _benefit(benefit: Benefit, currency: str) -> Document:
    match benefit:
        case PercentOff():
            written = _kind(BenefitKind.PERCENT_OFF, percent=hundredths(benefit.basis_points))
        case AmountOff():
            amount = _money(benefit.amount_minor, currency)
            written = _kind(BenefitKind.AMOUNT_OFF, per=benefit.per, **amount)
        case FixedPrice():
            written = _kind(BenefitKind.FIXED_PRICE, **_money(benefit.price_minor, currency, "price"))
        case BuyXGetY():
            get = _pick(benefit.get) | {"percent": hundredths(benefit.basis_points)}
            written = _kind(BenefitKind.BUY_X_GET_Y, buy=_pick(benefit.buy), get=get, choose=benefit.choose)
        case BundlePrice():
            items = [_pick(pick) for pick in benefit.picks]
            price = _money(benefit.price_minor, currency, "price")
            written = _kind(BenefitKind.BUNDLE_PRICE, items=items, **price)
        case Tiered():
            written = _tiered(benefit, currency)
        case Gift():
            written = _kind(BenefitKind.GIFT, sku=benefit.sku, units=benefit.units)
        case Points(fixed=0):
            rate = hundredths(benefit.per_major_hundredths)
            target = _where(benefit.target, "target")
            written = _kind(BenefitKind.POINTS, per_unit_of_currency=rate, **target)
        case Points():
            written = _kind(BenefitKind.POINTS, fixed=benefit.fixed)
    return written | _bounds(benefit, currency) if isinstance(benefit, Bounded) else written


def _kind(kind: BenefitKind, **more: object) -> Document:
    return {"kind": kind, **more}


def _pick(pick: Pick) -> Document:
    return {"units": pick.units} | _where(pick.where)


def _tiered(benefit: Tiered, currency: str) -> Document:
    spend = benefit.by is TierBy.SPEND
    tiers = [
        {
            "from": _amount(tier.least, currency) if spend else tier.least,
            "then": _benefit(tier.benefit, currency),
        }
        for tier in benefit.tiers
    ]
    written = _kind(BenefitKind.TIERED, by=benefit.by, basis=benefit.basis, tiers=tiers)
    return written | ({"currency": currency} if spend else {}) | _where(benefit.where)


def _bounds(benefit: Bounded, currency: str) -> Document:
    written: Document = {"basis": benefit.basis}
    if benefit.max_applications is not None:
        written["max_applications"] = benefit.max_applications
    if benefit.max_discount_minor is not None:
        written["max_discount"] = _money(benefit.max_discount_minor, currency)
    floor = benefit.price_floor
    if floor is not None:
        in_percent: Mapping[str, object] = {"percent": hundredths(floor.basis_points)}
        written["price_floor"] = in_percent if floor.basis_points else _money(floor.minor, currency)
    return written | _target(benefit) if isinstance(benefit, Targeted) else written


def _target(benefit: Targeted) -> Document:
    target = _where(benefit.target, "target")
    if benefit.max_units is None:
        return target
    return target | {"max_units": {"units": benefit.max_units.units, "per": benefit.max_units.per}}
