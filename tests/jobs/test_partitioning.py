"""Partitioning: months are made ahead, strays find theirs, and somebody is told."""

import logging
from datetime import UTC, datetime

import pytest

from shared.jobs import partitioning
from shared.store import partitions
from tests.actions.selling import a_seller, sell, three_lenses
from tests.rows import NOW, Conn

pytestmark = pytest.mark.usefixtures("app")


def months(conn: Conn) -> list[str]:
    rows = conn.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'transactions'::regclass"
    )
    return sorted(row[0].removeprefix("transactions_") for row in rows)


def test_the_months_to_come_are_made_once(conn: Conn) -> None:
    now = datetime(2031, 11, 30, 23, 59, tzinfo=UTC)
    before = set(months(conn))
    assert partitioning.make_due(now) == 4 * len(partitioning.TABLES)
    assert set(months(conn)) - before == {"203111", "203112", "203201", "203202"}
    assert partitioning.make_due(now) == 0
    assert partitioning.make_due(now.replace(month=12)) == len(partitioning.TABLES)


def test_strays_find_their_month_and_an_alert_says_so(conn: Conn, caplog: pytest.LogCaptureFixture) -> None:
    three_lenses(conn)
    seller = a_seller(conn)
    for month in (3, 3, 4):
        sell(conn, seller, now=NOW.replace(month=month))
    with caplog.at_level(logging.ERROR):
        partitioning.make_due(datetime.now(UTC))
    said = [(record.__dict__["metric"], record.__dict__["value"]) for record in caplog.records]
    assert said == [("partition_strays", 3)] * 2, "the sales and their entries"
    assert {"202603", "202604"} <= set(months(conn))
    assert partitions.find_strays(conn, "transactions") == {}
    caplog.clear()
    partitioning.make_due(datetime.now(UTC))
    assert caplog.records == []
