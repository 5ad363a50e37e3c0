"""What explanations cost: evaluations beside the same with nothing told of what does not apply.

The reasons why a condition does not hold, who beat whom and by how much are replaced by one and the same
outcome. What an evaluation remembers of reasons it has told before stays as it is.
"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from time import process_time
from typing import Any
from unittest.mock import patch

from bench.figures import spread
from bench.rules.offers import baskets as made
from bench.rules.offers import catalogue, offers
from bench.rules.ours import NOW, Ours
from shared.domain.engine import Outcome, PromotionOutcome, evaluate
from shared.domain.engine.plan import Plan

_NOTHING = PromotionOutcome("", 1, "", Outcome.NOT_MET, 0)


def run(*, rounds: int, baskets: int) -> dict[str, Any]:
    """The share of an evaluation's time, at 10 lines and 20 live promotions."""
    products = catalogue()
    ours = Ours(offers(20, products), products)
    found = [ours.basket(basket) for basket in made(baskets, 10, products)]
    times: dict[str, list[float]] = {"told": [], "untold": []}
    for _ in range(rounds + 1):
        times["told"].append(_took(ours, found))
        with _untold():
            times["untold"].append(_took(ours, found))
    told, untold = (times[name][1:] for name in ("told", "untold"))
    return {"share": spread([1 - bare / full for full, bare in zip(told, untold, strict=True)])}


def _took(ours: Ours, found: list[Any]) -> float:
    began = process_time()
    for basket in found:
        evaluate(ours.rule_set, basket, NOW)
    return process_time() - began


@contextmanager
def _untold() -> Iterator[None]:
    module = importlib.import_module("shared.domain.engine.evaluate")
    with (
        patch.object(module, "explain", lambda *_: _NOTHING),
        patch.object(Plan, "_unmet", lambda *_: _NOTHING),
    ):
        yield
