"""Stores: single shops, and retailer groups of shops under a head and area leads."""

import random
from collections.abc import Iterator

from samples.places import COUNTRIES, ITALY, ROME, Country

HEADER = (
    "Store ID", "Name", "Parent Store ID", "Company A ID", "Company B ID", "Address", "City", "Region",
    "Country", "Postal Code", "Latitude", "Longitude", "Zone", "Currency", "Standard VAT %",
    "Cluster", "Surface m2",
)  # fmt: skip

BANNERS = (
    "Chiarolume", '"Il Fanale"', "Occhiolino & Co.", "Vedibene", "Luce, Linea e Stile", "Trelune",
    "Solevista", "d'Altocampo", "Nitidora", "Ombrachiara", "Fontevista", "Città Nitida",
)  # fmt: skip
COUNTRY_WEIGHTS = [country.weight for country in COUNTRIES]
CLUSTERS = (("Flagship", 180, 420), ("High street", 70, 160), ("Mall", 60, 140), ("Neighbourhood", 35, 90))

# A retailer has so many shops (from, to): one, a few, a chain.
SIZES = ((1, 1), (3, 8), (9, 26))
SIZE_WEIGHTS = (40, 45, 15)
# The first is big enough for an area lead.
FIRST_SIZE = 8

# Primes: numbering shops by multiples of one modulo the other repeats no number.
COMPANY_A = (7_919, 9_999_991)
COMPANY_B = (104_729, 99_999_989)


def store_id(ordinal: int) -> str:
    return f"S{ordinal:04d}"


def stores(count: int, seed: int) -> Iterator[tuple[str, ...]]:
    """Exactly `count` stores; `S0001` is in Rome."""
    rng = random.Random(f"stores {seed}")
    yield from _retailer(rng, 1, min(FIRST_SIZE, count))
    first = FIRST_SIZE + 1
    while first <= count:
        smallest, largest = rng.choices(SIZES, weights=SIZE_WEIGHTS)[0]
        # No single chain fills a small set.
        size = min(rng.randint(smallest, largest), max(count // 8, 1), count - first + 1)
        yield from _retailer(rng, first, size)
        first += size


def _retailer(rng: random.Random, first: int, size: int) -> Iterator[tuple[str, ...]]:
    """One retailer's shops, numbered from `first`. A parent may come after its children."""
    country = ITALY if first == 1 else rng.choices(COUNTRIES, weights=COUNTRY_WEIGHTS)[0]
    banner = f"{rng.choice(country.shops)} {rng.choice(BANNERS)}"
    members = range(first, first + size)
    # S0001 is an ordinary shop of its group, so the first group's head is another one.
    head = rng.choice(members[1:] if first == 1 and size > 1 else members)
    others = [member for member in members if member not in {1, head}]
    # One area lead for every eight shops.
    leads = rng.sample(others, k=size // 8)
    for member in members:
        parent = None if member == head else head if member in leads else rng.choice([head, *leads])
        duty = ", HQ" if member == head and size > 1 else ", Area" if member in leads else ""
        yield _row(rng, member, parent, banner + duty, country)


def _row(
    rng: random.Random, ordinal: int, parent: int | None, name: str, country: Country
) -> tuple[str, ...]:
    city = ROME if ordinal == 1 else rng.choice(country.cities)
    cluster, smallest, largest = rng.choice(CLUSTERS)
    company_a, company_b = _companies(rng, ordinal)
    return (
        store_id(ordinal),
        f"{name} {city.name}",
        store_id(parent) if parent else "",
        company_a,
        company_b,
        rng.choice(country.streets).format(rng.randint(1, 180)),
        city.name,
        city.region,
        country.code,
        rng.choice(city.postal_codes),
        _near(rng, city.latitude),
        _near(rng, city.longitude),
        city.zone or country.zone,
        "EUR",
        city.vat_pct or country.vat_pct,
        cluster,
        str(rng.randint(smallest, largest)),
    )


def _companies(rng: random.Random, ordinal: int) -> tuple[str, str]:
    """The shop's number at either mother company; one in five shops has only one of them."""
    a = f"{ordinal * COMPANY_A[0] % COMPANY_A[1]:07d}"
    b = f"EU{ordinal * COMPANY_B[0] % COMPANY_B[1]:08d}"
    draw = rng.random()
    return ("" if draw < 0.1 else a), ("" if draw > 0.9 else b)


def _near(rng: random.Random, degrees: float) -> str:
    return f"{degrees + rng.uniform(-0.01, 0.01):.5f}"
