"""Ingest of users: known by phone or e-mail, mapped to the stores their file names."""

import psycopg

from shared.domain.uploads import Rows, UploadStatus
from shared.edge import phones
from shared.store import accounts
from tests.jobs.conftest import Client
from tests.rows import a_store, a_user

HEADER = "Phone,E-mail,Name,Role,Stores"


def stored(conn: psycopg.Connection) -> list[tuple[object, ...]]:
    return conn.execute(
        "SELECT phone, email, name, role, active, "
        "array(SELECT store_id FROM user_stores WHERE user_id = users.id ORDER BY 1) "
        "FROM users WHERE name <> 'Test' ORDER BY name"
    ).fetchall()


def test_users_are_made_changed_and_left_as_they_are(client: Client, conn: psycopg.Connection) -> None:
    for store_id in ("S1", "S2", "S3"):
        a_store(conn, store_id)
    rows = ["+390611111111,Anna@Shop.example,Anna,store_user,S1", ",bruno@shop.example,Bruno,marketing,"]
    assert client.send("users", "\n".join([HEADER, *rows])).rows == Rows(read=2, inserted=2)
    assert client.send("users", "\n".join([HEADER, *rows])).rows == Rows(read=2, unchanged=2)
    assert stored(conn) == [
        ("+390611111111", "anna@shop.example", "Anna", "store_user", True, ["S1"]),
        (None, "bruno@shop.example", "Bruno", "marketing", True, []),
    ]
    rows = ['+390611111111,,Anna,parent_store_user,"S2, S3"', "+390622222222,bruno@shop.example,Bruno,admin,"]
    assert client.send("users", "\n".join([HEADER, *rows])).rows == Rows(read=2, updated=2)
    assert stored(conn) == [
        ("+390611111111", "anna@shop.example", "Anna", "parent_store_user", True, ["S2", "S3"]),
        ("+390622222222", "bruno@shop.example", "Bruno", "admin", True, []),
    ]
    # Without the column the stores stay, and only they may have changed.
    only = client.send("users", "Phone,Name,Role\n+390611111111,Anna,parent_store_user\n")
    assert only.rows == Rows(read=1, unchanged=1)
    moved = client.send("users", f"{HEADER}\n+390611111111,,Anna,parent_store_user,S1\n")
    assert moved.rows == Rows(read=1, updated=1)
    assert stored(conn)[0][-1] == ["S1"]


def test_bad_users_are_rejected(client: Client, conn: psycopg.Connection) -> None:
    a_store(conn)
    a_user(conn, phone="+390633333333")
    a_user(conn, phone=None, email="dora@shop.example")
    rows = [
        ",,Nobody,admin,",
        "0611,,Short,admin,",
        "3.90612E+11,,Damaged,admin,",
        "+390644444444,not an address,Mail,admin,",
        "+390655555555,,Role,boss,",
        "+390666666666,,Store,store_user,S1 S9",
        "+390633333333,dora@shop.example,Two,admin,",
        "+390677777777,,Good,admin,S1",
        "+390677777777,,Again,admin,",
        "+390688888888,e@shop.example,Also good,admin,",
        "+390699999999,e@shop.example,Same mail,admin,",
    ]
    upload = client.send("users", "\n".join([HEADER, *rows]))
    assert upload.status is UploadStatus.COMPLETED
    assert [(error.line, error.column, error.code) for error in upload.errors] == [
        (2, "Phone", "unreachable"),
        (3, "Phone", "phone_malformed"),
        (4, "Phone", "spreadsheet_number"),
        (5, "E-mail", "email_malformed"),
        (6, "Role", "not_one_of"),
        (7, "Stores", "store_unknown"),
        (8, "E-mail", "user_ambiguous"),
        (10, "Phone", "duplicate"),
        (12, "E-mail", "duplicate"),
    ]
    assert upload.rows == Rows(read=11, inserted=2, rejected=9)


def test_a_file_of_users_has_no_other_columns(client: Client) -> None:
    upload = client.send("users", f"{HEADER},Password\n")
    assert (upload.reason_code, "Password" in (upload.reason or "")) == ("header_unknown", True)


def test_a_user_is_switched_off_by_a_cell(client: Client, conn: psycopg.Connection) -> None:
    client.send("users", f"{HEADER}\n+390611111111,,Anna,admin,\n")
    client.send("users", "Phone,Name,Role,Active\n+390611111111,Anna,admin,no\n")
    assert stored(conn)[0][4] is False
    # A file that does not say leaves it so.
    client.send("users", "Phone,Name,Role\n+390611111111,Anna,marketing\n")
    assert stored(conn)[0][3:5] == ("marketing", False)


def test_who_works_in_stores_has_one(client: Client, conn: psycopg.Connection) -> None:
    a_store(conn, "S1")
    client.send("users", f"{HEADER}\n+390611111111,,Anna,store_user,S1\n,bruno@shop.example,Bruno,admin,\n")
    rows = [
        "+390622222222,,New,store_user,",
        "+390633333333,,Newer,parent_store_user,",
        "+390611111111,,Anna,store_user,",
        "+390644444444,,Office,back_office,",
        "+390655555555,,Offers,marketing,",
        "+390622222222,,New,store_user,S1",
    ]
    upload = client.send("users", "\n".join([HEADER, *rows]))
    assert [(each.line, each.column, each.code) for each in upload.errors] == [
        (2, "Stores", "store_missing"),
        (3, "Stores", "store_missing"),
        (4, "Stores", "store_missing"),
    ]
    assert "parent_store_user" in upload.errors[1].detail
    assert upload.rows == Rows(read=6, inserted=3, rejected=3)
    # A file that does not tell stores goes by those that are known.
    rows = [
        "+390611111111,,Anna,parent_store_user",
        ",bruno@shop.example,Bruno,store_user",
        "+390666666666,,Newest,store_user",
    ]
    upload = client.send("users", "\n".join(["Phone,E-mail,Name,Role", *rows]))
    assert [(each.line, each.code) for each in upload.errors] == [(3, "store_missing"), (4, "store_missing")]
    assert upload.rows == Rows(read=3, updated=1, rejected=2)


def test_numbers_are_kept_as_signing_in_spells_them(client: Client, conn: psycopg.Connection) -> None:
    rows = [
        "+39 06 0000 0001,,Anna,admin,",
        "+44 07400 123456,,Bruno,admin,",
        "0039 06/1111-1111,,Carla,admin,",
        "+390600000001,,Anna again,admin,",
        "+39 1,,Short,admin,",
        "+999 123 456 789,,Nowhere,admin,",
        "+44 07,,Stub,admin,",
    ]
    upload = client.send("users", "\n".join([HEADER, *rows]))
    assert [(each.line, each.column, each.code) for each in upload.errors] == [
        (5, "Phone", "duplicate"),
        (6, "Phone", "phone_malformed"),
        (7, "Phone", "phone_invalid"),
        (8, "Phone", "phone_malformed"),
    ]
    assert upload.errors[2].fix == "Correct it, with the country's code first, like +390612345678."
    assert [row[0] for row in stored(conn)] == ["+390600000001", "+447400123456", "+390611111111"]
    for written in ("+44 7400 123456", "+4407400123456", "0044 7400123456"):
        user = accounts.get_by_address(conn, phone=phones.normalise(written), email=None)
        assert user is not None
        assert user.name == "Bruno"
