"""Bad input: every refusal has its status, stable code and place, and is documented where it happens."""

import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import pytest

from samples.load import SampleDataError, sign_in
from tests.end_to_end.conftest import Shop
from tests.end_to_end.driving import SELLER, basket, lumen_ten

EVALUATE = "promotions/evaluate"


@pytest.fixture(scope="module")
def documented(shop: Shop) -> Callable[[str, str, int], set[str]]:
    paths = shop.stranger.get("openapi.json").json()["paths"]

    @cache
    def codes(method: str, path: str, status: int) -> set[str]:
        response = paths[path][method.lower()]["responses"][str(status)]
        schema = response["content"]["application/problem+json"]["schema"]
        return set(schema["properties"]["code"]["enum"])

    return codes


def assert_problem(answer: httpx.Response, status: int, code: str, *pointers: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["code"] == code, problem
    assert problem["type"] == f"urn:promopartner:problem:{code}"
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert [each["pointer"] for each in problem["errors"]] == list(pointers)
    return problem


BODIES: list[tuple[str, Any, int, str, tuple[str, ...]]] = [
    ("a wrong type", basket(lines=[{"sku": 5, "quantity": 1}]), 422, "validation_failed", ("/lines/0/sku",)),
    (
        "a number as text",
        basket(lines=[{"sku": "DEMO-LENS-A", "quantity": "1"}]),
        422,
        "validation_failed",
        ("/lines/0/quantity",),
    ),
    ("an unknown field", basket(colour="red"), 422, "validation_failed", ("/colour",)),
    (
        "an unknown field inside",
        basket(lines=[{"sku": "DEMO-LENS-A", "quantity": 1, "a/b~c": 1}]),
        422,
        "validation_failed",
        ("/lines/0/a~1b~0c",),
    ),
    ("no lines", basket(lines=[]), 422, "validation_failed", ("/lines",)),
    (
        "several faults at once",
        basket(store_id=None, lines=[{"quantity": 0}]),
        422,
        "validation_failed",
        ("/store_id", "/lines/0/sku", "/lines/0/quantity"),
    ),
    (
        "too many of a line",
        basket(lines=[{"sku": "DEMO-LENS-A", "quantity": 10**30}]),
        422,
        "validation_failed",
        ("/lines/0/quantity",),
    ),
    ("a NUL", basket(channel="a\0b"), 422, "validation_failed", ("/channel",)),
    ("an unknown SKU", basket("DEMO-LENS-A", "NOPE"), 422, "unknown_sku", ("/lines/1/sku",)),
    ("another currency", basket(currency="USD"), 422, "currency_mismatch", ("/lines/0/sku",)),
    ("a currency there is not", basket(currency="ABC"), 422, "currency_unknown", ("/currency",)),
    ("another shop", basket(store_id="S0002"), 403, "store_out_of_scope", ("/store_id",)),
    (
        "a price of one's own",
        basket(lines=[{"sku": "DEMO-LENS-A", "quantity": 1, "unit_price": "1.00"}]),
        403,
        "price_override_forbidden",
        ("/lines/0/unit_price",),
    ),
    ("a sale without a key", basket(confirm=True), 400, "idempotency_key_missing", ()),
]


@pytest.mark.parametrize(
    ("body", "status", "code", "pointers"), [case[1:] for case in BODIES], ids=[case[0] for case in BODIES]
)
def test_a_basket_that_cannot_be_meant(
    shop: Shop,
    documented: Callable[[str, str, int], set[str]],
    body: Any,
    status: int,
    code: str,
    pointers: tuple[str, ...],
) -> None:
    assert_problem(shop.seller.post(EVALUATE, json=body), status, code, *pointers)
    assert code in documented("POST", "/promotions/evaluate", status)


RAW: list[tuple[str, bytes, dict[str, str], int, str]] = [
    ("not JSON", b'{"store_id": ', {}, 400, "malformed_json"),
    ("bytes that are no text", b'{"store_id": "\xff\xfe"}', {}, 400, "malformed_json"),
    ("nested beyond reason", b"[" * 100_000, {}, 400, "malformed_json"),
    ("half a surrogate pair", b'{"store_id": "\\ud800"}', {}, 400, "malformed_json"),
    ("nothing", b"", {}, 400, "body_missing"),
    ("more than a megabyte", b" " * 1_048_577, {}, 413, "body_too_large"),
    ("a form", b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
    ("a list", b"[]", {}, 422, "validation_failed"),
    ("not a number", b'{"store_id": NaN}', {}, 422, "validation_failed"),
]


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"), [case[1:] for case in RAW], ids=[case[0] for case in RAW]
)
def test_a_body_that_cannot_be_read(
    shop: Shop,
    documented: Callable[[str, str, int], set[str]],
    content: bytes,
    headers: dict[str, str],
    status: int,
    code: str,
) -> None:
    answer = shop.seller.post(
        EVALUATE, content=content, headers={"Content-Type": "application/json"} | headers
    )
    assert answer.status_code == status, answer.text
    assert answer.json()["code"] == code
    assert code in documented("POST", "/promotions/evaluate", status)


def test_a_body_beyond_the_hosts_own_limit_is_refused_before_it_is_sent(shop: Shop) -> None:
    host, port = shop.stranger.base_url.host, shop.stranger.base_url.port
    with socket.create_connection((host, port or 80), timeout=10) as connection:
        connection.sendall(
            b"POST /api/v1/promotions/evaluate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 104857601\r\n\r\n"
        )
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


# Who may.


def expired(shop: Shop) -> str:
    return _token(shop, datetime.now(UTC) - timedelta(minutes=11))


def forged(_: Shop) -> str:
    return jwt.encode({"sub": str(uuid4()), "role": "admin"}, "0" * 64, algorithm="HS256")


def _token(shop: Shop, now: datetime, **changes: Any) -> str:
    """The token that the host itself would have issued at `now`, made with the host's key."""
    good = shop.seller.headers["Authorization"].removeprefix("Bearer ")
    claims = jwt.decode(good, options={"verify_signature": False})
    claims |= {"iat": now, "nbf": now, "exp": now + timedelta(minutes=10)} | changes
    return jwt.encode(
        claims,
        shop.host.settings["JWT_SIGNING_KEY"],
        algorithm="ES256",
        headers=jwt.get_unverified_header(good),
    )


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (lambda _: None, "token_missing"),
        (lambda _: "Basic YTpi", "token_missing"),
        (lambda _: "Bearer", "token_missing"),
        (lambda _: "Bearer rubbish", "token_invalid"),
        (lambda shop: f"Bearer {forged(shop)}", "token_invalid"),
        (lambda shop: f"Bearer {expired(shop)}", "token_expired"),
    ],
    ids=["none", "another scheme", "no token", "rubbish", "forged", "expired"],
)
def test_without_a_good_token_nothing_is_told(
    shop: Shop,
    documented: Callable[[str, str, int], set[str]],
    authorization: Callable[[Shop], str | None],
    code: str,
) -> None:
    value = authorization(shop)
    answer = shop.stranger.get("me", headers={} if value is None else {"Authorization": value})
    assert_problem(answer, 401, code)
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert code in documented("GET", "/me", 401)


def test_the_token_made_above_is_refused_for_its_age_alone(shop: Shop) -> None:
    fresh = _token(shop, datetime.now(UTC))
    assert shop.stranger.get("me", headers={"Authorization": f"Bearer {fresh}"}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "uploads", {"kind": "stores", "filename": "x.csv"}),
        ("GET", "uploads", None),
        ("POST", "promotions", lumen_ten()),
        ("POST", f"promotions/{UUID(int=1)}/publish", None),
    ],
)
def test_a_shop_assistant_does_not_administer(shop: Shop, method: str, path: str, body: Any) -> None:
    assert_problem(shop.seller.request(method, path, json=body), 403, "permission_missing")


def test_an_administrator_does_not_sell(shop: Shop) -> None:
    for path, body in [("transactions", basket()), (EVALUATE, basket(confirm=True))]:
        answer = shop.admin.post(path, json=body, headers={"Idempotency-Key": "K"})
        assert_problem(answer, 403, "permission_missing")


def test_a_shop_sees_its_own_sales_only(shop: Shop) -> None:
    sale = shop.seller.post("transactions", json=basket(), headers={"Idempotency-Key": str(uuid4())}).json()[
        "transaction"
    ]["id"]
    other = {"Authorization": f"Bearer {_token(shop, datetime.now(UTC), store_id='S0002')}"}
    hidden = shop.stranger.get(f"transactions/{sale}", headers=other)
    assert_problem(hidden, 404, "transaction_not_found")
    assert shop.stranger.get("transactions", headers=other).json()["items"] == []
    asked = shop.stranger.get("transactions", params={"store_id": "S0001"}, headers=other)
    assert_problem(asked, 403, "store_out_of_scope")
    assert shop.admin.get(f"transactions/{sale}").status_code == 200


def test_a_code_that_was_never_sent_signs_nobody_in(shop: Shop) -> None:
    known = shop.stranger.post("auth/otp", json={"phone": SELLER})
    unknown = shop.stranger.post("auth/otp", json={"phone": "+390699999999"})
    assert known.status_code == unknown.status_code == 202
    assert known.json().keys() == unknown.json().keys()
    for challenge in (known, unknown):
        body = {"challenge_id": challenge.json()["challenge_id"], "code": "000000"}
        assert_problem(shop.stranger.post("auth/token", json=body), 422, "code_refused")


def test_a_phone_that_is_none_is_refused_without_being_repeated(shop: Shop) -> None:
    answer = shop.stranger.post("auth/otp", json={"phone": "0039 06 12345"})
    assert_problem(answer, 422, "validation_failed", "/phone")
    assert "12345" not in answer.text


# Sales and promotions.


def test_a_replayed_key_with_another_body_is_refused(shop: Shop) -> None:
    key = {"Idempotency-Key": str(uuid4())}
    assert shop.seller.post("transactions", json=basket(), headers=key).status_code == 201
    answer = shop.seller.post("transactions", json=basket("DEMO-LENS-A"), headers=key)
    assert_problem(answer, 422, "idempotency_key_reused")


def test_a_key_that_is_too_long_is_refused(shop: Shop) -> None:
    answer = shop.seller.post("transactions", json=basket(), headers={"Idempotency-Key": "k" * 256})
    assert_problem(answer, 422, "validation_failed", "/idempotency-key")


def test_a_receipt_with_another_content_is_refused(shop: Shop) -> None:
    receipt = str(uuid4())
    for lines, status in [(("DEMO-LENS-A",), 201), (("DEMO-LENS-B",), 409)]:
        answer = shop.seller.post(
            "transactions",
            json=basket(*lines, receipt_number=receipt),
            headers={"Idempotency-Key": str(uuid4())},
        )
        assert answer.status_code == status, answer.text
    assert_problem(answer, 409, "receipt_number_used", "/receipt_number")


def test_another_price_than_the_customer_was_told_is_refused(shop: Shop) -> None:
    answer = shop.seller.post(
        "transactions", json=basket(expected_net="1.00"), headers={"Idempotency-Key": str(uuid4())}
    )
    problem = assert_problem(answer, 409, "quote_changed", "/expected_net")
    assert "1.00" in problem["detail"]


def test_an_ended_promotion_is_not_published(shop: Shop) -> None:
    ended = lumen_ten() | {"starts_at": "2020-01-01", "ends_at": "2020-12-31"}
    draft = shop.admin.post("promotions", json=ended).json()
    assert draft["ends_at"] == "2021-01-01T00:00:00", "through the last day"
    assert_problem(shop.admin.post(f"promotions/{draft['id']}/publish"), 422, "promotion_ended")


@pytest.mark.parametrize(
    ("change", "code", "pointer"),
    [
        ({"rule": {"schema": 2, "then": []}}, "rule_invalid", "/rule/schema"),
        ({"rule": {"schema": 1, "then": [{"kind": "half_price"}]}}, "rule_invalid", "/rule/then/0/kind"),
        ({"stores": {"fact": "store.city", "op": "like", "value": "R"}}, "filter_invalid", "/stores/op"),
        ({"starts_at": "yesterday"}, "schedule_invalid", "/starts_at"),
        ({"starts_at": "2026-02-30"}, "schedule_invalid", "/starts_at"),
        ({"ends_at": "9999-12-31"}, "schedule_invalid", "/ends_at"),
        ({"ends_at": "2025-01-01"}, "schedule_invalid", "/ends_at"),
        ({"zone_policy": "Mars/Olympus"}, "schedule_invalid", "/zone_policy"),
        ({"exclusive": True, "stackable": True}, "exclusive_cannot_stack", "/stackable"),
    ],
)
def test_terms_that_cannot_be_meant(
    shop: Shop,
    documented: Callable[[str, str, int], set[str]],
    change: dict[str, Any],
    code: str,
    pointer: str,
) -> None:
    assert_problem(shop.admin.post("promotions", json=lumen_ten() | change), 422, code, pointer)
    assert code in documented("POST", "/promotions", 422)


def test_an_edit_needs_what_was_read(shop: Shop) -> None:
    draft = shop.admin.post("promotions", json=lumen_ten())
    path, etag = f"promotions/{draft.json()['id']}", draft.headers["etag"]
    assert_problem(shop.admin.patch(path, json={"priority": 1}), 428, "precondition_required")
    edited = shop.admin.patch(path, json={"priority": 1}, headers={"If-Match": etag})
    assert (edited.status_code, edited.json()["priority"], edited.json()["version"]) == (200, 1, 2)
    late = shop.admin.patch(path, json={"priority": 2}, headers={"If-Match": etag})
    assert_problem(late, 412, "precondition_failed")


def test_what_is_not_there_is_not_found(shop: Shop) -> None:
    for path, code in [
        (f"promotions/{uuid4()}", "promotion_not_found"),
        (f"transactions/{uuid4()}", "transaction_not_found"),
        (f"uploads/{uuid4()}", "upload_unknown"),
        ("products/NOPE", "product_unknown"),
        ("stores/NOPE", "store_unknown"),
    ]:
        assert_problem(shop.admin.get(path), 404, code)


def test_a_request_id_is_kept_when_it_is_one(shop: Shop) -> None:
    for sent, kept in [("till-7.42", True), ("a b", False), ("x" * 65, False)]:
        answer = shop.stranger.get("health", headers={"X-Request-Id": sent})
        assert (answer.headers["x-request-id"] == sent) is kept


def test_no_log_line_holds_a_secret(shop: Shop) -> None:
    code = _signed_in_code(shop)
    log = shop.host.log()
    token = shop.seller.headers["Authorization"].removeprefix("Bearer ")
    for secret in (code, token, SELLER.removeprefix("+"), "Bearer ", "sig="):
        assert secret not in log
    assert "answered 422" in log


def _signed_in_code(shop: Shop) -> str:
    try:
        sign_in(shop.stranger, shop.msg91.url, SELLER)
    except SampleDataError as error:
        raise AssertionError(json.dumps(str(error))) from error
    return shop.msg91.messages(SELLER)[-1].variables["OTP"]
