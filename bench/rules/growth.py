"""How an evaluation grows with the lines of the basket and with the live promotions."""

from time import process_time
from typing import Any

from bench.rules.offers import baskets as made
from bench.rules.offers import catalogue, offers
from bench.rules.ours import NOW, Ours
from shared.domain.engine import evaluate

LINES = (1, 2, 5, 10, 20, 50, 100)
LIVE = (1, 5, 10, 20, 50, 100, 200)


def run(*, baskets: int) -> list[dict[str, Any]]:
    """CPU microseconds an evaluation, by lines at 20 promotions and by promotions at 10 lines."""
    return [
        *({"lines": lines, "live": 20, "us": _us(lines, 20, baskets)} for lines in LINES),
        *({"lines": 10, "live": live, "us": _us(10, live, baskets)} for live in LIVE),
    ]


def _us(lines: int, live: int, count: int) -> float:
    products = catalogue()
    ours = Ours(offers(live, products), products)
    found = [ours.basket(basket) for basket in made(count, lines, products)]
    best = float("inf")
    for _ in range(5):
        began = process_time()
        for basket in found:
            evaluate(ours.rule_set, basket, NOW)
        best = min(best, process_time() - began)
    return round(best / count * 1e6, 1)
