"""The host's log: one JSON object a line that finds a request again, and no secret whatever was sent."""

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import psycopg
import pytest

from samples.load import ADMIN_EMAIL, STORE_EMAIL, sign_in
from tests.end_to_end.conftest import Shop
from tests.end_to_end.driving import ADMIN, SELLER, basket
from tests.harness import eventually

TOKEN = "eyJhbGciOiJFUzI1NiJ9.bWFya2VkLXRva2Vu.bWFya2Vk"
MARKS = {
    "token": TOKEN,
    "opaque token": "marked-opaque-token",
    "key": "marked-authkey",
    "signature": "marked-signature",
    "phone": "390666000666",
    "mail": "marked@secret.example",
    "code": "739182",
    "password": "marked-password",
}
TOKENS = ("access_token", "refresh_token")
BODY: dict[str, Any] = {
    "phone": f"+{MARKS['phone']}",
    "email": MARKS["mail"],
    "code": MARKS["code"],
    "challenge_id": str(uuid4()),
    "password": MARKS["password"],
    "authkey": MARKS["key"],
}


def lines(shop: Shop) -> list[dict[str, Any]]:
    """What the host logged; the one line that is not JSON says that it is ready."""
    return [json.loads(line) for line in shop.host.log().splitlines() if not line.startswith("ready ")]


def codes(shop: Shop) -> set[str]:
    """Every code that was sent."""
    return {message.variables["OTP"] for message in shop.msg91.messages()}


def looking_like_codes(text: str) -> set[str]:
    """Six digits by themselves; those after a point are the microseconds of a time, which may be anything."""
    return set(re.findall(r"(?<![.0-9])[0-9]{6}\b", text))


def operations(shop: Shop) -> list[tuple[str, str]]:
    paths = shop.stranger.get("openapi.json").json()["paths"]
    found = [(method, path) for path, methods in paths.items() for method in methods]
    # Signing out comes last: what follows would be nobody's.
    return sorted(found, key=lambda each: each[1] == "/auth/logout")


def test_every_endpoint_keeps_what_it_is_sent_to_itself(shop: Shop) -> None:
    asked = operations(shop)
    assert len(asked) > 25
    token = sign_in(shop.stranger, shop.msg91.url, ADMIN)
    ids: list[str] = []
    for method, path in asked:
        for authorization in (f"Bearer {TOKEN}", f"Basic {MARKS['opaque token']}", f"Bearer {token}"):
            for content in (json.dumps(BODY), json.dumps(BODY)[:-1]):
                ids.append(uuid4().hex)
                shop.stranger.request(
                    method,
                    re.sub(r"\{\w+\}", str(uuid4()), path.removeprefix("/").replace("{version}", "1")),
                    params={"sig": MARKS["signature"], "email": MARKS["mail"], "code": MARKS["code"]},
                    content=content,
                    headers={
                        "Authorization": authorization,
                        "authkey": MARKS["key"],
                        "Cookie": f"session={MARKS['opaque token']}",
                        "Content-Type": "application/json",
                        "X-Request-Id": ids[-1],
                    },
                )
    answered = {line.get("request_id") for line in lines(shop) if " answered " in line["message"]}
    assert answered >= set(ids)
    log = shop.host.log()
    for name, mark in MARKS.items():
        assert mark not in log, name
    assert token not in log


@pytest.mark.parametrize("mode", ["ok", "error_body", "http_500", "drop_answer"])
@pytest.mark.parametrize("to", [SELLER, STORE_EMAIL, "+390666000667", "nobody@secret.example"])
def test_signing_in_leaves_neither_address_nor_code(shop: Shop, to: str, mode: str) -> None:
    before = shop.host.logged
    shop.msg91.behave(mode, times=1)
    kind = "email" if "@" in to else "phone"
    assert shop.stranger.post("auth/otp", json={kind: to}).status_code == 202
    shop.msg91.behave("ok")
    sign_in(shop.stranger, shop.msg91.url, ADMIN_EMAIL if kind == "email" else ADMIN)
    log = shop.host.log(before)
    for secret in (
        to.removeprefix("+"),
        ADMIN.removeprefix("+"),
        ADMIN_EMAIL,
        shop.host.settings["MSG91_AUTH_KEY"],
    ):
        assert secret not in log
    assert " answered " in log
    assert not codes(shop) & looking_like_codes(log)


def test_a_whole_sign_in_leaves_no_secret_in_log_or_audit(shop: Shop) -> None:
    """Asked for, sent, mistaken, answered, refreshed, ended: by code, tokens, phone and e-mail address."""
    challenge = shop.stranger.post("auth/otp", json={"phone": SELLER}).json()["challenge_id"]
    already = len(shop.msg91.messages(SELLER))

    def answered() -> dict[str, Any]:
        for message in shop.msg91.messages(SELLER)[already - 1 :]:
            body = {"challenge_id": challenge, "code": message.variables["OTP"]}
            answer = shop.stranger.post("auth/token", json=body)
            if answer.status_code == 200:
                return answer.json()
        return {}

    shop.stranger.post("auth/token", json={"challenge_id": challenge, "code": "000000"})
    first = eventually(answered)
    second = shop.stranger.post("auth/refresh", json={"refresh_token": first["refresh_token"]}).json()
    bearer = {"Authorization": f"Bearer {second['access_token']}"}
    assert shop.stranger.get("me", headers=bearer).json()["phone"] == SELLER
    assert shop.stranger.post("auth/logout", headers=bearer).status_code == 200
    with psycopg.connect(shop.database_url) as conn:
        audit = "\n".join(row[0] for row in conn.execute("SELECT audit_entries::text FROM audit_entries"))
    assert "session.begun" in audit
    for told in (shop.host.log(), audit):
        for secret in (SELLER[1:], STORE_EMAIL, *(each[name] for each in (first, second) for name in TOKENS)):
            assert secret not in told
        assert not codes(shop) & looking_like_codes(told)


def test_the_signature_of_an_upload_is_not_logged(shop: Shop) -> None:
    ticket = shop.admin.post("uploads", json={"kind": "stores", "filename": "x.csv"}).json()
    [signature] = parse_qs(urlsplit(ticket["put_url"]).query)["sig"]
    put = httpx.put(ticket["put_url"], headers=ticket["headers"], content=b"a,b\n1,2\n")
    assert put.status_code == 201
    eventually(lambda: shop.admin.get(f"uploads/{ticket['upload_id']}").json()["status"] == "failed")
    log = shop.host.log()
    assert "ingest_upload" in log
    assert signature not in log
    assert "sig=" not in log


def test_a_request_is_found_by_its_id_with_all_there_is_to_know(shop: Shop) -> None:
    answer = shop.seller.post("promotions/evaluate", json=basket("NOPE"))
    [line] = [line for line in lines(shop) if line.get("request_id") == answer.headers["x-request-id"]]
    assert line["duration_ms"] > 0
    assert re.fullmatch(r"[0-9a-f-]{36}", line["invocation_id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line["timestamp"])
    assert {name: line[name] for name in ("level", "logger", "function", "method", "route", "status")} == {
        "level": "INFO",
        "logger": "shared.edge.http",
        "function": "evaluate_basket",
        "method": "POST",
        "route": "promotions/evaluate",
        "status": 422,
    }
