"""Load the small sample set into a running app, through its own API like any client.

    API_URL=… DATABASE_URL=… MSG91_BASE_URL=… python -m samples.load

Only users are written to the database directly, because the first administrator has nobody to ask. Safe to
repeat: what is there already is left alone, and the store user comes last, so that its presence says that
everything was loaded.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg

from shared.domain.users import Role
from shared.store import users

ADMIN_PHONE = "+390600000001"
STORE_PHONE = "+390600000002"
REVIEWER_PHONE = "+390600000003"
ADMIN_EMAIL = "admin@sample.example"
STORE_EMAIL = "store@sample.example"
REVIEWER_EMAIL = "reviewer@sample.example"
STORE_ID = "S0001"

_FOLDER = Path(__file__).parent
_FILES = ("stores", "products_lens", "products_frame")
_YEAR = datetime.now(UTC).year

PROMOTIONS: tuple[dict[str, Any], ...] = (
    {
        "name": "Spring frames",
        "type": "seasonal",
        "description": "20 % off frames of Fjordane and Casa Merluna.",
        "priority": 20,
        "starts_at": f"{_YEAR}-01-01",
        "ends_at": f"{_YEAR + 1}-12-31",
        "rule": {
            "schema": 1,
            "then": [
                {
                    "kind": "percent_off",
                    "percent": "20",
                    "target": {
                        "all": [
                            {"fact": "product.kind", "op": "eq", "value": "frame"},
                            {"fact": "product.brand", "op": "in", "value": ["Fjordane", "Casa Merluna"]},
                        ]
                    },
                }
            ],
        },
    },
    {
        "name": "25 off finer frames",
        "type": "everyday",
        "description": "25.00 off every frame from 150.00; competes with Spring frames.",
        "priority": 10,
        "starts_at": f"{_YEAR}-01-01",
        "rule": {
            "schema": 1,
            "then": [
                {
                    "kind": "amount_off",
                    "amount": "25.00",
                    "currency": "EUR",
                    "per": "unit",
                    "target": {
                        "all": [
                            {"fact": "product.kind", "op": "eq", "value": "frame"},
                            {"fact": "product.price", "op": "ge", "value": "150.00"},
                        ]
                    },
                }
            ],
        },
    },
    {
        "name": "Progressive pair",
        "type": "volume",
        "description": "15 % off progressive lenses when at least two are bought.",
        "priority": 10,
        "starts_at": f"{_YEAR}-01-01",
        "rule": {
            "schema": 1,
            "if": {
                "sum_quantity": "lines",
                "where": {"fact": "product.type", "op": "starts_with", "value": "Progressive"},
                "op": "ge",
                "value": 2,
            },
            "then": [
                {
                    "kind": "percent_off",
                    "percent": "15",
                    "target": {"fact": "product.type", "op": "starts_with", "value": "Progressive"},
                }
            ],
        },
    },
    {
        "name": "Rome evenings",
        "type": "local",
        "description": "10.00 off the rest of a basket of 300.00 and more, in the shops of Rome.",
        "lane": "order",
        "starts_at": f"{_YEAR}-01-01",
        "stores": {"fact": "store.city", "op": "eq", "value": "Roma"},
        "rule": {
            "schema": 1,
            "if": {
                "sum_amount": "lines",
                "op": "ge",
                "value": "300.00",
                "currency": "EUR",
                "basis": "running",
            },
            "then": [{"kind": "amount_off", "amount": "10.00", "currency": "EUR", "per": "basket"}],
        },
    },
)


class SampleDataError(Exception):
    """The sample data could not be loaded."""


def main() -> None:
    _ensure_user("Sample administrator", Role.ADMIN, ADMIN_PHONE, ADMIN_EMAIL)
    _ensure_user("Sample back office", Role.BACK_OFFICE, REVIEWER_PHONE, REVIEWER_EMAIL)
    with _signed_in(ADMIN_PHONE) as admin, _signed_in(REVIEWER_PHONE) as reviewer:
        for kind in _FILES:
            upload(admin, kind, _FOLDER / f"{kind}.csv")
        _ensure_promotions(admin, reviewer)
    _ensure_user("Sample shop assistant", Role.STORE_USER, STORE_PHONE, STORE_EMAIL, STORE_ID)


@contextmanager
def _signed_in(phone: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{os.environ['API_URL']}/api/v1", timeout=30) as client:
        token = sign_in(client, os.environ["MSG91_BASE_URL"], phone)
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def sign_in(client: httpx.Client, messages_url: str, to: str) -> str:
    """An access token, by the code that the stand-in of MSG91 received for the phone or e-mail `to`."""
    before = len(_messages(messages_url, to))
    asked = client.post("auth/otp", json={"email" if "@" in to else "phone": to})
    challenge = _checked(asked)["challenge_id"]
    for _ in range(100):
        # The code of an earlier sign-in may still be on its way to the other address: it is refused.
        for message in _messages(messages_url, to)[before:]:
            before += 1
            answer = client.post(
                "auth/token", json={"challenge_id": challenge, "code": message["variables"]["OTP"]}
            )
            if answer.status_code != httpx.codes.UNPROCESSABLE_ENTITY:
                return _checked(answer)["access_token"]
        time.sleep(0.1)
    raise SampleDataError("no message with the code arrived")


def _messages(messages_url: str, to: str) -> list[dict[str, Any]]:
    return _checked(httpx.get(f"{messages_url}/messages", params={"to": to}))


def upload(client: httpx.Client, kind: str, path: Path) -> dict[str, Any]:
    """Upload a file as an administrator does and wait until it is ingested; returns the upload's status."""
    ticket = _checked(client.post("uploads", json={"kind": kind, "filename": path.name}))
    httpx.put(
        ticket["put_url"], headers=ticket["headers"], content=path.read_bytes(), timeout=60
    ).raise_for_status()
    for _ in range(600):
        upload = _checked(client.get(f"uploads/{ticket['upload_id']}"))
        if upload["status"] == "completed":
            return upload
        if upload["status"] in {"failed", "cancelled"}:
            raise SampleDataError(f"{path.name}: {upload['status']}: {upload['reason']}")
        time.sleep(0.1)
    raise SampleDataError(f"{path.name} is not ingested after a minute")


def _ensure_promotions(admin: httpx.Client, reviewer: httpx.Client) -> None:
    listed = _checked(admin.get("promotions", params={"limit": 100}))["items"]
    there = {promotion["name"]: promotion for promotion in listed}
    for terms in PROMOTIONS:
        promotion = there.get(terms["name"]) or _checked(admin.post("promotions", json=terms))
        if promotion["status"] == "Draft":
            publish(admin, reviewer, promotion["id"])


def publish(author: httpx.Client, reviewer: httpx.Client, promotion_id: str) -> dict[str, Any]:
    """Have a draft approved, as far as it is not, and publish it; returns the promotion."""
    promotion = f"promotions/{promotion_id}"
    if (state := _checked(author.get(promotion))["approval"]["state"]) != "approved":
        if state != "submitted":
            _checked(author.post(f"{promotion}/submit"))
        _checked(reviewer.post(f"{promotion}/approve"))
    return _checked(author.post(f"{promotion}/publish"))


def _ensure_user(name: str, role: Role, phone: str, email: str, store_id: str | None = None) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"]) as conn:
        if conn.execute("SELECT 1 FROM users WHERE phone = %s", [phone]).fetchone():
            return
        user_id = users.insert(conn, name=name, role=role, phone=phone, email=email, now=datetime.now(UTC))
        if store_id is not None:
            users.insert_store(conn, user_id=user_id, store_id=store_id)


def _checked(answer: httpx.Response) -> Any:
    if answer.is_error:
        raise SampleDataError(
            f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}"
        )
    return answer.json()


if __name__ == "__main__":
    try:
        main()
    except (SampleDataError, httpx.HTTPError) as error:
        sys.exit(f"samples: {error}")
