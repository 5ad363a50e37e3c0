"""A month of sales: those of its first day made through the app, and copied by SQL for each day after.

Copies have ids, times and receipts of their own, a day later each, and redemptions; basket, quote and
allocations are those of the sale they are copied from. What is older than ten days is Verified, one in a
hundred Under Review.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg

from bench import crowd, world
from bench.crowd import Conn
from bench.plan import Plan
from bench.site import Site
from bench.world import Basket
from functions.transactions import SaleBody
from shared.actions import transactions
from shared.domain.months import months_from
from shared.store import partitions

_MOST_LINES = 4
_TILLS = 64
_VARIANTS = 200
_NEW_DAYS = 10
_FUNDED = ({"party": "brand", "share": "0.70"}, {"party": "retailer", "share": "0.30"})
_COPY = """
  WITH copied AS MATERIALIZED (
         SELECT id AS old_id, created_at + %(shift)s AS moment,
                transaction_id(created_at + %(shift)s) AS new_id, random() AS chance
           FROM transactions
          WHERE id >= id_from(%(from_at)s)
            AND id < id_from(%(until_at)s)
          LIMIT %(most)s
       ),
       receipt AS (
         INSERT INTO receipt_keys (store_id, receipt_number, request_hash, transaction_id)
         SELECT store_id, receipt_number || %(suffix)s, request_hash, new_id
           FROM copied
           JOIN receipt_keys
             ON transaction_id = old_id
       ),
       given AS (
         INSERT INTO redemptions (transaction_id, promotion_id, version, store_id, customer_id, redeemed,
                                  wanted_minor, granted_minor, points, taken, at)
         SELECT new_id, promotion_id, version, store_id, customer_id, redeemed, wanted_minor, granted_minor,
                points, taken, moment
           FROM copied
           JOIN redemptions
             ON transaction_id = old_id
       )
INSERT INTO transactions (id, store_id, retailer_id, status, currency, gross_minor, discount_minor, net_minor,
                          tax_minor, channel, user_id, rule_set_version, engine_semantics, allocations, seen,
                          quote, created_at, receipt_number)
SELECT new_id, store_id, retailer_id,
       CASE WHEN %(new)s THEN 'New' WHEN chance < 0.01 THEN 'Under Review' ELSE 'Verified' END,
       currency, gross_minor, discount_minor, net_minor, tax_minor, channel, user_id, rule_set_version,
       engine_semantics, allocations, seen, quote, moment, receipt_number || %(suffix)s
  FROM copied
  JOIN transactions
    ON id = old_id
"""


@dataclass(frozen=True, slots=True)
class Size:
    """So many sales a day on so many days; the first day's are made through the app, or so many of them.

    Those that are not are copies too, of moments later.
    """

    daily: int = 100_000
    sold: int | None = None
    days: int = 30
    products: int = 20_000
    stores: int = 5_000


@dataclass(frozen=True, slots=True)
class Till:
    """A till that sells what its baskets say, at random moments of a day."""

    basket: Basket
    begin: datetime

    def sell(self, conn: Conn) -> None:
        moment = self.begin + timedelta(milliseconds=random.randrange(86_400_000))  # noqa: S311 - a sample
        first = random.randrange(_VARIANTS)  # noqa: S311
        lines = self.basket.body["lines"]
        count = 1 + first % _MOST_LINES
        body = self.basket.body | {"lines": [lines[(first + each) % len(lines)] for each in range(count)]}
        transactions.confirm(
            conn,
            moment,
            request=SaleBody.model_validate(body | {"receipt_number": str(uuid4())}).request(),
            caller=self.basket.caller,
            key=str(uuid4()),
        )


def sell(conn: Conn, till: Till) -> None:
    till.sell(conn)


def fill(here: Site, size: Size, say: Callable[[str], None]) -> Iterator[int]:
    """Fill the database; yields how many sales there are after the first day, and after every ten days."""
    now = datetime.now(UTC)
    begin = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=size.days - 1)
    plan = replace(Plan(), products=size.products, stores=size.stores, baskets=size.stores, lines=10)
    baskets = world.load(here, plan, now, funding=_FUNDED)
    with psycopg.connect(here.url, autocommit=True) as conn:
        for month in {*months_from(begin.date(), 2), *months_from(now.date(), 1)}:
            with conn.transaction():
                partitions.make(conn, "transactions", month)
        sold, made = size.sold or size.daily, 0
        say(f"selling {sold:,} times through the app")
        while made < sold:
            # Other stores each time: a till is one connection.
            chosen = random.sample(baskets, min(_TILLS, len(baskets), sold - made))
            share = max(1, min(50, (sold - made) // len(chosen)))
            crowd.measure(
                here.url,
                [Till(basket, begin) for basket in chosen],
                warm_up=_nothing,
                work=sell,
                seconds=3_600,
                most=share,
            )
            made += share * len(chosen)
        day_one = {"from_at": begin, "until_at": begin + timedelta(days=1)}
        while made < size.daily:
            most = min(made, size.daily - made)
            shift = timedelta(milliseconds=made)
            suffix = f"-{made}"
            conn.execute(_COPY, {"shift": shift, **day_one, "most": most, "new": False, "suffix": suffix})
            made += most
        conn.execute("VACUUM ANALYZE")
        yield made
        for day in range(1, size.days):
            conn.execute(
                _COPY,
                {
                    "shift": timedelta(days=day),
                    **day_one,
                    "most": None,
                    "suffix": f"-{day}",
                    "new": day >= size.days - _NEW_DAYS,
                },
            )
            say(f"day {day + 1} of {size.days}")
            if (day + 1) % 10 == 0 or day + 1 == size.days:
                conn.execute("VACUUM ANALYZE transactions, redemptions")
                yield made * (day + 1)


def _nothing(_conn: Conn, _till: Till) -> None:
    """No warm-up: every sale counts."""
