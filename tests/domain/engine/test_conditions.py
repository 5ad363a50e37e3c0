"""Compiled conditions say what a plain reading of the condition says, and why when it does not hold."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.domain.engine import parse_rule
from shared.domain.engine.conditions import Missing, compile_condition
from shared.domain.engine.rule import Aggregate, Basis, Condition, Measure
from shared.domain.engine.scene import Goods, Scene
from shared.domain.facts import FACTS, FORMS, PER_PROMOTION, SETS, Form, Kind
from shared.domain.filters import AllOf, AnyOf, InGroup, NotOf, matches
from shared.domain.operators import Op, compare
from tests.domain.engine.baskets import percent
from tests.domain.engine.rules import GROUPS, Json, conditions, dates, numbers, texts, times

ME = "me"


def reading(condition: Condition, scene: Scene) -> bool:
    """What the condition says, step by step as the language is told."""
    match condition:
        case AllOf(items):
            return all(reading(item, scene) for item in items)
        case AnyOf(items):
            return any(reading(item, scene) for item in items)
        case NotOf(item):
            return not reading(item, scene)
        case Aggregate():
            return compare(condition.op, figure(condition, scene), condition.value)
        case InGroup():
            return condition.group_id in scene.facts.get("store.groups", ())  # type: ignore[operator]
        case _:
            name = f"{condition.fact}:{ME}" if "redemptions" in condition.fact else condition.fact
            return compare(condition.op, scene.facts.get(name), condition.value)


def figure(aggregate: Aggregate, scene: Scene) -> int:
    running = aggregate.basis is Basis.RUNNING
    total, classes, values = 0, set(), set()
    for goods in scene.goods:
        price = goods.price if running else goods.list_price
        facts = {**goods.facts, "product.price": Decimal(price) / 100}
        if aggregate.where is None or matches(aggregate.where, facts):
            classes.add(goods.unit_class)
            total += goods.units * (price if aggregate.measure is Measure.SUM_AMOUNT else 1)
            values.add(facts.get(aggregate.fact or ""))
    match aggregate.measure:
        case Measure.COUNT:
            return len(classes)
        case Measure.DISTINCT:
            return len(values - {None})
        case _:
            return total


def a_value(name: str) -> st.SearchStrategy[Any]:
    if name in SETS:
        return st.frozensets(st.sampled_from(["A", "12.5", "X Y", "SUMMER"]), max_size=2)
    if FORMS.get(name) is Form.DATE:
        return dates
    if FORMS.get(name) is Form.TIME_OF_DAY:
        return times
    return numbers if FACTS.get(name) is Kind.NUMBER else texts


def facts_about(*namespaces: str) -> st.SearchStrategy[dict[str, Any]]:
    names = [name for name in FACTS if name.partition(".")[0] in namespaces]
    told = {f"{name}:{ME}" if name in PER_PROMOTION else name: a_value(name) for name in names}
    free = {f"{namespace}.attributes.coating": texts for namespace in namespaces}
    groups = {
        f"{namespace}.groups": st.frozensets(st.sampled_from(sorted(GROUPS))) for namespace in namespaces
    }
    return st.fixed_dictionaries({}, optional={**told, **free, **groups})


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    goods: list[Goods] = []
    for place in range(draw(st.integers(0, 3))):
        listed = draw(st.integers(0, 5000))
        price = draw(st.sampled_from([listed, listed // 2]))
        facts = {**draw(facts_about("product")), "product.price": Decimal(listed) / 100}
        goods.append(Goods(place // 2, draw(st.integers(1, 3)), listed, price, facts))
    facts = draw(facts_about("store", "channel", "basket", "customer", "history", "time", "code"))
    return Scene("EUR", facts, goods)


def rule_condition(document: Json) -> Condition:
    condition = parse_rule({"schema": 1, "if": document, "then": [percent("10")]}).condition
    assert condition is not None
    return condition


@given(conditions(), scenes())
def test_a_compiled_condition_says_what_it_reads(document: Json, scene: Scene) -> None:
    condition = rule_condition(document)
    compiled = compile_condition(condition, ME)
    assert compiled.holds(scene) is reading(condition, scene)


@given(conditions(), scenes())
@example({"not": {"count": "lines", "op": "ge", "value": 0}}, Scene("EUR", {}, ()))
def test_why_a_condition_fails_is_told_by_its_failing_parts(document: Json, scene: Scene) -> None:
    compiled = compile_condition(rule_condition(document), ME)
    if compiled.holds(scene):
        return
    unmet, missing = compiled.unmet(scene)
    assert unmet
    for part in unmet:
        found: Any = document
        for key in part.pointer.removeprefix("/if").split("/")[1:]:
            found = found[int(key) if isinstance(found, list) else key]
        holds = compile_condition(rule_condition(found), ME).holds(scene)
        assert holds is (part.subject == "not")
        assert part.missing is None or part.op in ("ge", "gt", "between")
    assert missing is None or missing in [part.missing for part in unmet]


COUNT: Mapping[str, Any] = {"sum_quantity": "lines", "op": "ge", "value": 5}
NO: Mapping[str, Any] = {"fact": "channel", "op": "eq", "value": "web"}
SCENE = Scene("EUR", {"code": frozenset({"B", "A"})}, [Goods(0, 3, 1000, 500, {})])


@pytest.mark.parametrize(
    ("condition", "missing"),
    [
        pytest.param(COUNT, 2, id="ge"),
        pytest.param({**COUNT, "op": "gt"}, 3, id="gt"),
        pytest.param({**COUNT, "op": "between", "value": [4, 6]}, 1, id="below a range"),
        pytest.param({**COUNT, "op": "between", "value": [1, 2]}, None, id="above a range"),
        pytest.param({**COUNT, "op": "eq"}, None, id="eq"),
        pytest.param({**COUNT, "op": "lt", "value": 3}, None, id="lt"),
        pytest.param({"not": {**COUNT, "op": "lt"}}, None, id="under not"),
        pytest.param({"all": [COUNT, NO]}, None, id="one of two that fail"),
        pytest.param({"all": [COUNT, {"not": NO}]}, 2, id="the one that fails"),
        pytest.param({"any": [NO, {**COUNT, "value": 9}, COUNT]}, 6, id="the first that can be completed"),
    ],
)
def test_what_would_be_enough(condition: Json, missing: int | None) -> None:
    compiled = compile_condition(rule_condition(condition), ME)
    assert not compiled.holds(SCENE)
    wanted = None if missing is None else Missing(Measure.SUM_QUANTITY, missing)
    assert compiled.unmet(SCENE)[1] == wanted


def test_what_is_seen_of_codes_and_groups() -> None:
    condition = {"all": [{"fact": "code", "op": "eq", "value": "C"}, {"in_group": min(GROUPS)}]}
    unmet, _ = compile_condition(rule_condition(condition), ME).unmet(SCENE)
    assert [(part.subject, part.op, part.seen, part.wanted) for part in unmet] == [
        ("code", Op.EQ, "A, B", "C"),
        ("store.groups", "in_group", None, min(GROUPS)),
    ]


CHEAP = {"fact": "product.price", "op": "lt", "value": "6.00"}
STALL = Scene(
    "EUR",
    {},
    [
        Goods(0, 2, 1000, 500, {"product.brand": "A", "product.price": Decimal(10)}),
        Goods(0, 1, 1000, 1000, {"product.brand": "A", "product.price": Decimal(10)}),
        Goods(1, 4, 500, 500, {"product.brand": "B", "product.price": Decimal(5)}),
        Goods(2, 1, 700, 100, {"product.price": Decimal(7)}),
    ],
)


@pytest.mark.parametrize(
    ("measure", "basis", "where", "seen"),
    [
        ("count", "list", None, 3),
        ("count", "list", CHEAP, 1),
        ("count", "running", CHEAP, 3),
        ("sum_quantity", "list", None, 8),
        ("sum_quantity", "list", CHEAP, 4),
        ("sum_quantity", "running", CHEAP, 7),
        ("sum_amount", "list", None, 5700),
        ("sum_amount", "running", None, 4100),
        ("sum_amount", "list", CHEAP, 2000),
        ("sum_amount", "running", CHEAP, 3100),
        ("distinct", "list", None, 2),
        ("distinct", "list", CHEAP, 1),
        ("distinct", "running", CHEAP, 2),
    ],
)
def test_figures(measure: str, basis: str, where: Json | None, seen: int) -> None:
    document: Json = {measure: "product.brand" if measure == "distinct" else "lines", "basis": basis}
    wanted: Json = {"value": "0.01", "currency": "EUR"} if measure == "sum_amount" else {"value": 9}
    document |= {"op": "eq", **wanted, **({} if where is None else {"where": where})}
    (unmet,), _ = compile_condition(rule_condition(document), ME).unmet(STALL)
    assert unmet.seen == seen
