"""A rule in words: `20 % off premium lenses over 200.00 EUR, at most 50.00 EUR`.

Nothing that changes what a rule gives is left out. What is not said has its default: the running price of a
benefit and the list price of a count, the cheapest units of buy-x-get-y.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import time
from typing import cast

from shared.domain.engine.rule import (
    AmountOff,
    Basis,
    Benefit,
    Bounded,
    BundlePrice,
    BuyXGetY,
    Choose,
    Condition,
    FixedPrice,
    Gift,
    Per,
    PercentOff,
    Pick,
    Points,
    Rule,
    Targeted,
    TierBy,
    Tiered,
)
from shared.domain.engine.words_conditions import Wording
from shared.domain.engine.words_facts import WEEKDAYS, quoted
from shared.domain.engine.writing import hundredths
from shared.domain.filters import Filter
from shared.domain.schedules import Window


def rule_words(rule: Rule, groups: Mapping[str, str]) -> str:
    """Return a rule in words; `groups` has the names of the groups it uses, by id."""
    words = _Benefits(Wording(groups, rule.currency))
    given = "; ".join(words.benefit(benefit) for benefit in rule.benefits)
    return given if rule.condition is None else f"{given}, if {words.wording.condition(rule.condition)}"


def filter_words(tree: Filter, groups: Mapping[str, str]) -> str:
    """Return a filter in words, such as the one of the stores of a promotion."""
    return Wording(groups, None).condition(cast("Condition", tree))


def windows_words(windows: Iterable[Window]) -> str:
    """Return recurring windows in words: `Monday to Friday 09:00 to 12:30; Saturday from 10:00`."""
    return "; ".join(map(_window, windows))


@dataclass(frozen=True, slots=True)
class _Benefits:
    wording: Wording

    def benefit(self, benefit: Benefit) -> str:
        match benefit:
            case PercentOff() | AmountOff() | FixedPrice():
                words = self.on_goods(benefit, self.wording.goods(benefit.target))
            case BuyXGetY():
                words = self.buy_x_get_y(benefit)
            case BundlePrice():
                picks = " + ".join(map(self.pick, benefit.picks))
                words = f"{picks} together for {self.wording.money(benefit.price_minor)}"
            case Tiered():
                words = self.tiered(benefit)
            case Gift():
                words = f"{benefit.units} {quoted(benefit.sku)} as a gift"
            case Points():
                words = self.points(benefit)
        return words + self.bounds(benefit) if isinstance(benefit, Bounded) else words

    def on_goods(self, benefit: PercentOff | AmountOff | FixedPrice, goods: str) -> str:
        """Return what is given on goods; an empty text is those spoken of before."""
        if isinstance(benefit, PercentOff):
            return f"{hundredths(benefit.basis_points)} % off {goods}".rstrip()
        if isinstance(benefit, FixedPrice):
            price = f"{self.wording.money(benefit.price_minor)} each"
            return f"{goods} for {price}" if goods else price
        amount = f"{self.wording.money(benefit.amount_minor)} off"
        goods = "" if benefit.target is None else goods
        if benefit.per is Per.BASKET:
            return f"{amount} {goods} in all" if goods else f"{amount} in all"
        return f"{amount} each {benefit.per} of {goods}" if goods else f"{amount} each {benefit.per}"

    def pick(self, pick: Pick) -> str:
        return (
            f"{pick.units}" if pick.where is None else f"{pick.units} of {self.wording.of_goods(pick.where)}"
        )

    def buy_x_get_y(self, benefit: BuyXGetY) -> str:
        bought, got = (self.wording.goods(pick.where) for pick in (benefit.buy, benefit.get))
        get = self.pick(benefit.get)
        if bought == got and benefit.buy.where is not None:
            get = f"{benefit.get.units} of them"
        price = "free" if benefit.basis_points == 10_000 else f"at {hundredths(benefit.basis_points)} % off"
        dearest = ", dearest first" if benefit.choose is Choose.DEAREST else ""
        return f"buy {self.pick(benefit.buy)}, get {get} {price}{dearest}"

    def tiered(self, benefit: Tiered) -> str:
        spend = benefit.by is TierBy.SPEND
        by = "spend" if spend else "pieces"
        if benefit.where is not None:
            by += f" {'on' if spend else 'of'} {self.wording.of_goods(benefit.where)}"
        if spend or benefit.basis is Basis.LIST:
            by += f" at {benefit.basis} prices"
        goods = self.wording.goods(benefit.where)
        tiers: list[str] = []
        for tier in benefit.tiers:
            least = self.wording.money(tier.least) if spend else str(tier.least)
            target = self.wording.goods(tier.benefit.target)
            given = self.on_goods(tier.benefit, "" if target == goods else target)
            tiers.append(f"from {least}: {given}{self.bounds(tier.benefit)}")
        return f"by {by} ({'; '.join(tiers)})"

    def points(self, benefit: Points) -> str:
        if benefit.fixed:
            return _times(benefit.fixed, "point")
        rate = hundredths(benefit.per_major_hundredths)
        words = f"{rate} points for each whole {self.wording.currency or 'unit of currency'} spent"
        return words if benefit.target is None else f"{words} on {self.wording.goods(benefit.target)}"

    def bounds(self, benefit: Bounded) -> str:
        words = ""
        if isinstance(benefit, Targeted) and benefit.max_units is not None:
            a_line = " a line" if benefit.max_units.per is Per.LINE else ""
            words += f", at most {_times(benefit.max_units.units, 'unit')}{a_line}"
        if benefit.max_applications is not None:
            words += f", at most {_times(benefit.max_applications, 'time')}"
        if benefit.max_discount_minor is not None:
            words += f", at most {self.wording.money(benefit.max_discount_minor)}"
        floor = benefit.price_floor
        if floor is not None and floor.basis_points:
            words += f", no unit below {hundredths(floor.basis_points)} % of its list price"
        elif floor is not None:
            words += f", no unit below {self.wording.money(floor.minor)}"
        return f"{words}, on list prices" if benefit.basis is Basis.LIST else words


def _times(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _window(window: Window) -> str:
    days = sorted(window.weekdays)
    names = [WEEKDAYS[day - 1] for day in days]
    if len(days) == 7:
        told = "every day"
    elif len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        told = f"{names[0]} to {names[-1]}"
    else:
        told = ", ".join(names)
    if window.closes is not None:
        past_midnight = " the next day" if window.closes <= window.opens else ""
        return f"{told} {_time(window.opens)} to {_time(window.closes)}{past_midnight}"
    return told if window.opens == time() else f"{told} from {_time(window.opens)}"


def _time(moment: time) -> str:
    return moment.isoformat("minutes" if not moment.second else "seconds")
