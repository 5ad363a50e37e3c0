"""Returns as rows: what is read of one sale or customer is found by keys, however many there are."""

from uuid import UUID, uuid4

import pytest

from shared.store import returns
from tests.rows import NOW, Conn

CUSTOMER = UUID(int=7)


@pytest.fixture
def many(conn: Conn) -> None:
    """Twenty thousand redemptions, a hundred of one customer, with a return of each of their sales."""
    conn.execute(
        """
        INSERT INTO redemptions (transaction_id, promotion_id, version, store_id, customer_id, redeemed,
                                 wanted_minor, granted_minor, taken, at)
        SELECT uuidv7(), %s, 1, 'S1', CASE WHEN number %% 200 = 0 THEN %s ELSE gen_random_uuid() END, 1, 100,
               100, '[]', %s
          FROM generate_series(1, 20000) AS number
        """,
        [CUSTOMER, CUSTOMER, NOW],
    )
    conn.execute("INSERT INTO returns SELECT transaction_id, 1, uuidv7() FROM redemptions")
    conn.execute("ANALYZE redemptions, returns, voids")


@pytest.mark.usefixtures("many")
def test_redemptions_of_a_sale_are_found_by_their_key(conn: Conn) -> None:
    before = _scanned(conn)
    assert returns.find_redemptions(conn, uuid4()) == []
    assert _scanned(conn) == before


@pytest.mark.usefixtures("many")
def test_redemptions_of_a_customer_are_found_by_their_keys(conn: Conn) -> None:
    before = _scanned(conn)
    row = conn.execute("SELECT customer_redemptions(%s, %s, %s)", [CUSTOMER, NOW, [CUSTOMER]]).fetchone()
    assert row == ({str(CUSTOMER): [100] * 5},)
    assert _scanned(conn) == before


def _scanned(conn: Conn) -> int:
    """How many rows of the two tables were read in sequence so far."""
    conn.execute("SELECT pg_stat_force_next_flush()")
    row = conn.execute(
        """
        SELECT sum(seq_tup_read)
          FROM pg_stat_user_tables
         WHERE relname IN ('redemptions', 'returns')
        """
    ).fetchone()
    assert row is not None
    return row[0]
