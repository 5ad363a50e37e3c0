"""The race: every contestant on the same baskets, round by round, in another order each time."""

from collections.abc import Callable
from random import Random
from time import process_time
from typing import Any

from bench.figures import spread
from bench.rules.offers import baskets as made
from bench.rules.offers import catalogue, offers
from bench.rules.ours import NOW, Ours
from bench.rules.peers import PEERS
from shared.domain.engine import evaluate

SHAPES = tuple((lines, live) for live in (5, 20, 100) for lines in (1, 10, 50))
BASE = "zen-engine, one decision"
OURS = "the engine"
OURS_READY = "the engine, baskets ready made"
# An evaluation of these takes milliseconds: fewer baskets say as much.
_SLOW = {"rule-engine": 16, "json-logic": 4}


def run(*, rounds: int, baskets: int) -> list[dict[str, Any]]:
    """CPU microseconds an evaluation for each shape and contestant, and ratios to the base, by round."""
    return [_shape(lines, live, rounds, baskets) for lines, live in SHAPES]


def _shape(lines: int, live: int, rounds: int, count: int) -> dict[str, Any]:
    products = catalogue()
    promotions = offers(live, products)
    found = list(made(count, lines, products))
    ours = Ours(promotions, products)
    peers = {name: make(promotions, products) for name, make in PEERS.items()}
    for peer in (peers[name] for name in peers if name != "rule-engine"):
        if [peer(basket) for basket in found] != [ours.alone(basket) for basket in found]:
            raise AssertionError(f"{lines} lines, {live} promotions: discounts differ")
    runners: dict[str, tuple[Callable[[Any], object], list[Any]]] = {
        name: (peer, found[: max(4, count // _SLOW.get(name, 1))]) for name, peer in peers.items()
    }
    runners[OURS] = (ours.evaluate, found)
    runners[OURS_READY] = (lambda basket: evaluate(ours.rule_set, basket, NOW), [*map(ours.basket, found)])
    times = _rounds(runners, rounds)
    return {
        "lines": lines,
        "live": live,
        "us": {name: spread(each, 1) for name, each in times.items()},
        "to_base": {
            name: spread([one / base for one, base in zip(each, times[BASE], strict=True)])
            for name, each in times.items()
        },
    }


def _rounds(
    runners: dict[str, tuple[Callable[[Any], object], list[Any]]], rounds: int
) -> dict[str, list[float]]:
    order = list(runners)
    times: dict[str, list[float]] = {name: [] for name in order}
    for turn in range(rounds + 1):
        Random(turn).shuffle(order)  # noqa: S311 - a sample, not a secret
        for name in order:
            run_one, given = runners[name]
            began = process_time()
            for basket in given:
                run_one(basket)
            took = process_time() - began
            # The first round warms everybody up.
            if turn:
                times[name].append(took / len(given) * 1e6)
    return times
