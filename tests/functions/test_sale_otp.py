"""The customer's yes at the door: asked for by the till, sent to their phone, brought with the sale."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from functions import auth, promotions, transactions
from shared.domain.users import Role
from shared.jobs import outbox
from tests.actions.selling import publish
from tests.functions.doors import Doors
from tests.harness import Msg91
from tests.rows import Conn, a_product, a_store, a_user, percent_off

PHONE = "+390611112222"
BASKET: dict[str, Any] = {
    "store_id": "S1",
    "currency": "EUR",
    "channel": "store",
    "lines": [{"sku": "A", "quantity": 1}],
}


class Till:
    """A till of a shop where ten percent of everything want the customer's yes."""

    def __init__(self, conn: Conn, msg91: Msg91) -> None:
        self.doors, self._msg91 = Doors(conn), msg91
        a_store(conn, "S1")
        a_product(conn, "A", "100.00")
        publish(conn, name="VIP", ends_at=None, requires_otp=True)

    def ask(self, phone: str = PHONE, purpose: str = "redemption") -> dict[str, str]:
        """What the sale brings: the challenge, and the code that reached the phone."""
        body = {"phone": phone, "purpose": purpose}
        status, challenge = self.doors.call(auth.request_otp, role=Role.STORE_USER, body=body)
        assert status == 202
        sent()
        code = self._msg91.messages(phone)[-1].variables["OTP"]
        return {"otp_challenge_id": challenge["challenge_id"], "otp_code": code}

    def sell(self, phone: str | None = PHONE, key: str | None = None, **answer: Any) -> tuple[int, Any]:
        return self.evaluate(phone, key or str(uuid4()), confirm=True, **answer)

    def evaluate(
        self, phone: str | None = PHONE, key: str | None = None, **more: Any
    ) -> tuple[int, dict[str, Any]]:
        return self.doors.call(
            transactions.evaluate_basket,
            role=Role.STORE_USER,
            store_id="S1",
            headers={} if key is None else {"idempotency-key": key},
            body=BASKET | ({} if phone is None else {"customer": {"phone": phone}}) | more,
        )


@pytest.fixture
def till(app: None, conn: Conn, msg91: Msg91) -> Iterator[Till]:  # noqa: ARG001
    yield Till(conn, msg91)
    sent()


def sent() -> None:
    """Wait for the sender in the background, which works at one thing at a time."""
    outbox._executor.submit(int).result()


def test_the_till_is_told_asks_and_confirms(till: Till, conn: Conn, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    _, quote = till.evaluate()
    assert (quote["discount"], quote["promotions"][0]["requires_otp"]) == ("10.00", True)
    status, problem = till.sell()
    assert (status, problem["code"], problem["errors"][0]["pointer"]) == (422, "otp_required", "/otp_code")
    assert "VIP" in problem["detail"]
    said = till.ask()
    status, sale = till.sell(key="one", **said)
    assert (status, sale["discount"]) == (200, "10.00")
    _, kept = till.doors.call(
        transactions.get_transaction, path={"transaction_id": sale["transaction"]["id"]}
    )
    assert kept["otp_challenge_id"] == said["otp_challenge_id"]
    assert kept["otp_verified_at"] == kept["created_at"]
    assert till.sell(key="one") == (status, sale)
    assert till.sell(key="one", **(said | {"otp_code": "000000"})) == (status, sale)
    assert till.sell(**said)[1]["code"] == "code_refused"
    assert conn.execute("SELECT count(*) FROM transactions").fetchone() == (1,)
    verified = [each for each in caplog.records if getattr(each, "metric", "") == "otp_verified"]
    assert [getattr(each, "purpose", None) for each in verified] == ["redemption"]
    assert said["otp_code"] not in caplog.text
    assert PHONE not in caplog.text


def test_the_answer_to_a_code_that_is_not_theirs_does_not_tell_why(till: Till, conn: Conn) -> None:
    a_user(conn, phone="+390633334444")
    mine = till.ask()
    wrong = f"{(int(mine['otp_code']) + 1) % 10**6:06}"
    problems = [
        till.sell(**said)
        for said in (
            till.ask("+390611113333"),
            till.ask("+390633334444", "sign_in"),
            {"otp_challenge_id": str(uuid4()), "otp_code": wrong},
            *[mine | {"otp_code": wrong}] * 5,
            mine,
        )
    ]
    assert len(problems) == 9
    for status, problem in problems:
        problem.pop("request_id")
        assert (status, problem) == problems[0]
    assert problems[0][1]["code"] == "code_refused"
    assert conn.execute("SELECT count(*) FROM transactions").fetchone() == (0,)


@pytest.mark.parametrize(
    ("phone", "answer"),
    [
        (PHONE, {"otp_code": "123456"}),
        (PHONE, {"otp_challenge_id": str(uuid4())}),
        (PHONE, {"otp_challenge_id": str(uuid4()), "otp_code": "12345"}),
        (None, {"otp_challenge_id": str(uuid4()), "otp_code": "123456"}),
    ],
    ids=["code alone", "challenge alone", "five digits", "nobody's"],
)
def test_half_an_answer_is_refused_and_not_repeated(
    till: Till, phone: str | None, answer: dict[str, str]
) -> None:
    status, problem = till.sell(phone, **answer)
    assert (status, problem["code"]) == (422, "validation_failed")
    assert not any(value in str(problem) for value in answer.values())


def test_terms_say_whether_they_want_a_code(till: Till) -> None:
    body = {"name": "Ten", "type": "seasonal", "starts_at": "2026-01-01", "rule": percent_off("10")}
    _, plain = till.doors.call(promotions.create_promotion, body=body)
    _, wanting = till.doors.call(promotions.create_promotion, body=body | {"requires_otp": True})
    assert (plain["requires_otp"], wanting["requires_otp"]) == (False, True)
    status, revised = till.doors.call(
        promotions.update_promotion,
        path={"promotion_id": wanting["id"]},
        headers={"if-match": "*"},
        body={"priority": 5},
    )
    assert (status, revised["requires_otp"], revised["version"]) == (200, True, 2)
    assert plain["hash"] != wanting["hash"]
