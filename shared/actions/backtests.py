"""Backtests: what one is to run, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from shared.domain.backtests import (
    Backtest,
    BacktestFigure,
    BacktestNotFound,
    BacktestPlan,
    Breakdown,
    budget_of,
    cursor_of,
    figure_of,
    place_of,
    with_sums,
)
from shared.domain.documents import exact
from shared.domain.engine import BasketLine, Rule
from shared.domain.engine.inlining import groups_named, inlined, inlined_filter
from shared.domain.engine.rule import Gift
from shared.domain.filters import groups_in, parse_filter
from shared.domain.groups import Subject
from shared.domain.limits import Limit
from shared.domain.money import to_minor
from shared.domain.pages import Page
from shared.domain.promotions import PromotionNotFound, PublishedVersion, VersionNotFound
from shared.domain.reruns import Members, Trial
from shared.store import Conn, filters, rule_sets, trials
from shared.store import backtests as rows
from shared.store import promotions as promotion_rows

_EVERY_STORE = 1_000_000


@dataclass(frozen=True, slots=True)
class Prepared:
    """A version that can be tried, and its limits."""

    trial: Trial
    limits: tuple[Limit, ...]


def choose(
    conn: Conn, *, promotion_id: UUID, version: int | None, stores: Mapping[str, Any] | None
) -> tuple[int, tuple[str, ...] | None]:
    """The number of the version to run, and the active stores that the filter selects now.

    Raises PromotionNotFound, VersionNotFound, FilterInvalid.
    """
    found = _version(conn, promotion_id, version)
    if stores is None:
        return found.version, None
    tree = parse_filter(exact(stores), namespaces=(Subject.STORE,), at="/stores", group_subject=Subject.STORE)
    tree = inlined_filter(tree, trials.find_filters(conn, groups_in(tree)))
    return found.version, filters.choose(conn, Subject.STORE, tree, sample=_EVERY_STORE).keys


def prepare(conn: Conn, plan: BacktestPlan) -> Prepared:
    """The version as it is tried: at any date unless told otherwise, its groups as they are defined now."""
    version = _version(conn, plan.promotion_id, plan.version)
    terms = version.terms()
    if not plan.keep_dates:
        terms = replace(terms, starts_at=None, ends_at=None)
    terms = inlined(terms, trials.find_filters(conn, groups_named(terms)))
    return Prepared(Trial(terms, _gifts(conn, terms.rule)), version.read_limits())


def members(conn: Conn, version: int) -> Members:
    """What was live in a rule set."""
    found = rule_sets.find_members(conn, version)
    lanes = rule_sets.find_priority_lanes(conn, version)
    return Members(tuple(member.terms() for member in found), tuple(lanes))


def get(conn: Conn, backtest_id: UUID) -> Backtest:
    """The backtest with its sums so far. Raises BacktestNotFound."""
    backtest = _get(conn, backtest_id)
    limits = _version(conn, backtest.promotion_id, backtest.version).read_limits()
    totals, sums = rows.find_totals(conn, backtest_id), rows.find_use_sums(conn, backtest_id)
    return with_sums(backtest, totals, limits, sums)


def get_breakdown(
    conn: Conn, backtest_id: UUID, breakdown: Breakdown, *, cursor: str | None, limit: int
) -> Page[BacktestFigure]:
    """A page of a breakdown: days in their order, others with the greatest difference first.

    Raises BacktestNotFound, CursorInvalid.
    """
    backtest = _get(conn, backtest_id)
    after = None if cursor is None else place_of(cursor)
    found = rows.find_figures(conn, backtest_id, breakdown, after=after, limit=limit + 1)
    budget = budget_of(_version(conn, backtest.promotion_id, backtest.version).read_limits())
    shown = found[:limit]
    return Page(
        tuple(figure_of(row, breakdown, budget) for row in shown),
        cursor_of(shown[-1]) if len(found) > limit else None,
    )


def _gifts(conn: Conn, rule: Rule) -> dict[str, dict[str, BasketLine]]:
    """The goods that the rule may add, by currency and SKU."""
    found: dict[str, dict[str, BasketLine]] = {}
    skus = {benefit.sku for benefit in rule.benefits if isinstance(benefit, Gift)}
    for product in trials.find_goods(conn, skus):
        price = to_minor(product.price, product.currency)
        line = BasketLine(product.sku, 1, price, product.tax_rate_pct, product.facts)
        found.setdefault(product.currency, {})[product.sku] = line
    return found


def _version(conn: Conn, promotion_id: UUID, version: int | None) -> PublishedVersion:
    found = trials.get_version(conn, promotion_id, version)
    if found is not None:
        return found
    if promotion_rows.get(conn, promotion_id) is None:
        raise PromotionNotFound(promotion_id=promotion_id)
    raise VersionNotFound(pointer="/version", promotion_id=promotion_id, version=version)


def _get(conn: Conn, backtest_id: UUID) -> Backtest:
    backtest = rows.get(conn, backtest_id)
    if backtest is None:
        raise BacktestNotFound(backtest_id=backtest_id)
    return backtest
