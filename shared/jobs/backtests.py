"""Backtests: the sales of a period rerun with a version of a promotion, some thousand a step."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import closing
from datetime import datetime
from itertools import batched
from typing import Any, NamedTuple
from uuid import UUID

from shared import pool
from shared.actions import backtests as actions
from shared.actions import jobs as job_actions
from shared.actions.backtests import Prepared
from shared.domain.audit import Action, By, Subject
from shared.domain.backtests import Backtest, BacktestPlan, Period, StoredSale
from shared.domain.burn_down import BurnDown, Keys
from shared.domain.engine import SEMANTICS
from shared.domain.engine.basket import Headroom
from shared.domain.jobs import JobKind, Json, StepResult
from shared.domain.reruns import Sale, Verdict, may_bind
from shared.domain.tallies import Tally
from shared.jobs.evaluator import Answer
from shared.jobs.evaluators import Evaluators, evaluators
from shared.jobs.waking import wake
from shared.store import Conn, audit, backtests

# Some ten seconds of work on two processors: beginning their processes anew is a small part of it.
_STEP = 25_000
# Small enough that the processes end their last ones together, large enough that the pipes cost little.
_BATCH = 100
# Batches under way for each process: one at work, one on its way.
_AHEAD = 2
# No batch takes nearly so long, unless somebody stopped its process.
_PATIENCE_S = 60


class BacktestGone(Exception):
    """The backtest of the job was deleted."""


def begin(
    now: datetime,
    *,
    promotion_id: UUID,
    version: int | None,
    period: Period,
    keep_dates: bool,
    stores: Mapping[str, Any] | None,
    by: By,
) -> Backtest:
    """Queue a backtest of a version, the newest unless told otherwise, over the sales made until now.

    Raises PromotionNotFound, VersionNotFound, FilterInvalid.
    """
    with pool.transaction() as conn:
        version, store_ids = actions.choose(conn, promotion_id=promotion_id, version=version, stores=stores)
        backtest_id = backtests.new_id(conn)
        job_id, workers = job_actions.enqueue(
            conn,
            now,
            kind=JobKind.BACKTEST,
            arguments={"backtest_id": str(backtest_id)},
            slices=(),
            user_id=by.user_id,
        )
        backtests.insert(
            conn,
            backtest_id=backtest_id,
            job_id=job_id,
            promotion_id=promotion_id,
            version=version,
            period=period,
            keep_dates=keep_dates,
            stores=stores,
            store_ids=store_ids,
            user_id=by.user_id,
            now=now,
        )
        audit.insert(
            conn,
            now=now,
            by=by,
            action=Action.BACKTEST_BEGUN,
            subject=Subject.BACKTEST,
            subject_id=backtest_id,
            before=None,
            after={"promotion_id": promotion_id, "version": version, "job_id": job_id},
        )
        backtest = actions.get(conn, backtest_id)
    wake(workers)
    return backtest


def slices(_: Json) -> list[Json]:
    """None: limits burn down in the order of time."""
    return []


def step(conn: Conn, cursor: Json | None, arguments: Json, now: datetime) -> StepResult:  # noqa: ARG001
    """Rerun the next sales, in the order of time, and add what came of them to the sums.

    The sums do not depend on how many processes there are, nor on where a step ended.
    """
    plan = backtests.get_plan(conn, UUID(arguments["backtest_id"]))
    if plan is None:
        raise BacktestGone
    most = arguments.get("step", _STEP)
    after = None if cursor is None else UUID(cursor["id"])
    reading = backtests.read_sales(conn, plan, after=after, most=most, semantics=SEMANTICS)
    prepared = actions.prepare(conn, plan)
    run = _Run(conn, plan, prepared)
    # Closed here, not when it is forgotten: by then a later step may read by a cursor of the same name.
    with (
        closing(reading) as sales,
        evaluators(prepared.trial, lambda version: actions.members(conn, version)) as processes,
    ):
        run.work(sales, processes)
    run.save()
    return StepResult(
        cursor=cursor or {} if run.last is None else {"id": str(run.last.id)},
        done=run.done,
        total=backtests.count_sales(conn, plan) if cursor is None else None,
        finished=run.done < most,
    )


class _Batch(NamedTuple):
    """Sales under way, with what limits left the promotion when they were handed over."""

    sales: tuple[StoredSale, ...]
    keys: tuple[Keys, ...]
    left: tuple[Headroom | None, ...]
    answer: Future[Answer]


class _Run:
    """The sales of one step, on their way through the processes and into the sums."""

    def __init__(self, conn: Conn, plan: BacktestPlan, prepared: Prepared) -> None:
        self.done = 0
        self.last: StoredSale | None = None
        self._conn = conn
        self._plan = plan
        self._trial = prepared.trial
        self._limited = bool(prepared.limits)
        self._burn_down = BurnDown(plan.promotion_id, prepared.limits)
        self._tally = Tally()
        self._older: Counter[int] = Counter()

    def work(self, sales: Iterable[StoredSale], processes: Evaluators) -> None:
        under_way: deque[_Batch] = deque()
        for batch in batched(self._current(sales), _BATCH, strict=False):
            under_way.append(self._submit(batch, processes))
            if len(under_way) > _AHEAD * len(processes.pids):
                self._settle(under_way.popleft())
        for batch in under_way:
            self._settle(batch)

    def save(self) -> None:
        backtests.update_figures(self._conn, self._plan.id, list(self._tally.rows()))
        backtests.update_uses(self._conn, self._plan.id, self._burn_down.touched())
        backtests.update_semantics(self._conn, self._plan.id, self._older)

    def _current(self, sales: Iterable[StoredSale]) -> Iterator[StoredSale]:
        """The sales that this engine understands; the others are counted."""
        for sale in sales:
            self.done += 1
            self.last = sale
            if sale.seen is None or sale.recorded is None:
                self._older[sale.semantics] += 1
            else:
                yield sale

    def _submit(self, sales: tuple[StoredSale, ...], processes: Evaluators) -> _Batch:
        """Hand over the sales with what limits leave before those that are still under way."""
        keys = tuple(
            self._burn_down.keys(customer_id=sale.customer_id, store_id=sale.store_id, day=sale.day)
            for sale in sales
        )
        unknown = self._burn_down.unknown(keys)
        if unknown:
            uses = backtests.find_uses(self._conn, self._plan.id, self._plan.promotion_id, unknown)
            self._burn_down.learn(uses, unknown)
        left = tuple(
            self._burn_down.headroom(mine, sale.currency) for sale, mine in zip(sales, keys, strict=True)
        )
        answer = processes.submit(
            [_as_sale(sale, room) for sale, room in zip(sales, left, strict=True)],
            {sale.rule_set_version for sale in sales},
        )
        return _Batch(sales, keys, left, answer)

    def _settle(self, batch: _Batch) -> None:
        """Take the sales in their order; what the ones before them used up since is no longer left."""
        verdicts, sums = batch.answer.result(_PATIENCE_S)
        self._tally.merge(sums)
        if not self._limited:
            return
        for sale, keys, known, verdict in zip(batch.sales, batch.keys, batch.left, verdicts, strict=True):
            left = self._burn_down.headroom(keys, sale.currency)
            # What was refused when more was left is refused now.
            if left != known and verdict.granted is not None and may_bind(left, verdict.most):
                verdict = self._judge_again(sale, known, left)  # noqa: PLW2901 - the last word on it
            self._burn_down.take(keys, sale.at, verdict)

    def _judge_again(self, sale: StoredSale, known: Headroom | None, left: Headroom | None) -> Verdict:
        """Count the sale as it goes with what is left, and no longer as it went with what was known."""
        version = sale.rule_set_version
        if not self._trial.knows(version):
            self._trial.learn(version, actions.members(self._conn, version))
        before, after = _as_sale(sale, known), _as_sale(sale, left)
        rerun = self._trial.rerun(after)
        self._tally.add(before, self._trial.rerun(before), -1)
        self._tally.add(after, rerun)
        return rerun.verdict


def _as_sale(sale: StoredSale, left: Headroom | None) -> Sale:
    return Sale(sale.store_id, sale.day, sale.seen or "", sale.recorded or "", left)
