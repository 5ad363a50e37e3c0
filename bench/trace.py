"""The trace: random statement lines followed to what their transactions allocated, and back to all lines."""

import time
from collections import Counter
from typing import Any

import psycopg

from bench.figures import latencies
from shared.actions import settlements
from shared.domain.allocations import allocated_in
from shared.domain.money import to_minor
from shared.domain.settlements import RETAILER
from shared.domain.users import EVERY_STORE
from shared.store import transactions

type Conn = psycopg.Connection[Any]


def follow(conn: Conn, most: int) -> dict[str, Any]:
    """So many lines at random: to the transaction as its endpoint tells it, and back as the other one does.

    Raises RuntimeError where what is borne on one side is not what is borne on the other.
    """
    (lines,) = conn.execute("SELECT sum(lines)::bigint FROM settlement_documents").fetchall()[0]
    sampled = conn.execute(
        """
        SELECT settlement_id, transaction_id, place
          FROM settlement_lines TABLESAMPLE BERNOULLI (%s)
         ORDER BY random()
         LIMIT %s
        """,
        [min(100.0, 400.0 * most / lines), most],
    ).fetchall()
    there: list[float] = []
    back: list[float] = []
    for settlement_id, transaction_id, place in sampled:
        began = time.perf_counter()
        found = transactions.get(conn, transaction_id)
        reached = time.perf_counter()
        entries = settlements.find_entries(conn, transaction_id, EVERY_STORE)
        back.append(time.perf_counter() - reached)
        there.append(reached - began)
        if found is None:
            raise RuntimeError(f"a line is of no transaction: {transaction_id}")
        borne: Counter[tuple[object, ...]] = Counter()
        for each in allocated_in(found.quote):
            for party, minor in (each.funding or {RETAILER: each.amount_minor}).items():
                borne[each.line, each.promotion_id, each.version, each.role, party] += minor
        stated: Counter[tuple[object, ...]] = Counter()
        for line in (line for entry in entries for line in entry.lines):
            minor = to_minor(line.amount, found.quote.currency)
            stated[line.line, line.promotion_id, line.version, line.role, line.party] += minor
        places = {(entry.settlement_id, line.place) for entry in entries for line in entry.lines}
        if borne != stated or (settlement_id, place) not in places:
            raise RuntimeError(f"{transaction_id} allocated {borne} and is stated with {stated}")
    return {"lines": len(sampled), "of": lines, "there": latencies(there), "back": latencies(back)}
