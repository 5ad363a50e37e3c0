"""Plans: how much is measured, and for how long."""

import os
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One run of the benchmarks. `seconds` is how long a point is measured in one round."""

    seconds: float = 3
    warm_up_s: float = 0.3
    rounds: int = 3
    connections: tuple[int, ...] = (1, 8, 32)
    products: int = 20_000
    stores: int = 500
    baskets: int = 64
    lines: int = 10
    layer_calls: int = 200
    cold_starts: int = 5
    imports: int = 9
    memory_requests: int = 10_000

    @classmethod
    def of_environment(cls) -> "Plan":
        """The usual plan; BENCH_SECONDS and BENCH_ROUNDS make it longer or shorter."""
        return cls(
            seconds=float(os.environ.get("BENCH_SECONDS", cls.seconds)),
            rounds=int(os.environ.get("BENCH_ROUNDS", cls.rounds)),
        )


# Everything once, as fast as can be: it proves that the benchmarks run, and measures nothing.
TINY = Plan(
    seconds=0.2,
    warm_up_s=0.05,
    rounds=1,
    connections=(2,),
    products=200,
    stores=20,
    baskets=4,
    layer_calls=10,
    cold_starts=1,
    imports=1,
    memory_requests=50,
)
