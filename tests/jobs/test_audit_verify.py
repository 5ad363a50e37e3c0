"""Verification: whatever somebody with every right does to one row is found, and where."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from shared.domain.audit_chain import Break, Damage
from shared.domain.quotes import TransactionStatus
from shared.edge import audit_blobs, storage
from shared.jobs.audit_export import export_due
from shared.jobs.audit_sealing import seal_due
from shared.jobs.audit_verify import main, outside, verify, verify_all
from shared.store import audit_chain, transaction_statuses
from tests.actions.selling import a_seller, confirm, publish, request, sell, sold, three_lenses
from tests.actions.test_returns import give_back, void
from tests.jobs.auditing import DAY, NOW, entry_at, sealed, tell
from tests.rows import Conn, random_key

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def chained(conn: Conn) -> Conn:
    """Nine entries, sealed and exported; whoever is connected here may do anything, past every trigger."""
    tell(conn, *"abcdefghi")
    seal_due(NOW)
    export_due()
    assert [report.broken for report in verify_all()] == [None]
    assert outside() is None
    conn.execute("SET session_replication_role = replica")
    return conn


def forge(conn: Conn) -> UUID:
    """An entry that is put beside the chain, and its id."""
    tell(conn, "forged")
    return conn.execute("SELECT id FROM audit_entries WHERE subject_id = 'forged'").fetchall()[0][0]


def test_a_changed_entry(chained: Conn) -> None:
    for change in (
        "after = jsonb_set(after, '{size}', '3')",
        "before = NULL",
        "actor = gen_random_uuid()",
        "at = at + interval '1 microsecond'",
        "request_id = 'x'",
        "action = 'group.created'",
    ):
        chained.execute("CREATE TEMP TABLE was AS SELECT * FROM audit_entries WHERE subject_id = 'd'")
        chained.execute(f"UPDATE audit_entries SET {change} WHERE subject_id = 'd'")  # type: ignore[arg-type]
        assert verify(DAY, storage=False).broken == Break(Damage.CHANGED, DAY, 4, entry_at(chained, 4)), (
            change
        )
        chained.execute("DELETE FROM audit_entries WHERE subject_id = 'd'")
        chained.execute("INSERT INTO audit_entries SELECT * FROM was")
        chained.execute("DROP TABLE was")
    assert verify(DAY).broken is None, "it was put back as it was"


def test_a_deleted_entry(chained: Conn) -> None:
    chained.execute("DELETE FROM audit_entries WHERE subject_id = 'c'")
    assert verify(DAY).broken == Break(Damage.ENTRY_MISSING, DAY, 3, entry_at(chained, 3))


def test_a_deleted_link(chained: Conn) -> None:
    chained.execute("DELETE FROM audit_links WHERE position = 5")
    assert verify(DAY).broken == Break(Damage.LINK_MISSING, DAY, 5, None)


def test_swapped_links(chained: Conn) -> None:
    chained.execute("UPDATE audit_links SET position = 100 WHERE position = 2")
    chained.execute("UPDATE audit_links SET position = 2 WHERE position = 3")
    chained.execute("UPDATE audit_links SET position = 3 WHERE position = 100")
    assert verify(DAY).broken == Break(Damage.CHANGED, DAY, 2, entry_at(chained, 2))


def test_a_forged_entry_beside_the_chain(chained: Conn) -> None:
    forged = forge(chained)
    assert verify(DAY).broken is None, "its id tells of another day"
    assert outside() == Break(Damage.NOT_SEALED, None, None, forged)
    of_the_day = chained.execute(
        "INSERT INTO audit_entries (id, at, action, subject_kind, subject_id) "
        "VALUES (id_from(%s), %s, 'group.created', 'group', 'x') RETURNING id",
        [NOW, NOW],
    ).fetchall()[0][0]
    assert verify(DAY).broken == Break(Damage.NOT_SEALED, DAY, None, of_the_day)


def test_a_forged_entry_in_the_midst_of_the_chain(chained: Conn) -> None:
    forged = forge(chained)
    chained.execute("UPDATE audit_links SET position = position + 100 WHERE position >= 6")
    chained.execute("UPDATE audit_links SET position = position - 99 WHERE position >= 100")
    chained.execute(
        "INSERT INTO audit_links SELECT day, 6, %s, link FROM audit_links WHERE position = 7", [forged]
    )
    assert verify(DAY).broken == Break(Damage.CHANGED, DAY, 6, forged)


def test_a_cut_tail(chained: Conn) -> None:
    cut = entry_at(chained, 8)
    chained.execute("DELETE FROM audit_entries WHERE subject_id IN ('h', 'i')")
    chained.execute("DELETE FROM audit_links WHERE position >= 8")
    assert verify(DAY, storage=False).broken == Break(Damage.CUT_SHORT, DAY, 8, None)
    assert verify(DAY).broken == Break(Damage.CUT_SHORT, DAY, 8, cut)
    chained.execute("UPDATE audit_exports SET position = 7")
    assert verify(DAY).broken == Break(Damage.CUT_SHORT, DAY, 8, cut), "the blob alone tells"


def test_a_day_that_is_gone(chained: Conn) -> None:
    chained.execute("SET session_replication_role = origin")
    tell(chained, "next day")
    seal_due(NOW + timedelta(days=1))
    chained.execute("SET session_replication_role = replica")
    first = entry_at(chained, 1)
    for table in ("audit_links", "audit_exports"):
        chained.execute(f"DELETE FROM {table} WHERE day = %s", [DAY])  # type: ignore[arg-type]
    day_after = DAY + timedelta(days=1)
    next_id = chained.execute("SELECT entry_id FROM audit_links").fetchall()[0][0]
    assert verify(day_after).broken == Break(Damage.CHANGED, day_after, 1, next_id)
    assert next(verify_all()).broken == Break(Damage.CUT_SHORT, DAY, 1, first), "its blob is there"


def test_a_chain_made_anew_from_changed_entries(chained: Conn) -> None:
    """Who can write everything in the database can make another chain that holds, but not another export."""
    chained.execute("UPDATE audit_entries SET actor = gen_random_uuid() WHERE subject_id = 'e'")
    chained.execute("INSERT INTO audit_unsealed SELECT entry_id FROM audit_links")
    chained.execute("DELETE FROM audit_links")
    seal_due(NOW)
    assert verify(DAY, storage=False).broken is None
    assert verify(DAY).broken == Break(Damage.EXPORT_DIFFERS, DAY, 5, entry_at(chained, 5))


@pytest.mark.usefixtures("app", "chained")
def test_an_export_that_is_not_there_any_more() -> None:
    storage.service().get_blob_client(storage.AUDIT, audit_blobs.name_of(DAY, 1)).delete_blob()
    assert verify(DAY).broken == Break(Damage.EXPORT_CUT_SHORT, DAY, 1, None)


@pytest.fixture
def sales(conn: Conn) -> list[UUID]:
    """Three sales of a promotion, not sealed yet."""
    three_lenses(conn)
    seller = a_seller(conn)
    publish(conn)
    return [sold(sell(conn, seller)) for _ in range(3)]


def place(conn: Conn, transaction_id: UUID) -> int:
    found = conn.execute("SELECT position FROM audit_links WHERE entry_id = %s", [transaction_id])
    return found.fetchall()[0][0]


CHANGES = {
    "an amount": "discount_minor = discount_minor + 1, net_minor = net_minor - 1",
    "what was answered": "quote = replace(quote, '1', '2')",
    "what was seen": "seen = seen || ' '",
    "who bears it": "allocations = jsonb_set(allocations, '{0,funding}', '{\"brand\": 1}')",
    "the store": "store_id = 'S2', retailer_id = 'S2'",
    "the retailer": "retailer_id = 'S2'",
    "the customer": "customer_id = gen_random_uuid()",
    "the time": "created_at = created_at + interval '1 microsecond'",
    "the status": "status = 'Settlement Complete'",
    "the status, back to what it was before": "status = 'New'",
}


def test_a_changed_transaction(conn: Conn, sales: list[UUID]) -> None:
    for to in (TransactionStatus.UNDER_REVIEW, TransactionStatus.VERIFIED, TransactionStatus.UNDER_REVIEW):
        transaction_statuses.update(conn, sales[1:], to=to, reason="Looked at", by=None, now=NOW)
    seal_due(NOW)
    assert verify(DAY, storage=False).broken is None
    expected = Break(Damage.TRANSACTION_CHANGED, DAY, place(conn, sales[1]), sales[1])
    for what, change in CHANGES.items():
        with conn.transaction(force_rollback=True):
            conn.execute("SET LOCAL session_replication_role = replica")
            conn.execute(f"UPDATE transactions SET {change} WHERE id = %s", [sales[1]])  # type: ignore[arg-type]
            unfaithful = audit_chain.get_unfaithful(conn, day=DAY, after=0, until=len(sealed(conn)))
            assert unfaithful == expected, what
    conn.execute("SET session_replication_role = replica")
    conn.execute("UPDATE transactions SET net_minor = net_minor + 1, gross_minor = gross_minor + 1")
    assert verify(DAY, storage=False).broken == Break(
        Damage.TRANSACTION_CHANGED, DAY, place(conn, sales[0]), sales[0]
    )


def test_a_deleted_and_an_invented_transaction(conn: Conn, sales: list[UUID]) -> None:
    seal_due(NOW)
    conn.execute("SET session_replication_role = replica")
    conn.execute("CREATE TEMP TABLE taken AS SELECT * FROM transactions WHERE id = %s", [sales[0]])
    conn.execute("DELETE FROM transactions WHERE id = %s", [sales[0]])
    assert verify(DAY, storage=False).broken == Break(
        Damage.TRANSACTION_MISSING, DAY, place(conn, sales[0]), sales[0]
    )
    conn.execute("INSERT INTO transactions SELECT * FROM taken")
    assert verify(DAY, storage=False).broken is None
    invented = conn.execute("UPDATE taken SET id = transaction_id(created_at) RETURNING id").fetchall()[0][0]
    conn.execute("INSERT INTO transactions SELECT * FROM taken")
    assert outside() == Break(Damage.TRANSACTION_NOT_RECORDED, None, None, invented)


@pytest.mark.usefixtures("sales")
def test_sales_voids_and_returns_are_told_of_once_with_the_request(conn: Conn) -> None:
    seller = replace(a_seller(conn, "S2"), request_id="request-1")
    key = random_key()
    quote, _ = confirm(conn, seller, request(store_id="S2"), key=key)
    confirm(conn, seller, request(store_id="S2"), key=key)
    refund, _ = give_back(conn, seller, sold(quote), (0, 1))
    undone = void(conn, seller, sold(quote))
    rows = conn.execute(
        """
        SELECT id, actor, request_id, after ->> 'kind', (after ->> 'net_minor')::int,
               after ->> 'quote_sha256' = (SELECT encode(sha256(convert_to(quote, 'UTF8')), 'hex')
                                             FROM transactions WHERE transactions.id = audit_entries.id)
          FROM audit_entries
         WHERE action = 'transaction.recorded' AND after ->> 'store_id' = 'S2'
         ORDER BY id
        """
    ).fetchall()
    assert rows == [
        (sold(quote), seller.user_id, "request-1", "sale", 8999, True),
        (refund.id, seller.user_id, "request-1", "return", -2999, True),
        (undone.id, seller.user_id, "request-1", "void", -6000, True),
    ]


def test_the_command_says_where(chained: Conn, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert '"links":9' in capsys.readouterr().out
    chained.execute("UPDATE audit_entries SET request_id = 'x' WHERE subject_id = 'g'")
    assert main(["--without-storage", DAY.isoformat()]) == 1
    said = capsys.readouterr().out
    place = f'"day":"{DAY}","position":7,"entry_id":"{entry_at(chained, 7)}"'
    assert f'"broken":{{"damage":"changed",{place}}}' in said
    chained.execute("UPDATE audit_entries SET request_id = NULL WHERE subject_id = 'g'")
    forged = forge(chained)
    assert main([]) == 1
    said = capsys.readouterr().out.splitlines()[-1]
    assert said == f'{{"damage":"not_sealed","day":null,"position":null,"entry_id":"{forged}"}}'
