"""A sale from sign-in to reading back, and a host that dies at the worst moment."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from samples.load import upload
from tests.end_to_end.conftest import Shop
from tests.end_to_end.driving import SELLER, basket, client, lumen_ten
from tests.end_to_end.proxy import WithholdingProxy
from tests.harness import eventually

SAMPLES = Path(__file__).parents[2] / "samples"


def key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


@pytest.fixture(scope="module")
def lumen(shop: Shop) -> dict[str, Any]:
    """10 % off Lumen, published."""
    draft = shop.admin.post("promotions", json=lumen_ten()).raise_for_status().json()
    assert draft["status"] == "Draft"
    published = shop.publish(draft["id"])
    assert published["status"] == "Active"
    return published


def sales(shop: Shop) -> list[dict[str, Any]]:
    return shop.seller.get("transactions", params={"limit": 100}).raise_for_status().json()["items"]


def test_upload_publish_evaluate_confirm_read_back(shop: Shop, lumen: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "lenses.csv"
    file.write_text(
        "New Code,Name,Brand,Price,Currency,Tax Rate %,Active\n"
        "E2E-1,One,Lumen,33.33,EUR,22,true\n"
        "E2E-2,Two,Lumen,33.33,EUR,22,true\n"
        "E2E-3,Three,Lumen,33.33,EUR,22,true\n"
    )
    rows = upload(shop.admin, "products_lens", file)["rows"]
    assert rows == {"read": 3, "inserted": 3, "updated": 0, "unchanged": 0, "rejected": 0}
    assert shop.seller.get("products/E2E-2").json()["price"] == "33.33"

    sale = basket("E2E-1", "E2E-2", "E2E-3")
    quote = shop.seller.post("promotions/evaluate", json=sale).raise_for_status().json()
    assert [line["discount"] for line in quote["lines"]] == ["3.34", "3.33", "3.33"]
    assert [line["net"] for line in quote["lines"]] == ["29.99", "30.00", "30.00"]
    assert (quote["gross"], quote["discount"], quote["net"], quote["optimal"]) == (
        "99.99",
        "10.00",
        "89.99",
        True,
    )
    assert sum(Decimal(line["tax"]) for line in quote["lines"]) == Decimal(quote["tax"])
    outcomes = {each["promotion_id"]: each["outcome"] for each in quote["promotions"]}
    assert outcomes[lumen["id"]] == "applied"
    assert len(outcomes) == 5, "every live promotion is explained"

    recorded = shop.seller.post(
        "promotions/evaluate",
        json=sale | {"confirm": True, "expected_net": quote["net"], "receipt_number": "E2E"},
        headers=key(),
    )
    assert recorded.status_code == 200
    transaction = recorded.json()["transaction"]
    assert (transaction["status"], transaction["receipt_number"]) == ("New", "E2E")
    assert recorded.json()["lines"] == quote["lines"]

    read_back = shop.seller.get(f"transactions/{transaction['id']}").raise_for_status().json()
    assert (read_back["store_id"], read_back["quote"]["lines"]) == ("S0001", quote["lines"])


def test_the_better_of_two_overlapping_promotions_and_why(shop: Shop) -> None:
    """A frame of Fjordane above 150.00: 20 % or 25.00 off, whichever is more."""
    frames = [
        product
        for product in _all(shop.seller, "products", kind="frame")
        if product["active"] and product["brand"] == "Fjordane" and Decimal(product["price"]) >= 150
    ]
    assert frames
    for frame in frames[:3]:
        quote = shop.seller.post("promotions/evaluate", json=basket(frame["sku"])).json()
        outcome = {each["name"]: each for each in quote["promotions"]}
        twenty_percent = Decimal(frame["price"]) * 20 / 100
        wins, loses = (
            ("Spring frames", "25 off finer frames")
            if twenty_percent > 25
            else ("25 off finer frames", "Spring frames")
        )
        assert outcome[wins]["outcome"] == "applied"
        assert outcome[loses]["outcome"] == "beaten_by"
        assert outcome[loses]["beaten_by"]["promotion_ids"] == [outcome[wins]["promotion_id"]]
        assert Decimal(outcome[loses]["beaten_by"]["amount"]) == abs(twenty_percent - 25).quantize(
            Decimal("0.01")
        )


def _all(api: httpx.Client, path: str, **params: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.get(path, params={**params, **cursor, "limit": 37}).raise_for_status().json()
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = {"cursor": page["next_cursor"]}


def test_pages_show_everything_once(shop: Shop) -> None:
    skus = [product["sku"] for product in _all(shop.admin, "products", kind="frame")]
    assert len(skus) == 100
    assert skus == sorted(set(skus))


def test_pausing_counts_from_the_next_evaluation_on(shop: Shop, lumen: dict[str, Any]) -> None:
    def discount() -> str:
        return shop.seller.post("promotions/evaluate", json=basket("DEMO-LENS-A")).json()["discount"]

    assert discount() == "3.33"
    assert shop.admin.post(f"promotions/{lumen['id']}/pause").json()["status"] == "Paused"
    assert discount() == "0.00"
    assert shop.admin.post(f"promotions/{lumen['id']}/resume").json()["status"] == "Active"
    assert discount() == "3.33"


def test_a_host_killed_between_commit_and_reply_sells_once(shop: Shop) -> None:
    """The sale is committed, the reply is lost, the host dies; the shop's app asks again with its key."""
    before = len(sales(shop))
    headers = dict(shop.seller.headers) | key()
    with WithholdingProxy(shop.host.url) as proxy, ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(
            httpx.post, f"{proxy.url}/api/v1/transactions", json=basket(), headers=headers, timeout=30
        )
        withheld = proxy.withheld.get(timeout=20)
        assert waiting.running()
        shop.host.kill()
        proxy.hang_up()
        with pytest.raises(httpx.TransportError):
            waiting.result()
    shop.host.restart()

    again = httpx.post(f"{shop.host.url}/api/v1/transactions", json=basket(), headers=headers, timeout=30)
    assert again.status_code == 201
    assert again.headers["idempotent-replayed"] == "true"
    _, _, lost_body = withheld.partition(b"\r\n\r\n")
    assert again.json() == json.loads(lost_body)
    assert len(sales(shop)) == before + 1


def test_64_parallel_confirms_with_one_key_are_one_sale(shop: Shop) -> None:
    before, headers = len(sales(shop)), key()
    with ThreadPoolExecutor(64) as threads:
        answers = list(
            threads.map(lambda _: shop.seller.post("transactions", json=basket(), headers=headers), range(64))
        )
    assert Counter(answer.status_code for answer in answers) == {201: 64}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert len(sales(shop)) == before + 1


def test_a_timer_archives_what_has_ended(shop: Shop) -> None:
    """Published while it ran; an edit of the row stands for a year of waiting."""
    draft = shop.admin.post("promotions", json=lumen_ten() | {"starts_at": "2026-01-01"}).json()
    shop.publish(draft["id"])
    _let_it_end(shop, draft["id"])
    answer = httpx.post(f"{shop.host.url}/admin/functions/archive_promotions", json={"input": ""})
    assert answer.status_code == 202
    for _ in range(100):
        if shop.admin.get(f"promotions/{draft['id']}").json()["status"] == "Archived":
            break
    else:
        pytest.fail("still not archived")
    resumed = shop.admin.post(f"promotions/{draft['id']}/resume")
    assert resumed.json()["code"] == "transition_refused"


def _let_it_end(shop: Shop, promotion_id: str) -> None:
    import psycopg

    with psycopg.connect(shop.database_url) as conn:
        conn.execute("ALTER TABLE promotion_versions DISABLE TRIGGER ALL")
        conn.execute(
            "UPDATE promotion_versions SET ends_at = '2026-01-02' WHERE promotion_id = %s", [promotion_id]
        )
        conn.execute("ALTER TABLE promotion_versions ENABLE TRIGGER ALL")


def test_ready_and_the_api_page(shop: Shop) -> None:
    assert shop.stranger.get("health").json() == {"status": "ok"}
    eventually(lambda: shop.stranger.get("ready").json() == {"status": "ok"})
    page = shop.stranger.get("docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for asset in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js", "favicon-32x32.png"):
        assert f'"docs/{asset}"' in page.text
        assert shop.stranger.get(f"docs/{asset}").status_code == 200
    assert shop.stranger.get("docs/index.html").status_code == 422
    with client(shop.host, shop.msg91, SELLER) as signed_in:
        assert signed_in.get("me").json()["store_ids"] == ["S0001"]
