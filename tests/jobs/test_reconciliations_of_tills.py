"""Tills where much goes wrong, from their file to statuses: nothing is verified that should not be."""

import csv
import io
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from samples.tills import Day, Trouble, days, midnight
from samples.tills_rows import HEADER, RETAILER, load, receipts
from shared.jobs.runner import run
from tests.jobs.conftest import Client
from tests.rows import Conn

LATER = datetime(2026, 4, 1, tzinfo=UTC)
CONTENT = {Trouble.AMOUNT_OFF, Trouble.QUANTITY_OFF, Trouble.PROMOTION_OVER}
KINDS = {
    Trouble.RECEIPT_LOST: "missing_with_them",
    Trouble.AMOUNT_OFF: "amount",
    Trouble.QUANTITY_OFF: "quantity",
    Trouble.PROMOTION_OVER: "promotion_not_allowed",
}


def file_of(told: list[Day]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([HEADER, *receipts(told)])
    return text.getvalue().encode()


def reconciled(client: Client, conn: Conn, told: list[Day], skus: int) -> None:
    load(conn, told, skus=skus, user_id=client.user_id)
    sent = client.send("receipts", file_of(told), retailer_id=RETAILER)
    assert sent.rows.rejected == 0, sent.errors
    jobs = conn.execute("SELECT job_id FROM reconciliations WHERE upload_id = %s", [sent.id]).fetchall()
    run(jobs[0][0], LATER, budget=timedelta(hours=1))
    assert conn.execute("SELECT count(*) FROM reconciliation_days WHERE NOT done").fetchall() == [(0,)]


def judge(conn: Conn, told: list[Day]) -> None:
    keys = {receipt.id: f"{receipt.number} {receipt.at:%Y-%m-%d}" for day in told for receipt in day.receipts}
    own = {keys[receipt]: sale for day in told for receipt, sale in day.own.items()}
    troubles = {sale: trouble for day in told for sale, trouble in day.troubles.items()}
    pairs = conn.execute(
        "SELECT key, transaction_id FROM reconciled_sales JOIN receipts ON receipts.id = receipt_id"
    ).fetchall()
    assert [key for key, sale in pairs if own.get(key) != sale] == []
    assert len(pairs) > 0.9 * len(own)
    statuses: dict[UUID, str] = dict(conn.execute("SELECT id, status FROM transactions").fetchall())
    unsure = {
        UUID(candidate["id"])
        for (candidates,) in conn.execute("SELECT candidates FROM differences WHERE kind = 'unsure'")
        for candidate in candidates
    }
    found: dict[UUID, str] = dict(
        conn.execute(
            "SELECT transaction_id, kind FROM differences WHERE transaction_id IS NOT NULL"
        ).fetchall()
    )
    for sale, status in statuses.items():
        trouble = troubles.get(sale)
        if sale in unsure:
            assert status == "Under Review", "somebody must look at it"
        elif trouble in KINDS:
            assert (status, found[sale]) == ("Under Review", KINDS[trouble])
        else:
            assert status == "Verified", trouble
    assert unsure
    assert set(troubles.values()) == set(Trouble)


def test_what_is_verified_is_right(client: Client, conn: Conn) -> None:
    numbers = Random(11)  # noqa: S311 - a sample, not a secret
    told = list(days(numbers, stores=25, sales=20, skus=2_000, on=midnight(2026, 3, 2)))
    told += days(numbers, stores=1, sales=300, skus=5_000, on=midnight(2026, 3, 3))
    reconciled(client, conn, told, 5_000)
    judge(conn, told)


@pytest.mark.soak
def test_what_is_verified_of_a_hundred_thousand_is_right(client: Client, conn: Conn) -> None:
    numbers = Random(12)  # noqa: S311 - a sample, not a secret
    told = list(days(numbers, stores=5_000, sales=20, skus=20_000, on=midnight(2026, 3, 2)))
    reconciled(client, conn, told, 20_000)
    judge(conn, told)
