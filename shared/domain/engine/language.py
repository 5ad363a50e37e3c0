"""The rule language: a JSON document, read strictly into a rule.

    {"schema": 1, "if": condition, "then": [benefit, …]}

`if` may be absent or `{}`: always. Numbers are whole numbers or decimal strings, amounts decimal strings
beside their currency; all amounts of one rule share one currency, and a basket in another does not meet the
rule.

Conditions:

    {"all": [condition, …]}   {"any": [condition, …]}   {"not": condition}
    {"fact": "store.…" | "channel" | "basket.currency", "op": …, "value": …}
    {"count": "lines",        "where": filter, "op": …, "value": 2, "basis": "list"}
    {"sum_quantity": "lines", "where": filter, "op": …, "value": 3, "basis": "list"}
    {"sum_amount": "lines",   "where": filter, "op": …, "value": "9.50", "currency": "EUR", "basis": "list"}
    {"distinct": "product.brand", "where": filter, "op": …, "value": 2, "basis": "list"}

An aggregate's `where` is a filter on `product.*` facts (absent: every line) and its `op` one of eq, ne, lt,
le, gt, ge and between (`"value": [low, high]`, both included). `basis` says which price is summed, and
which one `product.price` is in `where`: `list`, or `running`, the price on entering the promotion's lane.
It must be said for `sum_amount`; elsewhere it is `list` unless said. `count` counts lines after equal ones
are merged, `sum_quantity` pieces, `distinct` the values of a fact.

Benefits:

    {"kind": "percent_off", "percent": "10", …}       0 < percent <= 100, at most two decimals
    {"kind": "amount_off", "amount": "5.00", "currency": "EUR", "per": "unit" | "line" | "basket", …}

and each of them may add

    "target": filter                                    on product.* facts at list price; absent: every line
    "max_units": {"units": 2, "per": "line" | "basket"}
    "max_discount": {"amount": "50.00", "currency": "EUR"}      for the basket
    "price_floor": {"amount": "20.00", "currency": "EUR"} | {"percent": "60"}      percent of the list price
    "basis": "list" | "running"      what a percent is taken of, an amount is spread by; running unless said
"""

from collections.abc import Callable, Mapping
from typing import cast

from shared.domain import documents
from shared.domain.documents import DocumentInvalid, at_key
from shared.domain.engine.rule import (
    Aggregate,
    AmountOff,
    Basis,
    Benefit,
    Condition,
    MaxUnits,
    Measure,
    Per,
    PercentOff,
    PriceFloor,
    Rule,
    basis_points,
)
from shared.domain.errors import Refused
from shared.domain.filters import (
    Compare,
    Filter,
    Op,
    Value,
    parse_compare,
    parse_fact,
    parse_predicate,
    parse_tree,
)
from shared.domain.money import AmountInexact, CurrencyUnknown, to_minor

SCHEMA = 1
MOST_BENEFITS = 20
_MOST_UNITS = 1_000_000
_PRODUCT = frozenset({"product"})
_CONDITION_FACTS = frozenset({"store", "channel", "basket"})
_AGGREGATE_OPS = (Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE, Op.BETWEEN)
_SHARED_KEYS = ("target", "max_units", "max_discount", "price_floor", "basis")


class RuleInvalid(Refused):
    """The rule is not valid: {detail}."""

    code = "rule_invalid"


def parse_rule(document: object, at: str = "") -> Rule:
    """Return the rule of a document, or raise RuleInvalid with the pointer (from `at`) of the exact place."""
    try:
        return _Reader().rule(document, at)
    except DocumentInvalid as invalid:
        raise RuleInvalid(pointer=invalid.pointer, detail=invalid.detail) from invalid


class _Reader:
    """Reads one rule; remembers the currency of its first amount, which all others must share."""

    def __init__(self) -> None:
        self.currency: str | None = None

    def rule(self, document: object, at: str) -> Rule:
        found = documents.keys(document, at, required=("schema", "then"), optional=("if",))
        documents.a_whole_number(found["schema"], at_key(at, "schema"), least=SCHEMA, most=SCHEMA)
        condition: Condition | None = None
        if found.get("if", {}) != {}:
            condition = parse_tree(found["if"], at_key(at, "if"), self.leaf)
        where = at_key(at, "then")
        items = documents.an_array(found["then"], where, most=MOST_BENEFITS)
        benefits = tuple(self.benefit(item, at_key(where, place)) for place, item in enumerate(items))
        return Rule(condition, benefits, self.currency)

    def leaf(self, found: Mapping[str, object], at: str) -> Compare | Aggregate:
        for measure in Measure:
            if measure in found:
                return self.aggregate(found, measure, at)
        return parse_compare(found, at, _CONDITION_FACTS)

    def aggregate(self, document: object, measure: Measure, at: str) -> Aggregate:
        is_money = measure is Measure.SUM_AMOUNT
        found = documents.keys(
            document,
            at,
            required=(measure, "op", "value", *(("currency", "basis") if is_money else ())),
            optional=("where", "basis"),
        )
        fact = None
        if measure is Measure.DISTINCT:
            fact, _ = parse_fact(found[measure], at_key(at, measure), _PRODUCT)
        else:
            documents.one_of(found[measure], at_key(at, measure), ("lines",))
        op = documents.one_of(found["op"], at_key(at, "op"), _AGGREGATE_OPS)
        read = self._minor_of(found, at) if is_money else _quantity
        value = _value(found["value"], at_key(at, "value"), op, read)
        return Aggregate(
            measure, fact, self.products(found, "where", at), op, value, self.basis(found, at, Basis.LIST)
        )

    def _minor_of(self, found: Mapping[str, object], at: str) -> Callable[[object, str], int]:
        def read(value: object, where: str) -> int:
            return self.minor({"amount": value, "currency": found["currency"]}, at, amount_at=where)

        return read

    def benefit(self, document: object, at: str) -> Benefit:
        found = documents.an_object(document, at)
        if "kind" not in found:
            raise DocumentInvalid(pointer=at, detail="the key kind is missing")
        kind = documents.one_of(found["kind"], at_key(at, "kind"), ("percent_off", "amount_off"))
        if kind == "percent_off":
            documents.keys(found, at, required=("kind", "percent"), optional=_SHARED_KEYS)
            return PercentOff(
                basis_points=_percent(found["percent"], at_key(at, "percent")),
                target=self.products(found, "target", at),
                max_units=_max_units(found, at),
                max_discount_minor=self.max_discount(found, at),
                price_floor=self.price_floor(found, at),
                basis=self.basis(found, at, Basis.RUNNING),
            )
        documents.keys(found, at, required=("kind", "amount", "currency", "per"), optional=_SHARED_KEYS)
        return AmountOff(
            amount_minor=self.minor(found, at, least=1),
            per=documents.one_of(found["per"], at_key(at, "per"), Per),
            target=self.products(found, "target", at),
            max_units=_max_units(found, at),
            max_discount_minor=self.max_discount(found, at),
            price_floor=self.price_floor(found, at),
            basis=self.basis(found, at, Basis.RUNNING),
        )

    def products(self, found: Mapping[str, object], key: str, at: str) -> Filter | None:
        if key not in found:
            return None
        return parse_predicate(found[key], at_key(at, key), _PRODUCT, "product")

    def basis(self, found: Mapping[str, object], at: str, default: Basis) -> Basis:
        return documents.one_of(found.get("basis", default), at_key(at, "basis"), Basis)

    def max_discount(self, found: Mapping[str, object], at: str) -> int | None:
        if "max_discount" not in found:
            return None
        at = at_key(at, "max_discount")
        return self.minor(
            documents.keys(found["max_discount"], at, required=("amount", "currency")), at, least=1
        )

    def price_floor(self, found: Mapping[str, object], at: str) -> PriceFloor | None:
        if "price_floor" not in found:
            return None
        at = at_key(at, "price_floor")
        floor = documents.an_object(found["price_floor"], at)
        if "percent" in floor:
            documents.keys(floor, at, required=("percent",))
            return PriceFloor(basis_points=_percent(floor["percent"], at_key(at, "percent")))
        return PriceFloor(
            minor=self.minor(documents.keys(floor, at, required=("amount", "currency")), at, least=1)
        )

    def minor(
        self, found: Mapping[str, object], at: str, *, least: int = 0, amount_at: str | None = None
    ) -> int:
        """Return the amount beside its currency in minor units."""
        currency_at, amount_at = at_key(at, "currency"), amount_at or at_key(at, "amount")
        if not isinstance(found["amount"], str):
            raise DocumentInvalid(pointer=amount_at, detail='an amount is a decimal string, such as "12.50"')
        amount = documents.a_decimal(found["amount"], amount_at)
        currency = documents.a_text(found["currency"], currency_at, most=3)
        try:
            minor = to_minor(amount, currency)
        except CurrencyUnknown as unknown:
            raise DocumentInvalid(
                pointer=currency_at, detail=f"{currency} is not a currency of ISO 4217"
            ) from unknown
        except AmountInexact as inexact:
            raise DocumentInvalid(pointer=amount_at, detail=f"more decimals than {currency} has") from inexact
        if minor < least:
            raise DocumentInvalid(
                pointer=amount_at, detail="an amount above zero is expected" if least else "a negative amount"
            )
        if self.currency is None:
            self.currency = currency
        if currency != self.currency:
            raise DocumentInvalid(
                pointer=currency_at, detail=f"all amounts of a rule share one currency, here {self.currency}"
            )
        return minor


def _value(document: object, at: str, op: Op, read: Callable[[object, str], int]) -> Value:
    if op is not Op.BETWEEN:
        return read(document, at)
    ends = documents.an_array(document, at, most=2)
    if len(ends) != 2:
        raise DocumentInvalid(pointer=at, detail="a lower and an upper end are expected")
    low, high = (read(end, at_key(at, place)) for place, end in enumerate(ends))
    if low > high:
        raise DocumentInvalid(pointer=at, detail="the lower end is above the upper end")
    return (low, high)


def _quantity(document: object, at: str) -> int:
    return documents.a_whole_number(document, at, least=0, most=_MOST_UNITS)


def _percent(document: object, at: str) -> int:
    percent = documents.a_decimal(document, at)
    if not 0 < percent <= 100 or (percent * 100) % 1:
        raise DocumentInvalid(
            pointer=at, detail="more than 0, at most 100 and at most two decimals are expected"
        )
    return basis_points(percent)


def _max_units(found: Mapping[str, object], at: str) -> MaxUnits | None:
    if "max_units" not in found:
        return None
    at = at_key(at, "max_units")
    limit = documents.keys(found["max_units"], at, required=("units", "per"))
    units = documents.a_whole_number(limit["units"], at_key(at, "units"), least=1, most=_MOST_UNITS)
    per = documents.one_of(limit["per"], at_key(at, "per"), (Per.LINE, Per.BASKET))
    return MaxUnits(units, cast("Per", per))
