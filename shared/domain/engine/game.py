"""The game: a basket at an instant, as all its plays look at it."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from shared.domain.engine.basket import Basket, Headroom
from shared.domain.engine.program import Program
from shared.domain.engine.scene import Goods, Scene, facts_of
from shared.domain.engine.units import Run, UnitClass
from shared.domain.money import Rounding


class Game:
    """What does not change from play to play. Facts of the basket are read when a condition asks for any."""

    __slots__ = (
        "_facts",
        "basket",
        "classes",
        "headroom",
        "node_budget",
        "now",
        "priority_lanes",
        "profiles",
        "program",
        "rounding",
        "touched",
    )

    def __init__(
        self,
        program: Program,
        basket: Basket,
        classes: Sequence[UnitClass],
        now: datetime,
        *,
        rounding: Rounding,
        node_budget: int,
        priority_lanes: frozenset[str] = frozenset(),
    ) -> None:
        self.program, self.basket, self.classes, self.now = program, basket, classes, now
        self.rounding, self.node_budget, self.priority_lanes = rounding, node_budget, priority_lanes
        self.profiles = program.profiles_of([one.line for one in classes], basket.currency)
        self.touched = 0
        for profile in self.profiles:
            self.touched |= profile.touches
        self.headroom: Mapping[str, Headroom] = basket.headroom
        self._facts: Mapping[str, object] = {}

    def scene(self, runs: Sequence[Sequence[Run]], *, with_facts: bool) -> Scene:
        """Return what conditions see when the units of each class are at these prices.

        Goods that no condition looks at are left out.
        """
        looked = self.program.looked
        if with_facts and not self._facts:
            self._facts = facts_of(self.basket, self.now)
        goods = [
            Goods(place, run.units, one.line.unit_price, run.price, profile.facts, profile.mask)
            for place, (one, profile, of_class) in enumerate(
                zip(self.classes, self.profiles, runs, strict=True)
            )
            if profile.mask & looked
            for run in of_class
        ]
        return Scene(self.basket.currency, self._facts, goods)
