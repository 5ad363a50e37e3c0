"""Returns over HTTP: a retry is told the same bytes, and of two at once one comes first."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx

from tests.end_to_end.conftest import Shop
from tests.end_to_end.driving import basket

RETURN = {"confirm": True, "reason": "Scratched"}


def sell(shop: Shop, quantity: int) -> dict[str, Any]:
    body = basket("DEMO-LENS-A") | {"lines": [{"sku": "DEMO-LENS-A", "quantity": quantity}]}
    headers = {"Idempotency-Key": str(uuid4())}
    return shop.seller.post("transactions", json=body, headers=headers).raise_for_status().json()


def test_a_sale_comes_back_piece_by_piece_and_retries_are_told_the_same(shop: Shop) -> None:
    sale = sell(shop, 3)
    sale_id = sale["transaction"]["id"]
    asked: list[tuple[str, httpx.Response]] = []
    for _ in range(3):
        key = str(uuid4())
        one = RETURN | {"lines": [{"line": 0, "quantity": 1}]}
        answer = shop.seller.post(
            f"transactions/{sale_id}/returns", json=one, headers={"Idempotency-Key": key}
        )
        assert (answer.status_code, answer.json()["refund"]) == (201, sale["lines"][0]["unit_price"])
        asked.append((key, answer))
    for key, first in asked:
        again = shop.seller.post(
            f"transactions/{sale_id}/returns",
            json=RETURN | {"lines": [{"line": 0, "quantity": 1}]},
            headers={"Idempotency-Key": key},
        )
        assert (again.status_code, again.headers["idempotent-replayed"]) == (201, "true")
        assert again.content == first.content
        other = shop.seller.post(
            f"transactions/{sale_id}/returns", json=RETURN, headers={"Idempotency-Key": key}
        )
        assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    listed = shop.seller.get(f"transactions/{sale_id}/returns").raise_for_status().json()
    assert listed == {"items": [each.json() for _, each in asked], "returnable": []}
    assert shop.seller.get(f"transactions/{sale_id}/replay").raise_for_status().json()["equal"]


def test_of_many_returns_of_the_last_unit_one_is_recorded(shop: Shop) -> None:
    sale_id = sell(shop, 1)["transaction"]["id"]

    def give_back(_: int) -> httpx.Response:
        return shop.seller.post(
            f"transactions/{sale_id}/returns", json=RETURN, headers={"Idempotency-Key": str(uuid4())}
        )

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(give_back, range(16)))
    assert sorted(each.status_code for each in answers) == [201, *[409] * 15]
    assert {each.json()["code"] for each in answers if each.status_code == 409} == {"nothing_left"}
