"""Signing in at the door: which addresses are taken, and what the answer tells of them."""

from collections.abc import Iterator
from typing import Any

import pytest

from functions import auth
from shared.jobs import outbox
from tests.functions.doors import Doors
from tests.harness import Msg91
from tests.rows import Conn, a_user


@pytest.fixture(autouse=True)
def _sender(app: None) -> Iterator[None]:  # noqa: ARG001
    """What a test set off in the background ends before its database does."""
    yield
    sent()


def sent() -> None:
    """Wait for the sender in the background, which works at one thing at a time."""
    outbox._executor.submit(int).result()


def ask(conn: Conn, body: Any) -> tuple[int, Any]:
    return Doors(conn).call(auth.request_otp, role=None, body=body)


@pytest.mark.parametrize(
    "written", ["ada.l+x@mail.example.com", "Ada.L+X@Mail.Example.COM", "  ada.l+x@mail.example.com "]
)
def test_an_address_is_found_however_it_is_written(conn: Conn, msg91: Msg91, written: str) -> None:
    user_id = a_user(conn, phone=None, email="ada.l+x@mail.example.com")
    status, challenge = ask(conn, {"email": written})
    assert status == 202
    sent()
    [message] = msg91.messages("ada.l+x@mail.example.com")
    answer = {"challenge_id": challenge["challenge_id"], "code": message.variables["OTP"]}
    status, token = Doors(conn).call(auth.issue_token, role=None, body=answer)
    assert (status, token["user"]["id"]) == (200, str(user_id))
    assert token["user"]["email"] == "ada.l+x@mail.example.com"


@pytest.mark.parametrize(
    ("known", "unknown"),
    [
        ({"phone": "+390611112222"}, {"phone": "+390699999999"}),
        ({"email": "ada@example.com"}, {"email": "nobody@example.com"}),
    ],
)
def test_the_answer_does_not_tell_who_is_known(
    conn: Conn, known: dict[str, str], unknown: dict[str, str]
) -> None:
    a_user(conn, phone="+390611112222", email="ada@example.com")
    (known_status, of_known), (unknown_status, of_unknown) = ask(conn, known), ask(conn, unknown)
    assert known_status == unknown_status == 202
    assert of_known.keys() == of_unknown.keys()
    assert conn.execute("SELECT count(*) FROM otp_challenges").fetchone() == (2,)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"phone": "+390611112222", "email": "ada@example.com"}, ""),
        ({"phone": None, "email": "ada@example.com"}, "/phone"),
        ({"phone": "", "email": "ada@example.com"}, "/phone"),
        ({"email": None}, "/email"),
    ],
)
def test_exactly_one_address_is_taken(conn: Conn, body: dict[str, Any], pointer: str) -> None:
    status, problem = ask(conn, body)
    assert (status, problem["code"]) == (422, "validation_failed")
    assert [place["pointer"] for place in problem["errors"]] == [pointer]


@pytest.mark.parametrize(
    "email",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "ada@example",
        "ada@-example.com",
        "ada@example..com",
        "a da@example.com",
        "ada@example.com\n",
        "ada@example.com, eve@example.com",
        "ad\u00e4@example.com",
        "a" * 65 + "@example.com",
        "ada@" + "a" * 64 + ".com",
        "ada@" + "a." * 124 + "com",
    ],
)
def test_what_is_no_address_is_refused_without_being_repeated(conn: Conn, email: str) -> None:
    status, problem = ask(conn, {"email": email})
    assert (status, problem["code"]) == (422, "validation_failed")
    assert [place["pointer"] for place in problem["errors"]] == ["/email"]
    assert not email or email not in str(problem)
