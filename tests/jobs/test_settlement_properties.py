"""Money is conserved: whatever is sold, undone, reviewed, closed, paid and corrected, in whatever order.

A machine does such things to a real database and to a model in plain Python, which decides by itself what
each closing should state. After each step every line of every statement is held against it.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any, ClassVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from shared import pool
from shared.actions import settlements as actions
from shared.domain.closings import NothingToCorrect
from shared.domain.money import to_minor
from shared.domain.quotes import TransactionStatus
from shared.domain.settlements import Payment, Settlement, SettlementPaid, SettlementUnderReview
from shared.domain.users import EVERY_STORE
from shared.jobs.runner import run
from shared.store import transaction_statuses
from tests.rows import Conn
from tests.settling import JULY, JUNE, LATER, Cut, Till

pytestmark = pytest.mark.usefixtures("app")

NEW, REVIEW, VERIFIED, SETTLED = TransactionStatus
ROME, NEW_YORK, AUCKLAND = "Europe/Rome", "America/New_York", "Pacific/Auckland"
# Around the ends of June in all zones, and well inside of both months.
MOMENTS = [
    datetime(2026, 5, 20, tzinfo=UTC),
    datetime(2026, 6, 15, tzinfo=UTC),
    datetime(2026, 6, 30, 11, 59, 59, 999000, tzinfo=UTC),
    datetime(2026, 6, 30, 12, tzinfo=UTC),
    datetime(2026, 6, 30, 21, 59, 59, 999000, tzinfo=UTC),
    datetime(2026, 6, 30, 22, tzinfo=UTC),
    datetime(2026, 7, 1, 3, 59, 59, 999000, tzinfo=UTC),
    datetime(2026, 7, 1, 4, tzinfo=UTC),
    datetime(2026, 7, 20, tzinfo=UTC),
]
# When the days end, by the clock of each zone: no arithmetic of ours.
MIDNIGHTS = {
    (ROME, date(2026, 6, 1)): datetime(2026, 5, 31, 22, tzinfo=UTC),
    (ROME, date(2026, 7, 1)): datetime(2026, 6, 30, 22, tzinfo=UTC),
    (ROME, date(2026, 8, 1)): datetime(2026, 7, 31, 22, tzinfo=UTC),
    (NEW_YORK, date(2026, 6, 1)): datetime(2026, 6, 1, 4, tzinfo=UTC),
    (NEW_YORK, date(2026, 7, 1)): datetime(2026, 7, 1, 4, tzinfo=UTC),
    (NEW_YORK, date(2026, 8, 1)): datetime(2026, 8, 1, 4, tzinfo=UTC),
    (AUCKLAND, date(2026, 6, 1)): datetime(2026, 5, 31, 12, tzinfo=UTC),
    (AUCKLAND, date(2026, 7, 1)): datetime(2026, 6, 30, 12, tzinfo=UTC),
    (AUCKLAND, date(2026, 8, 1)): datetime(2026, 7, 31, 12, tzinfo=UTC),
}
FUNDINGS = (
    (),
    (("brand", 100),),
    (("brand", 70), ("retailer", 30)),
    (("brand", 33), ("maker", 33), ("retailer", 34)),
)

type Borne = Counter[tuple[UUID, str]]


@dataclass
class Made:
    """A transaction as the model knows it. `borne` is what each party bears of each promotion."""

    id: UUID
    retailer_id: str
    currency: str
    at: datetime
    cuts: list[Cut]
    status: TransactionStatus
    original: "Made | None" = None
    voided: bool = False
    returned: Counter[int] = field(default_factory=Counter)
    # The settlement that states it now.
    stated_by: UUID | None = None

    @property
    def borne(self) -> Borne:
        found: Borne = Counter()
        for cut in self.cuts:
            for party, minor in (cut.funding or {"retailer": cut.minor}).items():
                found[cut.promotion_id, party] += minor
        return found


def split(minor: int, shares: tuple[tuple[str, int], ...]) -> dict[str, int]:
    """Parts that sum to the amount; the first party bears what does not divide."""
    if not shares:
        return {}
    parts = {party: minor * share // 100 for party, share in shares}
    parts[shares[0][0]] += minor - sum(parts.values())
    return parts


class Books(RuleBasedStateMachine):
    """Two retailers of their own for each run, on one database for all."""

    numbers = count(1)
    # What happened in all runs, so that it is known that it did.
    seen: ClassVar[Counter[str]] = Counter()

    def __init__(self, till: Till, promotions: list[UUID], zones: tuple[str, str]) -> None:
        super().__init__()
        self.till, self.promotions = till, promotions
        number = next(self.numbers)
        self.retailers = {f"R{number}-{place}": zone for place, zone in enumerate(zones)}
        for retailer_id, zone in self.retailers.items():
            till.store(retailer_id, zone=zone)
            till.store(f"{retailer_id}-S", parent=retailer_id, zone="Asia/Tokyo")
        self.made: dict[UUID, Made] = {}
        self.issued: dict[UUID, tuple[Settlement, Borne]] = {}
        self.paid: set[UUID] = set()
        self.once: set[UUID] = set()

    # What happens in shops.

    @rule(
        place=st.integers(0, 1),
        below=st.booleans(),
        at=st.sampled_from(MOMENTS),
        currency=st.sampled_from(("EUR", "EUR", "JPY")),
        status=st.sampled_from((NEW, VERIFIED, VERIFIED)),
        cuts=st.lists(
            st.tuples(st.integers(0, 1), st.integers(0, 500), st.sampled_from(FUNDINGS)), max_size=3
        ),
    )
    def sell(
        self, place: int, below: bool, at: datetime, currency: str, status: TransactionStatus, cuts: list[Any]
    ) -> None:
        retailer_id = list(self.retailers)[place]
        given = [
            Cut(self.promotions[number], minor, split(minor, shares), line)
            for line, (number, minor, shares) in enumerate(cuts)
        ]
        sale_id = self.till.sell(
            f"{retailer_id}-S" if below else retailer_id,
            given,
            at=at,
            status=status,
            currency=currency,
            gross=10_000,
        )
        self.made[sale_id] = Made(sale_id, retailer_id, currency, at, given, status)

    def _open_sales(self) -> list[Made]:
        return [each for each in self.made.values() if each.original is None and not each.voided]

    @precondition(lambda self: self._open_sales())
    @rule(data=st.data(), later=st.integers(0, 45), whole=st.booleans())
    def undo(self, data: st.DataObject, later: int, whole: bool) -> None:
        sales = self._open_sales()
        # Mostly of what is stated, as credit notes are made of.
        stated = [each for each in sales if each.stated_by is not None]
        sale = data.draw(st.sampled_from(stated or sales))
        at = sale.at + timedelta(days=later)
        cuts: list[Cut] = []
        for place, cut in enumerate(sale.cuts):
            left = cut.minor - sale.returned[place]
            back = left if whole else data.draw(st.integers(0, left))
            if back:
                # What is left of each party's part goes back in proportion, to the last cent when all does.
                before, after = sale.returned[place], sale.returned[place] + back
                parts = {
                    party: -(minor * after // cut.minor - minor * before // cut.minor)
                    for party, minor in cut.funding.items()
                }
                if parts:
                    first = next(iter(parts))
                    parts[first] += -back - sum(parts.values())
                sale.returned[place] = after
                cuts.append(Cut(cut.promotion_id, -back, parts, cut.line))
        undoing = self.till.undo(sale.id, cuts, at=at)
        sale.voided = whole
        self.made[undoing] = Made(undoing, sale.retailer_id, sale.currency, at, cuts, NEW, original=sale)

    # What happens in the back office.

    @rule()
    def verify_all(self) -> None:
        for each in self.made.values():
            if each.status is REVIEW:
                self._set_status(each, VERIFIED)

    @precondition(lambda self: self.made)
    @rule(data=st.data(), to=st.sampled_from((REVIEW, VERIFIED)))
    def review(self, data: st.DataObject, to: TransactionStatus) -> None:
        self._set_status(data.draw(st.sampled_from(list(self.made.values()))), to)

    def _set_status(self, made: Made, to: TransactionStatus) -> None:
        allowed = {NEW: {REVIEW, VERIFIED}, REVIEW: {VERIFIED}, VERIFIED: {REVIEW}, SETTLED: set()}
        changed = transaction_statuses.update(
            self.till.conn, [made.id], to=to, reason="Looked at", by=self.till.by, now=LATER
        )
        assert changed == ({made.id} if to in allowed[made.status] else set())
        if changed:
            made.status = to

    @precondition(lambda self: self.made)
    @rule(place=st.integers(0, 1), days=st.sampled_from((JUNE, JULY)))
    def close(self, place: int, days: tuple[date, date]) -> None:
        retailer_id = list(self.retailers)[place]
        until = MIDNIGHTS[self.retailers[retailer_id], days[1] + timedelta(days=1)]
        mine = [each for each in self.made.values() if each.retailer_id == retailer_id and each.at < until]
        expected = self._to_state(mine)
        found = self.till.close(days, retailer_id)
        assert {each.currency for each in found} == {each.currency for each in expected}
        for settlement in found:
            self._check_issued(
                settlement, [each for each in expected if each.currency == settlement.currency], []
            )

    @precondition(lambda self: self.made)
    @rule(place=st.integers(0, 1), steps=st.integers(0, 4))
    def close_and_give_up(self, place: int, steps: int) -> None:
        """A closing that is cancelled half-way states nothing, and keeps nothing from the next one."""
        closing = self.till.ask(JULY, list(self.retailers)[place])
        for _ in range(steps):
            run(closing.job_id, LATER, budget=timedelta(0))
        self.till.give_up(closing)
        assert self.till.issued(closing.id) == []

    def _unpaid(self) -> list[Settlement]:
        return [each for each, _ in self.issued.values() if each.id not in self.paid]

    @precondition(lambda self: len(self._unpaid()) > 1)
    @rule(data=st.data())
    def pay(self, data: st.DataObject) -> None:
        settlement = data.draw(st.sampled_from(self._unpaid()))
        stated = [each for each in self.made.values() if each.stated_by == settlement.id]
        wrong = [each for each in stated if each.status is REVIEW]
        payment = Payment(date(2026, 12, 1), "Bank 7")
        if wrong:
            with pytest.raises(SettlementUnderReview, match=f"^{len(wrong)} "), pool.transaction() as conn:
                actions.pay(conn, LATER, ids=[settlement.id], payment=payment, by=self.till.by)
            return
        with pool.transaction() as conn:
            actions.pay(conn, LATER, ids=[settlement.id], payment=payment, by=self.till.by)
        self.paid.add(settlement.id)
        self.seen["paid"] += len(stated)
        for each in stated:
            each.status = SETTLED

    @precondition(lambda self: self.issued)
    @rule(data=st.data())
    def correct(self, data: st.DataObject) -> None:
        settlement = data.draw(st.sampled_from([each for each, _ in self.issued.values()]))
        stated = [
            each for each in self.made.values() if each.stated_by == settlement.id and each.status is VERIFIED
        ]
        if stated:
            for each in data.draw(st.lists(st.sampled_from(stated), unique_by=lambda each: each.id)):
                self._set_status(each, REVIEW)
        period = [
            each
            for each in self.made.values()
            if each.retailer_id == settlement.retailer_id
            and each.currency == settlement.currency
            and settlement.from_at <= each.at < settlement.until_at
        ]
        wrong = {
            each.id: each
            for each in self.made.values()
            if each.stated_by == settlement.id and each.status is REVIEW
        }
        for each in self.made.values():
            undoes = each.original is not None and each.original.id in wrong
            if undoes and each.stated_by is not None and each.status is not SETTLED:
                wrong[each.id] = each
        expected = [
            each for each in self._to_state(period) if each.original is None or each.original.id not in wrong
        ]
        try:
            found = self.till.reopen(settlement.id)
        except SettlementPaid:
            assert settlement.id in self.paid
            return
        except NothingToCorrect:
            assert not wrong
            assert not expected
            return
        assert settlement.id not in self.paid
        if found:
            self._check_issued(found[0], expected, list(wrong.values()))
            assert found[0].corrects == settlement.id
        else:
            assert not wrong
            assert not expected

    # What must be so.

    def _to_state(self, among: list[Made]) -> list[Made]:
        """What a closing that looks at these should state."""
        sales = [
            each
            for each in among
            if each.original is None and each.status is VERIFIED and each.stated_by is None
        ]
        return sales + [
            each
            for each in among
            if each.original is not None
            and each.status in {NEW, VERIFIED}
            and each.stated_by is None
            and (each.original in sales or each.original.stated_by is not None)
        ]

    def _check_issued(self, settlement: Settlement, stated: list[Made], taken_off: list[Made]) -> None:
        borne: Borne = Counter()
        for each in stated:
            borne.update(each.borne)
        for each in taken_off:
            borne.subtract(each.borne)
        documents = {each.document.value: each for each in settlement.documents}
        credits_ = [
            each
            for each in stated
            if each.original is not None
            and each.original.stated_by is not None
            and each.original not in stated
        ]
        assert ("credit_note" in documents) == bool(credits_)
        if credits_:
            assert documents["credit_note"].transactions == len(credits_)
        assert documents["statement"].transactions == len(stated) - len(credits_) + len(taken_off)
        assert documents["statement"].reversed == len(taken_off)
        self.seen["stated"] += len(stated)
        self.seen["credited"] += len(credits_)
        self.seen["taken off"] += len(taken_off)
        self.seen["taken off with its sale"] += sum(each.status is not REVIEW for each in taken_off)
        self.seen["stated again"] += sum(each.id in self.once for each in stated)
        self.once |= {each.id for each in taken_off}
        for each in stated:
            each.stated_by = settlement.id
            if each.status is NEW:
                each.status = VERIFIED
        for each in taken_off:
            each.stated_by = None
        exponent = {"EUR": 2, "JPY": 0}[settlement.currency]
        assert settlement.owed.scaleb(exponent) == sum(
            minor for (_, party), minor in borne.items() if party == "brand"
        )
        self.issued[settlement.id] = settlement, borne

    @invariant()
    def every_transaction_has_its_lines_when_it_is_stated_and_none_when_not(self) -> None:
        lines: dict[UUID, Borne] = defaultdict(Counter)
        for transaction_id, promotion_id, party, minor in self.till.conn.execute(
            """
            SELECT transaction_id, promotion_id, party, sum(amount_minor)::bigint
              FROM settlement_lines
              JOIN settlements
                ON settlements.id = settlement_id
             WHERE transaction_id = ANY(%s)
               AND issued_at IS NOT NULL
             GROUP BY transaction_id, promotion_id, party
            """,
            [list(self.made)],
        ):
            lines[transaction_id][promotion_id, party] = minor
        for each in self.made.values():
            expected = each.borne if each.stated_by is not None else Counter()
            assert lines[each.id] == expected, each

    @invariant()
    def statuses_are_as_they_should_be(self) -> None:
        found = self.till.conn.execute(
            "SELECT id, status FROM transactions WHERE id = ANY(%s)", [list(self.made)]
        ).fetchall()
        assert {each: TransactionStatus(status) for each, status in found} == {
            each.id: each.status for each in self.made.values()
        }

    @invariant()
    def totals_are_the_sums_of_what_was_stated(self) -> None:
        found: dict[UUID, Borne] = defaultdict(Counter)
        for settlement_id, promotion_id, party, minor in self.till.conn.execute(
            """
            SELECT settlement_id, promotion_id, party, amount_minor
              FROM settlement_totals
             WHERE settlement_id = ANY(%s)
            """,
            [list(self.issued)],
        ):
            found[settlement_id][promotion_id, party] += minor
        for settlement_id, (_, borne) in self.issued.items():
            assert found[settlement_id] == borne

    def teardown(self) -> None:
        """From each transaction to its settlements: what is on them comes to what is stated of it."""
        for each in self.made.values():
            found: Borne = Counter()
            entries = actions.find_entries(self.till.conn, each.id, EVERY_STORE)
            for line in (line for entry in entries for line in entry.lines):
                found[line.promotion_id, line.party] += to_minor(line.amount, each.currency)
            # Counters are equal where they only differ by what is nothing.
            assert found == (each.borne if each.stated_by is not None else Counter()), each
            assert (len(entries) % 2 == 1) == (each.stated_by is not None)

    @invariant()
    def no_number_is_missing(self) -> None:
        gaps = self.till.conn.execute(
            """
            SELECT name
              FROM settlement_series
              LEFT JOIN settlement_documents
                ON series = name
             GROUP BY name
            HAVING count(number) <> last OR min(number) <> 1 OR max(number) <> last
            """
        ).fetchall()
        assert gaps == []


def machine(conn: Conn, zones: tuple[str, str], **how: Any) -> Counter[str]:
    """What happened on the way, to retailers in these zones."""
    till = Till(conn)
    promotions = [till.promotion(), till.promotion("Three for two")]
    Books.seen.clear()
    run_state_machine_as_test(
        lambda: Books(till, promotions, zones),
        settings=settings(
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # A shorter example would take minutes to find.
            phases=[Phase.generate],
            **how,
        ),
    )
    return Books.seen


def test_money_is_conserved(conn: Conn) -> None:
    seen = machine(
        conn, (ROME, AUCKLAND), max_examples=10, stateful_step_count=40, derandomize=True, database=None
    )
    assert all(seen[what] for what in ("stated", "paid", "credited", "taken off")), seen


@pytest.mark.soak
@pytest.mark.parametrize("zones", [(ROME, NEW_YORK), (NEW_YORK, AUCKLAND), (AUCKLAND, ROME)], ids="-".join)
def test_money_is_conserved_at_length(conn: Conn, zones: tuple[str, str]) -> None:
    machine(conn, zones, max_examples=100, stateful_step_count=60)
