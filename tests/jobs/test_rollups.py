"""Roll-ups: whatever happens in whatever order, the sums are those of the transactions."""

import os
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from devhost.environment import ROOT
from shared.actions import transactions
from shared.domain.engine import Lane
from shared.domain.errors import PromoPartnerError
from shared.domain.quotes import TransactionStatus
from shared.domain.users import Caller
from shared.jobs.audit_sealing import seal_due
from shared.jobs.rollups import main, roll_up_due
from shared.store import transaction_statuses
from tests.actions.selling import a_seller, publish, request, sell, sold, three_lenses
from tests.actions.test_returns import give_back
from tests.harness import eventually
from tests.rows import NOW, Conn, a_store, random_key

pytestmark = pytest.mark.usefixtures("app")

ZONES = {"S1": "Europe/Rome", "S2": "Pacific/Auckland"}
TABLES = {
    "rollup_sales": ("day, store_id, currency", "baskets, redemptions, discount_minor, revenue_minor"),
    "rollup_promotions": (
        "day, store_id, promotion_id, version, currency",
        "baskets, redemptions, discount_minor, revenue_minor",
    ),
    "rollup_skus": ("day, sku, promotion_id, version, currency", "units, discount_minor"),
    "rollup_funders": ("day, promotion_id, version, party, currency", "discount_minor"),
    "rollup_statuses": (
        "day, retailer_id, status, currency",
        "transactions, discount_minor, net_minor",
    ),
    "rollup_status_funders": ("day, retailer_id, status, party, currency", "discount_minor"),
}

type Sums = dict[str, dict[tuple[Any, ...], tuple[int, ...]]]


def kept(conn: Conn) -> Sums:
    """The sums as they are rolled up, without those that have come to nothing."""
    found: Sums = {}
    for table, (keys, values) in TABLES.items():
        width = keys.count(",") + 1
        rows = conn.execute(f"SELECT {keys}, {values} FROM {table}")  # type: ignore[arg-type]
        found[table] = {row[:width]: row[width:] for row in rows if any(row[width:])}
    return found


def summed(conn: Conn) -> Sums:
    """The same of each transaction's quote and status, and of who redeemed what."""
    found: dict[str, dict[tuple[Any, ...], Counter[int]]] = defaultdict(lambda: defaultdict(Counter))

    def add(table: str, key: tuple[Any, ...], *values: int) -> None:
        for place, value in enumerate(values):
            found[table][key][place] += value

    redeemed = redemptions(conn)
    for row in conn.execute(
        "SELECT id, coalesce(original_id, id), kind, store_id, retailer_id, status, created_at, quote::json "
        "FROM transactions"
    ):
        transaction_id, sale_id, kind, store_id, retailer_id, status, at, quote = row
        day, currency = at.astimezone(ZoneInfo(ZONES[store_id])).date(), quote["currency"]
        baskets = {"sale": 1, "void": -1, "return": 0}[kind]
        discount, net = cents(quote["discount"]), cents(quote["net"])
        given_now = redeemed[transaction_id]
        add("rollup_sales", (day, store_id, currency), baskets, sum(r for *_, r in given_now), discount, net)
        add("rollup_statuses", (day, retailer_id, status, currency), 1, discount, net)
        for promotion_id, version, count in redeemed[sale_id]:
            if count == 1:
                add("rollup_promotions", (day, store_id, promotion_id, version, currency), baskets, 0, 0, net)
        for promotion_id, version, count in given_now:
            add("rollup_promotions", (day, store_id, promotion_id, version, currency), 0, count)
        for line, each in ((of, each) for of in quote["lines"] for each in of["allocations"]):
            of = (UUID(each["promotion_id"]), each["version"])
            amount = cents(each["amount"])
            add("rollup_promotions", (day, store_id, *of, currency), 0, 0, amount, 0)
            add("rollup_skus", (day, line["sku"], *of, currency), each["units"], amount)
            for part in each["funding"]:
                borne = cents(part["amount"])
                add("rollup_funders", (day, *of, part["party"], currency), borne)
                add("rollup_status_funders", (day, retailer_id, status, part["party"], currency), borne)
    return {
        table: {
            key: tuple(sums[place] for place in range(TABLES[table][1].count(",") + 1))
            for key, sums in found[table].items()
            if any(sums.values())
        }
        for table in TABLES
    }


def redemptions(conn: Conn) -> dict[UUID, list[tuple[UUID, int, int]]]:
    """Which promotions were redeemed, or given back, in each transaction."""
    found: dict[UUID, list[tuple[UUID, int, int]]] = defaultdict(list)
    for transaction_id, *rest in conn.execute(
        "SELECT transaction_id, promotion_id, version, redeemed FROM redemptions"
    ):
        found[transaction_id].append((rest[0], rest[1], rest[2]))
    return found


def cents(amount: str) -> int:
    return int(Decimal(amount) * 100)


@dataclass(slots=True)
class Shops:
    """Two shops at two ends of the day, under one retailer and none, and what can happen in them."""

    conn: Conn
    sellers: list[Caller]
    sales: list[tuple[int, UUID]]
    hours: int = 0

    def now(self) -> datetime:
        self.hours += 5
        return NOW + timedelta(hours=self.hours)

    def sell(self, number: int) -> None:
        shop = number % 2
        lines = [("A", 1 + number % 3), ("B", 1), ("C", 2)][: 1 + number % 3]
        sale = request(*lines, store_id=f"S{shop + 1}")
        self.sales.append((shop, sold(sell(self.conn, self.sellers[shop], sale, now=self.now()))))

    def void(self, number: int) -> None:
        shop, sale = self.sales[number % len(self.sales)]
        with self.conn.transaction():
            transactions.void(
                self.conn,
                self.now(),
                transaction_id=sale,
                reason="Mistake",
                caller=self.sellers[shop],
                key=random_key(),
            )

    def give_back(self, number: int) -> None:
        shop, sale = self.sales[number % len(self.sales)]
        give_back(self.conn, self.sellers[shop], sale, (0, 1))

    def move(self, number: int) -> None:
        ids = [row[0] for row in self.conn.execute("SELECT id FROM transactions ORDER BY id")]
        to = list(TransactionStatus)[1 + number % 3]
        transaction_statuses.update(
            self.conn, ids[number % 3 :: 2], to=to, reason="Looked at", by=None, now=self.now()
        )

    def seal(self, number: int) -> None:
        seal_due(NOW + timedelta(days=number % 2), batch=1 + number)

    def roll_up(self, number: int) -> None:
        roll_up_due(batch=1 + number)


@pytest.fixture
def shops(conn: Conn) -> Shops:
    three_lenses(conn)
    sellers = [a_seller(conn, store_id, zone=zone) for store_id, zone in ZONES.items()]
    a_store(conn, "TOP")
    conn.execute("UPDATE stores SET parent_id = 'TOP' WHERE id = 'S1'")
    publish(conn, funding=({"party": "brand", "share": "0.7"}, {"party": "retailer", "share": "0.3"}))
    publish(
        conn,
        name="Five off",
        lane=Lane.ORDER,
        rule={
            "schema": 1,
            "then": [{"kind": "amount_off", "amount": "5.00", "currency": "EUR", "per": "basket"}],
        },
        funding=({"party": "brand", "share": "1"},),
    )
    return Shops(conn, sellers, [])


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["sell", "sell", "void", "give_back", "move", "seal", "roll_up"]), st.integers(0, 8)
    ),
    max_size=14,
)


# Something of everything, with what is rolled up between the sale and what becomes of it.
ALL = [("sell", 1), ("sell", 2), ("seal", 8), ("roll_up", 8), ("give_back", 0), ("move", 2), ("seal", 8)]
ALL += [("roll_up", 8), ("void", 1), ("move", 0), ("sell", 3)]


def test_the_sums_are_those_of_the_transactions_whatever_the_order(shops: Shops) -> None:
    @given(STEPS)
    @example(ALL)
    @settings(
        max_examples=12,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    def run(steps: list[tuple[str, int]]) -> None:
        shops.sell(len(steps))
        for step, number in steps:
            # What was voided cannot be undone again.
            with suppress(PromoPartnerError):
                getattr(shops, step)(number)
        seal_due(NOW)
        roll_up_due(batch=7)
        assert kept(shops.conn) == summed(shops.conn)

    run()
    before = kept(shops.conn)
    assert all(before.values()), "there is something of everything"
    kinds = shops.conn.execute("SELECT DISTINCT kind FROM transactions ORDER BY kind").fetchall()
    assert kinds == [("return",), ("sale",), ("void",)]
    assert len({key[2] for key in before["rollup_statuses"]}) > 1
    assert main(["rebuild"]) == 0
    assert kept(shops.conn) == before
    assert roll_up_due() == 0


def test_a_sale_that_commits_late_is_counted_once(shops: Shops, database_url: str) -> None:
    with psycopg.connect(database_url) as late:
        late.execute("SELECT 1")
        sell(late, shops.sellers[0])
        shops.sell(1)
        seal_due(NOW)
        assert roll_up_due() == 1
        assert kept(shops.conn) == summed(shops.conn)
        late.commit()
    assert kept(shops.conn) != summed(shops.conn)
    seal_due(NOW)
    roll_up_due()
    assert kept(shops.conn) == summed(shops.conn)


def test_many_at_once_count_nothing_twice(shops: Shops) -> None:
    for number in range(12):
        shops.sell(number)
    shops.move(0)
    seal_due(NOW)
    with ThreadPoolExecutor(4) as workers:
        list(workers.map(lambda _: roll_up_due(batch=2), range(4)))
    roll_up_due()
    assert kept(shops.conn) == summed(shops.conn)


ROLL_UP = "from shared.jobs.rollups import roll_up_due; roll_up_due(batch=8)"


def test_who_is_killed_in_the_midst_has_counted_whole_batches(
    shops: Shops, conn: Conn, database_url: str, app_environment: dict[str, str]
) -> None:
    for number in range(12):
        shops.sell(number)
    seal_due(NOW)
    assert roll_up_due(batch=30) == 1
    for number in range(12):
        shops.sell(number)
    seal_due(NOW)
    with psycopg.connect(database_url) as holder:
        # The last of the tables waits, when the others have been added to.
        holder.execute("SELECT FROM rollup_status_funders FOR UPDATE")
        process = subprocess.Popen(
            [sys.executable, "-c", ROLL_UP], cwd=ROOT, env=os.environ | app_environment
        )
        eventually(
            lambda: conn.execute(
                "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                "AND datname = current_database() AND query ~ 'rollup_status_funders'"
            ).fetchall()
        )
        assert roll_up_due() == 0, "who comes meanwhile does nothing"
        process.send_signal(signal.SIGKILL)
        process.wait()
    # The server notices the death of its client when its statement ends.
    eventually(roll_up_due)
    assert kept(shops.conn) == summed(shops.conn)
