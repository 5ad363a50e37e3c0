"""One-time passwords: who gets one, who can answer it, how often, and what is kept of it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from shared.actions import otp
from shared.actions.otp import Out, Secret
from shared.domain import otp as domain
from shared.domain.otp import (
    ATTEMPTS,
    LIFETIME,
    Caps,
    Channel,
    CodeRefused,
    OtpTooMany,
    OtpTooSoon,
    Purpose,
    Wish,
)
from shared.domain.users import Role
from tests.rows import Conn, a_store, a_user

PEPPER = "pepper"
PHONE, OTHER = "+390611112222", "+390633334444"
EMAIL = "ada@example.com"
CONNECTIONS = 64
CAPS = Caps(
    cooldown=timedelta(),
    recipient_hour=1000,
    recipient_day=1000,
    address_hour=1000,
    caller_hour=1000,
    guesses_day=1000,
    messages_day=1000,
)


@dataclass(slots=True)
class Post:
    """The messages that were let out, in the clear."""

    sent: list[tuple[str, str]]

    def seal(self, _message_id: UUID, content: dict[str, str]) -> bytes:
        self.sent.append((content["to"], content["code"]))
        return b"sealed"


@pytest.fixture
def post() -> Post:
    return Post([])


@pytest.fixture
def now(conn: Conn) -> datetime:
    """The database's time: what a challenge is let out by."""
    return conn.execute("SELECT now()").fetchall()[0][0]


@dataclass(frozen=True, slots=True)
class Desk:
    """Asks, lets out and answers, on one connection and by one clock."""

    conn: Conn
    now: datetime
    post: Post

    def ask(
        self,
        to: str = PHONE,
        code: str = "123456",
        *,
        caps: Caps = CAPS,
        after: timedelta = timedelta(),
        **wish: Any,
    ) -> UUID:
        """Ask for a code; its messages stay where they are."""
        return self.secret(to, code, caps=caps, after=after, **wish).challenge_id

    def secret(
        self,
        to: str,
        code: str,
        *,
        caps: Caps = CAPS,
        after: timedelta = timedelta(),
        purpose: Purpose = Purpose.SIGN_IN,
        address: str | None = None,
        asked_by: UUID | None = None,
    ) -> Secret:
        secret = Secret(uuid4(), purpose, Channel.EMAIL if "@" in to else Channel.SMS, to, code, asked_by)
        recipient = domain.address_digest(to, PEPPER)
        source = address if asked_by is None else str(asked_by)
        with self.conn.transaction():
            otp.request(
                self.conn,
                self.now + after,
                Wish(
                    secret.challenge_id,
                    purpose,
                    recipient,
                    None if source is None else domain.address_digest(source, PEPPER),
                    asked_by,
                ),
                digest=domain.digest(code, secret.challenge_id, purpose, recipient, PEPPER),
                sealed=b"sealed",
                message_id=secret.challenge_id,
                caps=caps,
            )
        return secret

    def let_out(
        self, secret: Secret, *, caps: Caps = CAPS, stopped: bool = False, allowed: bool = True
    ) -> int:
        out = Out(PEPPER, caps, stopped, lambda _: allowed, self.post.seal)
        with self.conn.transaction():
            return otp.let_out(self.conn, secret.challenge_id, secret, out)

    def send(self, to: str = PHONE, code: str = "123456", *, caps: Caps = CAPS, **wish: Any) -> UUID:
        """Ask for a code and let it out."""
        secret = self.secret(to, code, caps=caps, **wish)
        self.let_out(secret, caps=caps)
        return secret.challenge_id

    def answer(
        self,
        challenge: UUID,
        code: str = "123456",
        *,
        after: timedelta = timedelta(),
        caps: Caps = CAPS,
        on: Conn | None = None,
    ) -> UUID:
        return otp.redeem(
            on or self.conn, self.now + after, challenge_id=challenge, code=code, pepper=PEPPER, caps=caps
        ).id

    def attempts(self) -> list[int]:
        rows = self.conn.execute("SELECT attempts FROM otp_challenges ORDER BY created_at, id").fetchall()
        return [attempts for (attempts,) in rows]


@pytest.fixture
def desk(conn: Conn, now: datetime, post: Post) -> Desk:
    return Desk(conn, now, post)


def in_parallel(database_url: str, count: int, what: Any) -> list[bool]:
    """Whether each of `count` calls of `what` on a connection of its own was not refused."""

    def one(number: int) -> bool:
        with psycopg.connect(database_url, autocommit=True) as own:
            try:
                what(number, own)
            except CodeRefused:
                return False
            return True

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(one, range(count)))


# Who gets one ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [PHONE, EMAIL])
def test_a_code_goes_to_both_addresses_of_its_user(desk: Desk, conn: Conn, asked: str) -> None:
    user_id = a_user(conn, phone=PHONE, email=EMAIL)
    challenge = desk.send(asked)
    assert desk.post.sent == [(PHONE, "123456"), (EMAIL, "123456")]
    assert desk.answer(challenge) == user_id


def test_a_user_of_one_address_gets_one_message(desk: Desk, conn: Conn) -> None:
    """NULL is nobody's address: asking by one channel finds nobody who merely lacks the other."""
    a_user(conn, phone=PHONE)
    by_mail = a_user(conn, email=EMAIL, phone=None)
    assert desk.answer(desk.send(EMAIL)) == by_mail
    assert desk.post.sent == [(EMAIL, "123456")]


@pytest.mark.parametrize("nobodys", ["+390699999999", "nobody@example.com"])
def test_an_unknown_address_gets_a_challenge_that_nothing_answers(desk: Desk, nobodys: str) -> None:
    challenge = desk.send(nobodys)
    assert desk.post.sent == []
    with pytest.raises(CodeRefused):
        desk.answer(challenge)


def test_known_and_unknown_addresses_leave_the_same_rows(desk: Desk, conn: Conn) -> None:
    """Until the sender looks, which nobody can time."""
    a_user(conn, phone=PHONE)
    rows: list[Any] = []
    for to in (PHONE, OTHER):
        desk.ask(to)
        rows.append(
            conn.execute(
                """
                SELECT (SELECT array_agg(user_id) FROM otp_challenges),
                       (SELECT array_agg(DISTINCT kind) FROM outbox),
                       (SELECT count(*) FROM outbox) = (SELECT count(*) FROM otp_challenges)
                """
            ).fetchall()[0]
        )
    assert rows == [([None], ["otp_wish"], True), ([None, None], ["otp_wish"], True)]


def test_a_disabled_user_gets_no_message_and_no_token(desk: Desk, conn: Conn) -> None:
    a_user(conn, phone=PHONE)
    early = desk.send()
    conn.execute("UPDATE users SET active = false")
    with pytest.raises(CodeRefused):
        desk.answer(early)
    desk.send()
    assert len(desk.post.sent) == 1, "only the early one"


def test_texts_go_only_where_they_are_allowed(desk: Desk, conn: Conn) -> None:
    a_user(conn, phone=PHONE, email=EMAIL)
    desk.let_out(desk.secret(EMAIL, "123456"), allowed=False)
    assert desk.post.sent == [(EMAIL, "123456")]


def test_a_customer_of_a_redemption_need_be_no_user(desk: Desk, conn: Conn) -> None:
    seller = a_user(conn)
    desk.send(PHONE, purpose=Purpose.REDEMPTION, asked_by=seller)
    assert desk.post.sent == [(PHONE, "123456")]


def test_a_step_up_goes_to_nobody_but_who_asks(desk: Desk, conn: Conn) -> None:
    me, _other = a_user(conn, phone=PHONE), a_user(conn, phone=OTHER)
    desk.send(OTHER, purpose=Purpose.STEP_UP, asked_by=me)
    assert desk.post.sent == []
    desk.send(PHONE, purpose=Purpose.STEP_UP, asked_by=me)
    assert desk.post.sent == [(PHONE, "123456")]


def test_the_kill_switch_holds_back_what_was_asked_for_before(desk: Desk, conn: Conn) -> None:
    a_user(conn, phone=PHONE)
    assert desk.let_out(desk.secret(PHONE, "123456"), stopped=True) == 0
    assert desk.post.sent == []


def test_a_wish_is_let_out_once(desk: Desk, conn: Conn) -> None:
    """A sender that died after it had written the messages left nothing to be let out again."""
    a_user(conn, phone=PHONE)
    secret = desk.secret(PHONE, "123456")
    desk.let_out(secret)
    assert conn.execute("SELECT kind, sealed IS NULL FROM outbox WHERE sent_at IS NOT NULL").fetchall() == [
        ("otp_wish", True)
    ]
    assert conn.execute("SELECT count(*) FROM outbox WHERE kind = 'otp_sms'").fetchone() == (1,)


# Who can answer it -----------------------------------------------------------------------------------


def test_a_wrong_code_is_refused_and_counted(desk: Desk, conn: Conn) -> None:
    a_user(conn, phone=PHONE)
    challenge = desk.send()
    with pytest.raises(CodeRefused):
        desk.answer(challenge, "654321")
    assert desk.attempts() == [1]


def test_after_five_wrong_codes_the_right_one_is_refused(desk: Desk, conn: Conn) -> None:
    a_user(conn, phone=PHONE)
    challenge = desk.send()
    for number in range(ATTEMPTS):
        with pytest.raises(CodeRefused):
            desk.answer(challenge, f"00000{number}")
    with pytest.raises(CodeRefused):
        desk.answer(challenge)


def test_parallel_guesses_get_no_sixth_attempt(
    desk: Desk, conn: Conn, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """64 connections, one challenge, none of them right: five codes are compared, no more."""
    a_user(conn, phone=PHONE)
    challenge = desk.send(code="999999")
    compared: list[object] = []
    answers = domain.answers
    monkeypatch.setattr(
        domain,
        "answers",
        lambda attempt, code, pepper: (
            compared.append(attempt) if attempt else None,
            answers(attempt, code, pepper),
        )[1],
    )
    right = in_parallel(
        database_url, CONNECTIONS, lambda number, own: desk.answer(challenge, f"{number:06}", on=own)
    )
    assert not any(right)
    assert len(compared) == ATTEMPTS
    assert desk.attempts() == [ATTEMPTS]


def test_a_code_works_once_even_in_parallel(desk: Desk, conn: Conn, database_url: str) -> None:
    a_user(conn, phone=PHONE)
    challenge = desk.send()
    assert sum(in_parallel(database_url, CONNECTIONS, lambda _, own: desk.answer(challenge, on=own))) == 1


def test_a_code_that_was_used_is_refused(desk: Desk, conn: Conn) -> None:
    a_user(conn, phone=PHONE)
    challenge = desk.send()
    desk.answer(challenge)
    with pytest.raises(CodeRefused):
        desk.answer(challenge)


@pytest.mark.parametrize(("after", "works"), [(LIFETIME - timedelta(seconds=1), True), (LIFETIME, False)])
def test_a_code_works_for_ten_minutes(desk: Desk, conn: Conn, after: timedelta, *, works: bool) -> None:
    user_id = a_user(conn, phone=PHONE)
    challenge = desk.send()
    if works:
        assert desk.answer(challenge, after=after) == user_id
    else:
        with pytest.raises(CodeRefused):
            desk.answer(challenge, after=after)


@pytest.mark.parametrize(("first", "second"), [(PHONE, PHONE), (PHONE, EMAIL), (EMAIL, PHONE)])
def test_a_new_code_ends_the_old_one(desk: Desk, conn: Conn, first: str, second: str) -> None:
    user_id = a_user(conn, phone=PHONE, email=EMAIL)
    old = desk.send(first)
    new = desk.send(second, "222222")
    with pytest.raises(CodeRefused):
        desk.answer(old)
    assert desk.answer(new, "222222") == user_id


def test_an_old_code_does_not_answer_the_new_challenge(desk: Desk, conn: Conn) -> None:
    a_user(conn, phone=PHONE)
    desk.send()
    new = desk.send(PHONE, "222222")
    with pytest.raises(CodeRefused):
        desk.answer(new, "123456")


def test_a_code_answers_no_other_users_challenge(desk: Desk, conn: Conn) -> None:
    a_user(conn, phone=PHONE)
    a_user(conn, phone=OTHER)
    desk.send()
    other = desk.send(OTHER, "999999")
    with pytest.raises(CodeRefused):
        desk.answer(other)


@pytest.mark.parametrize("purpose", [Purpose.REDEMPTION, Purpose.STEP_UP])
def test_a_code_of_another_purpose_signs_nobody_in(desk: Desk, conn: Conn, purpose: Purpose) -> None:
    me = a_user(conn, phone=PHONE)
    challenge = desk.send(purpose=purpose, asked_by=me)
    with pytest.raises(CodeRefused):
        desk.answer(challenge)
    assert desk.attempts() == [0], "nor can its attempts be spent this way"


def test_a_digest_moved_to_another_challenge_or_address_is_of_no_use(desk: Desk, conn: Conn) -> None:
    """Whoever can write to the database cannot make a challenge of their own answer for somebody else."""
    a_user(conn, phone=PHONE)
    victim = a_user(conn, phone=OTHER)
    mine = desk.send()
    theirs = desk.send(OTHER, "999999")
    conn.execute(
        """
        UPDATE otp_challenges AS t
           SET digest = m.digest
          FROM otp_challenges AS m
         WHERE t.id = %s AND m.id = %s
        """,
        [theirs, mine],
    )
    with pytest.raises(CodeRefused):
        desk.answer(theirs)
    conn.execute(
        "UPDATE otp_challenges SET recipient = %s, user_id = %s WHERE id = %s",
        [domain.address_digest(OTHER, PEPPER), victim, mine],
    )
    with pytest.raises(CodeRefused):
        desk.answer(mine)


def test_a_digest_moved_to_a_newer_challenge_of_the_same_address_is_of_no_use(desk: Desk, conn: Conn) -> None:
    a_user(conn, phone=PHONE)
    old, new = desk.send(), desk.send(PHONE, "222222")
    conn.execute(
        """
        UPDATE otp_challenges
           SET digest = (SELECT digest FROM otp_challenges WHERE id = %s)
         WHERE id = %s
        """,
        [old, new],
    )
    with pytest.raises(CodeRefused):
        desk.answer(new)


def test_only_who_asked_steps_up(desk: Desk, conn: Conn) -> None:
    me, other = a_user(conn, phone=PHONE), a_user(conn, phone=OTHER)
    challenge = desk.send(purpose=Purpose.STEP_UP, asked_by=me)

    def step_up(user_id: UUID) -> None:
        otp.step_up(
            conn,
            desk.now,
            challenge_id=challenge,
            code="123456",
            pepper=PEPPER,
            caps=CAPS,
            user_id=user_id,
        )

    with pytest.raises(CodeRefused):
        step_up(other)
    step_up(me)
    with pytest.raises(CodeRefused):
        step_up(me)


def test_a_redemption_says_whose_code_it_was_and_is_used_with_the_sale(desk: Desk, conn: Conn) -> None:
    seller = a_user(conn)
    challenge = desk.send(purpose=Purpose.REDEMPTION, asked_by=seller)

    def check() -> otp.Verified:
        return otp.check(
            conn,
            desk.now,
            challenge_id=challenge,
            code="123456",
            purpose=Purpose.REDEMPTION,
            pepper=PEPPER,
            caps=CAPS,
        )

    verified = check()
    assert verified.recipient == domain.address_digest(PHONE, PEPPER)
    assert verified.asked_by == seller

    class SaleRefused(Exception):
        pass

    def sell() -> None:
        with conn.transaction():
            otp.use(conn, desk.now, verified)
            raise SaleRefused

    with pytest.raises(SaleRefused):
        sell()
    otp.use(conn, desk.now, check())
    with pytest.raises(CodeRefused):
        otp.use(conn, desk.now, verified)
    with pytest.raises(CodeRefused):
        check()


def test_the_user_comes_with_their_stores(desk: Desk, conn: Conn) -> None:
    a_store(conn, "S1")
    a_user(conn, Role.STORE_USER, phone=PHONE, store_id="S1")
    user = otp.redeem(conn, desk.now, challenge_id=desk.send(), code="123456", pepper=PEPPER, caps=CAPS)
    assert (user.role, user.store_ids, user.phone) == (Role.STORE_USER, ("S1",), PHONE)


def test_the_database_holds_neither_code_nor_address(desk: Desk, conn: Conn) -> None:
    a_user(conn, phone=PHONE)
    desk.send()
    for table in ("otp_challenges", "outbox"):
        rows = str(conn.execute(f"SELECT {table}::text FROM {table}").fetchall())  # type: ignore[arg-type]
        for secret in ("123456", "11112222"):
            assert secret not in rows
            assert secret.encode().hex() not in rows


# How often -------------------------------------------------------------------------------------------


def test_the_cooldown_doubles(desk: Desk, conn: Conn) -> None:
    a_user(conn, phone=PHONE)
    caps = replace(CAPS, cooldown=timedelta(seconds=30))
    passed = timedelta()
    for seconds in (30, 60, 120, 240):
        desk.ask(caps=caps, after=passed)
        early = passed + timedelta(seconds=seconds - 1)
        with pytest.raises(OtpTooSoon) as refusal:
            desk.ask(caps=caps, after=early)
        assert refusal.value.retry_after_s == 1
        passed += timedelta(seconds=seconds)
    desk.ask(caps=caps, after=passed)


def test_a_challenge_says_when_the_next_may_be_asked_for(desk: Desk) -> None:
    caps = replace(CAPS, cooldown=timedelta(seconds=30))
    recipient = domain.address_digest(PHONE, PEPPER)
    for number, seconds in enumerate((30, 60)):
        now = desk.now + timedelta(minutes=number)
        with desk.conn.transaction():
            challenge = otp.request(
                desk.conn,
                now,
                Wish(uuid4(), Purpose.SIGN_IN, recipient, None, None),
                digest=b"",
                sealed=b"",
                message_id=uuid4(),
                caps=caps,
            )
        assert challenge.resend_after == now + timedelta(seconds=seconds)
        assert challenge.expires_at == now + LIFETIME


@pytest.mark.parametrize("to", [PHONE, "+390699999999"], ids=["known", "unknown"])
def test_so_many_for_a_recipient_an_hour_and_a_day(desk: Desk, conn: Conn, to: str) -> None:
    a_user(conn, phone=PHONE)
    caps = replace(CAPS, recipient_hour=3, recipient_day=5)
    for minute in range(3):
        desk.ask(to, caps=caps, after=timedelta(minutes=minute))
    with pytest.raises(OtpTooMany) as refusal:
        desk.ask(to, caps=caps, after=timedelta(minutes=59))
    assert refusal.value.retry_after_s == 60
    for minute in (60, 61):
        desk.ask(to, caps=caps, after=timedelta(minutes=minute))
    with pytest.raises(OtpTooMany) as refusal:
        desk.ask(to, caps=caps, after=timedelta(hours=23))
    assert refusal.value.retry_after_s == 3600
    desk.ask(to, caps=caps, after=timedelta(hours=24))


def test_so_many_from_an_address_an_hour(desk: Desk) -> None:
    caps = replace(CAPS, address_hour=3)
    for number in range(3):
        desk.ask(f"+3906111100{number}0", caps=caps, address="203.0.113.7")
    with pytest.raises(OtpTooMany):
        desk.ask("+390611119999", caps=caps, address="203.0.113.7")
    desk.ask("+390611119999", caps=caps, address="203.0.113.8")


def test_tills_are_counted_by_seller_not_by_the_shops_address(desk: Desk, conn: Conn) -> None:
    one, other = a_user(conn), a_user(conn)
    caps = replace(CAPS, address_hour=1, caller_hour=2)
    for number in range(2):
        to = f"+3906111100{number}0"
        desk.ask(to, caps=caps, purpose=Purpose.REDEMPTION, asked_by=one)
    with pytest.raises(OtpTooMany):
        desk.ask(PHONE, caps=caps, purpose=Purpose.REDEMPTION, asked_by=one)
    desk.ask(PHONE, caps=caps, purpose=Purpose.REDEMPTION, asked_by=other)


def test_the_caps_hold_in_parallel(desk: Desk, database_url: str) -> None:
    caps = replace(CAPS, recipient_hour=5)

    def ask(_: int) -> bool:
        with psycopg.connect(database_url, autocommit=True) as own:
            try:
                replace(desk, conn=own).ask(caps=caps)
            except OtpTooMany:
                return False
            return True

    with ThreadPoolExecutor(32) as threads:
        assert sum(threads.map(ask, range(32))) == 5


def test_asking_by_the_other_address_gets_no_more_messages(desk: Desk, conn: Conn) -> None:
    a_user(conn, phone=PHONE, email=EMAIL)
    caps = replace(CAPS, recipient_hour=3)
    for _ in range(3):
        desk.send(PHONE, caps=caps)
        desk.send(EMAIL, caps=caps)
    assert [to for to, _ in desk.post.sent].count(PHONE) == 3


def test_guesses_spread_over_resends_and_addresses_are_capped(desk: Desk, conn: Conn) -> None:
    """Each resend and each network address would give five more guesses; the recipient's day is over."""
    a_user(conn, phone=PHONE)
    caps = replace(CAPS, guesses_day=12)
    for resend in range(6):
        challenge = desk.send(caps=caps, address=f"203.0.113.{resend}")
        for guess in range(ATTEMPTS):
            with pytest.raises(CodeRefused):
                desk.answer(challenge, f"00000{guess}", caps=caps)
    assert sum(desk.attempts()) == 12
    with pytest.raises(CodeRefused):
        desk.answer(challenge, caps=caps)


def test_the_deployments_day_is_capped_and_says_so(
    desk: Desk, conn: Conn, caplog: pytest.LogCaptureFixture
) -> None:
    caps = replace(CAPS, messages_day=3)
    for number in range(4):
        phone, email = f"+3906111100{number}0", f"{number}@example.com"
        a_user(conn, phone=phone, email=email)
        desk.send(phone, caps=caps)
    assert len(desk.post.sent) >= 3, "they were sealed before they were counted"
    assert conn.execute("SELECT count(*) FROM outbox WHERE kind <> 'otp_wish'").fetchone() == (2,)
    assert conn.execute("SELECT messages FROM otp_days").fetchone() == (2,), "two fit, four would not"
    assert {record.__dict__.get("alert") for record in caplog.records if record.levelname == "ERROR"} == {
        "otp_messages_capped"
    }


def test_what_was_sent_and_verified_is_counted(
    desk: Desk, conn: Conn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    a_user(conn, phone=PHONE, email=EMAIL)
    challenge = desk.send()
    with pytest.raises(CodeRefused):
        desk.answer(challenge, "000000")
    desk.answer(challenge)
    counted = [record.__dict__["metric"] for record in caplog.records if "metric" in record.__dict__]
    assert counted == ["otp_let_out", "otp_let_out", "otp_refused", "otp_verified"]
    for secret in (PHONE, PHONE[1:], EMAIL, "123456"):
        assert secret not in caplog.text
