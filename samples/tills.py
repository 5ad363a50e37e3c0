"""Tills: days of stores as their tills tell them and as they were recorded here, with whatever goes wrong.

Of each trouble there is a share of the sales: receipts lost, sales lost, amounts and quantities off,
receipts sent twice under two numbers, promotions claimed that are over; and some stores' clocks are off.
Half of the sales know their receipt's number. Lookalikes are sales of the same goods at the same price in the
same minute.

Of sales of the same goods on one day at most one meets trouble: where one's receipt and another's sale are
lost, what is left looks in every respect like one sale and its receipt, and nobody could tell.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random
from uuid import UUID

from shared.domain.reconciliation.slips import Slip, SlipKind

OVER = "SUMMER-IS-OVER"
"""A promotion that is not in force."""

_OPENS_H = 9
_OPEN_S = 10 * 3600
_SHARE_PCT = 2
_LOOKALIKES_PCT = 3
_RETURNS_PCT = 3
_JITTER_S = 45
_SKEW_S = 600


class Trouble(StrEnum):
    RECEIPT_LOST = "receipt_lost"
    SALE_LOST = "sale_lost"
    AMOUNT_OFF = "amount_off"
    QUANTITY_OFF = "quantity_off"
    SENT_TWICE = "sent_twice"
    PROMOTION_OVER = "promotion_over"


@dataclass(slots=True)
class Day:
    """A day of a store. `own` is the sale of each receipt that has one; `troubles` are by sale."""

    store_id: str
    sales: list[Slip] = field(default_factory=list[Slip])
    receipts: list[Slip] = field(default_factory=list[Slip])
    own: dict[UUID, UUID] = field(default_factory=dict[UUID, UUID])
    twice: dict[UUID, UUID] = field(default_factory=dict[UUID, UUID])
    troubles: dict[UUID, Trouble] = field(default_factory=dict[UUID, Trouble])


def days(numbers: Random, *, stores: int, sales: int, skus: int, on: datetime) -> Iterator[Day]:
    """A day of each of so many stores with about so many sales; `on` is its midnight, in UTC."""
    for store in range(stores):
        yield a_day(numbers, f"S{store:04}", sales=sales, skus=skus, on=on)


def a_day(numbers: Random, store_id: str, *, sales: int, skus: int, on: datetime) -> Day:
    day = Day(store_id)
    skew = numbers.randint(-_SKEW_S, _SKEW_S) if numbers.randrange(100) < _SHARE_PCT else 0
    troubled = set[tuple[str, ...]]()
    while len(day.sales) < sales:
        sold = _sale(numbers, skus, on)
        alike = [sold]
        if numbers.randrange(100) < _LOOKALIKES_PCT:
            at = sold.at.replace(second=numbers.randrange(60))
            alike.append(replace(sold, id=_id_at(numbers, at), at=at))
        for sale in alike:
            trouble = None
            if numbers.randrange(100) < _SHARE_PCT * len(Trouble) and sale.skus not in troubled:
                trouble = numbers.choice(list(Trouble))
                troubled.add(sale.skus)
            _tell(numbers, day, sale, trouble, skew)
    numbers.shuffle(day.sales)
    numbers.shuffle(day.receipts)
    return day


def _id(numbers: Random) -> UUID:
    return UUID(int=numbers.getrandbits(128), version=4)


def _id_at(numbers: Random, at: datetime) -> UUID:
    """A UUIDv7 of that moment, which is what a transaction's id must be."""
    moment = int(at.timestamp() * 1000)
    return UUID(
        int=moment << 80 | 7 << 76 | numbers.getrandbits(12) << 64 | 2 << 62 | numbers.getrandbits(62)
    )


def sku_of(number: int) -> str:
    return f"SKU-{number:05}"


def _sale(numbers: Random, skus: int, on: datetime) -> Slip:
    back = numbers.randrange(100) < _RETURNS_PCT
    goods = {sku_of(numbers.randrange(skus)) for _ in range(numbers.choice((1, 1, 1, 2, 2, 3)))}
    units = {sku: numbers.choice((1, 1, 1, 2)) for sku in goods}
    gross = sum(count * (1990 + 100 * int(sku[4:]) % 30_000) for sku, count in units.items())
    net = gross - gross * numbers.choice((0, 0, 10, 20)) // 100
    sign = -1 if back else 1
    at = on + timedelta(hours=_OPENS_H, seconds=numbers.randrange(_OPEN_S))
    return Slip(
        id=_id_at(numbers, at),
        kind=SlipKind.RETURN if back else SlipKind.SALE,
        number=None,
        at=at,
        currency="EUR",
        net_minor=sign * net,
        units=tuple(sorted((sku, sign * count) for sku, count in units.items())),
    )


def _tell(numbers: Random, day: Day, sale: Slip, trouble: Trouble | None, skew_s: int) -> None:
    """What both sides have of a sale."""
    number = f"{day.store_id}-{len(day.sales) + len(day.receipts):06}"
    off = timedelta(seconds=skew_s + numbers.randint(-_JITTER_S, _JITTER_S))
    receipt = replace(sale, id=_id(numbers), number=number, at=sale.at + off)
    if sale.kind is SlipKind.SALE and numbers.randrange(2):
        sale = replace(sale, number=number)
    if trouble is Trouble.AMOUNT_OFF:
        receipt = replace(
            receipt, net_minor=receipt.net_minor + numbers.choice((-1, 1)) * numbers.randint(5, 900)
        )
    if trouble is Trouble.QUANTITY_OFF:
        (sku, count), *others = receipt.units
        more = count + (1 if count > 0 else -1)
        receipt = replace(
            receipt,
            units=((sku, more), *others),
            net_minor=receipt.net_minor * (1 + abs(count)) // abs(count),
        )
    if trouble is Trouble.PROMOTION_OVER:
        receipt = replace(receipt, claims=(OVER,))
    if trouble is not None:
        day.troubles[sale.id] = trouble
    if trouble is not Trouble.SALE_LOST:
        day.sales.append(sale)
    if trouble is not Trouble.RECEIPT_LOST:
        day.receipts.append(receipt)
    if trouble is None or trouble not in {Trouble.SALE_LOST, Trouble.RECEIPT_LOST}:
        day.own[receipt.id] = sale.id
    if trouble is Trouble.SENT_TWICE:
        copy = replace(receipt, id=_id(numbers), number=f"{number}-2")
        day.receipts.append(copy)
        day.twice[copy.id] = receipt.id


def midnight(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, tzinfo=UTC)
