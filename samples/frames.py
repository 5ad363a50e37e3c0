"""Frames: models in a few colours and sizes, each variant under an EAN of its own."""

import random
from collections.abc import Iterator
from itertools import count as count_from
from typing import NamedTuple

from samples.prices import shelf

HEADER = (
    "EAN_New", "Name", "Brand", "Collection", "Type", "Colour", "Size", "Gender", "Material",
    "Price", "Currency", "Tax Rate %", "Active",
)  # fmt: skip


class Brand(NamedTuple):
    code: str
    name: str
    cents: int
    collections: tuple[str, ...]


BRANDS = (
    Brand("BV", "Belvento", 8900, ("Brezza", "Scirocco", "Maestrale")),
    Brand("CM", "Casa Merluna", 17900, ("Atelier", 'Linea "Notte"', "Riviera")),
    Brand("TR", "Torvane", 12900, ("Officina", "Cantiere")),
    Brand("DL", "D'Alvéra", 24900, ("Première", "Soirée", "Côte d'Or")),
    Brand("PK", "Pikoletto", 5900, ("Bimbi", "Scuola, primi anni")),
    Brand("FJ", "Fjordane", 14900, ("Nord", "Skjær")),
    Brand("AQ", "Aquilmare", 10900, ("Costa", "Deriva")),
    Brand("ZN", "Zenoria", 7400, ("Essenza", "Metro")),
    Brand("ST", "Studio Trentasei", 15900, ("Opera Prima", "Razionale, riedizione")),
    Brand("GR", "Grünwalder", 11900, ("Werk", "Täglich")),
)

# (material, price factor, colours)
MATERIALS = (
    ("Acetate", 1.0, ("Nero", "Havana", "Havana, miele", "Bordeaux", "Verde bottiglia", "Blu notte")),
    ("Metal", 1.05, ("Oro", "Oro rosa", "Canna di fucile", "Nero opaco", "Argento")),
    ("Titanium", 1.45, ("Titanio", "Grafite", "Blu petrolio", "Bronzo")),
    ("Injected nylon", 0.75, ("Nero opaco", "Trasparente", "Rosso", "Blu", "Caffè")),
)
# Eye, bridge and temple in millimetres.
SIZES = (
    ("44-16-125", "46-17-130", "48-16-130"),
    ("50-19-140", "52-19-145", "54-20-145"),
    ("51-17-140", "53-17-145", "55-18-145"),
)
GENDERS = ("Unisex", "Women", "Men")

# The largest prime below 10 to the 8th: multiplying by any smaller number reaches every value once.
ITEM_NUMBERS = 99_999_989
STRIDE = 61_803_399


def ean(ordinal: int) -> str:
    """The EAN-13 of the nth frame, in the range 29 that is kept for a shop's own numbering."""
    body = f"29{10 + ordinal // ITEM_NUMBERS:02d}{ordinal * STRIDE % ITEM_NUMBERS:08d}"
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body))
    return f"{body}{-weighted % 10}"


def frames(count: int, seed: int) -> Iterator[tuple[str, ...]]:
    """The first `count` frames; a longer list starts with the shorter one."""
    rng = random.Random(f"frames {seed}")
    variants = (variant for model in count_from(1) for variant in _model(rng, model))
    for ordinal, variant in zip(range(1, count + 1), variants, strict=False):
        yield (ean(ordinal), *variant)


def _model(rng: random.Random, number: int) -> list[tuple[str, ...]]:
    brand = rng.choice(BRANDS)
    collection = rng.choice(brand.collections)
    kind = "Sun" if rng.random() < 0.35 else "Optical"
    material, factor, colours = rng.choice(MATERIALS)
    for_children = brand.code == "PK"
    gender = "Children" if for_children else rng.choice(GENDERS)
    sizes = SIZES[0] if for_children else rng.choice(SIZES[1:])
    price = shelf(brand.cents * factor * (1.15 if kind == "Sun" else 1.0) * rng.uniform(0.85, 1.25))
    model = f"{brand.code}{1000 + number}"
    return [
        (f"{brand.name} {collection} {model} {colour} {size}", brand.name, collection, kind, colour, size,
         gender, material, price, "EUR", "22", "false" if rng.random() < 0.06 else "true")
        for colour in rng.sample(colours, k=rng.randint(2, 4))
        for size in sizes[: rng.randint(1, 3)]
    ]  # fmt: skip
