"""Statuses of transactions: changed by somebody for a reason, as the table allows, and told in the audit."""

from uuid import uuid4

import pytest

from shared.actions import statuses
from shared.domain.audit import By
from shared.domain.quotes import TransactionStatus
from shared.domain.statuses import TransitionNotAllowed
from shared.domain.transactions import Transaction, TransactionNotFound
from shared.domain.users import EVERY_STORE, Reach
from shared.store import transaction_statuses
from tests.actions.selling import a_seller, at_once, sell, sold, three_lenses
from tests.rows import NOW, Conn, a_user

NEW, REVIEW, VERIFIED, SETTLED = TransactionStatus


@pytest.fixture
def by(conn: Conn) -> By:
    return By(a_user(conn), "request-1")


@pytest.fixture
def sale(conn: Conn) -> object:
    three_lenses(conn)
    return sold(sell(conn, a_seller(conn)))


def change(
    conn: Conn, sale: object, to: TransactionStatus, by: By, reach: Reach = EVERY_STORE
) -> Transaction:
    with conn.transaction():
        return statuses.change(
            conn,
            NOW,
            transaction_id=sale,  # type: ignore[arg-type]
            to=to,
            reason="Seen the receipt",
            by=by,
            reach=reach,
        )


def told(conn: Conn) -> list[tuple[object, ...]]:
    return conn.execute(
        """
        SELECT actor, subject_id, before, after, request_id
          FROM audit_entries
         WHERE action = 'transaction.status_changed'
         ORDER BY id
        """
    ).fetchall()


def test_each_change_is_told_with_who_and_why(conn: Conn, sale: object, by: By) -> None:
    assert change(conn, sale, REVIEW, by).status is REVIEW
    assert change(conn, sale, VERIFIED, by).status is VERIFIED
    because = {"reason": "Seen the receipt"}
    assert told(conn) == [
        (by.user_id, str(sale), {"status": NEW}, {"status": REVIEW} | because, "request-1"),
        (by.user_id, str(sale), {"status": REVIEW}, {"status": VERIFIED} | because, "request-1"),
    ]


def test_once_more_the_same_changes_nothing(conn: Conn, sale: object, by: By) -> None:
    change(conn, sale, VERIFIED, by)
    assert change(conn, sale, VERIFIED, by).status is VERIFIED
    assert len(told(conn)) == 1


def test_what_was_settled_stays_so(conn: Conn, sale: object, by: By) -> None:
    for to in (VERIFIED, SETTLED):
        change(conn, sale, to, by)
    with pytest.raises(TransitionNotAllowed) as refusal:
        change(conn, sale, REVIEW, by)
    assert refusal.value.values == {"transaction_id": sale, "status": SETTLED, "wanted": REVIEW}
    assert len(told(conn)) == 2


def test_a_new_one_is_not_settled(conn: Conn, sale: object, by: By) -> None:
    with pytest.raises(TransitionNotAllowed):
        change(conn, sale, SETTLED, by)
    assert told(conn) == []


def test_of_what_there_is_not_or_not_for_them(conn: Conn, sale: object, by: By) -> None:
    for transaction_id, reach in ((uuid4(), EVERY_STORE), (sale, Reach("ELSEWHERE"))):
        with pytest.raises(TransactionNotFound):
            change(conn, transaction_id, REVIEW, by, reach)


def test_many_at_once_change_once_and_those_that_may_not_stay(conn: Conn, database_url: str) -> None:
    three_lenses(conn)
    seller = a_seller(conn)
    ids = [sold(sell(conn, seller)) for _ in range(6)]
    conn.execute("UPDATE transactions SET status = 'Settlement Complete' WHERE id = %s", [ids[0]])

    def verify(own: Conn) -> set[object]:
        return set(
            transaction_statuses.update(own, [*ids, uuid4()], to=VERIFIED, reason="Rule", by=None, now=NOW)
        )

    found = at_once(database_url, [verify] * 8)
    assert set().union(*found) == set(ids[1:])
    assert sum(map(len, found)) == 5
    assert len(told(conn)) == 5
