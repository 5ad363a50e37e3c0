"""The benefits of the rule language.

    {"kind": "percent_off", "percent": "10", …}       0 < percent <= 100, at most two decimals
    {"kind": "amount_off", "amount": "5.00", "currency": "EUR", "per": "unit" | "line" | "basket", …}
    {"kind": "fixed_price", "price": "9.90", "currency": "EUR", …}

each with the target and the bounds of `language_bounds`;

    {"kind": "buy_x_get_y", "buy": {"units": 2, "where": filter},
                            "get": {"units": 1, "where": filter, "percent": "100"},
                            "choose": "cheapest" | "dearest", …}
    {"kind": "bundle_price", "items": [{"units": 1, "where": filter}, …], "price": "199.00",
                             "currency": "EUR", …}

each with the bounds; a `get` without `where` is of what is bought, without `percent` free, and the
cheapest unless said;

    {"kind": "tiered", "by": "quantity", "where": filter, "basis": "running",
                       "tiers": [{"from": 2, "then": benefit}, …]}
    {"kind": "tiered", "by": "spend", "where": filter, "currency": "EUR", "basis": "running" | "list",
                       "tiers": [{"from": "100.00", "then": benefit}, …]}

whose `from` rises, each with a percent_off, amount_off or fixed_price; one without a target takes `where`;

    {"kind": "gift", "sku": "CASE-1", "units": 1}
    {"kind": "points", "fixed": 100}
    {"kind": "points", "per_unit_of_currency": "1.5", "target": filter}        at most two decimals

Beside buy_x_get_y, bundle_price and tiered there is no other benefit that uses units: only gift and points.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import cast

from shared.domain import documents
from shared.domain.documents import DocumentInvalid, at_key
from shared.domain.engine.grammar import (
    ALONE,
    BENEFITS,
    FIXED_POINTS,
    IN_TIERS,
    MOST_BENEFITS,
    MOST_ITEMS,
    MOST_POINTS,
    MOST_TIERS,
    MOST_UNITS,
    PICK,
    PICK_AT_PERCENT,
    POINTS_BY_SPEND,
    SKU_MOST,
    TIER,
    TIERED_BY_QUANTITY,
    TIERED_BY_SPEND,
    WITHOUT_UNITS,
    BenefitKind,
)
from shared.domain.engine.language_bounds import parse_bounds, parse_targeted
from shared.domain.engine.language_parts import Amounts, Found, basis, keys, percent, products, units
from shared.domain.engine.rule import (
    AmountOff,
    Basis,
    Benefit,
    BundlePrice,
    BuyXGetY,
    Choose,
    FixedPrice,
    Gift,
    Per,
    PercentOff,
    Pick,
    Points,
    Tier,
    TierBy,
    Tiered,
    basis_points,
)
from shared.domain.filters import Filter


def parse_benefits(document: object, at: str, amounts: Amounts) -> tuple[Benefit, ...]:
    """Return the benefits of a document; raises DocumentInvalid."""
    items = documents.an_array(document, at, most=MOST_BENEFITS)
    benefits: list[Benefit] = []
    using_units: list[BenefitKind] = []
    for place, item in enumerate(items):
        where = at_key(at, place)
        kind = _kind(item, where, BenefitKind)
        if kind not in WITHOUT_UNITS:
            using_units.append(kind)
            alone = ALONE.intersection(using_units)
            if len(using_units) > 1 and alone:
                raise DocumentInvalid(
                    pointer=where, detail=f"beside {min(alone)} no other benefit can use units"
                )
        benefits.append(_READERS[kind](cast("Found", item), where, amounts))
    return tuple(benefits)


def _kind(document: object, at: str, allowed: Iterable[BenefitKind]) -> BenefitKind:
    found = documents.an_object(document, at)
    if "kind" not in found:
        raise DocumentInvalid(pointer=at, detail="the key kind is missing")
    return documents.one_of(found["kind"], at_key(at, "kind"), allowed)


def _percent_off(document: Found, at: str, amounts: Amounts) -> PercentOff:
    found = keys(document, at, *BENEFITS[BenefitKind.PERCENT_OFF])
    points = percent(found["percent"], at_key(at, "percent"))
    return PercentOff(basis_points=points, **parse_targeted(found, at, amounts))


def _amount_off(document: Found, at: str, amounts: Amounts) -> AmountOff:
    found = keys(document, at, *BENEFITS[BenefitKind.AMOUNT_OFF])
    amount = amounts.minor(found, at)
    per = documents.one_of(found["per"], at_key(at, "per"), Per)
    return AmountOff(amount_minor=amount, per=per, **parse_targeted(found, at, amounts))


def _fixed_price(document: Found, at: str, amounts: Amounts) -> FixedPrice:
    found = keys(document, at, *BENEFITS[BenefitKind.FIXED_PRICE])
    price = amounts.minor(found, at, key="price", least=0)
    return FixedPrice(price_minor=price, **parse_targeted(found, at, amounts))


def _buy_x_get_y(document: Found, at: str, amounts: Amounts) -> BuyXGetY:
    found = keys(document, at, *BENEFITS[BenefitKind.BUY_X_GET_Y])
    buy = _pick(keys(found["buy"], at_key(at, "buy"), PICK), at_key(at, "buy"))
    get_at = at_key(at, "get")
    given = keys(found["get"], get_at, PICK_AT_PERCENT)
    get = _pick(given, get_at)
    return BuyXGetY(
        buy=buy,
        get=get if "where" in given else replace(get, where=buy.where),
        basis_points=percent(given.get("percent", 100), at_key(get_at, "percent")),
        choose=documents.one_of(found.get("choose", Choose.CHEAPEST), at_key(at, "choose"), Choose),
        **parse_bounds(found, at, amounts),
    )


def _bundle_price(document: Found, at: str, amounts: Amounts) -> BundlePrice:
    found = keys(document, at, *BENEFITS[BenefitKind.BUNDLE_PRICE])
    items_at = at_key(at, "items")
    picks: list[Pick] = []
    for place, item in enumerate(documents.an_array(found["items"], items_at, most=MOST_ITEMS)):
        where = at_key(items_at, place)
        picks.append(_pick(keys(item, where, PICK), where))
    price = amounts.minor(found, at, key="price", least=0)
    return BundlePrice(picks=tuple(picks), price_minor=price, **parse_bounds(found, at, amounts))


def _tiered(document: Found, at: str, amounts: Amounts) -> Tiered:
    if "by" not in document:
        raise DocumentInvalid(pointer=at, detail="the key by is missing")
    by = documents.one_of(document["by"], at_key(at, "by"), TierBy)
    found = keys(document, at, TIERED_BY_SPEND if by is TierBy.SPEND else TIERED_BY_QUANTITY)
    where = products(found, "where", at)
    tiers_at = at_key(at, "tiers")
    tiers: list[Tier] = []
    for place, item in enumerate(documents.an_array(found["tiers"], tiers_at, most=MOST_TIERS)):
        tier_at = at_key(tiers_at, place)
        tier = keys(item, tier_at, TIER)
        least = _least(tier["from"], at_key(tier_at, "from"), found, at, amounts)
        if tiers and least <= tiers[-1].least:
            raise DocumentInvalid(
                pointer=at_key(tier_at, "from"), detail="each tier begins above the one before"
            )
        tiers.append(Tier(least, _in_tier(tier["then"], at_key(tier_at, "then"), where, amounts)))
    return Tiered(by=by, where=where, tiers=tuple(tiers), basis=basis(found, at, Basis.RUNNING))


def _least(document: object, document_at: str, tiered: Found, at: str, amounts: Amounts) -> int:
    if "currency" in tiered:
        return amounts.read(document, document_at, tiered["currency"], at_key(at, "currency"), least=1)[0]
    return documents.a_whole_number(document, document_at, least=1, most=MOST_UNITS)


def _in_tier(
    document: object, at: str, where: Filter | None, amounts: Amounts
) -> PercentOff | AmountOff | FixedPrice:
    kind = _kind(document, at, IN_TIERS)
    found = cast("Found", document)
    benefit = _IN_TIERS[kind](found, at, amounts)
    return benefit if "target" in found else replace(benefit, target=where)


def _gift(document: Found, at: str, _: Amounts) -> Gift:
    found = keys(document, at, *BENEFITS[BenefitKind.GIFT])
    sku = documents.a_text(found["sku"], at_key(at, "sku"), most=SKU_MOST)
    return Gift(sku=sku, units=units(found, "units", at) if "units" in found else 1)


def _points(document: Found, at: str, _: Amounts) -> Points:
    if "fixed" in document:
        found = keys(document, at, FIXED_POINTS)
        most = MOST_POINTS
        return Points(fixed=documents.a_whole_number(found["fixed"], at_key(at, "fixed"), least=1, most=most))
    found = keys(document, at, POINTS_BY_SPEND)
    where = at_key(at, "per_unit_of_currency")
    rate = documents.a_decimal(found["per_unit_of_currency"], where)
    if not 0 < rate <= MOST_UNITS or (rate * 100) % 1:
        raise DocumentInvalid(
            pointer=where, detail=f"more than 0, at most {MOST_UNITS} and at most two decimals are expected"
        )
    return Points(per_major_hundredths=basis_points(rate), target=products(found, "target", at))


_IN_TIERS: Mapping[BenefitKind, Callable[[Found, str, Amounts], PercentOff | AmountOff | FixedPrice]] = {
    BenefitKind.PERCENT_OFF: _percent_off,
    BenefitKind.AMOUNT_OFF: _amount_off,
    BenefitKind.FIXED_PRICE: _fixed_price,
}
_READERS: Mapping[BenefitKind, Callable[[Found, str, Amounts], Benefit]] = {
    **_IN_TIERS,
    BenefitKind.BUY_X_GET_Y: _buy_x_get_y,
    BenefitKind.BUNDLE_PRICE: _bundle_price,
    BenefitKind.TIERED: _tiered,
    BenefitKind.GIFT: _gift,
    BenefitKind.POINTS: _points,
}


def _pick(found: Found, at: str) -> Pick:
    return Pick(units(found, "units", at), products(found, "where", at))
