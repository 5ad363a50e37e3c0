"""Conditions and filters in words: short, and exact enough that different meanings read differently.

Texts stand in quotation marks, numbers and names do not; a name of a group that could be read as something
else is quoted too. Parts inside parts are bracketed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from shared.domain.engine.rule import Aggregate, Basis, Condition, Measure
from shared.domain.engine.words_facts import WEEKDAYS, fact_words, group_name, number_words, quoted
from shared.domain.facts import FORMS, Form
from shared.domain.filters import AllOf, AnyOf, Compare, Filter, InGroup, NotOf
from shared.domain.money import exponent, from_minor
from shared.domain.operators import Op, Scalar, Value

_OPERATORS: Mapping[Op, str] = {
    Op.EQ: "is {}",
    Op.NE: "is not {}",
    Op.LT: "is below {}",
    Op.LE: "is at most {}",
    Op.GT: "is over {}",
    Op.GE: "is at least {}",
    Op.IN: "is one of {}",
    Op.NOT_IN: "is none of {}",
    Op.BETWEEN: "is from {} to {}",
    Op.CONTAINS: "contains {}",
    Op.STARTS_WITH: "starts with {}",
}
_AMOUNTS: Mapping[Op, str] = {
    Op.EQ: "exactly {}",
    Op.NE: "other than {}",
    Op.LT: "less than {}",
    Op.LE: "at most {}",
    Op.GT: "more than {}",
    Op.GE: "at least {}",
    Op.BETWEEN: "{} to {}",
}
_PRICES: Mapping[Op, str] = {
    Op.LT: "under {}",
    Op.LE: "up to {}",
    Op.GT: "over {}",
    Op.GE: "from {} up",
}


@dataclass(frozen=True, slots=True)
class Wording:
    """What words need besides the rule: the names of groups by id, and the currency of its amounts."""

    groups: Mapping[str, str]
    currency: str | None

    def condition(self, condition: Condition) -> str:
        match _inner(condition):
            case AllOf(items):
                return " and ".join(self._part(item) for item in items)
            case AnyOf(items):
                return " or ".join(self._part(item) for item in items)
            case NotOf(item):
                return f"not ({self.condition(item)})"
            case InGroup() as leaf:
                name = self.group(leaf)
                return f"store is in {name}" if leaf.subject == "store" else f"group is {name}"
            case Compare() as leaf:
                return f"{fact_words(leaf.fact)} {self._relation(leaf)}"
            case Aggregate() as leaf:
                return self._aggregate(leaf)

    def goods(self, where: Filter | None) -> str:
        """Return what a filter on products selects, as a noun."""
        if where is None:
            return "everything"
        tree = _inner(cast("Condition", where))
        if isinstance(tree, AnyOf) and all(isinstance(_inner(item), InGroup) for item in tree.items):
            return " or ".join(self.group(cast("InGroup", _inner(item))) for item in tree.items)
        rest = list(tree.items if isinstance(tree, AllOf) else (tree,))
        first = _inner(rest[0])
        noun = "goods"
        if isinstance(first, InGroup):
            noun = self.group(first)
            rest = rest[1:]
        while rest and (price := self._price(_inner(rest[0]))):
            noun = f"{noun} {price}"
            rest = rest[1:]
        return f"{noun} where {' and '.join(map(self._part, rest))}" if rest else noun

    def of_goods(self, where: Filter) -> str:
        """Return the noun so that more words can follow."""
        goods = self.goods(where)
        return f"({goods})" if " where " in goods or " or " in goods else goods

    def group(self, leaf: InGroup) -> str:
        return group_name(self.groups.get(leaf.group_id, leaf.group_id))

    def money(self, minor: int) -> str:
        currency = str(self.currency)
        return f"{from_minor(minor, currency)} {currency}"

    def _part(self, condition: Condition) -> str:
        words = self.condition(condition)
        return f"({words})" if isinstance(_inner(condition), AllOf | AnyOf) else words

    def _relation(self, leaf: Compare) -> str:
        if leaf.op is Op.EXISTS:
            return "is known" if leaf.value else "is unknown"
        return self._filled(_OPERATORS[leaf.op], leaf)

    def _filled(self, words: str, leaf: Compare) -> str:
        values = [self._value(leaf, value) for value in _each(leaf.value)]
        return words.format(*values) if leaf.op is Op.BETWEEN else words.format(", ".join(values))

    def _value(self, leaf: Compare, value: Scalar) -> str:
        form = FORMS.get(leaf.fact)
        if form is Form.WEEKDAY:
            return WEEKDAYS[int(value) - 1]
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str):
            exact = form in (Form.DATE, Form.TIME_OF_DAY) and leaf.op not in (Op.CONTAINS, Op.STARTS_WITH)
            return value if exact else quoted(value)
        if leaf.fact == "product.price" or form is Form.MONEY:
            return self._major(Decimal(value))
        return number_words(value)

    def _major(self, amount: Decimal) -> str:
        """Return an amount with the decimals of the currency, or with more where it has more."""
        if self.currency is None:
            return number_words(amount)
        amount = amount or Decimal()
        _, _, decimals = number_words(amount).partition(".")
        return f"{amount:.{max(len(decimals), exponent(self.currency))}f} {self.currency}"

    def _price(self, leaf: Condition) -> str | None:
        if isinstance(leaf, Compare) and leaf.fact == "product.price" and leaf.op in _PRICES:
            return self._filled(_PRICES[leaf.op], leaf)
        return None

    def _aggregate(self, leaf: Aggregate) -> str:
        is_money = leaf.measure is Measure.SUM_AMOUNT
        values = [self.money(cast("int", each)) if is_money else str(each) for each in _each(leaf.value)]
        amount = _AMOUNTS[leaf.op].format(*values)
        goods = "" if leaf.where is None else f" of {self.of_goods(leaf.where)}"
        at_running = " at running prices" if leaf.basis is Basis.RUNNING else ""
        plural = "" if leaf.value == 1 else "s"
        match leaf.measure:
            case Measure.COUNT:
                return f"{amount} line{plural}{goods}{at_running}"
            case Measure.SUM_QUANTITY:
                return f"{amount} piece{plural}{goods}{at_running}"
            case Measure.DISTINCT:
                return f"{amount} different value{plural} of {fact_words(leaf.fact or '')}{goods}{at_running}"
            case Measure.SUM_AMOUNT:
                return f"{amount} spent{goods.replace(' of ', ' on ', 1)} at {leaf.basis} prices"


def _inner(condition: Condition) -> Condition:
    """Return the condition without the brackets of lists of one."""
    while isinstance(condition, AllOf | AnyOf) and len(condition.items) == 1:
        (condition,) = condition.items
    return condition


def _each(value: Value) -> tuple[Scalar, ...]:
    return value if isinstance(value, tuple) else (value,)
