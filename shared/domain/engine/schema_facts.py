"""The JSON Schema of comparisons, made from the tables of facts and operators that the parser uses."""

from collections.abc import Iterable, Mapping

from shared.domain.facts import FACTS, FORMS, WITH_ATTRIBUTES, Form, Kind
from shared.domain.filters import MOST_VALUES
from shared.domain.money import EXPONENTS
from shared.domain.operators import IN_ORDER, OPERATORS, Op, Shape, form_beside

type Schema = dict[str, object]

DECIMAL = r"(0|[1-9][0-9]{0,17})(\.[0-9]{1,12})?"
NOT_ZERO = r"(?!0(\.0+)?$)"

TEXT: Schema = {"type": "string", "minLength": 1, "maxLength": 1000}
NUMBER: Schema = {"type": "number"}
BOOLEAN: Schema = {"type": "boolean"}
AMOUNT: Schema = {
    "type": "string",
    "pattern": f"^{DECIMAL}$",
    "description": "An amount in units of its currency, such as 12.50.",
}
CURRENCY: Schema = {"enum": sorted(EXPONENTS), "description": "A currency of ISO 4217; one for all amounts."}
IN_GROUP: Schema = {
    "type": "object",
    "properties": {
        "in_group": {
            "type": "string",
            "pattern": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
            "description": "The id of a group.",
        }
    },
    "required": ["in_group"],
    "additionalProperties": False,
}

_DECIMAL_TEXT: Schema = {"type": "string", "pattern": f"^-?{DECIMAL}$"}
_OF_KIND: Mapping[Kind, Schema] = {Kind.TEXT: TEXT, Kind.NUMBER: NUMBER, Kind.BOOLEAN: BOOLEAN}
_OF_FORM: Mapping[Form, Schema] = {
    Form.CODE: TEXT,
    Form.DATE: {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
    Form.TIME_OF_DAY: {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"},
    Form.WEEKDAY: {
        "anyOf": [
            {"type": "integer", "minimum": 1, "maximum": 7},
            {"type": "string", "pattern": r"^[1-7](\.0{1,12})?$"},
        ],
        "description": "1 is Monday, 7 is Sunday.",
    },
    Form.MONEY: AMOUNT,
}


def any_of(schemas: list[Schema]) -> Schema:
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def comparisons(namespaces: Iterable[str]) -> list[Schema]:
    """Return the schemas of all comparisons of facts of these namespaces."""
    namespaces = frozenset(namespaces)
    alike: dict[tuple[Kind, Form | None], list[str]] = {}
    for name, kind in FACTS.items():
        if name.partition(".")[0] in namespaces:
            alike.setdefault((kind, FORMS.get(name)), []).append(name)
    found = [
        schema
        for (kind, form), names in alike.items()
        for schema in _of_facts({"enum": names}, frozenset({kind}), form)
    ]
    free = "|".join(sorted(namespaces & WITH_ATTRIBUTES))
    fact: Schema = {"type": "string", "pattern": rf"^({free})\.attributes\.[\s\S]", "maxLength": 200}
    return found + _of_facts(fact, frozenset(Kind), None)


def distinct_fact(namespace: str) -> Schema:
    names = [name for name in FACTS if name.startswith(f"{namespace}.")]
    free = {"type": "string", "pattern": rf"^{namespace}\.attributes\.[\s\S]", "maxLength": 200}
    return {"anyOf": [{"enum": names}, free]}


def value_schema(shape: Shape, one: list[Schema]) -> Schema:
    """Return the schema of a value of which these are the forms of one; the ends of a range are alike."""
    match shape:
        case Shape.ONE:
            return any_of(one)
        case Shape.MANY:
            return {"type": "array", "items": any_of(one), "minItems": 1, "maxItems": MOST_VALUES}
        case Shape.RANGE:
            return any_of([{"type": "array", "items": end, "minItems": 2, "maxItems": 2} for end in one])
        case Shape.FLAG:
            return BOOLEAN


def _of_facts(fact: Schema, kinds: frozenset[Kind], form: Form | None) -> list[Schema]:
    """Return a schema for each kind of value that operators on these facts take."""
    by_value: dict[tuple[Shape, frozenset[Kind], Form | None], list[Op]] = {}
    for op, (shape, compared) in OPERATORS.items():
        if compared & kinds and not (form is Form.CODE and op in IN_ORDER):
            by_value.setdefault((shape, compared & kinds, form_beside(op, form)), []).append(op)
    return [
        _comparison(fact, ops, value_schema(shape, _one(compared, taken)), form)
        for (shape, compared, taken), ops in by_value.items()
    ]


def _one(kinds: frozenset[Kind], form: Form | None) -> list[Schema]:
    if form is not None:
        return [_OF_FORM[form]]
    if kinds == frozenset({Kind.NUMBER}):
        return [{"anyOf": [NUMBER, _DECIMAL_TEXT]}]
    return [_OF_KIND[kind] for kind in sorted(kinds)]


def _comparison(fact: Schema, ops: list[Op], value: Schema, form: Form | None) -> Schema:
    money = form is Form.MONEY and Op.EXISTS not in ops
    return {
        "type": "object",
        "properties": {
            "fact": fact,
            "op": {"enum": [op.value for op in ops]},
            "value": value,
            **({"currency": CURRENCY} if money else {}),
        },
        "required": ["fact", "op", "value", *(["currency"] if money else [])],
        "additionalProperties": False,
    }
