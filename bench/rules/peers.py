"""The peers: each takes the offers and gives a function from a basket to every offer's discount, alone.

None of them combines offers, rounds, allocates or explains: they answer less than the engine does. What an
offer takes off when it is alone is what all of them must agree on.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

import rule_engine
import zen
from business_rules import run_all
from business_rules.actions import BaseActions, rule_action
from business_rules.fields import FIELD_NUMERIC
from business_rules.variables import BaseVariables, numeric_rule_variable, string_rule_variable
from json_logic import jsonLogic

from bench.rules.offers import Json, Offer, Product

type Vector = list[int]
type Peer = Callable[[Json], Vector]


def hand_written(offers: Sequence[Offer], products: dict[str, Product]) -> Peer:
    """Plain Python for these very offers: one pass over the lines, sums by brand and by SKU."""
    brands = {offer.brand for offer in offers}
    wanted = {sku for offer in offers for sku in offer.skus}
    takes = [_taker(offer, products) for offer in offers]

    def evaluate(basket: Json) -> Vector:
        spent, units, pieces = dict.fromkeys(brands, 0), dict.fromkeys(brands, 0), dict.fromkeys(wanted, 0)
        for line in basket["lines"]:
            brand, quantity = line["brand"], line["qty"]
            if brand in spent:
                spent[brand] += line["price"] * quantity
                units[brand] += quantity
            if line["sku"] in pieces:
                pieces[line["sku"]] += quantity
        day, region, tier = basket["day"], basket["store"]["region"], basket["store"]["tier"]
        return [
            take(spent, units, pieces)
            if day >= starts and (where is None or where == region) and (rank is None or rank == tier)
            else 0
            for take, starts, where, rank in takes
        ]

    return evaluate


def _taker(
    offer: Offer, products: dict[str, Product]
) -> tuple[Callable[[dict[str, int], dict[str, int], dict[str, int]], int], int, str | None, str | None]:
    brand, skus = offer.brand, offer.skus
    price = products[skus[0]].price if skus else 0

    def percent(spent: dict[str, int], _units: dict[str, int], _pieces: dict[str, int]) -> int:
        return spent[brand] * offer.percent // 100

    def amount(spent: dict[str, int], _units: dict[str, int], _pieces: dict[str, int]) -> int:
        return offer.amount if spent[brand] >= offer.threshold else 0

    def third(_spent: dict[str, int], _units: dict[str, int], pieces: dict[str, int]) -> int:
        return pieces[skus[0]] // 3 * price

    def tiered(spent: dict[str, int], units: dict[str, int], _pieces: dict[str, int]) -> int:
        reached = [rate for least, rate in offer.tiers if units[brand] >= least]
        return spent[brand] * reached[-1] // 100 if reached else 0

    def bundle(_spent: dict[str, int], _units: dict[str, int], pieces: dict[str, int]) -> int:
        return min(pieces[skus[0]], pieces[skus[1]]) * offer.amount

    found = {"percent": percent, "amount": amount, "third": third, "tiered": tiered, "bundle": bundle}
    return found[offer.kind], offer.starts, offer.region, offer.tier


def zen_decision(offers: Sequence[Offer], products: dict[str, Product]) -> Peer:
    """A decision of the GoRules Zen engine (Rust): one expression an offer."""
    expressions = [
        {"id": str(place), "key": f"o{place}", "value": _zen(offer, products)}
        for place, offer in enumerate(offers)
    ]
    nodes = [
        {"id": "in", "type": "inputNode", "name": "in"},
        {"id": "ex", "type": "expressionNode", "name": "ex", "content": {"expressions": expressions}},
        {"id": "out", "type": "outputNode", "name": "out"},
    ]
    edges = [
        {"id": "1", "sourceId": "in", "targetId": "ex", "type": "edge"},
        {"id": "2", "sourceId": "ex", "targetId": "out", "type": "edge"},
    ]
    place = {"position": {"x": 0, "y": 0}}
    graph = {"nodes": [{**node, **place} for node in nodes], "edges": edges}
    decision = zen.ZenEngine().create_decision(json.dumps(graph))
    names = [f"o{place}" for place in range(len(offers))]

    def evaluate(basket: Json) -> Vector:
        result = decision.evaluate(basket)["result"]
        return [round(result[name]) for name in names]

    return evaluate


def zen_expressions(offers: Sequence[Offer], products: dict[str, Product]) -> Peer:
    """The same expressions compiled one by one."""
    compiled = [zen.compile_expression(_zen(offer, products)) for offer in offers]
    return lambda basket: [round(expression.evaluate(basket)) for expression in compiled]


def _zen(offer: Offer, products: dict[str, Product]) -> str:
    conditions = [f"day >= {offer.starts}"]
    if offer.region:
        conditions.append(f'store.region == "{offer.region}"')
    if offer.tier:
        conditions.append(f'store.tier == "{offer.tier}"')

    def total(field: str, name: str, value: str) -> str:
        return f'sum(map(filter(lines, #.{name} == "{value}"), {field}))'

    spent, units = total("#.price * #.qty", "brand", offer.brand), total("#.qty", "brand", offer.brand)
    pieces = [total("#.qty", "sku", sku) for sku in offer.skus]
    match offer.kind:
        case "percent":
            value = f"{spent} * {offer.percent} / 100"
        case "amount":
            value = f"({spent} >= {offer.threshold} ? {offer.amount} : 0)"
        case "third":
            value = f"floor({pieces[0]} / 3) * {products[offer.skus[0]].price}"
        case "tiered":
            rate = "0"
            for least, percent in offer.tiers:
                rate = f"({units} >= {least} ? {percent} : {rate})"
            value = f"{spent} * {rate} / 100"
        case _:
            value = f"min([{pieces[0]}, {pieces[1]}]) * {offer.amount}"
    return f"({' and '.join(conditions)}) ? ({value}) : 0"


def json_logic(offers: Sequence[Offer], products: dict[str, Product]) -> Peer:
    """JsonLogic rules, one an offer, by the Python port that is kept up."""
    rules = [_logic(offer, products) for offer in offers]
    return lambda basket: [round(jsonLogic(rule, basket)) for rule in rules]


def _logic(offer: Offer, products: dict[str, Product]) -> Json:
    def total(name: str, value: str, *, money: bool) -> Json:
        quantity: Json = {"var": "current.qty"}
        each = {"*": [{"var": "current.price"}, quantity]} if money else quantity
        chosen = {"filter": [{"var": "lines"}, {"==": [{"var": name}, value]}]}
        return {"reduce": [chosen, {"+": [{"var": "accumulator"}, each]}, 0]}

    spent = total("brand", offer.brand, money=True)
    units = total("brand", offer.brand, money=False)
    pieces = [total("sku", sku, money=False) for sku in offer.skus]
    conditions: list[Json] = [{">=": [{"var": "day"}, offer.starts]}]
    if offer.region:
        conditions.append({"==": [{"var": "store.region"}, offer.region]})
    if offer.tier:
        conditions.append({"==": [{"var": "store.tier"}, offer.tier]})
    value: Json
    match offer.kind:
        case "percent":
            value = {"/": [{"*": [spent, offer.percent]}, 100]}
        case "amount":
            value = {"if": [{">=": [spent, offer.threshold]}, offer.amount, 0]}
        case "third":
            whole = {"-": [pieces[0], {"%": [pieces[0], 3]}]}
            value = {"*": [{"/": [whole, 3]}, products[offer.skus[0]].price]}
        case "tiered":
            rate: Any = 0
            for least, percent in offer.tiers:
                rate = {"if": [{">=": [units, least]}, percent, rate]}
            value = {"/": [{"*": [spent, rate]}, 100]}
        case _:
            value = {"*": [{"min": pieces}, offer.amount]}
    return {"if": [{"and": conditions}, value, 0]}


def rule_engine_rules(offers: Sequence[Offer], products: dict[str, Product]) -> Peer:
    """Expressions of the rule-engine package, one an offer."""
    rules = [rule_engine.Rule(_expression(offer, products)) for offer in offers]
    return lambda basket: [round(rule.evaluate(basket)) for rule in rules]


def _expression(offer: Offer, products: dict[str, Product]) -> str:
    def total(field: str, name: str, value: str) -> str:
        return f'$sum([l["{field}"] for l in lines if l["{name}"] == "{value}"])'

    conditions = [f"day >= {offer.starts}"]
    if offer.region:
        conditions.append(f'store["region"] == "{offer.region}"')
    if offer.tier:
        conditions.append(f'store["tier"] == "{offer.tier}"')
    spent = f'$sum([l["price"] * l["qty"] for l in lines if l["brand"] == "{offer.brand}"])'
    units = total("qty", "brand", offer.brand)
    pieces = [total("qty", "sku", sku) for sku in offer.skus]
    match offer.kind:
        case "percent":
            value = f"{spent} * {offer.percent} / 100"
        case "amount":
            value = f"({spent} >= {offer.threshold} ? {offer.amount} : 0)"
        case "third":
            value = f"({pieces[0]} // 3) * {products[offer.skus[0]].price}"
        case "tiered":
            rate = "0"
            for least, percent in offer.tiers:
                rate = f"({units} >= {least} ? {percent} : {rate})"
            value = f"{spent} * {rate} / 100"
        case _:
            value = f"$min([{pieces[0]}, {pieces[1]}]) * {offer.amount}"
    return f"({' and '.join(conditions)}) ? ({value}) : 0"


class _Basket(BaseVariables):
    def __init__(self, basket: Json) -> None:
        self.basket = basket

    @numeric_rule_variable
    def day(self) -> int:
        return self.basket["day"]

    @string_rule_variable
    def region(self) -> str:
        return self.basket["store"]["region"]

    @string_rule_variable
    def tier(self) -> str:
        return self.basket["store"]["tier"]


class _Discounts(BaseActions):
    """What an offer takes off is reckoned in Python: the package has no arithmetic. It is flattered."""

    def __init__(self, vector: Vector, takers: Sequence[Callable[[], int]]) -> None:
        self.vector, self.takers = vector, takers

    @rule_action(params={"place": FIELD_NUMERIC})
    def give(self, place: int) -> None:
        self.vector[place] = self.takers[place]()


def business_rules(offers: Sequence[Offer], products: dict[str, Product]) -> Peer:
    """Rules of the business-rules package: conditions its own, amounts reckoned by hand-written actions."""
    rules = [_business_rule(place, offer) for place, offer in enumerate(offers)]
    takes = [_taker(offer, products)[0] for offer in offers]
    brands = {offer.brand for offer in offers}
    wanted = {sku for offer in offers for sku in offer.skus}

    def evaluate(basket: Json) -> Vector:
        spent, units, pieces = dict.fromkeys(brands, 0), dict.fromkeys(brands, 0), dict.fromkeys(wanted, 0)
        for line in basket["lines"]:
            if line["brand"] in spent:
                spent[line["brand"]] += line["price"] * line["qty"]
                units[line["brand"]] += line["qty"]
            if line["sku"] in pieces:
                pieces[line["sku"]] += line["qty"]
        vector = [0] * len(offers)
        takers = [lambda take=take: take(spent, units, pieces) for take in takes]
        run_all(rules, _Basket(basket), _Discounts(vector, takers), stop_on_first_trigger=False)
        return vector

    return evaluate


def _business_rule(place: int, offer: Offer) -> Json:
    conditions: list[Json] = [{"name": "day", "operator": "greater_than_or_equal_to", "value": offer.starts}]
    if offer.region:
        conditions.append({"name": "region", "operator": "equal_to", "value": offer.region})
    if offer.tier:
        conditions.append({"name": "tier", "operator": "equal_to", "value": offer.tier})
    return {
        "conditions": {"all": conditions},
        "actions": [{"name": "give", "params": {"place": place}}],
    }


PEERS: dict[str, Callable[[Sequence[Offer], dict[str, Product]], Peer]] = {
    "zen-engine, one decision": zen_decision,
    "zen-engine, compiled expressions": zen_expressions,
    "json-logic": json_logic,
    "business-rules, amounts by hand": business_rules,
    "rule-engine": rule_engine_rules,
    "plain Python, indexed by hand": hand_written,
}
