"""The JSON Schema (draft 2020-12) of the rule language, for editors and the documentation.

It knows the shape of a rule. What it cannot know, `parse_rule` refuses: currencies that differ or have fewer
decimals, ranges and tiers that do not rise, days that no calendar has, benefits that cannot stand together,
too many comparisons and too deep a nesting.
"""

from collections.abc import Mapping

from shared.domain.engine.grammar import (
    AGGREGATE_OPS,
    AGGREGATES,
    BENEFITS,
    CONDITION,
    FLOOR_IN_PERCENT,
    IN_TIERS,
    MAX_UNITS,
    MONEY,
    MOST_BENEFITS,
    MOST_ITEMS,
    MOST_POINTS,
    MOST_TIERS,
    MOST_UNITS,
    PICK,
    PICK_AT_PERCENT,
    PRODUCT,
    RULE,
    SCHEMA,
    SKU_MOST,
    TIER,
    TIERED_BY_SPEND,
    BenefitKind,
    Keys,
)
from shared.domain.engine.rule import Basis, Choose, Measure, Per, TierBy
from shared.domain.engine.schema_facts import (
    AMOUNT,
    CURRENCY,
    DECIMAL,
    IN_GROUP,
    NOT_ZERO,
    Schema,
    any_of,
    comparisons,
    distinct_fact,
    value_schema,
)
from shared.domain.filters import MOST_ITEMS as MOST_BRANCHES
from shared.domain.filters import OPERATORS


def rule_schema() -> Schema:
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rule of a promotion",
        **_object(RULE, {"schema": {"const": SCHEMA}, "if": _always_or_condition(), "then": _benefits()}),
        "$defs": {
            "filter": _tree("filter", [*comparisons(PRODUCT), IN_GROUP]),
            "condition": _tree("condition", [*comparisons(CONDITION), IN_GROUP, *_aggregates()]),
            "currency": CURRENCY,
            **{kind.value: _benefit(kind) for kind in BenefitKind},
        },
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _object(keys: Keys, properties: Mapping[str, object]) -> Schema:
    known = (*keys.required, *keys.optional)
    return {
        "type": "object",
        "properties": {key: properties[key] for key in known},
        "required": list(keys.required),
        "additionalProperties": False,
    }


def _array(items: Schema, most: int) -> Schema:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": most}


def _whole(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def _at_most(most: int) -> Schema:
    """Return the schema of a number above zero with at most two decimals."""
    below = len(str(most)) - 2
    text = rf"{most}(\.0{{1,12}})?|(0|[1-9][0-9]{{0,{below}}})(\.[0-9]{{1,2}}0{{0,10}})?"
    return {
        "anyOf": [
            {"type": "number", "exclusiveMinimum": 0, "maximum": most, "multipleOf": 0.01},
            {"type": "string", "pattern": f"^{NOT_ZERO}({text})$"},
        ]
    }


def _tree(name: str, leaves: list[Schema]) -> Schema:
    branches = {
        "all": _array(_ref(name), MOST_BRANCHES),
        "any": _array(_ref(name), MOST_BRANCHES),
        "not": _ref(name),
    }
    return {"anyOf": [*(_object(Keys((key,)), branches) for key in branches), *leaves]}


def _always_or_condition() -> Schema:
    return {"anyOf": [{"type": "object", "maxProperties": 0}, _ref("condition")]}


def _aggregates() -> list[Schema]:
    found: list[Schema] = []
    for measure, keys in AGGREGATES.items():
        one = AMOUNT if measure is Measure.SUM_AMOUNT else _whole(0, MOST_UNITS)
        for shape in dict.fromkeys(OPERATORS[op][0] for op in AGGREGATE_OPS):
            properties: Schema = {
                **_SHARED,
                measure: distinct_fact("product") if measure is Measure.DISTINCT else {"const": "lines"},
                "op": {"enum": [op.value for op in AGGREGATE_OPS if OPERATORS[op][0] is shape]},
                "value": value_schema(shape, [one]),
            }
            found.append(_object(keys, properties))
    return found


def _benefits() -> Schema:
    return _array({"anyOf": [_ref(kind) for kind in BenefitKind]}, MOST_BENEFITS)


def _benefit(kind: BenefitKind) -> Schema:
    return any_of(
        [_object(keys, {**_SHARED, **_special(keys), "kind": {"const": kind}}) for keys in BENEFITS[kind]]
    )


def _special(keys: Keys) -> Schema:
    """Return the properties that mean something else in one kind of benefit than in another."""
    if "by" not in keys.required:
        return {}
    by_spend = keys is TIERED_BY_SPEND
    least = _ABOVE_ZERO if by_spend else _whole(1, MOST_UNITS)
    tier = {"from": least, "then": {"anyOf": [_ref(kind) for kind in IN_TIERS]}}
    return {
        "by": {"const": TierBy.SPEND if by_spend else TierBy.QUANTITY},
        "tiers": {
            **_array(_object(TIER, tier), MOST_TIERS),
            "description": "In rising order; the highest reached counts, alone.",
        },
    }


_PERCENT = _at_most(100)
_UNITS = _whole(1, MOST_UNITS)
_ABOVE_ZERO: Schema = {**AMOUNT, "pattern": f"^{NOT_ZERO}{DECIMAL}$"}
_FILTER = _ref("filter")
_MONEY = _object(MONEY, {"amount": _ABOVE_ZERO, "currency": _ref("currency")})

_SHARED: Schema = {
    "percent": _PERCENT,
    "amount": _ABOVE_ZERO,
    "price": AMOUNT,
    "currency": _ref("currency"),
    "per": {"enum": [*Per], "description": "For each unit, each line, or once, spread over the targets."},
    "target": {**_FILTER, "description": "The goods it is given on; all of them when absent."},
    "where": {**_FILTER, "description": "The goods that count; all of them when absent."},
    "basis": {"enum": [*Basis], "description": "The catalogue's price, or the one on entering the lane."},
    "max_units": _object(MAX_UNITS, {"units": _UNITS, "per": {"enum": [Per.LINE, Per.BASKET]}}),
    "max_applications": {**_UNITS, "description": "Units, lines, or sets of what is bought together."},
    "max_discount": {**_MONEY, "description": "The most that is taken off a basket."},
    "price_floor": {
        "anyOf": [_MONEY, _object(FLOOR_IN_PERCENT, {"percent": _PERCENT})],
        "description": "The least a unit may cost: an amount, or a percent of its list price.",
    },
    "choose": {"enum": [*Choose], "description": "Which units of a set are the discounted ones."},
    "buy": _object(PICK, {"units": _UNITS, "where": _FILTER}),
    "get": _object(PICK_AT_PERCENT, {"units": _UNITS, "where": _FILTER, "percent": _PERCENT}),
    "items": _array(_object(PICK, {"units": _UNITS, "where": _FILTER}), MOST_ITEMS),
    "sku": {"type": "string", "minLength": 1, "maxLength": SKU_MOST},
    "units": _UNITS,
    "fixed": _whole(1, MOST_POINTS),
    "per_unit_of_currency": {
        **_at_most(MOST_UNITS),
        "description": "Points for each whole unit of currency that the targets cost net.",
    },
}
