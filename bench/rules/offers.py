"""The promotions of the comparison, said once and neutrally, and the baskets they are tried on.

Prices are whole major units, so that percents are exact in minor units and no peer's rounding matters. Six
in twenty take a percent off a brand, four an amount off a brand over a threshold, three give a third piece of
a SKU, three are tiered by quantity, four are bundles of two SKUs. Some hold in one region or tier of shops
only, and for every twenty three more have yet to start.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from random import Random
from typing import Any

type Json = dict[str, Any]

TODAY = 20260615
_LATER = 20260901
BRANDS = tuple("ABCDEFGHIJKLMNOPQRST")
_KINDS = (
    "percent", "amount", "percent", "third", "bundle", "percent", "tiered", "amount", "bundle", "percent",
    "third", "tiered", "percent", "bundle", "amount", "percent", "third", "tiered", "bundle", "amount",
)  # fmt: skip


@dataclass(frozen=True)
class Product:
    sku: str
    brand: str
    price: int
    """In minor units."""


@dataclass(frozen=True, kw_only=True)
class Offer:
    """`kind` says which of the fields count; amounts in minor units, percents whole."""

    name: str
    kind: str
    brand: str = ""
    skus: tuple[str, ...] = ()
    percent: int = 0
    amount: int = 0
    threshold: int = 0
    tiers: tuple[tuple[int, int], ...] = ()
    region: str | None = None
    tier: str | None = None
    starts: int = 20260101


def catalogue() -> dict[str, Product]:
    dice = Random(1)  # noqa: S311 - a sample, not a secret
    return {
        f"P{number:03}": Product(f"P{number:03}", BRANDS[number % 20], dice.randrange(20, 300) * 100)
        for number in range(200)
    }


def offers(live: int, products: dict[str, Product]) -> list[Offer]:
    """So many live offers, and three in twenty more that have yet to start."""
    dice = Random(2)  # noqa: S311 - a sample, not a secret
    found = [_offer(number, kind, products, dice) for number, kind in enumerate(islice(cycle(_KINDS), live))]
    later = max(1, live * 3 // 20)
    return found + [
        Offer(name=f"later-{number}", kind="percent", brand=BRANDS[number % 20], percent=40, starts=_LATER)
        for number in range(later)
    ]


def _offer(number: int, kind: str, products: dict[str, Product], dice: Random) -> Offer:
    place: Json = {"name": f"offer-{number:03}"}
    if number % 5 == 3:
        place["region"] = dice.choice(("north", "south"))
    if number % 7 == 5:
        place["tier"] = "gold"
    brand = BRANDS[number % 20]
    mine = [product for product in products.values() if product.brand == brand]
    match kind:
        case "percent":
            return Offer(kind=kind, brand=brand, percent=dice.choice((5, 10, 15, 20)), **place)
        case "amount":
            return Offer(kind=kind, brand=brand, threshold=25_000, amount=dice.choice((1000, 1500)), **place)
        case "third":
            return Offer(kind=kind, skus=(dice.choice(mine).sku,), **place)
        case "tiered":
            return Offer(kind=kind, brand=brand, tiers=((2, 4), (4, 8), (6, 12)), **place)
        case _:
            one, other = dice.sample(mine, 2)
            return Offer(kind=kind, skus=(one.sku, other.sku), amount=dice.choice((500, 1200)), **place)


def baskets(count: int, lines: int, products: dict[str, Product]) -> Iterator[Json]:
    """Baskets as peers take them: mappings of plain values, each SKU once, a few units a line."""
    dice = Random(3)  # noqa: S311 - a sample, not a secret
    skus = list(products)
    for _ in range(count):
        yield {
            "day": TODAY,
            "store": {"region": dice.choice(("north", "south")), "tier": dice.choice(("gold", "silver"))},
            "lines": [
                {
                    "sku": sku,
                    "brand": products[sku].brand,
                    "price": products[sku].price,
                    "qty": dice.choice((1, 1, 2, 2, 3, 4)),
                }
                for sku in dice.sample(skus, lines)
            ],
        }
