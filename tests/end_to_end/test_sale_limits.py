"""Sales under limits over HTTP: customers, codes, voids and replay, and a host that dies in the middle."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from tests.end_to_end.conftest import Shop
from tests.end_to_end.driving import basket, lumen_ten

ONE = "DEMO-LENS-A"
PHONE = "+390698765432"


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


def publish(shop: Shop, **changes: Any) -> str:
    draft = shop.admin.post("promotions", json=lumen_ten() | changes).raise_for_status().json()
    shop.publish(draft["id"])
    return draft["id"]


@pytest.fixture
def limited(shop: Shop) -> Iterator[str]:
    """10 % off Lumen for those who present SPRING, three times in all; for one test alone."""
    when = {"fact": "code", "op": "eq", "value": "SPRING"}
    promotion_id = publish(shop, rule=lumen_ten()["rule"] | {"if": when}, limits=[{"redemptions": 3}])
    yield promotion_id
    shop.admin.post(f"promotions/{promotion_id}/archive").raise_for_status()


def outcome(quote: dict[str, Any], promotion_id: str) -> dict[str, Any]:
    return next(each for each in quote["promotions"] if each["promotion_id"] == promotion_id)


def sell(shop: Shop, *skus: str, **changes: Any) -> dict[str, Any]:
    answer = shop.seller.post("transactions", json=basket(*skus, **changes), headers=key())
    return answer.raise_for_status().json()


def test_a_code_in_any_case_up_to_the_limit_and_again_after_a_void(shop: Shop, limited: str) -> None:
    assert outcome(sell(shop, ONE), limited)["outcome"] == "not_met"
    sales = [sell(shop, ONE, codes=[" spring "]) for _ in range(3)]
    assert {outcome(sale, limited)["outcome"] for sale in sales} == {"applied"}
    told = outcome(sell(shop, ONE, codes=["SPRING"]), limited)
    assert (told["outcome"], told["detail"]["limit"]) == ("limit_reached", "redemptions")

    sale_id = sales[0]["transaction"]["id"]
    headers, reason = key(), {"reason": "Wrong lens"}
    void = shop.seller.post(f"transactions/{sale_id}/void", json=reason, headers=headers)
    assert (void.status_code, void.json()["kind"], void.json()["original_id"]) == (201, "void", sale_id)
    again = shop.seller.post(f"transactions/{sale_id}/void", json=reason, headers=headers)
    assert (again.headers["idempotent-replayed"], again.json()) == ("true", void.json())
    other = shop.seller.post(f"transactions/{sale_id}/void", json=reason, headers=key())
    assert (other.status_code, other.json()["code"]) == (409, "already_voided")
    assert shop.seller.post(f"transactions/{sale_id}/void", json=reason).json()["code"] == (
        "idempotency_key_missing"
    )
    assert outcome(sell(shop, ONE, codes=["Spring"]), limited)["outcome"] == "applied"
    assert shop.seller.get(f"transactions/{sale_id}").json()["voided_by"] == void.json()["id"]
    listed = shop.seller.get("transactions").json()["items"]
    assert {(each["kind"], each["original_id"]) for each in listed} >= {("void", sale_id), ("sale", None)}


def test_64_tills_on_the_last_of_a_limit(shop: Shop, limited: str) -> None:
    with ThreadPoolExecutor(64) as threads:
        sales = list(threads.map(lambda _: sell(shop, ONE, codes=["SPRING"]), range(64)))
    outcomes = Counter(outcome(sale, limited)["outcome"] for sale in sales)
    assert outcomes == {"applied": 3, "limit_reached": 61}


def test_a_customer_by_phone_who_is_nowhere_to_be_read(shop: Shop) -> None:
    promotion_id = publish(shop, limits=[{"redemptions": 1, "per": "customer"}])
    who = {"customer": {"phone": PHONE}}
    assert outcome(sell(shop, ONE, **who), promotion_id)["outcome"] == "applied"
    assert outcome(sell(shop, ONE, **who), promotion_id)["outcome"] == "limit_reached"
    other = {"customer": {"phone": "+390698765433"}}
    assert outcome(sell(shop, ONE, **other), promotion_id)["outcome"] == "applied"
    with psycopg.connect(shop.database_url) as conn:
        tables = conn.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
        ).fetchall()
        for (table,) in tables:
            found = conn.execute(
                f"SELECT count(*) FROM {table} AS row WHERE row::text LIKE %s",  # type: ignore[arg-type]
                [f"%{PHONE[1:]}%"],
            ).fetchone()
            assert found == (0,), table
    assert PHONE[1:] not in shop.host.log()
    shop.admin.post(f"promotions/{promotion_id}/archive").raise_for_status()


@pytest.mark.parametrize(
    ("customer", "status", "code", "pointer"),
    [
        ({"id": "01890000-0000-7000-8000-000000000000"}, 422, "unknown_customer", "/customer/id"),
        ({"phone": "0612345678"}, 422, "invalid", "/customer/phone"),
        ({"phone": PHONE, "id": "01890000-0000-7000-8000-000000000000"}, 422, "invalid", "/customer"),
        ({"name": "Rossi"}, 422, "unknown_field", "/customer/name"),
    ],
    ids=["unknown", "not a number", "both", "another field"],
)
def test_a_customer_who_cannot_be_meant(
    shop: Shop, customer: dict[str, str], status: int, code: str, pointer: str
) -> None:
    answer = shop.seller.post("promotions/evaluate", json=basket(ONE, customer=customer))
    assert answer.status_code == status
    assert [(each["code"], each["pointer"]) for each in answer.json()["errors"]] == [(code, pointer)]
    assert PHONE not in answer.text


def test_near_misses_on_request(shop: Shop) -> None:
    where = {"fact": "product.sku", "op": "eq", "value": ONE}
    rule = {
        "schema": 1,
        "if": {"sum_quantity": "lines", "where": where, "op": "ge", "value": 3},
        "then": [{"kind": "percent_off", "percent": "50", "target": where}],
    }
    promotion_id = publish(shop, rule=rule)
    two = basket(ONE) | {"lines": [{"sku": ONE, "quantity": 2}]}
    assert shop.seller.post("promotions/evaluate", json=two).json()["near_misses"] == []
    asked = shop.seller.post("promotions/evaluate", json=two | {"near_misses": True}).json()
    miss = next(each for each in asked["near_misses"] if each["promotion_id"] == promotion_id)
    three = shop.seller.post(
        "promotions/evaluate", json=two | {"lines": [{"sku": ONE, "quantity": 3}]}
    ).json()
    assert (miss["sku"], miss["units"], miss["discount"]) == (ONE, 1, three["discount"])
    shop.admin.post(f"promotions/{promotion_id}/archive").raise_for_status()


def test_a_sale_replays(shop: Shop, limited: str) -> None:
    sale = sell(shop, ONE, "DEMO-LENS-B", codes=["SPRING"], customer={"attributes": {"tier": "gold"}})
    again = shop.seller.get(f"transactions/{sale['transaction']['id']}/replay").raise_for_status().json()
    assert (again["equal"], again["differences"]) == (True, [])
    assert again["quote"] == sale | {"transaction": None}
    assert outcome(again["quote"], limited)["outcome"] == "applied"


@pytest.mark.parametrize("kills", [1, pytest.param(10, marks=pytest.mark.soak)], ids=["once", "ten times"])
def test_a_host_killed_amid_confirms_leaves_sales_and_usage_in_step(shop: Shop, kills: int) -> None:
    """Tills ask until they are answered, with their keys; the host is killed meanwhile."""
    cap, each_sells = 25 * kills, 5 * kills
    limits = [{"redemptions": cap}, {"budget": "10000.00", "currency": "EUR"}]
    promotion_id = publish(shop, limits=limits)
    headers, ended = dict(shop.seller.headers), Event()

    def till(_: int) -> list[str]:
        told = []
        while len(told) < each_sells:
            one, answer = key(), None
            while answer is None or answer.status_code >= 500 or answer.status_code == 409:
                if ended.is_set():
                    return told
                try:
                    answer = httpx.post(
                        f"{shop.host.url}/api/v1/transactions",
                        json=basket(ONE),
                        headers=headers | one,
                        timeout=30,
                    )
                except httpx.TransportError:
                    ended.wait(0.05)
            assert answer.status_code == 201
            told.append(outcome(answer.json(), promotion_id)["outcome"])
        return told

    with ThreadPoolExecutor(8) as threads, psycopg.connect(shop.database_url, autocommit=True) as conn:
        try:
            tills = [threads.submit(till, number) for number in range(8)]
            for number in range(kills):
                _wait_for_sales(conn, promotion_id, 25 * number + 10)
                shop.host.kill()
                shop.host.restart()
            outcomes = Counter(each for one in tills for each in one.result(timeout=120))
        finally:
            ended.set()
        assert outcomes == {"applied": cap, "limit_reached": 8 * each_sells - cap}
        assert conn.execute(
            """
            SELECT (SELECT count(*) FROM redemptions WHERE promotion_id = %(id)s),
                   (SELECT max(cap) - sum(room) FROM limit_counters
                     WHERE promotion_id = %(id)s AND name = 'redemptions'),
                   (SELECT sum(granted_minor) FROM redemptions WHERE promotion_id = %(id)s)
                   = (SELECT max(cap) - sum(room) FROM limit_counters
                       WHERE promotion_id = %(id)s AND name = 'budget')
            """,
            {"id": promotion_id},
        ).fetchone() == (cap, cap, True)
    shop.admin.post(f"promotions/{promotion_id}/archive").raise_for_status()


def _wait_for_sales(conn: psycopg.Connection, promotion_id: str, least: int) -> None:
    while True:
        row = conn.execute(
            "SELECT count(*) FROM redemptions WHERE promotion_id = %s", [promotion_id]
        ).fetchone()
        if row is not None and row[0] >= least:
            return
