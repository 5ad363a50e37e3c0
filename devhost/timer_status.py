"""A timer's record on disk: when it ran, when it runs next, and whether it missed a run meanwhile."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from devhost import state
from devhost.ncrontab import Schedule

NOT_YET = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Status:
    """The record, as the function sees it in its argument."""

    last: datetime
    next: datetime
    last_updated: datetime

    @classmethod
    def first(cls, schedule: Schedule, now: datetime) -> Self:
        return cls(NOT_YET, schedule.next_after(now), now)

    @classmethod
    def after_run(cls, schedule: Schedule, at: datetime) -> Self:
        return cls(at, schedule.next_after(at), at)

    def as_json(self) -> dict[str, str]:
        named = {"Last": self.last, "Next": self.next, "LastUpdated": self.last_updated}
        return {name: instant.isoformat() for name, instant in named.items()}


class Monitor:
    """The record of one timer. Without it no missed run is made up."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Status | None:
        """None before the first record, and for a file that is none: the host then begins anew."""
        try:
            content = json.loads(self._path.read_text())
            return Status(
                *(datetime.fromisoformat(content[name]) for name in ("Last", "Next", "LastUpdated"))
            )
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write(self, status: Status) -> None:
        state.write(self._path, json.dumps(status.as_json()))

    def resume(self, schedule: Schedule, now: datetime) -> Status:
        """The record to go on from. Its Next is in the past when a run was missed, and only then.

        Next is computed again from what it was computed from. When that differs, the schedule has changed,
        and a run that only the new schedule would have had does not count as missed.
        """
        status = self.read()
        if status is None:
            status = Status.first(schedule, now)
            self.write(status)
            return status
        base = status.last_updated if status.last == NOT_YET else status.last
        expected = schedule.next_after(base)
        if status.next != expected:
            if now > expected:
                base, expected = now, schedule.next_after(now)
            status = Status(NOT_YET, expected, base)
            self.write(status)
        return status
