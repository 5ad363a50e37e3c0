"""Kinds: what a job of each kind does in a step, and how it is cut into slices."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.domain.jobs import JobKind, Json, StepResult
from shared.jobs import backtests, closings, purge, reconciliations
from shared.store import Conn

type Step = Callable[[Conn, Json | None, Json, datetime], StepResult]
"""One step: (conn, cursor, arguments, now). `cursor` is None at the first; `conn` is in a transaction."""


@dataclass(frozen=True, slots=True)
class Kind:
    """`slices` makes the arguments of each slice of those of the job; none means the job is not cut."""

    step: Step
    slices: Callable[[Json], Sequence[Json]]


KINDS: dict[str, Kind] = {
    JobKind.PURGE: Kind(purge.step, purge.slices),
    JobKind.BACKTEST: Kind(backtests.step, backtests.slices),
    JobKind.RECONCILIATION: Kind(reconciliations.step, reconciliations.slices),
    JobKind.SETTLEMENT: Kind(closings.step, closings.slices),
}
