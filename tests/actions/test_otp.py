"""One-time passwords: who can answer a challenge, how often, and what is kept of it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from shared.actions import otp
from shared.domain.otp import ATTEMPTS, LIFETIME, Channel, CodeRefused
from shared.domain.users import Role
from tests.rows import NOW, Conn, a_store, a_user

PEPPER = "pepper"
PHONE = "+390611112222"
EMAIL = "ada@example.com"


def ask(conn: Conn, to: str = PHONE, code: str = "123456") -> UUID:
    challenge_id = uuid4()
    channel = Channel.EMAIL if "@" in to else Channel.SMS
    otp.request(conn, NOW, channel=channel, to=to, challenge_id=challenge_id, code=code, pepper=PEPPER)
    return challenge_id


def answer(conn: Conn, challenge_id: UUID, code: str = "123456", after: timedelta = timedelta()) -> UUID:
    return otp.redeem(conn, NOW + after, challenge_id=challenge_id, code=code, pepper=PEPPER).id


def test_a_wrong_code_is_refused_and_counted(conn: Conn) -> None:
    a_user(conn, phone=PHONE)
    challenge = ask(conn)
    with pytest.raises(CodeRefused):
        answer(conn, challenge, "654321")
    assert conn.execute("SELECT attempts FROM otp_challenges").fetchone() == (1,)


def test_after_five_wrong_codes_the_right_one_is_refused(conn: Conn) -> None:
    a_user(conn, phone=PHONE)
    challenge = ask(conn)
    for number in range(ATTEMPTS):
        with pytest.raises(CodeRefused):
            answer(conn, challenge, f"00000{number}")
    with pytest.raises(CodeRefused):
        answer(conn, challenge)


def test_parallel_guesses_get_no_sixth_attempt(conn: Conn, database_url: str) -> None:
    a_user(conn, phone=PHONE)
    challenge = ask(conn, code="000020")

    def guess(number: int) -> bool:
        with psycopg.connect(database_url, autocommit=True) as own:
            try:
                answer(own, challenge, f"{number:06}")
            except CodeRefused:
                return False
            return True

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(guess, range(20)))
    assert conn.execute("SELECT attempts FROM otp_challenges").fetchone() == (ATTEMPTS,)


def test_a_code_works_once_even_in_parallel(conn: Conn, database_url: str) -> None:
    a_user(conn, phone=PHONE)
    challenge = ask(conn)

    def redeem(_: int) -> bool:
        with psycopg.connect(database_url, autocommit=True) as own:
            try:
                answer(own, challenge)
            except CodeRefused:
                return False
            return True

    with ThreadPoolExecutor(5) as threads:
        assert sum(threads.map(redeem, range(5))) == 1


@pytest.mark.parametrize(("after", "works"), [(LIFETIME - timedelta(seconds=1), True), (LIFETIME, False)])
def test_a_code_works_for_ten_minutes(conn: Conn, after: timedelta, *, works: bool) -> None:
    user_id = a_user(conn, phone=PHONE)
    challenge = ask(conn)
    if works:
        assert answer(conn, challenge, after=after) == user_id
    else:
        with pytest.raises(CodeRefused):
            answer(conn, challenge, after=after)


def test_a_new_challenge_ends_the_old_one(conn: Conn) -> None:
    user_id = a_user(conn, phone=PHONE)
    old = ask(conn)
    new = ask(conn, code="222222")
    with pytest.raises(CodeRefused):
        answer(conn, old)
    assert answer(conn, new, "222222") == user_id


def test_a_code_answers_no_other_challenge(conn: Conn) -> None:
    a_user(conn, phone=PHONE)
    a_user(conn, phone="+390633334444")
    ask(conn)
    other = ask(conn, "+390633334444", code="999999")
    with pytest.raises(CodeRefused):
        answer(conn, other)


def test_one_user_by_either_channel(conn: Conn) -> None:
    user_id = a_user(conn, phone=PHONE, email=EMAIL)
    assert answer(conn, ask(conn, PHONE)) == user_id
    assert answer(conn, ask(conn, EMAIL)) == user_id
    rows = conn.execute("SELECT kind, message ->> 'to' FROM outbox ORDER BY id").fetchall()
    assert rows == [("otp_sms", PHONE), ("otp_email", EMAIL)]


def test_a_challenge_by_mail_ends_the_one_by_text(conn: Conn) -> None:
    a_user(conn, phone=PHONE, email=EMAIL)
    by_text = ask(conn, PHONE)
    ask(conn, EMAIL, "222222")
    with pytest.raises(CodeRefused):
        answer(conn, by_text)


def test_users_without_a_phone_or_a_mail_address_are_not_mixed_up(conn: Conn) -> None:
    """NULL is nobody's address: asking by one channel finds nobody who merely lacks the other."""
    a_user(conn, phone=PHONE)
    by_mail = a_user(conn, email=EMAIL, phone=None)
    assert answer(conn, ask(conn, EMAIL)) == by_mail
    assert conn.execute("SELECT count(*) FROM outbox").fetchone() == (1,)


@pytest.mark.parametrize("nobodys", ["+390699999999", "nobody@example.com"])
def test_an_unknown_address_gets_a_challenge_that_nothing_answers(conn: Conn, nobodys: str) -> None:
    challenge = ask(conn, nobodys)
    assert conn.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
    with pytest.raises(CodeRefused):
        answer(conn, challenge)


def test_a_disabled_user_gets_no_message_and_no_token(conn: Conn) -> None:
    a_user(conn, phone=PHONE)
    early = ask(conn)
    conn.execute("UPDATE users SET active = false")
    with pytest.raises(CodeRefused):
        answer(conn, early)
    ask(conn)
    assert conn.execute("SELECT count(*) FROM outbox").fetchone() == (1,), "only the early one"


def test_the_database_does_not_hold_the_code_with_its_challenge(conn: Conn) -> None:
    a_user(conn, phone=PHONE)
    ask(conn)
    row = conn.execute("SELECT otp_challenges::text FROM otp_challenges").fetchone()
    assert row is not None
    assert "123456" not in row[0]


def test_the_user_comes_with_their_stores(conn: Conn) -> None:
    a_store(conn, "S1")
    a_user(conn, Role.STORE_USER, phone=PHONE, store_id="S1")
    challenge = ask(conn)
    user = otp.redeem(conn, NOW, challenge_id=challenge, code="123456", pepper=PEPPER)
    assert (user.role, user.store_ids, user.phone) == (Role.STORE_USER, ("S1",), PHONE)
