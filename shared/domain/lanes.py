"""Lanes: the ordered stages of a price, and how the promotions of each share the units."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.domain.engine import Lane


class LaneMode(StrEnum):
    """The combination that saves most, or each promotion in its turn what is best for itself."""

    BEST = "best"
    PRIORITY = "priority"


@dataclass(frozen=True, slots=True)
class LaneSetting:
    """A lane as it is set now; a sale goes by what was set when its rule set was made."""

    name: Lane
    mode: LaneMode
    updated_at: datetime
