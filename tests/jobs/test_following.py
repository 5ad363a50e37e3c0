"""What follows an upload: members of groups and an entry, together with its rows or not at all."""

from typing import Any
from uuid import UUID

import psycopg
import pytest

from shared.actions import groups, promotions
from shared.domain.audit import By
from shared.domain.groups import GroupTerms, Subject
from shared.domain.uploads import UploadStatus
from tests.jobs.conftest import Client
from tests.rows import NOW, a_store, terms

HEADER = "New Code,Name,Brand,Price,Currency,Tax Rate %,Active\n"
STORES = "Store ID,Name,City,Country,Zone,Active\n"


def lenses(*brands: str) -> str:
    return HEADER + "".join(
        f"L{number},A lens,{brand},10.00,EUR,22,true\n" for number, brand in enumerate(brands)
    )


@pytest.fixture
def group(client: Client) -> UUID:
    """The lenses of Lumen, on which a published promotion stands."""
    by = By(client.user_id)
    lumen = GroupTerms(
        name="Lumen", description="", filter={"fact": "product.brand", "op": "eq", "value": "Lumen"}
    )
    with client.conn.transaction():
        group = groups.create(client.conn, NOW, Subject.PRODUCT, terms=lumen, by=by)
        rule = {
            "schema": 1,
            "then": [{"kind": "percent_off", "percent": "10", "target": {"in_group": str(group.id)}}],
        }
        promotion = promotions.create(client.conn, NOW, terms=terms(rule=rule), by=by)
        promotions.publish(client.conn, NOW, promotion.id, by=by, approval_required=False)
    return group.id


def members(conn: psycopg.Connection) -> list[str]:
    return [key for (key,) in conn.execute("SELECT key FROM group_members ORDER BY key").fetchall()]


def entries(conn: psycopg.Connection) -> list[tuple[str, Any]]:
    return conn.execute(
        "SELECT subject_id, after FROM audit_entries WHERE action = 'upload.applied' ORDER BY id"
    ).fetchall()


def rule_sets(conn: psycopg.Connection) -> int:
    return conn.execute("SELECT count(*) FROM rule_sets").fetchall()[0][0]


def test_members_follow_the_rows_of_an_upload(client: Client, group: UUID) -> None:
    upload = client.send("products_lens", lenses("Lumen", "Zenith", "Lumen"))
    assert members(client.conn) == ["L0", "L2"]
    assert rule_sets(client.conn) == 2
    again = client.send("products_lens", lenses("Lumen", "Lumen", "Zenith"))
    assert members(client.conn) == ["L0", "L1"]
    assert entries(client.conn) == [
        (str(upload.id), told(inserted=3, group=group, joined=2, left=0)),
        (str(again.id), told(updated=2, group=group, joined=1, left=1)),
    ]
    found = client.conn.execute('SELECT upload_id, joined, "left" FROM group_changes ORDER BY id').fetchall()
    assert found == [(upload.id, 2, 0), (again.id, 1, 1)]


def told(*, group: UUID, joined: int, left: int, inserted: int = 0, updated: int = 0) -> dict[str, Any]:
    return {
        "kind": "products_lens",
        "inserted": inserted,
        "updated": updated,
        "groups": [{"group_id": str(group), "joined": joined, "left": left}],
    }


@pytest.mark.usefixtures("group")
def test_what_moves_nobody_makes_no_rule_set(client: Client) -> None:
    client.send("products_lens", lenses("Zenith"))
    a_store(client.conn, "S1")
    assert client.send("stores", STORES + "S2,A store,Roma,IT,Europe/Rome,true\n").rows.inserted == 1
    assert rule_sets(client.conn) == 1
    assert [after["groups"] for _, after in entries(client.conn)] == [[], []]


@pytest.mark.usefixtures("group")
def test_what_changes_nothing_is_not_told(client: Client) -> None:
    client.send("products_lens", lenses("Lumen"))
    client.send("products_lens", lenses("Lumen"))
    client.send("products_lens", lenses("Zenith"), validate_only=True)
    assert (members(client.conn), len(entries(client.conn)), rule_sets(client.conn)) == (["L0"], 1, 2)


@pytest.mark.usefixtures("group")
def test_rows_and_members_come_together_or_not_at_all(client: Client) -> None:
    """The last statement fails, after members and rule set were written; the next delivery does all of it."""
    ticket = client.ask("products_lens")
    client.put(ticket, lenses("Lumen").encode())
    client.conn.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON audit_entries FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    with pytest.raises(psycopg.IntegrityError):
        client.deliver(ticket.upload_id)
    assert (members(client.conn), rule_sets(client.conn)) == ([], 1)
    assert client.conn.execute("SELECT count(*) FROM products").fetchone() == (0,)
    client.conn.execute("DROP TRIGGER refuse ON audit_entries")
    assert client.deliver(ticket.upload_id).status is UploadStatus.COMPLETED
    assert (members(client.conn), rule_sets(client.conn)) == (["L0"], 2)
