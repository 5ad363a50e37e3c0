"""Closings: what is stated, once and whole, whoever is killed, aborted or late."""

import os
import signal
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
import pytest

from devhost.environment import ROOT, child_environment
from shared import pool
from shared.actions import closings as actions
from shared.actions import settlements as settlement_actions
from shared.domain.backtests import PeriodInvalid
from shared.domain.closings import ClosingUnderWay, NothingToCorrect, PeriodNotOver, RetailerUnknown
from shared.domain.jobs import JobStatus
from shared.domain.settlements import Payment, SettlementPaid, SettlementUnderReview
from shared.domain.transactions import IdempotencyKeyReused
from shared.domain.users import EVERY_STORE
from shared.jobs import closings
from shared.jobs.runner import run
from tests.actions.selling import at_once
from tests.harness import eventually
from tests.rows import Conn, random_key
from tests.settling import JULY, JUNE, LATER, Cut, Till

pytestmark = pytest.mark.usefixtures("app")

BANK = Payment(date(2026, 12, 1), "Bank 7")


@pytest.fixture
def till(conn: Conn) -> Till:
    return Till(conn)


@pytest.fixture
def ten(till: Till) -> UUID:
    till.store("R1")
    return till.promotion()


def brand(promotion_id: UUID, minor: int) -> list[Cut]:
    """What the brand bears alone."""
    return [Cut(promotion_id, minor, {"brand": minor})]


def pay(till: Till, *ids: UUID) -> None:
    with pool.transaction() as conn:
        settlement_actions.pay(conn, LATER, ids=list(ids), payment=BANK, by=till.by)


def numbers(conn: Conn) -> dict[str, list[int]]:
    """All numbers given, by series."""
    rows = conn.execute(
        "SELECT series, array_agg(number ORDER BY number) FROM settlement_documents GROUP BY series"
    ).fetchall()
    return dict(rows)


def test_a_statement_by_hand(till: Till, ten: UUID) -> None:
    """Two sales and a return of one: 1.50 + 0.33 - 0.11, of which each party bears what it was named for."""
    till.store("S1", parent="R1")
    three = till.promotion("Three for two")
    till.sell("S1", [Cut(ten, 100, {"brand": 70, "retailer": 30}), Cut(three, 50, {}, line=1)])
    sale = till.sell("R1", [Cut(ten, 33, {"brand": 23, "retailer": 7, "maker": 3})])
    back = till.undo(sale, [Cut(ten, -11, {"brand": -8, "retailer": -2, "maker": -1})])

    (settlement,) = till.close()

    (statement,) = settlement.documents
    assert settlement.retailer_id == "R1"
    assert statement.number == "S-2027-000001"
    assert (statement.transactions, statement.lines) == (3, 9)
    assert statement.gross == Decimal("17.20")
    assert statement.discount == Decimal("1.72")
    # 0.70 + 0.23 - 0.08
    assert statement.owed == settlement.owed == settlement.net_owed == Decimal("0.85")
    # 0.30 + 0.50 that nobody was named for + 0.07 - 0.02
    assert statement.retailer_part == Decimal("0.85")
    assert statement.others_part == Decimal("0.02")
    totals = settlement_actions.get(till.conn, settlement.id).totals
    assert {(each.name, each.party): str(each.amount) for each in totals} == {
        ("Ten percent", "brand"): "0.85",
        ("Ten percent", "retailer"): "0.35",
        ("Ten percent", "maker"): "0.02",
        ("Three for two", "retailer"): "0.50",
    }
    assert till.status(back) == "Verified"


def test_what_is_new_or_under_review_stays_out_and_is_taken_later(till: Till, ten: UUID) -> None:
    verified = till.sell("R1", brand(ten, 100))
    new = till.sell("R1", brand(ten, 20), status="New")
    reviewed = till.sell("R1", brand(ten, 3), status="Under Review")

    (june,) = till.close()
    assert till.lines(june.id) == {verified: 100}
    assert till.close() == []

    till.set_status(new, "Verified")
    till.set_status(reviewed, "Verified")
    (july,) = till.close(JULY)
    assert till.lines(july.id) == {new: 20, reviewed: 3}
    assert july.documents[0].carried_over == 2


def test_a_return_of_a_sale_stated_earlier_is_a_credit_note(till: Till, ten: UUID) -> None:
    sale = till.sell("R1", brand(ten, 100))
    till.close()
    till.undo(sale, brand(ten, -40), at=datetime(2026, 7, 3, tzinfo=UTC))
    till.sell("R1", brand(ten, 7), at=datetime(2026, 7, 4, tzinfo=UTC))

    (july,) = till.close(JULY)

    statement, credit_note = july.documents
    assert (statement.number, statement.owed) == ("S-2027-000002", Decimal("0.07"))
    assert (credit_note.number, credit_note.owed) == ("C-2027-000001", Decimal("-0.40"))
    assert july.owed == Decimal("-0.33")


def test_what_undoes_a_sale_waits_for_it(till: Till, ten: UUID) -> None:
    sale = till.sell("R1", brand(ten, 100), status="New")
    till.undo(sale)
    reviewed = till.undo(till.sell("R1", brand(ten, 5)), status="Under Review")
    (june,) = till.close()
    assert sum(till.lines(june.id).values()) == 5
    till.set_status(sale, "Verified")
    till.set_status(reviewed, "Verified")
    (july,) = till.close(JULY)
    assert july.owed == Decimal("-0.05")
    assert july.documents[0].owed == 0


def test_one_statement_for_each_currency(till: Till, ten: UUID) -> None:
    for currency in ("EUR", "JPY", "KWD", "UYW"):
        till.sell("R1", brand(ten, 12345), currency=currency)
    assert {each.currency: str(each.owed) for each in till.close()} == {
        "EUR": "123.45",
        "JPY": "12345",
        "KWD": "12.345",
        "UYW": "1.2345",
    }


@pytest.mark.parametrize(
    ("zone", "until_at"),
    [
        ("Europe/Rome", datetime(2026, 3, 28, 23, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 3, 29, 4, tzinfo=UTC)),
        ("Pacific/Kiritimati", datetime(2026, 3, 28, 10, tzinfo=UTC)),
        # The clocks go from 24:00 to 01:00: the day begins at one.
        ("Africa/Cairo", datetime(2026, 3, 28, 22, tzinfo=UTC)),
    ],
)
def test_a_period_ends_at_midnight_by_the_retailers_clock(till: Till, zone: str, until_at: datetime) -> None:
    till.store("R1", zone=zone)
    till.store("S1", parent="R1", zone="Asia/Tokyo")
    ten, millisecond = till.promotion(), timedelta(milliseconds=1)
    till.sell("S1", brand(ten, 1), at=until_at - millisecond)
    till.sell("S1", brand(ten, 20), at=until_at)
    days = date(2026, 3, 28), date(2026, 3, 28)

    (found,) = till.close(days)
    assert (found.owed, found.until_at, found.documents[0].carried_over) == (Decimal("0.01"), until_at, 0)
    (rest,) = till.close((date(2026, 3, 29), date(2026, 3, 29)))
    assert (rest.owed, rest.from_at) == (Decimal("0.20"), until_at)


def test_a_period_that_is_not_over_or_none_is_refused(till: Till, ten: UUID) -> None:  # noqa: ARG001
    midnight = datetime(2026, 6, 30, 22, tzinfo=UTC)
    with pytest.raises(PeriodNotOver):
        till.ask(now=midnight - timedelta(milliseconds=1))
    assert till.finish(till.ask(now=midnight), midnight) == []
    with pytest.raises(PeriodInvalid):
        till.ask((JUNE[1], JUNE[0]))
    with pytest.raises(PeriodInvalid):
        till.ask((date(2025, 1, 1), date(2026, 1, 2)))
    with pytest.raises(RetailerUnknown):
        till.ask(retailer_id="R9")
    till.store("S1", parent="R1")
    with pytest.raises(RetailerUnknown):
        till.ask(retailer_id="S1")


def test_sales_stay_with_the_retailer_they_were_made_for(till: Till, ten: UUID) -> None:
    till.store("R2")
    sale = till.sell("R2", brand(ten, 100))
    till.conn.execute("UPDATE stores SET parent_id = 'R1' WHERE id = 'R2'")
    till.sell("R2", brand(ten, 3))
    first, second = till.close()
    assert (first.retailer_id, first.owed) == ("R1", Decimal("0.03"))
    assert (second.retailer_id, till.lines(second.id)) == ("R2", {sale: 100})


def test_a_payment_completes_what_was_stated_once(till: Till, ten: UUID) -> None:
    sale = till.sell("R1", brand(ten, 100))
    (june,) = till.close()
    pay(till, june.id)
    assert till.status(sale) == "Settlement Complete"
    pay(till, june.id)
    with pytest.raises(SettlementPaid), pool.transaction() as conn:
        settlement_actions.pay(
            conn, LATER, ids=[june.id], payment=Payment(BANK.paid_on, "Bank 8"), by=till.by
        )
    changed = till.conn.execute(
        "SELECT count(*) FROM audit_entries WHERE action = 'settlement.paid'"
    ).fetchone()
    assert changed == (1,)


def test_a_payment_of_several_is_all_or_nothing(till: Till, ten: UUID) -> None:
    sale = till.sell("R1", brand(ten, 100))
    (june,) = till.close()
    other = till.sell("R1", brand(ten, 5), currency="USD")
    (july,) = till.close(JULY)
    till.set_status(other, "Under Review")
    with pytest.raises(SettlementUnderReview):
        pay(till, june.id, july.id)
    assert till.status(sale) == "Verified"


def test_a_correction_takes_off_what_is_reviewed_and_adds_what_was_verified(till: Till, ten: UUID) -> None:
    wrong = till.sell("R1", brand(ten, 100))
    back = till.undo(wrong, brand(ten, -10))
    kept = till.sell("R1", brand(ten, 7))
    late = till.sell("R1", brand(ten, 30), status="New")
    (june,) = till.close()
    before = till.conn.execute("SELECT * FROM settlements WHERE id = %s", [june.id]).fetchall()
    till.set_status(wrong, "Under Review")
    till.set_status(late, "Verified")

    (correction,) = till.reopen(june.id, reason="Wrong customer")

    assert till.lines(correction.id) == {wrong: -100, back: 10, late: 30}
    assert (correction.corrects, correction.reason) == (june.id, "Wrong customer")
    assert correction.owed == Decimal("-0.60")
    assert till.conn.execute("SELECT * FROM settlements WHERE id = %s", [june.id]).fetchall() == before
    found = settlement_actions.get(till.conn, june.id)
    assert (found.owed, found.net_owed) == (Decimal("0.97"), Decimal("0.37"))
    assert found.corrected_by == (correction.id,)
    # Paid, the one completes what it still states, the other what it added.
    pay(till, june.id, correction.id)
    assert [till.status(each) for each in (wrong, back, kept, late)] == [
        "Under Review",
        "Verified",
        "Settlement Complete",
        "Settlement Complete",
    ]
    # Verified after all, it is stated anew with what undoes it.
    till.set_status(wrong, "Verified")
    (july,) = till.close(JULY)
    assert till.lines(july.id) == {wrong: 100, back: -10}

    # Its way through all of this is told.
    entries = settlement_actions.find_entries(till.conn, wrong, EVERY_STORE)
    assert [(each.settlement_id, each.reversed, each.status, each.owed) for each in entries] == [
        (june.id, False, "paid", Decimal("1.00")),
        (correction.id, True, "paid", Decimal("-1.00")),
        (july.id, False, "issued", Decimal("1.00")),
    ]
    assert [each.number for each in entries] == [each.number for each in (june, correction, july)]
    assert [[(line.transaction_id, line.amount) for line in each.lines] for each in entries] == [
        [(wrong, each.owed)] for each in entries
    ]
    (entry,) = settlement_actions.find_entries(till.conn, late, EVERY_STORE)
    assert (entry.settlement_id, entry.reference, entry.carried_over) == (
        correction.id,
        BANK.reference,
        False,
    )


def test_what_is_paid_or_right_is_not_corrected(till: Till, ten: UUID) -> None:
    till.sell("R1", brand(ten, 100))
    (june,) = till.close()
    with pytest.raises(NothingToCorrect):
        till.reopen(june.id)
    pay(till, june.id)
    with pytest.raises(SettlementPaid):
        till.reopen(june.id)


def test_paid_while_its_correction_waits_it_stays_as_it_is(till: Till, ten: UUID) -> None:
    till.sell("R1", brand(ten, 100))
    (june,) = till.close()
    late = till.sell("R1", brand(ten, 3))
    closing, _ = closings.reopen(LATER, settlement_id=june.id, reason="Late", by=till.by, key=random_key())
    pay(till, june.id)
    run(closing.job_id, LATER)
    assert actions.get(till.conn, closing.id).failure == "Attempt 1 at step 2 met settlement_paid."
    till.give_up(closing)
    (july,) = till.close(JULY)
    assert till.lines(july.id) == {late: 3}


def test_nothing_is_paid_while_something_is_taken_off_it(till: Till, ten: UUID) -> None:
    sale = till.sell("R1", brand(ten, 100))
    (june,) = till.close()
    till.set_status(sale, "Under Review")
    closing, _ = closings.reopen(LATER, settlement_id=june.id, reason="Wrong", by=till.by, key=random_key())
    for _ in range(2):
        run(closing.job_id, LATER, budget=timedelta(0))
    till.set_status(sale, "Verified")
    with pytest.raises(ClosingUnderWay):
        pay(till, june.id)


def test_a_correction_that_was_given_up_stands_in_nobodys_way(till: Till, ten: UUID) -> None:
    sale = till.sell("R1", brand(ten, 100))
    (june,) = till.close()
    for _ in range(2):
        till.set_status(sale, "Under Review")
        closing, _ = closings.reopen(
            LATER, settlement_id=june.id, reason="Wrong", by=till.by, key=random_key()
        )
        for _ in range(3):
            run(closing.job_id, LATER, budget=timedelta(0))
        till.give_up(closing)
    till.set_status(sale, "Verified")
    pay(till, june.id)
    assert till.status(sale) == "Settlement Complete"
    assert till.close(JULY) == []


def test_the_same_key_is_the_same_closing(till: Till, ten: UUID) -> None:
    till.sell("R1", brand(ten, 100))
    first = till.ask(key="once")
    assert till.ask(key="once").id == first.id
    with pytest.raises(IdempotencyKeyReused):
        till.ask(JULY, key="once")
    with pytest.raises(ClosingUnderWay):
        till.ask()
    assert len(till.finish(first)) == 1
    assert till.ask(key="once").status is JobStatus.COMPLETED


def test_of_two_closings_at_once_one_is_refused(till: Till, ten: UUID, database_url: str) -> None:
    till.sell("R1", brand(ten, 100))

    def ask(_: Conn) -> Any:
        try:
            return till.ask()
        except ClosingUnderWay:
            return None

    asked = [each for each in at_once(database_url, [ask] * 4) if each is not None]
    assert len(asked) == 1
    assert len(till.finish(asked[0])) == 1


def test_a_draft_elsewhere_keeps_a_second_one_from_beginning(till: Till, ten: UUID) -> None:
    """What the door refuses the key refuses as well."""
    till.sell("R1", brand(ten, 100))
    first = till.ask()
    for _ in range(2):
        run(first.job_id, LATER, budget=timedelta(0))
    till.sell("R1", brand(ten, 5))
    till.conn.execute("UPDATE settlement_closings SET retailer_id = 'R1'")
    till.store("R2")
    second = till.ask(retailer_id="R2")
    till.conn.execute(
        "UPDATE settlement_closing_retailers SET retailer_id = 'R1' WHERE closing_id = %s", [second.id]
    )
    run(second.job_id, LATER)
    assert actions.get(till.conn, second.id).failure == "Attempt 1 at step 2 met UniqueViolation."
    (settlement,) = till.finish(first)
    assert settlement.owed == Decimal("1.00")


def test_no_number_is_missing_whoever_aborts(till: Till, ten: UUID, database_url: str) -> None:
    """Retailers are closed at once; every second transaction that numbers is rolled back and comes again."""
    asked = []
    for number in range(8):
        retailer_id = till.store(f"R2-{number}")
        sale = till.sell(retailer_id, brand(ten, 100))
        till.close(retailer_id=retailer_id)
        till.undo(sale, at=datetime(2026, 7, 2, tzinfo=UTC))
        closing = till.ask(JULY, retailer_id)
        for _ in range(5):
            run(closing.job_id, LATER, budget=timedelta(0))
        asked.append(closing)

    def issue(number: int, closing: Any) -> Any:
        def call(conn: Conn) -> None:
            if number % 2:
                with conn.transaction(force_rollback=True):
                    actions.issue(conn, LATER, closing.id)
            with conn.transaction():
                actions.issue(conn, LATER, closing.id)

        return call

    at_once(database_url, [issue(number, closing) for number, closing in enumerate(asked)])
    assert numbers(till.conn) == {"S-2027": list(range(1, 17)), "C-2027": list(range(1, 9))}


def test_the_year_of_a_number_is_the_retailers(till: Till) -> None:
    ten, midnight = till.promotion(), datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    for retailer_id, zone in (("EAST", "Europe/Rome"), ("WEST", "America/New_York")):
        till.store(retailer_id, zone=zone)
        till.sell(retailer_id, brand(ten, 100))
    found = till.close(now=midnight)
    assert [(each.number, each.issued_on) for each in found] == [
        ("S-2027-000001", date(2027, 1, 1)),
        ("S-2026-000001", date(2026, 12, 31)),
    ]


def test_sums_that_differ_stop_the_closing_and_nothing_is_issued(till: Till, ten: UUID) -> None:
    till.store("R2")
    for retailer_id in ("R1", "R2"):
        till.sell(retailer_id, brand(ten, 100))
    closing = till.ask()
    for _ in range(4):
        run(closing.job_id, LATER, budget=timedelta(0))
    # A cent goes astray, as the owner of the database could make it.
    till.conn.execute("SET session_replication_role = replica")
    till.conn.execute(
        """
        UPDATE settlement_lines
           SET amount_minor = 99
         WHERE transaction_id = (SELECT max(transaction_id::text)::uuid FROM settlement_lines)
        """
    )
    till.conn.execute("RESET session_replication_role")
    run(closing.job_id, LATER)
    ended = actions.get(till.conn, closing.id)
    assert ended.failure is not None
    assert ended.failure.endswith("met SumsDiffer.")
    assert till.issued(closing.id) == []
    assert numbers(till.conn) == {}
    till.give_up(closing)
    assert [each.owed for each in till.close()] == [Decimal("1.00")] * 2


CHANGES = [
    "UPDATE settlement_lines SET amount_minor = 1",
    "UPDATE settlement_entries SET turn = 2",
    "UPDATE settlement_totals SET amount_minor = 1",
    "UPDATE settlement_documents SET owed_minor = 1, discount_minor = 1",
    "UPDATE settlements SET issued_on = '2020-01-01'",
    "UPDATE settlements SET until_on = '2027-01-01'",
    "DELETE FROM settlement_lines",
    "DELETE FROM settlement_entries",
    "DELETE FROM settlement_totals",
    "DELETE FROM settlement_documents",
    "DELETE FROM settlements",
    "TRUNCATE settlement_lines",
    "TRUNCATE settlement_entries",
    """
    INSERT INTO settlement_lines
    SELECT settlement_id, uuidv7(), place, document, line, sku, promotion_id, version, role, party, units,
           amount_minor
      FROM settlement_lines
    """,
    """
    INSERT INTO settlement_entries
    SELECT uuidv7(), 0, settlement_id, document, carried_over
      FROM settlement_entries
    """,
]


def test_what_is_issued_never_changes(till: Till, ten: UUID) -> None:
    till.sell("R1", brand(ten, 100))
    till.close()
    for change in CHANGES:
        with pytest.raises(psycopg.errors.IntegrityError):
            till.conn.execute(change)  # type: ignore[arg-type]


def test_a_payment_is_never_taken_back(till: Till, ten: UUID) -> None:
    till.sell("R1", brand(ten, 100))
    (june,) = till.close()
    pay(till, june.id)
    with pytest.raises(psycopg.errors.IntegrityError):
        till.conn.execute(
            "UPDATE settlements SET paid_at = NULL, paid_on = NULL, paid_by = NULL, reference = NULL"
        )


def test_every_currency_has_its_decimals_in_the_database_too(conn: Conn) -> None:
    from shared.domain.money import EXPONENTS, from_minor

    for minor in (0, 1, -1, 12345, -(2**63), 2**63 - 1):
        for currency in EXPONENTS:
            found = conn.execute("SELECT from_minor(%s, %s)::text", [minor, currency]).fetchall()[0][0]
            assert found == str(from_minor(minor, currency).__format__("f"))


WORKER = """
import sys
from datetime import datetime
from uuid import UUID
from shared.jobs import closings
from shared.jobs.runner import run
closings._TAKEN = closings._LINED = closings._TOTALLED = 3
closings._RETAILERS = 1
run(UUID(sys.argv[1]), datetime.fromisoformat(sys.argv[2]))
"""


def test_killed_in_the_middle_it_goes_on(
    till: Till, ten: UUID, app_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL after some steps, again and again; what comes out is what would have come out anyway."""
    sales = {}
    for number in range(12):
        retailer_id = till.store(f"R2-{number:02}")
        for each in range(4):
            minor = 100 * number + each
            sales[till.sell(retailer_id, brand(ten, minor))] = minor
    closing = till.ask()
    seen = 0
    for _ in range(4):
        worker = subprocess.Popen(
            [sys.executable, "-c", WORKER, str(closing.job_id), LATER.isoformat()],
            cwd=ROOT,
            env=child_environment(app_environment),
        )
        eventually(lambda: _steps(till.conn, closing.job_id) > seen or worker.poll() is not None)  # noqa: B023
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        seen = _steps(till.conn, closing.job_id)
        assert (
            till.issued(closing.id) == [] or actions.get(till.conn, closing.id).status is JobStatus.COMPLETED
        )
        till.conn.execute("UPDATE jobs SET lease_until = NULL, attempt = 0 WHERE finished_at IS NULL")
    monkeypatch.setattr(closings, "_LINED", 3)
    found = till.finish(closing)
    assert len(found) == 12
    lines: dict[UUID, int] = {}
    for settlement in found:
        lines |= till.lines(settlement.id)
    assert lines == sales
    assert numbers(till.conn) == {"S-2027": list(range(1, 13))}


def _steps(conn: Conn, job_id: UUID) -> int:
    return conn.execute("SELECT step FROM jobs WHERE id = %s", [job_id]).fetchall()[0][0]
