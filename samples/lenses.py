"""Lenses: every brand sells each design in the indices, coatings and diameters that exist for it."""

import random
from collections.abc import Iterator
from typing import NamedTuple

from samples.prices import shelf

HEADER = (
    "New Code", "Name", "Brand", "Collection", "Type", "Index", "Coating", "Material", "Diameter",
    "Price", "Currency", "Tax Rate %", "Active",
)  # fmt: skip


class Brand(NamedTuple):
    code: str
    name: str
    line: str
    tier: float


class Design(NamedTuple):
    code: str
    type: str
    name: str
    cents: int
    indices: str
    coatings: str


BRANDS = (
    Brand("LU", "Lumen", "Lux", 1.0),
    Brand("OC", "Ocumira", "Mira", 1.25),
    Brand("VX", "Velarix", "Vela", 0.85),
    Brand("CV", "Chiaravista", "Chiara", 1.1),
    Brand("EC", "Éclarine", "Éclat", 1.6),
    Brand("NR", "Nordavel", "Norda", 1.35),
    Brand("BR", "Bréval & Figli", "Bréval", 1.8),
    Brand("SO", "Solcanto", "Canto", 0.7),
    Brand("PV", "Perlavista", "Perla", 0.95),
    Brand("KT", "Kestrane", "Kestra", 0.6),
)

# The letters name the indices and coatings below that the design comes in.
DESIGNS = (
    Design("SV1", "Single vision", "Basica", 2200, "ABC", "HMB"),
    Design("SV2", "Single vision", "Aria", 3900, "ABCDE", "HMBSN"),
    Design("SV3", "Single vision", 'Nitida "HD"', 6400, "BCDE", "MBSN"),
    Design("AF1", "Anti-fatigue", "Riposo", 6900, "ACDE", "MBS"),
    Design("MY1", "Myopia control", "Crescendo", 11900, "CD", "MBS"),
    Design("OF1", "Office", "Scrivania", 9900, "ACD", "MBS"),
    Design("OF2", "Office", "Studio, campo ampio", 14900, "ACDE", "MBSN"),
    Design("PR1", "Progressive", "Orizzonte", 12900, "ABCD", "HMBS"),
    Design("PR2", "Progressive", "Panorama", 19900, "ACDE", "MBSN"),
    Design("PR3", "Progressive", "Libertà", 28900, "CDE", "MBSN"),
    Design("FS1", "Single vision photochromic", "Alba", 8900, "ABCD", "MS"),
    Design("FP1", "Progressive photochromic", "Alba Panorama", 25900, "ACDE", "MSN"),
    Design("SU1", "Sun", "Meriggio", 4500, "ABC", "HSZ"),
    Design("SU2", "Sun polarised", "Laguna", 9500, "ACD", "SZ"),
    Design("SU3", "Sun photochromic", "Crepuscolo", 13500, "ACD", "SZ"),
)

INDICES = {
    "A": ("1.50", "Allyl resin", 1.0, "60 65 70 75 80"),
    "B": ("1.56", "Acrylic resin", 1.15, "65 70 75"),
    "C": ("1.60", "Polythiourethane", 1.55, "60 65 70 75"),
    "D": ("1.67", "Polythiourethane, high index", 2.1, "60 65 70 75"),
    "E": ("1.74", "Episulfide", 3.2, "65 70 75"),
}
COATINGS = {
    "H": ("Hard", 0),
    "M": ("Antireflective, multilayer", 1500),
    "B": ("Antireflective, blue filter", 2600),
    "S": ("Superhydrophobic, easy clean", 3200),
    "N": ("Night drive", 4100),
    "Z": ("Mirror", 2400),
}

# Fixed lines for the documentation: three at 33.33 show how a discount of 10 % is split to the cent.
DEMO = tuple(
    (f"DEMO-LENS-{letter}", f"Lumen Demo {letter} 1.50 Hard 65 mm", "Lumen", "Lux Basica", "Single vision",
     "1.50", "Hard", "Allyl resin", "65", "33.33", "EUR", "22", "true")
    for letter in "ABC"
)  # fmt: skip


class Variant(NamedTuple):
    """A lens that can be ordered: keys of INDICES and COATINGS, the diameter in millimetres."""

    brand: Brand
    design: Design
    refraction: str
    coating: str
    diameter: str


def variants() -> list[Variant]:
    return [
        Variant(brand, design, letter, coating, diameter)
        for brand in BRANDS
        for design in DESIGNS
        for letter in design.indices
        for coating in design.coatings
        for diameter in INDICES[letter][3].split()
    ]


def lenses(count: int, seed: int) -> Iterator[tuple[str, ...]]:
    """The first `count` lenses; a longer list starts with the shorter one."""
    yield from DEMO[:count]
    rng = random.Random(f"lenses {seed}")
    made, generation = len(DEMO), 0
    while made < count:
        generation += 1
        batch = variants()
        rng.shuffle(batch)
        for variant in batch[: count - made]:
            yield _row(rng, generation, variant)
        made += len(batch)


def _row(rng: random.Random, generation: int, variant: Variant) -> tuple[str, ...]:
    brand, design, letter, coating, diameter = variant
    # A brand that has sold a design in every variant brings out its next generation.
    collection = f"{brand.line} {design.name}" + (f" {generation}" if generation > 1 else "")
    index, material, thinness, _ = INDICES[letter]
    finish, extra = COATINGS[coating]
    cents = (design.cents * thinness + extra) * brand.tier * 1.02 ** (generation - 1)
    return (
        f"{brand.code}{design.code}-{generation:02d}-{index.replace('.', '')}{coating}{diameter}",
        f"{collection} {index} {finish} {diameter} mm",
        brand.name,
        collection,
        design.type,
        index,
        finish,
        material,
        diameter,
        shelf(cents),
        "EUR",
        "22" if design.type.startswith("Sun") else "4",
        "false" if rng.random() < 0.04 else "true",
    )
