"""Backtests: the sums are the same whoever is killed on the way; limits burn down in the order of time."""

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psutil
import pytest

from devhost.environment import ROOT, child_environment
from shared.actions import backtests as actions
from shared.actions import jobs as job_actions
from shared.actions import promotions, transactions
from shared.domain.audit import By
from shared.domain.backtests import Backtest, BacktestFigure, Breakdown, Period, parse_period
from shared.domain.jobs import JobStatus
from shared.domain.users import Caller
from shared.jobs import backtests
from shared.jobs.runner import run
from shared.store import jobs
from tests.actions.selling import a_seller, request, sell, sold, three_lenses
from tests.harness import eventually
from tests.rows import NOW, Conn, a_product, a_user, percent_off, tampering, terms

pytestmark = pytest.mark.usefixtures("app")

MARCH = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
LATER = datetime(2026, 7, 1, tzinfo=UTC)
WHOLE_MARCH = parse_period("2026-03-01", "2026-03-31")


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough for a few sales, and begun in half the time of two."""
    monkeypatch.setattr(os, "process_cpu_count", lambda: 1)


@pytest.fixture
def seller(conn: Conn) -> Caller:
    three_lenses(conn, "10.00")
    return a_seller(conn)


def publish(conn: Conn, **changes: Any) -> UUID:
    by = By(a_user(conn))
    with conn.transaction():
        promotion_id = promotions.create(conn, NOW, terms=terms(**changes), by=by).id
        promotions.publish(conn, NOW, promotion_id, by=by, approval_required=False)
    return promotion_id


def draft(conn: Conn, **changes: Any) -> UUID:
    """A promotion that begins long after every sale, as drafts do."""
    values = {"starts_at": datetime(2027, 1, 1), "ends_at": None, **changes}  # noqa: DTZ001 - local
    with conn.transaction():
        return promotions.create(conn, NOW, terms=terms(**values), by=By(a_user(conn))).id


def backtest(conn: Conn, promotion_id: UUID, period: Period = WHOLE_MARCH, **wanted: Any) -> Backtest:
    """One that ran to its end."""
    queued = ask(conn, promotion_id, period, **wanted)
    run(queued.job_id, NOW)
    found = actions.get(conn, queued.id)
    assert found.status is JobStatus.COMPLETED, found.reason
    return found


def ask(conn: Conn, promotion_id: UUID, period: Period = WHOLE_MARCH, **wanted: Any) -> Backtest:
    values: dict[str, Any] = {"version": None, "keep_dates": False, "stores": None, **wanted}
    return backtests.begin(LATER, promotion_id=promotion_id, period=period, by=By(a_user(conn)), **values)


def parts(conn: Conn, found: Backtest, breakdown: Breakdown) -> list[BacktestFigure]:
    """All of a breakdown, page by page."""
    figures: list[BacktestFigure] = []
    cursor = None
    while True:
        page = actions.get_breakdown(conn, found.id, breakdown, cursor=cursor, limit=2)
        figures += page.items
        cursor = page.next_cursor
        if cursor is None:
            return figures


def told(figures: list[BacktestFigure]) -> dict[str | None, tuple[str, str]]:
    return {each.key: (str(each.before), str(each.after)) for each in figures}


def test_a_draft_beside_what_was_live(conn: Conn, seller: Caller) -> None:
    """Ten percent off everything was live; the draft takes twenty off A and wins there."""
    live = publish(conn)
    for day in range(3):
        sell(conn, seller, request(("A", 2), ("B", 1)), MARCH + timedelta(days=day))
    sell(conn, seller, request(("C", 1)), MARCH)
    where = {"fact": "product.sku", "op": "eq", "value": "A"}
    promotion_id = draft(
        conn, rule=percent_off("20", target=where), funding=({"party": "brand", "share": "1"},)
    )
    found = backtest(conn, promotion_id)
    (total,) = found.totals
    assert (found.done, found.total) == (4, 4)
    assert (total.sales, total.affected, total.limited) == (4, 3, 0)
    assert (total.gross, total.before) == (Decimal("100.00"), Decimal("10.00"))
    assert (total.after, total.difference, total.granted) == (Decimal(16), Decimal(6), Decimal(12))
    assert told(parts(conn, found, Breakdown.SKU)) == {
        "A": ("6.00", "12.00"),
        "B": ("3.00", "3.00"),
        "C": ("1.00", "1.00"),
    }
    assert told(parts(conn, found, Breakdown.PROMOTION)) == {
        str(promotion_id): ("0.00", "12.00"),
        str(live): ("10.00", "4.00"),
    }
    assert told(parts(conn, found, Breakdown.FUNDER)) == {"brand": ("0.00", "12.00"), None: ("10.00", "4.00")}
    assert told(parts(conn, found, Breakdown.STORE)) == {"S1": ("10.00", "16.00")}
    days = parts(conn, found, Breakdown.DAY)
    assert [(each.key, each.sales, str(each.after)) for each in days] == [
        ("2026-03-02", 2, "6.00"),
        ("2026-03-03", 1, "5.00"),
        ("2026-03-04", 1, "5.00"),
    ]


def test_a_version_takes_the_place_of_the_one_that_was_live(conn: Conn, seller: Caller) -> None:
    live = publish(conn)
    sell(conn, seller, request(("A", 1)), MARCH)
    with conn.transaction():
        promotions.revise(
            conn,
            NOW,
            promotion_id=live,
            change=lambda _: terms(rule=percent_off("30")),
            by=By(a_user(conn)),
        )
    (newest,) = backtest(conn, live).totals
    assert (newest.before, newest.after, newest.affected) == (Decimal(1), Decimal(3), 1)
    (same,) = backtest(conn, live, version=1).totals
    assert (same.before, same.after, same.affected) == (Decimal(1), Decimal(1), 0)


def test_what_is_left_out(conn: Conn, seller: Caller) -> None:
    """Voided sales, sales before and after, other stores, sales that were made since it was asked for."""
    other = a_seller(conn, "S2", zone="America/New_York")
    midnight = datetime(2026, 3, 1, tzinfo=UTC)
    for at in (midnight - timedelta(hours=2), midnight, datetime(2026, 3, 31, 22, 30, tzinfo=UTC)):
        sell(conn, seller, request(("A", 1)), at)
        sell(conn, other, request(("A", 1), store_id="S2"), at)
    voided = sold(sell(conn, seller, request(("A", 1)), MARCH))
    with conn.transaction():
        transactions.void(conn, NOW, transaction_id=voided, reason="A slip", caller=seller, key="a void")
    sell(conn, seller, request(("A", 1)), LATER)
    promotion_id = draft(conn)
    # In Rome it was 1 March at once and 1 April at the last; in New York still February, and then March.
    assert told(parts(conn, backtest(conn, promotion_id), Breakdown.STORE)) == {
        "S1": ("0.00", "1.00"),
        "S2": ("0.00", "1.00"),
    }
    (sale,) = parts(
        conn, backtest(conn, promotion_id, parse_period("2026-02-28", "2026-02-28")), Breakdown.STORE
    )[:1]
    assert (sale.key, sale.sales) == ("S2", 2)
    instants = parse_period("2026-03-01T00:00:00Z", "2026-03-31T22:30:00Z")
    assert [each.sales for each in parts(conn, backtest(conn, promotion_id, instants), Breakdown.STORE)] == [
        1,
        1,
    ]
    since = parse_period("2026-06-30T00:00:00Z", "2026-12-31T00:00:00Z")
    assert backtest(conn, promotion_id, since).totals == ()
    where = {"fact": "store.id", "op": "eq", "value": "S2"}
    chosen = backtest(conn, promotion_id, instants, stores=where)
    assert [each.key for each in parts(conn, chosen, Breakdown.STORE)] == ["S2"]


def test_its_own_dates_count_when_they_are_asked_for(conn: Conn, seller: Caller) -> None:
    sell(conn, seller, request(("A", 1)), MARCH)
    promotion_id = draft(conn)
    assert backtest(conn, promotion_id).totals[0].after == Decimal(1)
    assert backtest(conn, promotion_id, keep_dates=True).totals[0].after == Decimal(0)


def test_sales_of_an_older_engine_are_counted_and_left_out(conn: Conn, seller: Caller) -> None:
    for _ in range(3):
        sell(conn, seller, request(("A", 1)), MARCH)
    with tampering(conn):
        conn.execute(
            "UPDATE transactions SET engine_semantics = 1, seen = '{}'"
            " WHERE id = (SELECT id FROM transactions ORDER BY id LIMIT 1)"
        )
    found = backtest(conn, draft(conn))
    assert [(each.engine_semantics, each.sales) for each in found.older_semantics] == [(1, 1)]
    assert (found.done, found.totals[0].sales) == (3, 2)


def test_a_budget_burns_down_in_the_order_of_time(conn: Conn, seller: Caller) -> None:
    """10 % of 10.00 a sale, two sales a day, recorded in another order; 4.50 last until the third day."""
    at = [MARCH + timedelta(days=number // 2, hours=number % 2) for number in range(8)]
    for one in reversed(at):
        sell(conn, seller, request(("A", 1)), one)
    for partial, granted in [("refuse", "4.00"), ("grant_rest", "4.50")]:
        limit = {"budget": "4.50", "currency": "EUR", "partial": partial}
        found = backtest(conn, draft(conn, limits=(limit,)))
        (total,), (burnt,) = found.totals, found.limits
        assert (str(total.granted), str(burnt.used), str(burnt.most)) == (granted, granted, "4.50")
        assert (total.limited, burnt.counters, burnt.counters_used_up) == (4, 1, 1)
        assert burnt.used_up_at == at[4]
        days = parts(conn, found, Breakdown.DAY)
        left = ["2.50", "0.50", "0.50", "0.50"] if partial == "refuse" else ["2.50", "0.50", "0.00", "0.00"]
        assert [str(each.budget_left) for each in days] == left
        assert [each.limited for each in days] == [0, 0, 2, 2]


def test_limits_per_store_and_day_count_apart(conn: Conn, seller: Caller) -> None:
    other = a_seller(conn, "S2")
    for number in range(6):
        at = MARCH + timedelta(days=number // 3)
        sell(conn, seller, request(("A", 1)), at)
        sell(conn, other, request(("A", 1), store_id="S2"), at)
    limit = {"redemptions": 2, "per": "store", "period": "day"}
    found = backtest(conn, draft(conn, limits=(limit,)))
    assert (found.totals[0].granted, found.totals[0].limited) == (Decimal(8), 4)
    (per_store,) = found.limits
    assert (per_store.currency, per_store.used, per_store.counters, per_store.counters_used_up) == (
        None,
        Decimal(8),
        4,
        4,
    )
    nobody = backtest(conn, draft(conn, limits=({"redemptions": 1, "per": "customer"},)))
    assert (nobody.totals[0].granted, nobody.totals[0].limited) == (Decimal(0), 12), "nobody says who bought"


@pytest.fixture
def busy(conn: Conn, seller: Caller) -> UUID:
    """Forty sales under two rule sets, and a draft whose budget is used up in the middle."""
    for sku, price in [("D", "17.35"), ("E", "3.99")]:
        a_product(conn, sku, price)
    publish(conn, rule=percent_off("7", target={"fact": "product.sku", "op": "in", "value": ["A", "D"]}))
    for number in range(40):
        if number == 20:
            publish(conn, rule=percent_off("12"), funding=({"party": "brand", "share": "1"},))
        lines = [(sku, 1 + number % 3) for place, sku in enumerate("ABCDE") if (number >> place) % 2]
        sell(conn, seller, request(*lines or [("A", 1)]), MARCH + timedelta(hours=number))
    rule = {
        "schema": 1,
        "then": [{"kind": "amount_off", "amount": "3.33", "currency": "EUR", "per": "basket"}],
    }
    return draft(conn, rule=rule, limits=({"budget": "40.00", "currency": "EUR", "partial": "grant_rest"},))


def sums(conn: Conn, found: Backtest) -> tuple[object, ...]:
    return (found.totals, found.limits, *(parts(conn, found, each) for each in Breakdown))


def in_steps(conn: Conn, size: int) -> None:
    conn.execute("UPDATE jobs SET arguments = arguments || jsonb_build_object('step', %s::integer)", [size])


def test_however_it_is_cut_and_shared_out_the_sums_are_the_same(
    conn: Conn, busy: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = sums(conn, backtest(conn, busy))
    assert expected[0], "there are sales"
    for size, batch, processors in [(17, 1, 3)]:
        monkeypatch.setattr(backtests, "_BATCH", batch)
        monkeypatch.setattr(os, "process_cpu_count", lambda processors=processors: processors)
        queued = ask(conn, busy)
        in_steps(conn, size)
        run(queued.job_id, NOW)
        assert sums(conn, actions.get(conn, queued.id)) == expected, (size, batch, processors)


def children() -> list[psutil.Process]:
    return [
        each
        for each in psutil.Process().children(recursive=True)
        if "shared.jobs.evaluator" in " ".join(each.cmdline())
    ]


def test_a_process_that_is_killed_fails_the_step_which_is_tried_again(
    conn: Conn, busy: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = sums(conn, backtest(conn, busy))
    submit = backtests._Run._submit
    submitted: list[int] = []
    killed: list[int] = []

    def submit_and_kill(self: Any, sales: Any, processes: Any) -> Any:
        submitted.append(1)
        if len(submitted) == 7:
            killed.extend(processes.pids)
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
        return submit(self, sales, processes)

    monkeypatch.setattr(backtests, "_BATCH", 2)
    monkeypatch.setattr(backtests._Run, "_submit", submit_and_kill)
    queued = ask(conn, busy)
    in_steps(conn, 10)
    run(queued.job_id, NOW)
    job = jobs.get(conn, queued.job_id)
    assert job is not None
    assert (job.status, job.step, job.reason) == (
        JobStatus.RUNNING,
        1,
        "Attempt 1 at step 2 met EvaluatorDied.",
    )
    assert killed
    assert not children(), "nobody is left behind"
    conn.execute("UPDATE jobs SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL")
    run(queued.job_id, NOW)
    assert sums(conn, actions.get(conn, queued.id)) == expected


WORKER = """
import sys
from datetime import UTC, datetime
from uuid import UUID
from shared.jobs.runner import run
run(UUID(sys.argv[1]), datetime.now(UTC))
"""


def test_a_worker_that_is_killed_leaves_nobody_behind_and_the_next_goes_on(
    conn: Conn, busy: UUID, app_environment: dict[str, str]
) -> None:
    expected = sums(conn, backtest(conn, busy))
    queued = ask(conn, busy)
    in_steps(conn, 5)
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, str(queued.job_id)], cwd=ROOT, env=child_environment(app_environment)
    )
    try:
        eventually(lambda: actions.get(conn, queued.id).done >= 10)
        found = eventually(lambda: psutil.Process(worker.pid).children())
    finally:
        worker.kill()
        worker.wait()
    eventually(lambda: not any(each.is_running() for each in found))
    assert actions.get(conn, queued.id).done < 40, "it was in the middle"
    conn.execute("UPDATE jobs SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL")
    in_steps(conn, 1000)
    run(queued.job_id, NOW)
    assert sums(conn, actions.get(conn, queued.id)) == expected


def test_an_evaluation_that_raises_fails_the_step_without_its_text(
    conn: Conn, busy: UUID, caplog: pytest.LogCaptureFixture
) -> None:
    with tampering(conn):
        conn.execute("UPDATE transactions SET seen = replace(seen, 'Europe/Rome', 'Secret/Place')")
    queued = ask(conn, busy)
    run(queued.job_id, NOW)
    found = actions.get(conn, queued.id)
    assert found.reason == "Attempt 1 at step 1 met EvaluatorFailed."
    assert "Secret" not in caplog.text
    assert "ZoneInfoNotFoundError" in caplog.text
    assert "reruns.py" in caplog.text
    assert not children()


def test_a_cancelled_one_stops_after_the_step_at_hand(conn: Conn, busy: UUID) -> None:
    queued = ask(conn, busy)
    in_steps(conn, 10)
    run(queued.job_id, NOW, budget=timedelta(0))
    with conn.transaction():
        job_actions.cancel(conn, NOW, queued.job_id, by=By(a_user(conn)))
    run(queued.job_id, NOW)
    found = actions.get(conn, queued.id)
    assert (found.status, found.done, found.total) == (JobStatus.CANCELLED, 10, 40)
    assert found.totals[0].sales == 10, "what was done stays done"


def test_it_goes_with_its_job(conn: Conn, seller: Caller) -> None:
    sell(conn, seller, request(("A", 1)), MARCH)
    found = backtest(conn, draft(conn, limits=({"redemptions": 5},)))
    conn.execute("DELETE FROM jobs WHERE id = %s", [found.job_id])
    for table in ("backtests", "backtest_figures", "backtest_uses"):
        assert conn.execute(f"SELECT count(*) FROM {table}".encode()).fetchall() == [(0,)]
