"""The conditions of the rule language.

    {"all": [condition, …]}   {"any": [condition, …]}   {"not": condition}
    {"in_group": "…"}                                          the store is in this group of stores
    {"fact": "store.city", "op": "eq", "value": "Roma"}
    {"fact": "history.spend.90d", "op": "ge", "value": "200.00", "currency": "EUR"}
    {"count": "lines",        "where": filter, "op": …, "value": 2, "basis": "list"}
    {"sum_quantity": "lines", "where": filter, "op": …, "value": 3, "basis": "list"}
    {"sum_amount": "lines",   "where": filter, "op": …, "value": "9.50", "currency": "EUR", "basis": "list"}
    {"distinct": "product.brand", "where": filter, "op": …, "value": 2, "basis": "list"}

Facts are those of `domain.facts` except the product's. `history` is the customer's before this basket: with
a period (`history.orders.30d`) within the last so many days, without since ever; `history.redemptions` are
those of this very promotion. Without a customer, `customer` and `history` are absent. Times are the store's.

An aggregate's `where` is a filter on `product.*` facts (absent: every line) and its `op` one of eq, ne, lt,
le, gt, ge and between (`"value": [low, high]`, both included). `basis` says which price is summed, and
which one `product.price` is in `where`: `list`, or `running`, the price on entering the promotion's lane.
It must be said for `sum_amount`; elsewhere it is `list` unless said. `count` counts lines after equal ones
are merged, `sum_quantity` pieces, `distinct` the values of a fact.
"""

from decimal import Decimal

from shared.domain import documents
from shared.domain.documents import DocumentInvalid, at_key
from shared.domain.engine.grammar import (
    AGGREGATE_OPS,
    AGGREGATES,
    CONDITION,
    MONEY_COMPARE,
    MOST_UNITS,
    PRODUCT,
)
from shared.domain.engine.language_parts import Amounts, Found, basis, keys, products
from shared.domain.engine.rule import Aggregate, Basis, Condition, Measure
from shared.domain.facts import FORMS, Form, Kind
from shared.domain.filters import (
    Compare,
    InGroup,
    parse_compare,
    parse_fact,
    parse_in_group,
    parse_tree,
    parse_value,
)
from shared.domain.money import from_minor
from shared.domain.operators import OPERATORS, Op


def parse_condition(document: object, at: str, amounts: Amounts) -> Condition:
    """Return the condition of a document; raises DocumentInvalid."""

    def leaf(found: Found, where: str) -> Compare | InGroup | Aggregate:
        for measure in Measure:
            if measure in found:
                return _aggregate(found, measure, where, amounts)
        if "in_group" in found:
            return parse_in_group(found, where, "store")
        if _is_money(found):
            return _money(found, where, amounts)
        return parse_compare(found, where, CONDITION)

    return parse_tree(document, at, leaf)


def _is_money(found: Found) -> bool:
    fact = found.get("fact")
    return isinstance(fact, str) and FORMS.get(fact) is Form.MONEY and found.get("op") != Op.EXISTS


def _money(found: Found, at: str, amounts: Amounts) -> Compare:
    """Return a comparison of an amount in major units, as its fact is."""
    keys(found, at, MONEY_COMPARE)
    fact, _ = parse_fact(found["fact"], at_key(at, "fact"), CONDITION)
    op = documents.one_of(found["op"], at_key(at, "op"), Op)
    shape, kinds = OPERATORS[op]
    if Kind.NUMBER not in kinds:
        raise DocumentInvalid(pointer=at_key(at, "op"), detail=f"{op} does not compare an amount")

    def read(value: object, where: str) -> Decimal:
        minor, currency = amounts.read(value, where, found["currency"], at_key(at, "currency"), least=0)
        return from_minor(minor, currency)

    return Compare(fact, op, parse_value(found["value"], at_key(at, "value"), shape, read))


def _aggregate(document: Found, measure: Measure, at: str, amounts: Amounts) -> Aggregate:
    found = keys(document, at, AGGREGATES[measure])
    fact = None
    if measure is Measure.DISTINCT:
        fact, _ = parse_fact(found[measure], at_key(at, measure), PRODUCT)
    else:
        documents.one_of(found[measure], at_key(at, measure), ("lines",))
    op = documents.one_of(found["op"], at_key(at, "op"), AGGREGATE_OPS)

    def read(value: object, where: str) -> int:
        if measure is Measure.SUM_AMOUNT:
            return amounts.read(value, where, found["currency"], at_key(at, "currency"), least=0)[0]
        return documents.a_whole_number(value, where, least=0, most=MOST_UNITS)

    value = parse_value(found["value"], at_key(at, "value"), OPERATORS[op][0], read)
    return Aggregate(measure, fact, products(found, "where", at), op, value, basis(found, at, Basis.LIST))
