"""One-time passwords at the door: what they cost, who may ask, and attacks on them."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import azure.functions as func
import pytest
from azure.data.tables import TableServiceClient

from functions import auth, timers
from shared.domain.rates import DEFAULTS as DEFAULT_RATES
from shared.domain.users import Role
from shared.edge import rate_limits
from shared.jobs import outbox
from tests.functions.doors import Doors
from tests.harness import Msg91, forget_app
from tests.rows import Conn, a_user

PHONE, EMAIL = "+390611112222", "ada@example.com"
# What an operator gets who sets nothing; the tests' own settings are as generous as can be.
DEFAULTS = (
    "OTP_COOLDOWN_S",
    "OTP_PER_RECIPIENT_HOUR",
    "OTP_PER_RECIPIENT_DAY",
    "OTP_PER_ADDRESS_HOUR",
    "OTP_PER_CALLER_HOUR",
    "OTP_GUESSES_PER_RECIPIENT_DAY",
    "OTP_MESSAGES_PER_DAY",
)
# The numbers of the defaults, in windows that no test runs across the end of.
RATES = ",".join(f"{rate}={policy.most}/86400" for rate, policy in DEFAULT_RATES.items())
CENTS_A_TEXT = 7


@pytest.fixture
def doors(app: None, conn: Conn) -> Iterator[Doors]:  # noqa: ARG001
    yield Doors(conn)
    sent()


@pytest.fixture
def by_default(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    for name in DEFAULTS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RATE_LIMITS", RATES)
    forget_app()


def sent() -> None:
    """Wait for the sender in the background, which works at one thing at a time."""
    outbox._executor.submit(int).result()


def ask(
    doors: Doors, body: dict[str, Any], *, role: Role | None = None, address: str | None = None
) -> tuple[int, Any]:
    headers = {} if address is None else {"x-forwarded-for": address}
    return doors.call(auth.request_otp, role=role, body=body, headers=headers)


def answer(doors: Doors, challenge: str, code: str, *, address: str | None = None) -> tuple[int, Any]:
    headers = {} if address is None else {"x-forwarded-for": address}
    body = {"challenge_id": challenge, "code": code}
    return doors.call(auth.issue_token, role=None, body=body, headers=headers)


# What is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phone", "code"),
    [
        ("+391", "validation_failed"),
        ("+9991234567", "phone_invalid"),
        ("+39899123456", "phone_unreachable"),
        ("+447012345678", "phone_unreachable"),
        ("+18765551234", "country_not_served"),
    ],
)
def test_numbers_that_get_no_code(doors: Doors, msg91: Msg91, phone: str, code: str) -> None:
    status, problem = ask(doors, {"phone": phone})
    assert (status, problem["code"]) == (422, code)
    assert phone[1:] not in str(problem)
    sent()
    assert msg91.messages() == []


def test_the_kill_switch(doors: Doors, conn: Conn, msg91: Msg91, monkeypatch: pytest.MonkeyPatch) -> None:
    a_user(conn, phone=PHONE)
    monkeypatch.setenv("OTP_STOPPED", "1")
    forget_app()
    status, problem = ask(doors, {"phone": PHONE})
    assert (status, problem["code"]) == (503, "otp_stopped")
    sent()
    assert msg91.messages() == []


@pytest.mark.parametrize(
    ("purpose", "role", "expected"),
    [
        ("sign_in", None, 202),
        ("redemption", None, 401),
        ("step_up", None, 401),
        ("redemption", Role.STORE_USER, 202),
        ("step_up", Role.STORE_USER, 202),
        ("bet", Role.ADMIN, 422),
    ],
)
def test_who_may_ask_what_for(doors: Doors, purpose: str, role: Role | None, expected: int) -> None:
    assert ask(doors, {"phone": PHONE, "purpose": purpose}, role=role)[0] == expected


def test_a_token_that_is_none_is_refused_even_where_none_is_needed(doors: Doors) -> None:
    headers = {"authorization": "Bearer a.b.c"}
    status, problem = doors.call(auth.request_otp, role=None, body={"phone": PHONE}, headers=headers)
    assert (status, problem["code"]) == (401, "token_invalid")


def test_a_customers_code_comes_by_the_template_of_redemptions(
    doors: Doors, msg91: Msg91, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MSG91_REDEMPTION_TEMPLATE_ID", "registered-for-redemption")
    forget_app()
    ask(doors, {"phone": PHONE, "purpose": "redemption"}, role=Role.STORE_USER)
    sent()
    [message] = msg91.messages(PHONE)
    assert message.template_id == "registered-for-redemption"


# Limits as they are by default ------------------------------------------------------------------------------


@pytest.mark.usefixtures("by_default")
@pytest.mark.parametrize("to", [PHONE, "+390699999999"], ids=["known", "unknown"])
def test_a_second_code_within_the_cooldown_is_refused(doors: Doors, conn: Conn, to: str) -> None:
    a_user(conn, phone=PHONE)
    assert ask(doors, {"phone": to}, address="203.0.113.7")[0] == 202
    status, problem = ask(doors, {"phone": to}, address="203.0.113.8")
    assert (status, problem["code"]) == (429, "otp_too_soon")
    assert problem["detail"].startswith("A code was asked for a moment ago; ask again in ")


@pytest.mark.usefixtures("by_default")
def test_an_address_gets_twenty_codes_an_hour_and_the_database_is_not_asked_for_more(
    doors: Doors, conn: Conn
) -> None:
    statuses = [
        ask(doors, {"phone": f"+3906222{number:05}"}, address="203.0.113.7")[0] for number in range(22)
    ]
    assert statuses == [202] * 20 + [429] * 2
    assert conn.execute("SELECT count(*) FROM otp_challenges").fetchone() == (20,)
    rate_limits.forget()
    assert ask(doors, {"phone": PHONE}, address="[2001:db8::1]:99")[0] == 202
    assert ask(doors, {"phone": PHONE}, address="203.0.113.7")[1]["code"] == "rate_limited"


def replied(door: Any, body: str, **headers: str) -> func.HttpResponse:
    request = func.HttpRequest(
        method="POST",
        url="http://localhost",
        headers={"content-type": "application/json", **headers},
        body=body.encode(),
    )
    return door.build().get_user_function()(request)


@pytest.mark.usefixtures("by_default")
def test_a_caller_is_told_where_they_stand(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    assert doors is not None
    monkeypatch.setenv("RATE_LIMITS", "otp=2/86400")
    forget_app()
    sent_to = [f'{{"phone": "+3906222{number:05}"}}' for number in range(3)]
    first, _, last = (replied(auth.request_otp, body) for body in sent_to)
    assert first.status_code == 202
    assert first.headers["RateLimit-Policy"] == '"otp";q=2;w=86400'
    assert re.fullmatch(r'"otp";r=1;t=\d+', first.headers["RateLimit"])
    assert (first.headers["RateLimit-Limit"], first.headers["RateLimit-Remaining"]) == ("2", "1")
    assert last.status_code == 429
    assert last.mimetype == "application/problem+json"
    assert last.headers["RateLimit"].startswith('"otp";r=0;t=')
    assert last.headers["Retry-After"] == last.headers["RateLimit-Reset"]
    assert 0 < int(last.headers["Retry-After"]) <= 86400


def test_a_signed_in_caller_is_counted_by_who_they_are(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATE_LIMITS", "read=2/86400")
    forget_app()
    for role, expected in ((Role.ADMIN, [200, 200, 429]), (Role.BACK_OFFICE, [200, 200, 429])):
        assert [doors.call(auth.get_me, role=role)[0] for _ in range(3)] == expected


def test_the_timer_forgets_windows_that_are_over(doors: Doors, conn: Conn, uploads_storage: str) -> None:
    assert doors.call(auth.get_me)[0] == 200
    conn.execute("UPDATE rate_counts SET began_at = began_at - interval '1 day'")
    with TableServiceClient.from_connection_string(uploads_storage) as tables:
        tables.create_table("ratelimits20260101")
        timers.run_due_work.build().get_user_function()(_Tick())
        assert "ratelimits20260101" not in {table.name for table in tables.list_tables()}
    assert conn.execute("SELECT count(*) FROM rate_counts").fetchone() == (0,)


class _Tick:
    past_due = False


def test_who_presents_tokens_that_are_none_is_stopped(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATE_LIMITS", "refused=3/86400")
    forget_app()

    def guess(address: str) -> int:
        headers = {"authorization": "Bearer a.b.c", "x-forwarded-for": address}
        return doors.call(auth.get_me, role=None, headers=headers)[0]

    assert [guess("203.0.113.7") for _ in range(5)] == [401, 401, 401, 429, 429]
    assert guess("203.0.113.8") == 401
    assert doors.call(auth.get_me, headers={"x-forwarded-for": "203.0.113.8"})[0] == 200


# Attacks ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("by_default")
def test_pumping_is_stopped_and_its_cost_is_known(doors: Doors, conn: Conn, msg91: Msg91) -> None:
    """Somebody makes us text numbers they are paid for, from many addresses, through strangers and a till."""
    victims = [f"+3906333{number:05}" for number in range(4)]
    for phone in victims:
        a_user(conn, phone=phone)

    def pump(request: int) -> int:
        # Every request from an address of its own, which no limit by address can stop.
        address = f"198.51.{request // 250}.{request % 250}"
        phone = victims[request % len(victims)] if request % 2 else f"+3906444{request:05}"
        return ask(doors, {"phone": phone}, address=address)[0]

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(pump, range(120)))
    sold = [
        ask(doors, {"phone": f"+3906555{number:05}", "purpose": "redemption"}, role=Role.STORE_USER)[0]
        for number in range(70)
    ]
    sent()
    while outbox.send_due():
        pass
    texts = len(msg91.messages())
    # Each victim once, for the rest is within the cooldown; strangers nothing; the till what a till may.
    assert statuses.count(429) == 60 - len([phone for phone in victims if victims.index(phone) % 2])
    assert sold.count(202) == 60
    assert texts == 2 + 60
    assert texts * CENTS_A_TEXT == 434


@pytest.mark.usefixtures("by_default")
def test_the_day_of_the_deployment_bounds_what_pumping_can_cost(
    doors: Doors, msg91: Msg91, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTP_MESSAGES_PER_DAY", "10")
    forget_app()
    for number in range(25):
        ask(doors, {"phone": f"+3906555{number:05}", "purpose": "redemption"}, role=Role.STORE_USER)
    sent()
    while outbox.send_due():
        pass
    assert len(msg91.messages()) * CENTS_A_TEXT == 70


@pytest.mark.usefixtures("by_default")
def test_guesses_from_one_address_at_many_challenges_are_stopped(doors: Doors) -> None:
    challenges = [
        ask(doors, {"phone": f"+3906222{number:05}"}, address=f"198.51.100.{number}")[1]["challenge_id"]
        for number in range(16)
    ]
    statuses = [
        answer(doors, challenge, f"{guess:06}", address="203.0.113.7")[0]
        for challenge in challenges
        for guess in range(5)
    ]
    assert statuses == [422] * 60 + [429] * 20


def test_the_answer_to_a_wrong_code_does_not_tell_why(doors: Doors, conn: Conn, msg91: Msg91) -> None:
    a_user(conn, phone=PHONE)
    challenge = ask(doors, {"phone": PHONE})[1]["challenge_id"]
    unknown = ask(doors, {"phone": "+390699999999"})[1]["challenge_id"]
    sent()
    code = msg91.messages(PHONE)[0].variables["OTP"]
    wrong = f"{(int(code) + 1) % 10**6:06}"
    problems = []
    for asked, said in (
        (challenge, wrong),
        (unknown, wrong),
        ("00000000-0000-4000-8000-000000000000", wrong),
        *[(challenge, wrong)] * 4,
        (challenge, code),
    ):
        status, problem = answer(doors, asked, said)
        problems.append((status, {key: problem[key] for key in ("code", "detail", "title", "errors")}))
    assert len(problems) == 8
    assert all(problem == problems[0] for problem in problems)
    assert problems[0][0] == 422


def test_codes_are_drawn_from_all_there_are(doors: Doors, conn: Conn, msg91: Msg91) -> None:
    """Six digits with leading zeros, no two alike but by chance."""
    a_user(conn, phone=PHONE)
    for _ in range(40):
        ask(doors, {"phone": PHONE})
        sent()
    codes = [message.variables["OTP"] for message in msg91.messages(PHONE)]
    assert len(codes) == 40
    assert all(re.fullmatch(r"[0-9]{6}", code) for code in codes)
    assert len(set(codes)) > 37
    assert any(code[0] in "01234" for code in codes)
    assert any(code[0] in "56789" for code in codes)
