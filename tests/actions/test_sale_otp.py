"""Sales that want the customer's code: recorded with it exactly once, and never without."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from uuid import UUID, uuid4

import pytest

from shared.actions import otp, transactions
from shared.domain import otp as domain
from shared.domain.baskets import SaleRequest
from shared.domain.customers import phone_hash
from shared.domain.otp import ATTEMPTS, LIFETIME, Caps, CodeRefused, Purpose, Verified, Wish
from shared.domain.quotes import Quote
from shared.domain.transactions import IdempotencyKeyReused, OtpRequired, QuoteChanged
from shared.domain.users import Caller
from shared.rows import json_text
from tests.actions.selling import (
    a_seller,
    at_once,
    buyer,
    count,
    publish,
    quote,
    request,
    sold,
    three_lenses,
)
from tests.rows import NOW, Conn, percent_off, random_key, tampering, terms

PEPPER = "pepper"
PHONE, OTHER = "+390611112222", "+390633334444"
CODE, WRONG = "123456", "654321"
CAPS = Caps(
    cooldown=timedelta(),
    recipient_hour=1000,
    recipient_day=1000,
    address_hour=1000,
    caller_hour=1000,
    guesses_day=1000,
    messages_day=1000,
)

type Verify = Callable[[Conn], Verified]


def digest_of(phone: str) -> bytes:
    return phone_hash(phone, PEPPER)


@pytest.fixture
def seller(conn: Conn) -> Caller:
    """A shop assistant of S1, where ten percent of three lenses want the customer's yes."""
    three_lenses(conn, "100.00")
    publish(conn, name="VIP", requires_otp=True)
    return a_seller(conn)


def ask(conn: Conn, phone: str = PHONE, code: str = CODE, *, purpose: Purpose = Purpose.REDEMPTION) -> UUID:
    """A challenge as the door makes it; its message stays where it is."""
    challenge_id, recipient = uuid4(), domain.address_digest(phone, PEPPER)
    known_by = digest_of(phone) if purpose is Purpose.REDEMPTION else None
    with conn.transaction():
        otp.request(
            conn,
            NOW,
            Wish(challenge_id, purpose, recipient, None, None, known_by),
            digest=domain.digest(code, challenge_id, purpose, recipient, PEPPER),
            sealed=b"sealed",
            message_id=challenge_id,
            caps=CAPS,
        )
    return challenge_id


def answer(challenge_id: UUID, code: str = CODE, *, after: timedelta = timedelta()) -> Verify:
    return partial(
        otp.check,
        now=NOW + after,
        challenge_id=challenge_id,
        code=code,
        purpose=Purpose.REDEMPTION,
        pepper=PEPPER,
        caps=CAPS,
    )


def basket(phone: str = PHONE, **changes: object) -> SaleRequest:
    return request(("A", 1), customer=buyer(phone_hash=digest_of(phone)), **changes)


def confirm(
    conn: Conn,
    seller: Caller,
    verify: Verify | None,
    sale: SaleRequest | None = None,
    *,
    key: str | None = None,
) -> tuple[Quote, bool]:
    return transactions.confirm(
        conn, NOW, request=sale or basket(), caller=seller, key=key or random_key(), verify=verify
    )


def attempts(conn: Conn, challenge_id: UUID) -> int:
    return conn.execute("SELECT attempts FROM otp_challenges WHERE id = %s", [challenge_id]).fetchall()[0][0]


def test_the_price_is_shown_with_it_and_says_so(conn: Conn, seller: Caller) -> None:
    shown = quote(conn, seller, request(("A", 1)))
    assert shown.discount == Decimal("10.00")
    assert [(each.name, each.requires_otp) for each in shown.promotions] == [("VIP", True)]


@pytest.mark.parametrize("sale", [basket(), request(("A", 1))], ids=["named", "nobody"])
def test_without_the_code_nothing_is_recorded(conn: Conn, seller: Caller, sale: SaleRequest) -> None:
    with pytest.raises(OtpRequired, match="VIP") as refused:
        confirm(conn, seller, None, sale)
    assert refused.value.pointer == "/otp_code"
    assert count(conn, "transactions") == 0


def test_a_code_is_wanted_only_where_such_a_promotion_applies(conn: Conn, seller: Caller) -> None:
    publish(conn, name="More", rule=percent_off("50"))
    sale, _ = confirm(conn, seller, None)
    assert {each.name: each.outcome.value for each in sale.promotions} == {
        "VIP": "beaten_by",
        "More": "applied",
    }


def test_with_the_code_the_sale_remembers_who_said_yes(conn: Conn, seller: Caller) -> None:
    challenge = ask(conn)
    sale, replayed = confirm(conn, seller, answer(challenge))
    assert (sale.discount, replayed) == (Decimal("10.00"), False)
    rows = conn.execute("SELECT otp_challenge_id, otp_verified_at FROM transactions").fetchall()
    assert rows == [(challenge, NOW)]
    assert conn.execute("SELECT used_at FROM otp_challenges").fetchall() == [(NOW,)]
    assert transactions.replay(conn, transaction_id=sold(sale), caller=seller).equal
    with conn.transaction():
        void, _ = transactions.void(
            conn, NOW, transaction_id=sold(sale), reason="Mistake", caller=seller, key=random_key()
        )
    assert (void.otp_challenge_id, void.otp_verified_at) == (None, None)


def test_a_known_customer_may_be_named_by_id(conn: Conn, seller: Caller) -> None:
    confirm(conn, seller, answer(ask(conn)))
    (customer_id,) = conn.execute("SELECT id FROM customers").fetchall()[0]
    by_id = request(("A", 1), customer=buyer(customer_id))
    with pytest.raises(CodeRefused):
        confirm(conn, seller, answer(ask(conn, OTHER)), by_id)
    with pytest.raises(CodeRefused):
        confirm(conn, seller, answer(ask(conn)), request(("A", 1), customer=buyer(uuid4())))
    confirm(conn, seller, answer(ask(conn)), by_id)
    assert count(conn, "transactions") == 2


# Attacks.


def test_a_code_of_another_customer(conn: Conn, seller: Caller) -> None:
    challenge = ask(conn, OTHER)
    with pytest.raises(CodeRefused):
        confirm(conn, seller, answer(challenge))
    with pytest.raises(CodeRefused):
        confirm(conn, seller, answer(challenge), request(("A", 1)))
    assert (attempts(conn, challenge), count(conn, "transactions")) == (2, 0)
    confirm(conn, seller, answer(challenge), basket(OTHER))


@pytest.mark.parametrize("purpose", [Purpose.SIGN_IN, Purpose.STEP_UP])
def test_a_code_of_another_purpose(conn: Conn, seller: Caller, purpose: Purpose) -> None:
    challenge = ask(conn, purpose=purpose)
    conn.execute("UPDATE otp_challenges SET phone_hash = %s", [digest_of(PHONE)])
    with pytest.raises(CodeRefused):
        confirm(conn, seller, answer(challenge))
    assert (attempts(conn, challenge), count(conn, "transactions")) == (0, 0)


def test_a_code_that_was_sent_to_an_address_that_is_no_phone(conn: Conn, seller: Caller) -> None:
    challenge = ask(conn)
    conn.execute("UPDATE otp_challenges SET phone_hash = NULL")
    with pytest.raises(CodeRefused):
        confirm(conn, seller, answer(challenge))


def test_a_code_that_is_too_old(conn: Conn, seller: Caller) -> None:
    challenge = ask(conn)
    with pytest.raises(CodeRefused):
        confirm(conn, seller, answer(challenge, after=LIFETIME))
    assert count(conn, "transactions") == 0
    confirm(conn, seller, answer(challenge, after=LIFETIME - timedelta(microseconds=1)))


def test_a_code_that_a_newer_one_took_the_place_of(conn: Conn, seller: Caller) -> None:
    old = ask(conn)
    ask(conn, code=WRONG)
    with pytest.raises(CodeRefused):
        confirm(conn, seller, answer(old))


def test_a_code_is_good_for_one_sale(conn: Conn, seller: Caller) -> None:
    challenge = ask(conn)
    confirm(conn, seller, answer(challenge))
    with pytest.raises(CodeRefused):
        confirm(conn, seller, answer(challenge))
    assert count(conn, "transactions") == 1


def test_wrong_codes_end_the_challenge(conn: Conn, seller: Caller) -> None:
    challenge = ask(conn)
    for _ in range(ATTEMPTS):
        with pytest.raises(CodeRefused):
            confirm(conn, seller, answer(challenge, WRONG))
    with pytest.raises(CodeRefused):
        confirm(conn, seller, answer(challenge))
    assert (attempts(conn, challenge), count(conn, "transactions")) == (ATTEMPTS, 0)


def test_an_attempt_counts_and_the_code_stays_when_the_sale_is_refused(conn: Conn, seller: Caller) -> None:
    challenge = ask(conn)
    with pytest.raises(QuoteChanged):
        confirm(conn, seller, answer(challenge), basket(expected_net=Decimal("1.00")))
    assert attempts(conn, challenge) == 1
    confirm(conn, seller, answer(challenge), basket(expected_net=Decimal("90.00")))
    assert attempts(conn, challenge) == 2


# Exactly once.


def test_of_many_sales_with_one_code_one_is_recorded(conn: Conn, seller: Caller, database_url: str) -> None:
    """Each was found right before any of them was recorded, as far as five attempts go."""
    challenge = ask(conn)

    def sell(own: Conn) -> bool:
        try:
            confirm(own, seller, answer(challenge))
        except CodeRefused:
            return False
        return True

    assert sum(at_once(database_url, [sell] * 16)) == 1
    assert count(conn, "transactions") == count(conn, "redemptions") == count(conn, "idempotency_keys") == 1


def test_who_is_second_to_use_the_code_leaves_nothing(conn: Conn, seller: Caller) -> None:
    challenge = ask(conn)
    seen = answer(challenge)(conn)
    confirm(conn, seller, answer(challenge))
    with pytest.raises(CodeRefused):
        confirm(conn, seller, lambda _: seen)
    assert count(conn, "transactions") == count(conn, "redemptions") == count(conn, "idempotency_keys") == 1


@pytest.mark.parametrize("again", ["same", "wrong", "none", "another", "expired"])
def test_a_retry_is_told_the_sale_without_a_code_of_its_own(conn: Conn, seller: Caller, again: str) -> None:
    challenge = ask(conn)
    key = random_key()
    first, _ = confirm(conn, seller, answer(challenge), key=key)
    verify = {
        "same": lambda: answer(challenge),
        "wrong": lambda: answer(challenge, WRONG),
        "none": lambda: None,
        "another": lambda: answer(ask(conn)),
        "expired": lambda: answer(challenge, after=LIFETIME),
    }[again]()
    second, replayed = confirm(conn, seller, verify, key=key)
    assert replayed
    assert json_text(Quote, second) == json_text(Quote, first)
    assert count(conn, "transactions") == 1
    unused = conn.execute("SELECT count(*) FROM otp_challenges WHERE used_at IS NULL").fetchone()
    assert unused == (1 if again == "another" else 0,)


def test_a_key_is_for_one_basket_whatever_the_code(conn: Conn, seller: Caller) -> None:
    key = random_key()
    confirm(conn, seller, answer(ask(conn)), key=key)
    with pytest.raises(IdempotencyKeyReused):
        confirm(conn, seller, answer(ask(conn), WRONG), basket(channel="web"), key=key)


def test_many_retries_at_once_are_told_one_sale(conn: Conn, seller: Caller, database_url: str) -> None:
    """As many as there are attempts: the next would hear of the sale once it is kept."""
    challenge, key = ask(conn), random_key()
    answers = at_once(database_url, [lambda own: confirm(own, seller, answer(challenge), key=key)] * ATTEMPTS)
    assert [replayed for _, replayed in answers].count(False) == 1
    assert len({json_text(Quote, told) for told, _ in answers}) == 1
    assert count(conn, "transactions") == 1


def test_nothing_that_is_kept_tells_the_code(conn: Conn, seller: Caller) -> None:
    sale = basket()
    confirm(conn, seller, answer(ask(conn)), sale)
    kept = conn.execute(
        """
        SELECT (SELECT string_agg(transactions::text, '') FROM transactions)
            || (SELECT string_agg(idempotency_keys::text, '') FROM idempotency_keys)
        """
    ).fetchall()[0][0]
    assert CODE not in kept
    assert PHONE[1:] not in kept
    assert sale.hash.hex() in kept


def test_a_quote_recorded_before_there_were_codes_replays_equal(conn: Conn) -> None:
    three_lenses(conn, "100.00")
    publish(conn)
    seller = a_seller(conn)
    sale, _ = confirm(conn, seller, None)
    with tampering(conn):
        conn.execute("""UPDATE transactions SET quote = replace(quote, ',"requires_otp":false', '')""")
    assert "requires_otp" not in str(conn.execute("SELECT quote FROM transactions").fetchall())
    assert transactions.replay(conn, transaction_id=sold(sale), caller=seller).equal


def test_terms_that_want_no_code_hash_as_before_there_were_any() -> None:
    before = "1da87caae77afefd4e9c44797386fcfcf568d0bb3a9190841df5867d1550d3f5"
    assert terms(requires_otp=False).hash == before
    assert terms(requires_otp=True).hash != before
