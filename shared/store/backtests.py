"""Backtests: what was asked, the sales of its period, and the sums that its steps add to."""

from collections.abc import Collection, Generator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from shared.domain.backtests import (
    Backtest,
    BacktestPlan,
    Breakdown,
    Figures,
    Period,
    StoredSale,
    UseSums,
)
from shared.domain.burn_down import Use
from shared.domain.counters import CounterKey
from shared.domain.tallies import TallyRow
from shared.rows import jsonb, of
from shared.store import Conn

# No zone is further from UTC.
_FURTHEST = timedelta(hours=14)
_BEFORE_EVERY_ID = UUID(int=0)
# Rows that the server sends at a time.
_FETCHED = 500


def new_id(conn: Conn) -> UUID:
    return conn.execute("SELECT uuidv7()").fetchall()[0][0]


def insert(
    conn: Conn,
    *,
    backtest_id: UUID,
    job_id: UUID,
    promotion_id: UUID,
    version: int,
    period: Period,
    keep_dates: bool,
    stores: Mapping[str, object] | None,
    store_ids: Collection[str] | None,
    user_id: UUID,
    now: datetime,
) -> None:
    conn.execute(
        """
        INSERT INTO backtests (id, job_id, promotion_id, version, from_at, until_at, from_on, until_on,
                               keep_dates, stores, store_ids, created_by, created_at)
        VALUES (%(id)s, %(job_id)s, %(promotion_id)s, %(version)s, %(from_at)s, %(until_at)s, %(from_on)s,
                %(until_on)s, %(keep_dates)s, %(stores)s, %(store_ids)s, %(user_id)s, %(now)s)
        """,
        {
            "id": backtest_id,
            "job_id": job_id,
            "promotion_id": promotion_id,
            "version": version,
            "from_at": period.from_at,
            "until_at": period.until_at,
            "from_on": period.from_on,
            "until_on": period.until_on,
            "keep_dates": keep_dates,
            "stores": None if stores is None else jsonb(stores),
            "store_ids": None if store_ids is None else sorted(store_ids),
            "user_id": user_id,
            "now": now,
        },
    )


def get(conn: Conn, backtest_id: UUID) -> Backtest | None:
    return (
        conn.cursor(row_factory=of(Backtest))
        .execute(
            """
            SELECT backtests.id, job_id, promotion_id, version, from_at, until_at, from_on, until_on,
                   keep_dates, stores, status, done, total, reason, backtests.created_at, finished_at,
                   (SELECT coalesce(
                             jsonb_agg(
                               jsonb_build_object('engine_semantics', engine_semantics, 'sales', sales)
                               ORDER BY engine_semantics
                             ),
                             '[]'
                           )
                      FROM backtest_semantics
                     WHERE backtest_id = backtests.id) AS older_semantics
              FROM backtests
              JOIN jobs
                ON jobs.id = job_id
             WHERE backtests.id = %(backtest_id)s
            """,
            {"backtest_id": backtest_id},
        )
        .fetchone()
    )


def find(conn: Conn, promotion_id: UUID, *, before: UUID | None, limit: int) -> list[Backtest]:
    """Those of a promotion without their sums, newest first, created before `before`."""
    return (
        conn.cursor(row_factory=of(Backtest))
        .execute(
            """
            SELECT backtests.id, job_id, promotion_id, version, from_at, until_at, from_on, until_on,
                   keep_dates, stores, status, done, total, reason, backtests.created_at, finished_at
              FROM backtests
              JOIN jobs
                ON jobs.id = job_id
             WHERE promotion_id = %(promotion_id)s
               AND (%(before)s::uuid IS NULL OR backtests.id < %(before)s)
             ORDER BY backtests.id DESC
             LIMIT %(limit)s
            """,
            {"promotion_id": promotion_id, "before": before, "limit": limit},
        )
        .fetchall()
    )


def get_plan(conn: Conn, backtest_id: UUID) -> BacktestPlan | None:
    return (
        conn.cursor(row_factory=of(BacktestPlan))
        .execute(
            """
            SELECT id, promotion_id, version, from_at, until_at, from_on, until_on, keep_dates, store_ids,
                   created_at
              FROM backtests
             WHERE id = %(backtest_id)s
            """,
            {"backtest_id": backtest_id},
        )
        .fetchone()
    )


def count_sales(conn: Conn, plan: BacktestPlan) -> int:
    return conn.execute(
        """
        SELECT count(*)
          FROM transactions
          JOIN stores
            ON stores.id = store_id
         WHERE kind = 'sale'
           AND transactions.id >= id_from(%(earliest)s)
           AND transactions.id < id_from(%(latest)s + interval '1 millisecond')
           AND transactions.created_at >= %(earliest)s
           AND transactions.created_at < %(latest)s
           AND (%(from_on)s::date IS NULL
                OR (transactions.created_at AT TIME ZONE zone)::date BETWEEN %(from_on)s AND %(until_on)s)
           AND (%(store_ids)s::text[] IS NULL OR store_id = ANY(%(store_ids)s))
           AND NOT EXISTS (SELECT FROM voids WHERE original_id = transactions.id)
        """,
        _bounds(plan),
    ).fetchall()[0][0]


def read_sales(
    conn: Conn, plan: BacktestPlan, *, after: UUID | None, most: int, semantics: int
) -> Generator[StoredSale]:
    """The first so many sales after one, in the order of time, as the server sends them.

    Voided sales and returns are none. `conn` is in a transaction, and the generator is closed within it.
    """
    with conn.cursor(name="sales") as cursor:
        cursor.itersize = _FETCHED
        cursor.execute(
            """
            SELECT transactions.id, transactions.created_at,
                   (transactions.created_at AT TIME ZONE zone)::date, store_id, customer_id, currency,
                   rule_set_version, engine_semantics,
                   CASE WHEN engine_semantics = %(semantics)s THEN seen END,
                   CASE WHEN engine_semantics = %(semantics)s
                        THEN split_part(quote, ',"promotions":', 1) || '}'
                   END
              FROM transactions
              JOIN stores
                ON stores.id = store_id
             WHERE kind = 'sale'
               AND transactions.id > %(after)s
               AND transactions.id >= id_from(%(earliest)s)
               AND transactions.id < id_from(%(latest)s + interval '1 millisecond')
               AND transactions.created_at >= %(earliest)s
               AND transactions.created_at < %(latest)s
               AND (%(from_on)s::date IS NULL
                    OR (transactions.created_at AT TIME ZONE zone)::date
                       BETWEEN %(from_on)s AND %(until_on)s)
               AND (%(store_ids)s::text[] IS NULL OR store_id = ANY(%(store_ids)s))
               AND NOT EXISTS (SELECT FROM voids WHERE original_id = transactions.id)
             ORDER BY transactions.id
             LIMIT %(most)s
            """,
            {
                **_bounds(plan),
                "after": after or _BEFORE_EVERY_ID,
                "most": most,
                "semantics": semantics,
            },
        )
        for row in cursor:
            yield StoredSale(*row)


def find_uses(
    conn: Conn, backtest_id: UUID, promotion_id: UUID, keys: Collection[CounterKey]
) -> dict[CounterKey, Use]:
    """What these counters used so far; one that did not yet is absent."""
    rows = conn.execute(
        """
        SELECT name, subject, starts_on, used, used_up_at
          FROM backtest_uses
          JOIN unnest(%(names)s::text[], %(subjects)s::text[], %(days)s::date[])
               AS wanted (name, subject, starts_on)
         USING (name, subject, starts_on)
         WHERE backtest_id = %(backtest_id)s
        """,
        {"backtest_id": backtest_id, **_columns(keys)},
    )
    return {
        CounterKey(promotion_id, name, subject, starts_on): Use(used, used_up_at)
        for name, subject, starts_on, used, used_up_at in rows
    }


def update_uses(conn: Conn, backtest_id: UUID, uses: Mapping[CounterKey, Use]) -> None:
    conn.execute(
        """
        INSERT INTO backtest_uses (backtest_id, name, subject, starts_on, used, used_up_at)
        SELECT %(backtest_id)s, name, subject, starts_on, used, used_up_at
          FROM unnest(%(names)s::text[], %(subjects)s::text[], %(days)s::date[], %(used)s::bigint[],
                      %(used_up_at)s::timestamptz[]) AS each (name, subject, starts_on, used, used_up_at)
            ON CONFLICT (backtest_id, name, subject, starts_on)
            DO UPDATE SET used = excluded.used, used_up_at = excluded.used_up_at
        """,
        {
            "backtest_id": backtest_id,
            **_columns(uses),
            "used": [use.used for use in uses.values()],
            "used_up_at": [use.used_up_at for use in uses.values()],
        },
    )


def update_figures(conn: Conn, backtest_id: UUID, rows: Collection[TallyRow]) -> None:
    """Add to the sums."""
    columns = {name: [row[place] for row in rows] for place, name in enumerate(TallyRow._fields)}
    conn.execute(
        """
        INSERT INTO backtest_figures AS figures (
               backtest_id, breakdown, currency, key, sales, affected, limited, gross_minor, before_minor,
               after_minor, granted_minor)
        SELECT %(backtest_id)s, *
          FROM unnest(%(breakdown)s::text[], %(currency)s::text[], %(key)s::text[], %(sales)s::bigint[],
                      %(affected)s::bigint[], %(limited)s::bigint[], %(gross)s::bigint[],
                      %(before)s::bigint[], %(after)s::bigint[], %(granted)s::bigint[])
            ON CONFLICT (backtest_id, breakdown, currency, key)
            DO UPDATE SET sales = figures.sales + excluded.sales,
                          affected = figures.affected + excluded.affected,
                          limited = figures.limited + excluded.limited,
                          gross_minor = figures.gross_minor + excluded.gross_minor,
                          before_minor = figures.before_minor + excluded.before_minor,
                          after_minor = figures.after_minor + excluded.after_minor,
                          granted_minor = figures.granted_minor + excluded.granted_minor
        """,
        {"backtest_id": backtest_id, **columns},
    )


def update_semantics(conn: Conn, backtest_id: UUID, sales: Mapping[int, int]) -> None:
    """Add to the numbers of sales that older engines priced."""
    conn.execute(
        """
        INSERT INTO backtest_semantics AS counted (backtest_id, engine_semantics, sales)
        SELECT %(backtest_id)s, number, sales
          FROM unnest(%(numbers)s::smallint[], %(sales)s::bigint[]) AS each (number, sales)
            ON CONFLICT (backtest_id, engine_semantics)
            DO UPDATE SET sales = counted.sales + excluded.sales
        """,
        {"backtest_id": backtest_id, "numbers": list(sales), "sales": list(sales.values())},
    )


def find_totals(conn: Conn, backtest_id: UUID) -> list[Figures]:
    """The sums of all sales, one row for each currency."""
    return (
        conn.cursor(row_factory=of(Figures))
        .execute(
            """
            SELECT key, currency, sales, affected, limited, gross_minor, before_minor,
                   after_minor, granted_minor, granted_minor AS granted_so_far_minor, 0 AS rank
              FROM backtest_figures
             WHERE backtest_id = %(backtest_id)s
               AND breakdown = 'total'
             ORDER BY currency
            """,
            {"backtest_id": backtest_id},
        )
        .fetchall()
    )


def find_figures(
    conn: Conn, backtest_id: UUID, breakdown: Breakdown, *, after: tuple[int, str, str] | None, limit: int
) -> list[Figures]:
    """Days in their order, other keys with the greatest difference first; those after a place."""
    rank, currency, key = after or (None, None, None)
    return (
        conn.cursor(row_factory=of(Figures))
        .execute(
            """
            SELECT key, currency, sales, affected, limited, gross_minor, before_minor,
                   after_minor, granted_minor, granted_so_far_minor, rank
              FROM (
                     SELECT key, currency, sales, affected, limited, gross_minor,
                            before_minor, after_minor, granted_minor,
                            sum(granted_minor) OVER (PARTITION BY currency ORDER BY key)::bigint
                              AS granted_so_far_minor,
                            CASE breakdown WHEN 'day' THEN key::date - date 'epoch'
                                           ELSE -abs(after_minor - before_minor)
                            END AS rank
                       FROM backtest_figures
                      WHERE backtest_id = %(backtest_id)s
                        AND breakdown = %(breakdown)s
                   ) AS ranked
             WHERE %(rank)s::bigint IS NULL
                OR (rank, currency, key) > (%(rank)s::bigint, %(currency)s::text, %(key)s::text)
             ORDER BY rank, currency, key
             LIMIT %(limit)s
            """,
            {
                "backtest_id": backtest_id,
                "breakdown": breakdown,
                "rank": rank,
                "currency": currency,
                "key": key,
                "limit": limit,
            },
        )
        .fetchall()
    )


def find_use_sums(conn: Conn, backtest_id: UUID) -> list[UseSums]:
    return (
        conn.cursor(row_factory=of(UseSums))
        .execute(
            """
            SELECT name, sum(used)::bigint AS used, count(*) AS counters,
                   count(used_up_at) AS counters_used_up, min(used_up_at) AS used_up_at
              FROM backtest_uses
             WHERE backtest_id = %(backtest_id)s
             GROUP BY name
            """,
            {"backtest_id": backtest_id},
        )
        .fetchall()
    )


def _bounds(plan: BacktestPlan) -> dict[str, object]:
    """What narrows the sales: instants for the index, and the days that each store counts."""
    earliest, latest = plan.from_at, plan.until_at
    if plan.from_on is not None and plan.until_on is not None:
        earliest = _midnight(plan.from_on) - _FURTHEST
        latest = _midnight(plan.until_on) + timedelta(days=1) + _FURTHEST
    return {
        "earliest": earliest,
        # What was sold since was not asked for.
        "latest": min(latest or plan.created_at, plan.created_at),
        "from_on": plan.from_on,
        "until_on": plan.until_on,
        "store_ids": None if plan.store_ids is None else list(plan.store_ids),
    }


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _columns(keys: Collection[CounterKey]) -> dict[str, object]:
    return {
        "names": [key.name for key in keys],
        "subjects": [key.subject for key in keys],
        "days": [key.starts_on for key in keys],
    }
