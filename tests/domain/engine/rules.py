"""Hypothesis strategies for any valid document of the rule language, however it may be spelled."""

from collections.abc import Sequence
from copy import deepcopy
from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from shared.domain.documents import at_key
from shared.domain.engine.grammar import AGGREGATE_OPS, ALONE, IN_TIERS, WITHOUT_UNITS, BenefitKind
from shared.domain.facts import FACTS, FORMS, Form, Kind
from shared.domain.money import EXPONENTS
from shared.domain.operators import OPERATORS, Op, Shape

type Json = dict[str, Any]
type Documents = SearchStrategy[Json]

GROUPS = {f"0000000{n}-aaaa-4bbb-8ccc-00000000000{n}": name for n, name in enumerate(["lenses", "or", "A b"])}
CURRENCIES = ["EUR", "JPY", "KWD"]
_MORE = [
    "product.attributes.coating",
    "product.attributes.a/b~",
    "store.attributes.x",
    "customer.attributes.x",
]

texts = st.sampled_from(["A", "a", "12.5", "x y", '"', "\\", "é", " or ", "true"]) | st.text(
    st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6
)
numbers = st.integers(-5, 500) | st.decimals(-999, 999, places=2)
decimal_texts = numbers.map(str)
dates = st.dates(date(1, 1, 1), date(9999, 12, 31)).map(date.isoformat)
times = st.times().map(lambda time: f"{time:%H:%M}")
weekdays = st.sampled_from([1, 3, "7", Decimal("5.0")])
units = st.integers(1, 9) | st.just(1_000_000)
hundredths = st.integers(1, 10_000).map(lambda number: Decimal(number).scaleb(-2))
percents = st.integers(1, 100) | hundredths | hundredths.map(str)


def amounts(currency: str, least: int = 1) -> SearchStrategy[str]:
    """Amounts of a currency, with or without the zeros at their end."""
    exact = st.integers(least, 10**7).map(lambda minor: Decimal(minor).scaleb(-EXPONENTS[currency]))
    return exact.map(str) | exact.map(lambda amount: f"{amount.normalize():f}")


def ranges(one: SearchStrategy[Any], by: Any = None) -> SearchStrategy[list[Any]]:
    return st.tuples(one, one).map(lambda pair: sorted(pair, key=by))


def _as_read(value: Any) -> Any:
    return Decimal(value)


def _values(op: Op, one: SearchStrategy[Any], in_order: Any = None) -> SearchStrategy[Any]:
    match OPERATORS[op][0]:
        case Shape.ONE:
            return one
        case Shape.MANY:
            return st.lists(one, min_size=1, max_size=3)
        case Shape.RANGE:
            return ranges(one, in_order)
        case Shape.FLAG:
            return st.booleans()


@st.composite
def comparisons(draw: st.DrawFn, namespaces: Sequence[str], currency: str = "EUR") -> Json:
    names = [name for name in [*FACTS, *_MORE] if name.partition(".")[0] in namespaces]
    fact = draw(st.sampled_from(names))
    kind, form = FACTS.get(fact), FORMS.get(fact)
    ops = [op for op, (_, kinds) in OPERATORS.items() if kind is None or kind in kinds]
    if form is Form.CODE:
        ops = [op for op in ops if op not in (Op.LT, Op.LE, Op.GT, Op.GE, Op.BETWEEN)]
    op = draw(st.sampled_from(ops))
    kinds = OPERATORS[op][1] & {kind} if kind else OPERATORS[op][1]
    more: Json = {}
    in_order = None
    if form is Form.MONEY and op is not Op.EXISTS:
        one: SearchStrategy[Any] = amounts(currency, 0)
        in_order, more = _as_read, {"currency": currency}
    elif form is Form.CODE:
        one = texts.filter(str.strip)
    elif form in (Form.DATE, Form.TIME_OF_DAY) and op not in (Op.CONTAINS, Op.STARTS_WITH):
        one = dates if form is Form.DATE else times
    elif form is Form.WEEKDAY:
        one, in_order = weekdays, _as_read
    elif kinds == {Kind.NUMBER}:
        one, in_order = numbers | decimal_texts, _as_read
    elif op is Op.BETWEEN:
        one = draw(st.sampled_from([texts, numbers])) if kind is None else texts
    else:
        by_kind = {Kind.TEXT: texts, Kind.NUMBER: numbers, Kind.BOOLEAN: st.booleans()}
        one = st.one_of([by_kind[each] for each in sorted(kinds)])
    return {"fact": fact, "op": op.value, "value": draw(_values(op, one, in_order)), **more}


def groups() -> Documents:
    return st.sampled_from(sorted(GROUPS)).flatmap(
        lambda group: st.sampled_from([{"in_group": group}, {"in_group": group.upper()}])
    )


def trees(leaf: Documents, most: int = 4) -> Documents:
    def grown(inner: Documents) -> Documents:
        several = st.lists(inner, min_size=1, max_size=3)
        return (
            several.map(lambda items: {"all": items})
            | several.map(lambda items: {"any": items})
            | inner.map(lambda item: {"not": item})
        )

    return st.recursive(leaf, grown, max_leaves=most)


product_filters = trees(comparisons(["product"]) | groups(), 3)


@st.composite
def aggregates(draw: st.DrawFn, currency: str) -> Json:
    measure = draw(st.sampled_from(["count", "sum_quantity", "sum_amount", "distinct"]))
    op = draw(st.sampled_from(AGGREGATE_OPS))
    whole = st.integers(0, 1_000_000)
    found: Json = {
        measure: "product.brand" if measure == "distinct" else "lines",
        "op": op.value,
        **draw(_some_of({"where": product_filters, "basis": st.sampled_from(["list", "running"])})),
    }
    if measure == "sum_amount":
        found |= {"currency": currency, "basis": draw(st.sampled_from(["list", "running"]))}
    found["value"] = draw(_values(op, amounts(currency, 0) if measure == "sum_amount" else whole, _as_read))
    return found


def _some_of(parts: dict[str, SearchStrategy[Any]]) -> Documents:
    return st.fixed_dictionaries({}, optional=parts)


def conditions(currency: str = "EUR") -> Documents:
    facts = comparisons(["store", "customer", "history", "basket", "channel", "time", "code"], currency)
    return trees(facts | groups() | aggregates(currency))


def _money(currency: str) -> Documents:
    return amounts(currency).map(lambda amount: {"amount": amount, "currency": currency})


def _bounds(currency: str) -> dict[str, SearchStrategy[Any]]:
    return {
        "max_applications": units,
        "max_discount": _money(currency),
        "price_floor": _money(currency) | percents.map(lambda percent: {"percent": percent}),
        "basis": st.sampled_from(["list", "running"]),
    }


def _targeted(currency: str) -> dict[str, SearchStrategy[Any]]:
    per = st.sampled_from(["line", "basket"])
    return {
        "target": product_filters,
        "max_units": st.fixed_dictionaries({"units": units, "per": per}),
        **_bounds(currency),
    }


def _pick(**more: SearchStrategy[Any]) -> Documents:
    return st.fixed_dictionaries({"units": units}, optional={"where": product_filters, **more})


def _tiered(currency: str) -> Documents:
    then = st.sampled_from(IN_TIERS).flatmap(lambda kind: benefits(kind, currency))

    def tiers(least: list[Any]) -> SearchStrategy[list[Any]]:
        return st.tuples(
            *[st.fixed_dictionaries({"from": st.just(each), "then": then}) for each in least]
        ).map(list)

    numbers = st.lists(st.integers(1, 99), min_size=1, max_size=3, unique=True).map(sorted)
    sums = st.lists(amounts(currency), min_size=1, max_size=3, unique_by=_as_read).map(
        lambda each: sorted(each, key=_as_read)
    )
    where, basis = {"where": product_filters}, st.sampled_from(["list", "running"])
    by_quantity = {"kind": st.just("tiered"), "by": st.just("quantity"), "tiers": numbers.flatmap(tiers)}
    by_spend = {
        "kind": st.just("tiered"),
        "by": st.just("spend"),
        "currency": st.just(currency),
        "basis": basis,
        "tiers": sums.flatmap(tiers),
    }
    return st.fixed_dictionaries(by_quantity, optional={**where, "basis": basis}) | st.fixed_dictionaries(
        by_spend, optional=where
    )


def benefits(kind: BenefitKind, currency: str) -> Documents:
    """Documents of one kind of benefit."""
    code, per = st.just(currency), st.sampled_from(["unit", "line", "basket"])
    price = {"price": amounts(currency, 0), "currency": code}
    targeted, bounds = _targeted(currency), _bounds(currency)
    optional: dict[str, SearchStrategy[Any]]
    match kind:
        case BenefitKind.PERCENT_OFF:
            required, optional = {"percent": percents}, targeted
        case BenefitKind.AMOUNT_OFF:
            required, optional = {"amount": amounts(currency), "currency": code, "per": per}, targeted
        case BenefitKind.FIXED_PRICE:
            required, optional = price, targeted
        case BenefitKind.BUY_X_GET_Y:
            required = {"buy": _pick(), "get": _pick(percent=percents)}
            optional = {"choose": st.sampled_from(["cheapest", "dearest"]), **bounds}
        case BenefitKind.BUNDLE_PRICE:
            required, optional = {"items": st.lists(_pick(), min_size=1, max_size=3), **price}, bounds
        case BenefitKind.TIERED:
            return _tiered(currency)
        case BenefitKind.GIFT:
            required, optional = {"sku": texts}, {"units": units}
        case BenefitKind.POINTS:
            if_fixed = st.fixed_dictionaries({"kind": st.just("points"), "fixed": units})
            rates: Documents = st.fixed_dictionaries(
                {"kind": st.just("points"), "per_unit_of_currency": percents},
                optional={"target": product_filters},
            )
            return if_fixed | rates
    return st.fixed_dictionaries({"kind": st.just(kind.value), **required}, optional=optional)


@st.composite
def rule_documents(draw: st.DrawFn) -> Json:
    """Any valid document of the rule language."""
    currency = draw(st.sampled_from(CURRENCIES))
    first = draw(st.sampled_from(BenefitKind))
    beside = sorted(WITHOUT_UNITS if first in ALONE else set(BenefitKind) - ALONE)
    kinds = [first, *draw(st.lists(st.sampled_from(beside), max_size=1))]
    document: Json = {"schema": 1, "then": [draw(benefits(kind, currency)) for kind in kinds]}
    if draw(st.booleans()):
        document["if"] = draw(st.just({}) | conditions(currency))
    return document


def places(document: Any, at: str = "") -> list[tuple[str, Any, Any]]:
    """Every place in a document: its pointer, what holds it, and its key or index there."""
    if isinstance(document, dict):
        items: list[tuple[Any, Any]] = list(document.items())
    else:
        items = list(enumerate(document)) if isinstance(document, list) else []
    found: list[tuple[str, Any, Any]] = []
    for key, item in items:
        here = at_key(at, key)
        found += [(here, document, key), *places(item, here)]
    return found


JUNK: list[Any] = [
    *(None, True, False, 0, 1, -1, 10**20),
    *(Decimal("7.5"), Decimal("2.0"), Decimal("0.001"), Decimal("1E+30")),
    *("", " ", "0", "-0", "5.00", "-5.00", "0.001", "1e3", "\u0661", "EUR", "JPY", "XXX"),
    *("2026-02-30", "2026-12-24", "24:00", "09:30", "8"),
    *("list", "line", "unit", "eq", "exists", "between", "contains", "lines", "gift", "tiered", "spend"),
    *("product.brand", "store.city", "code", "time.date", "history.spend.30d", "history.orders"),
    *([], {}, ["a"], [1, 2], ["2", "1"], [True], {"in_group": "x"}, {"percent": "10"}, {"all": []}),
    *({"kind": "gift", "sku": "X"}, {"kind": "percent_off", "percent": 5}, {"units": 1}),
    {"fact": "product.sku", "op": "eq", "value": "x"},
]
KEYS = [
    *("currency", "basis", "where", "target", "max_units", "units", "percent", "value", "fact"),
    *("in_group", "all", "not", "count", "fixed", "unknown", "a/b~"),
]


@st.composite
def mutated(draw: st.DrawFn, documents: Documents) -> Json:
    """A valid document changed below its top at one or two places: left out, added, exchanged, replaced."""
    document = deepcopy(draw(documents))
    for _ in range(draw(st.sampled_from([1, 1, 1, 2]))):
        found = [place for place in places(document) if place[0].count("/") > 2]
        _, holder, key = draw(st.sampled_from(found)) if found else ("", document, None)
        match draw(st.sampled_from(["replace", "leave out", "add", "exchange"])):
            case "replace" if key is not None:
                holder[key] = draw(st.sampled_from(JUNK))
            case "leave out" if key is not None:
                del holder[key]
            case "exchange" if key is not None:
                holder[key] = deepcopy(draw(st.sampled_from([other[name] for _, other, name in found])))
            case _ if isinstance(holder, dict):
                holder[draw(st.sampled_from(KEYS))] = draw(st.sampled_from(JUNK))
            case _:
                holder.append(draw(st.sampled_from(JUNK)))
        document = deepcopy(document)
    return document


@st.composite
def grafted(draw: st.DrawFn, documents: Documents, others: Documents) -> Json:
    """A valid document in which a part has become that of the same name in another; mostly valid too."""
    document = deepcopy(draw(documents))
    parts: dict[Any, list[Any]] = {}
    for _, holder, key in places(draw(others)):
        parts.setdefault(key, []).append(holder[key])
    found = [place for place in places(document) if place[2] in parts and place[0].count("/") > 1]
    if found:
        _, holder, key = draw(st.sampled_from(found))
        holder[key] = draw(st.sampled_from(parts[key]))
    return document
