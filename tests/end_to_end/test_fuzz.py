"""The API fuzzed by its own description: as each role, with ids that exist and ids that do not.

Nothing answers 500, every answer is one that the description allows, and every operation succeeds once.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from shared.domain.sessions import digest, token_of
from shared.domain.users import Role
from shared.edge import openapi
from shared.edge.operations import REGISTRY
from shared.store import jobs, sessions, users
from tests.end_to_end.conftest import Shop
from tests.end_to_end.driving import basket, client, lumen_ten
from tests.harness import eventually
from tests.settling import Cut, Till

# Requests an operation, in `make test` and in `make soak`.
EXAMPLES, SOAKED = 10, 1000
PHONES = {
    Role.MARKETING: "+390610000001",
    Role.BACK_OFFICE: "+390610000002",
    Role.PARENT_STORE_USER: "+390610000003",
    Role.PARTNER: "+390610000004",
    Role.CUSTOMER: "+390610000005",
    # Only to sign out.
    Role.SHOPKEEPER: "+390610000006",
}
SKUS = ["DEMO-LENS-A", "DEMO-LENS-B", "DEMO-LENS-C"]


@dataclass(frozen=True, slots=True)
class Api:
    """Where it is, a client a role (None for nobody), and ids that exist."""

    url: str
    clients: dict[Role | None, httpx.Client]
    seeds: dict[str, list[str]]

    def answer(self, case: Case, role: Role | None, *, seeded: bool = True) -> int:
        """Send the case as that role and hold the answer against the description; returns its status."""
        token = self.clients[role].headers.get("Authorization")
        response = case.call(base_url=self.url, headers={"Authorization": token} if token else {})
        # A path that no route takes, such as an id that is none, is the host's own 404 without a body.
        if response.status_code != 404 or response.content:
            # What the description cannot say, such as which SKUs there are, is refused all the same.
            excluded = [positive_data_acceptance]
            # The host drops empty query values before the app sees them.
            if seeded or re.search(r"=(&|$)", str(response.request.url)):
                excluded.append(negative_data_rejection)
            case.validate_response(response, excluded_checks=excluded)
        return response.status_code


@pytest.fixture(scope="module")
def api(shop: Shop) -> Iterator[Api]:
    with psycopg.connect(shop.database_url) as conn:
        for role, phone in PHONES.items():
            user_id = users.insert(conn, name=role, role=role, phone=phone, now=datetime.now(UTC))
            if role is Role.PARENT_STORE_USER:
                users.insert_store(conn, user_id=user_id, store_id="S0002")
    with ExitStack() as stack:
        clients: dict[Role | None, httpx.Client] = {
            role: stack.enter_context(client(shop.host, shop.msg91, phone)) for role, phone in PHONES.items()
        }
        clients |= {Role.ADMIN: shop.admin, Role.STORE_USER: shop.seller, None: shop.stranger}
        yield Api(f"{shop.host.url}/api/v1", clients, seeds(shop))


def seeds(shop: Shop) -> dict[str, list[str]]:
    return {
        "promotion_id": [_draft(shop) for _ in range(5)],
        "transaction_id": [_sold(shop)],
        "group_id": [_defined(shop, subject) for subject in ("product", "store") for _ in range(5)],
        "upload_id": [_awaiting(shop) for _ in range(5)],
        "job_id": [_queued(shop) for _ in range(5)],
        "backtest_id": [_backtest(shop)],
        "user_id": [_employed(shop) for _ in range(5)],
        "notification_id": [_dead(shop) for _ in range(5)],
        "api_key_id": [_key(shop) for _ in range(5)],
        "sku": SKUS,
        "store_id": ["S0001", "S0002"],
    }


def _sold(shop: Shop) -> str:
    sale = shop.seller.post("transactions", json=basket(), headers={"Idempotency-Key": str(uuid4())})
    return sale.raise_for_status().json()["transaction"]["id"]


def _draft(shop: Shop) -> str:
    return shop.admin.post("promotions", json=lumen_ten()).raise_for_status().json()["id"]


def _group(subject: str) -> dict[str, Any]:
    where = {"fact": f"{subject}.name", "op": "contains", "value": "o"}
    return {"name": f"A group {uuid4()}", "filter": where}


def _defined(shop: Shop, subject: str) -> str:
    return shop.admin.post(f"{subject}-groups", json=_group(subject)).raise_for_status().json()["id"]


def _awaiting(shop: Shop) -> str:
    ticket = shop.admin.post("uploads", json={"kind": "stores", "filename": "x.csv"})
    return ticket.raise_for_status().json()["upload_id"]


def _backtest(shop: Shop) -> str:
    promotion_id = _draft(shop)
    queued = shop.admin.post(f"promotions/{promotion_id}/backtests", json=_JANUARY)
    return queued.raise_for_status().json()["id"]


def _queued(shop: Shop) -> str:
    """A job that nobody is woken for, so that it stays queued."""
    with psycopg.connect(shop.database_url) as conn:
        return str(
            jobs.insert(
                conn, kind="purge", arguments={}, slice_count=0, created_by=None, now=datetime.now(UTC)
            )
        )


@cache
def operations() -> dict[str, Any]:
    """The operations of the app's description, which importing the app completes."""
    import function_app

    assert function_app.app is not None
    description = deepcopy(openapi.document())
    for methods in description["paths"].values():
        for operation in methods.values():
            del operation["security"]  # the tokens are ours to choose
    found = (each.ok() for each in schemathesis.openapi.from_dict(description).get_all_operations())
    return {operation.definition.raw["operationId"]: operation for operation in found}


def names() -> list[str]:
    return sorted(operations())


def test_the_description_has_every_endpoint() -> None:
    assert set(operations()) == set(REGISTRY)


@pytest.mark.parametrize(
    "examples", [EXAMPLES, pytest.param(SOAKED, marks=pytest.mark.soak)], ids=["some", "many"]
)
@pytest.mark.parametrize("name", names())
def test_whatever_is_sent_is_answered_as_described(api: Api, name: str, examples: int) -> None:
    operation = operations()[name]
    statuses: Counter[int] = Counter()

    @settings(max_examples=examples, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def fuzz(data: st.DataObject) -> None:
        mode = data.draw(st.sampled_from([GenerationMode.POSITIVE, GenerationMode.NEGATIVE]))
        # Nobody's session must end while others still fuzz with it.
        roles = [None] if name == "sign_out" else sorted(api.clients, key=str)
        role = data.draw(st.sampled_from(roles))
        case = data.draw(operation.as_strategy(generation_mode=mode))
        seeded = data.draw(st.booleans())
        if seeded:
            _seed(case, api.seeds, data)
        statuses[api.answer(case, role, seeded=seeded)] += 1

    fuzz()
    assert sum(statuses.values()) >= 1
    assert not [status for status in statuses if status >= 500]


def _seed(case: Case, ids: dict[str, list[str]], data: st.DataObject) -> None:
    """Put ids that exist where the case has some."""
    for name in case.path_parameters or {}:
        if name in ids:
            case.path_parameters[name] = data.draw(st.sampled_from(ids[name]))
    if isinstance(case.body, dict):
        if "store_id" in case.body:
            case.body |= {"store_id": "S0001", "currency": "EUR"}
        lines = case.body.get("lines")
        for line in lines if isinstance(lines, list) else []:
            if isinstance(line, dict):
                line["sku"] = data.draw(st.sampled_from(SKUS))


type Request = dict[str, Any]

_JANUARY: Request = {"from": "2026-01-01", "until": "2026-01-31"}
_JUNE: Request = {"from": "2026-06-01", "until": "2026-06-30"}
_PAID: Request = {"reference": "Bank 7", "paid_on": "2026-07-01"}
_NEW_YEAR: Request = {"store_id": "S0001", "from_on": "2026-01-01", "until_on": "2026-01-01"}
_DISMISSED: Request = {"resolution": "dismiss", "reason": "Too old"}
_MAPPING: Request = {
    "columns": {"store_id": "Shop", "sold_at": "When", "sku": "Code", "quantity": "Count", "amount": "Paid"},
    "constants": {"currency": "EUR"},
}
_CHANGE: Request = {"body": {"description": "Others"}, "headers": {"If-Match": "*"}}

# A request that succeeds, and who sends it.
GOOD: dict[str, tuple[Role | None, Callable[[Shop], Request]]] = {
    "approve_promotion": (Role.BACK_OFFICE, lambda shop: _at("promotion_id", _submitted(shop))),
    "archive_promotion": (Role.ADMIN, lambda shop: _at("promotion_id", _draft(shop))),
    "cancel_job": (Role.ADMIN, lambda shop: _at("job_id", _queued(shop))),
    "cancel_upload": (Role.ADMIN, lambda shop: _at("upload_id", _awaiting(shop))),
    "close_period": (
        Role.BACK_OFFICE,
        lambda shop: {"body": _JUNE | {"retailer_id": _sold_in_june(shop)}, "headers": _once()},
    ),
    "create_api_key": (Role.ADMIN, lambda shop: {"body": _till(shop)}),
    "create_backtest": (
        Role.MARKETING,
        lambda shop: _at("promotion_id", _draft(shop)) | {"body": _JANUARY},
    ),
    "create_job": (Role.ADMIN, lambda _: {"body": {"kind": "purge"}}),
    "create_product_group": (Role.MARKETING, lambda _: {"body": _group("product")}),
    "create_promotion": (Role.MARKETING, lambda _: {"body": lumen_ten()}),
    "create_reconciliation": (Role.BACK_OFFICE, lambda _: {"body": _NEW_YEAR}),
    "create_return": (
        Role.STORE_USER,
        lambda shop: (
            _at("transaction_id", _sold(shop))
            | {
                "body": {"confirm": True, "lines": [{"line": 0, "quantity": 1}], "reason": "Too small"},
                "headers": {"Idempotency-Key": str(uuid4())},
            }
        ),
    ),
    "create_store_group": (Role.ADMIN, lambda _: {"body": _group("store")}),
    "create_transaction": (
        Role.STORE_USER,
        lambda _: {"body": basket(), "headers": {"Idempotency-Key": str(uuid4())}},
    ),
    "create_upload": (Role.ADMIN, lambda _: {"body": {"kind": "stores", "filename": "s.csv"}}),
    "create_user": (
        Role.ADMIN,
        lambda _: {"body": {"name": "A user", "role": "marketing", "email": f"{uuid4()}@example.com"}},
    ),
    "delete_product_group": (Role.ADMIN, lambda shop: _at("group_id", _defined(shop, "product"))),
    "delete_store_group": (Role.MARKETING, lambda shop: _at("group_id", _defined(shop, "store"))),
    "disable_user": (Role.ADMIN, lambda shop: _at("user_id", _employed(shop))),
    "enable_user": (Role.ADMIN, lambda shop: _at("user_id", _employed(shop))),
    "evaluate_basket": (Role.STORE_USER, lambda _: {"body": basket()}),
    "get_api_key": (Role.ADMIN, lambda shop: _at("api_key_id", _key(shop))),
    "get_backtest": (Role.MARKETING, lambda shop: _at("backtest_id", _backtest(shop))),
    "get_backtest_breakdown": (
        Role.ADMIN,
        lambda shop: {"path_parameters": {"backtest_id": _backtest(shop), "part": "by-day"}},
    ),
    "get_difference": (Role.BACK_OFFICE, lambda shop: _at("difference_id", _difference(shop))),
    "get_docs": (None, lambda _: {}),
    "get_docs_asset": (None, lambda _: _at("asset", "start.js")),
    "get_health": (None, lambda _: {}),
    "get_job": (Role.ADMIN, lambda shop: _at("job_id", _queued(shop))),
    "get_jwks": (None, lambda _: {}),
    "get_me": (Role.CUSTOMER, lambda _: {}),
    "get_openapi": (None, lambda _: {}),
    "get_product": (Role.PARENT_STORE_USER, lambda _: _at("sku", SKUS[0])),
    "get_product_group": (Role.STORE_USER, lambda shop: _at("group_id", _defined(shop, "product"))),
    "get_promotion": (Role.STORE_USER, lambda shop: _at("promotion_id", _draft(shop))),
    "get_promotion_conflicts": (Role.MARKETING, lambda shop: _at("promotion_id", _draft(shop))),
    "get_promotion_version": (Role.MARKETING, lambda shop: _at("promotion_id", _draft(shop), version=1)),
    "get_promotion_version_diff": (
        Role.BACK_OFFICE,
        lambda shop: _at("promotion_id", _revised(shop), version=1) | {"query": {"against": 2}},
    ),
    "get_ready": (None, lambda _: {}),
    "get_audit_chain": (Role.ADMIN, lambda _: {"query": {"day": "2026-01-01"}}),
    "get_promotions_report": (Role.MARKETING, lambda _: {"query": _JANUARY}),
    "get_settlement": (Role.BACK_OFFICE, lambda shop: _at("settlement_id", _stated(shop))),
    "get_settlement_closing": (Role.BACK_OFFICE, lambda shop: _at("closing_id", _closed(shop)[1])),
    "get_settlement_report": (Role.BACK_OFFICE, lambda _: {"query": _JANUARY}),
    "get_statement_csv": (Role.BACK_OFFICE, lambda shop: _at("settlement_id", _stated(shop))),
    "get_statement_json": (Role.BACK_OFFICE, lambda shop: _at("settlement_id", _stated(shop))),
    "get_statement_pdf": (Role.BACK_OFFICE, lambda shop: _at("settlement_id", _stated(shop))),
    "get_receipt_mapping": (Role.BACK_OFFICE, lambda shop: _at("retailer_id", _mapped(shop))),
    "get_reconciliation": (Role.BACK_OFFICE, lambda shop: _at("reconciliation_id", _reconciled(shop))),
    "get_reconciliation_rules": (Role.BACK_OFFICE, lambda shop: _at("retailer_id", _retailer(shop))),
    "get_rule_schema": (Role.MARKETING, lambda _: {}),
    "get_store": (Role.PARENT_STORE_USER, lambda _: _at("store_id", "S0002")),
    "get_store_group": (Role.BACK_OFFICE, lambda shop: _at("group_id", _defined(shop, "store"))),
    "get_transaction": (
        Role.BACK_OFFICE,
        lambda shop: _at("transaction_id", seeds(shop)["transaction_id"][0]),
    ),
    "get_user": (Role.ADMIN, lambda shop: _at("user_id", _employed(shop))),
    "get_upload": (Role.BACK_OFFICE, lambda shop: _at("upload_id", _awaiting(shop))),
    "issue_token": (None, lambda shop: {"body": _challenge(shop)}),
    "list_api_keys": (Role.ADMIN, lambda _: {"query": {"limit": 2}}),
    "list_backtests": (Role.MARKETING, lambda shop: _at("promotion_id", _draft(shop))),
    "list_applicable_promotions": (
        Role.STORE_USER,
        lambda _: {"query": {"store_id": "S0001", "channel": "store", "currency": "EUR"}},
    ),
    "list_audit_entries": (Role.BACK_OFFICE, lambda _: {}),
    "list_differences": (Role.BACK_OFFICE, lambda _: {}),
    "list_jobs": (Role.ADMIN, lambda _: {"query": {"kind": "purge", "status": "queued"}}),
    "list_lanes": (Role.STORE_USER, lambda _: {}),
    "list_product_group_changes": (
        Role.MARKETING,
        lambda shop: _at("group_id", _defined(shop, "product")),
    ),
    "list_notifications": (Role.ADMIN, lambda _: {"query": {"status": "dead"}}),
    "list_settlement_lines": (Role.BACK_OFFICE, lambda shop: _at("settlement_id", _stated(shop))),
    "list_settlements": (Role.BACK_OFFICE, lambda _: {}),
    "list_reconciliations": (Role.ADMIN, lambda _: {}),
    "list_users": (Role.ADMIN, lambda _: {"query": {"q": "sample", "role": "admin"}}),
    "list_product_groups": (Role.MARKETING, lambda _: {"query": {"q": "group"}}),
    "list_products": (Role.MARKETING, lambda _: {"query": {"kind": "frame", "limit": 2}}),
    "list_promotion_versions": (Role.STORE_USER, lambda shop: _at("promotion_id", _draft(shop))),
    "list_promotions": (Role.BACK_OFFICE, lambda _: {"query": {"status": "Active"}}),
    "list_returns": (Role.BACK_OFFICE, lambda shop: _at("transaction_id", _sold(shop))),
    "list_store_group_changes": (Role.ADMIN, lambda shop: _at("group_id", _defined(shop, "store"))),
    "list_store_groups": (Role.STORE_USER, lambda _: {}),
    "list_stores": (Role.ADMIN, lambda _: {"query": {"cursor": "S0002"}}),
    "list_transaction_settlements": (Role.BACK_OFFICE, lambda shop: _at("transaction_id", _sold(shop))),
    "list_transactions": (Role.BACK_OFFICE, lambda _: {"query": {"store_id": "S0001"}}),
    "list_upload_kinds": (Role.BACK_OFFICE, lambda _: {}),
    "list_uploads": (Role.BACK_OFFICE, lambda _: {}),
    "pause_promotion": (Role.ADMIN, lambda shop: _at("promotion_id", _published(shop))),
    "preview_product_group": (Role.MARKETING, lambda _: {"body": {"filter": _group("product")["filter"]}}),
    "preview_store_group": (Role.ADMIN, lambda _: {"body": {"filter": _group("store")["filter"]}}),
    "publish_promotion": (Role.ADMIN, lambda shop: _at("promotion_id", _approved(shop))),
    "put_receipt_mapping": (
        Role.BACK_OFFICE,
        lambda shop: _at("retailer_id", _retailer(shop)) | {"body": _MAPPING, "headers": {"If-Match": "*"}},
    ),
    "put_reconciliation_rules": (
        Role.ADMIN,
        lambda shop: _at("retailer_id", _retailer(shop)) | {"body": {}, "headers": {"If-Match": "*"}},
    ),
    "reject_promotion": (
        Role.BACK_OFFICE,
        lambda shop: _at("promotion_id", _submitted(shop)) | {"body": {"reason": "Too generous"}},
    ),
    "refresh_token": (None, lambda shop: {"body": {"refresh_token": _refresh_token(shop)}}),
    "replay_transaction": (Role.STORE_USER, lambda shop: _at("transaction_id", _sold(shop))),
    "receive_report": (
        None,
        lambda shop: (
            _at("secret", shop.host.settings["MSG91_WEBHOOK_SECRET"])
            | {"body": {"requestId": "1", "status": "Delivered"}}
        ),
    ),
    "pay_settlement": (
        Role.BACK_OFFICE,
        lambda shop: _at("settlement_id", _stated(shop)) | {"body": _PAID},
    ),
    "pay_settlements": (Role.BACK_OFFICE, lambda shop: {"body": {"ids": [_stated(shop)], **_PAID}}),
    "reopen_settlement": (
        Role.BACK_OFFICE,
        lambda shop: (
            _at("settlement_id", _reviewed(shop)) | {"body": {"reason": "Wrong"}, "headers": _once()}
        ),
    ),
    "review_transaction": (
        Role.BACK_OFFICE,
        lambda shop: _at("transaction_id", _sold(shop)) | {"body": {"reason": "Odd"}},
    ),
    "resolve_difference": (
        Role.BACK_OFFICE,
        lambda shop: _at("difference_id", _difference(shop)) | {"body": _DISMISSED},
    ),
    "resolve_differences": (Role.BACK_OFFICE, lambda _: {"body": _DISMISSED | {"filter": {}}}),
    "retry_notification": (Role.ADMIN, lambda shop: _at("notification_id", _dead(shop))),
    "request_otp": (None, lambda _: {"body": {"phone": "+390619999999"}}),
    "resume_promotion": (Role.ADMIN, lambda shop: _at("promotion_id", _paused(shop))),
    "revoke_api_key": (Role.ADMIN, lambda shop: _at("api_key_id", _key(shop))),
    "sign_out": (Role.SHOPKEEPER, lambda _: {}),
    "submit_promotion": (Role.MARKETING, lambda shop: _at("promotion_id", _draft(shop))),
    "switch_store": (Role.PARENT_STORE_USER, lambda _: {"body": {"store_id": "S0002"}}),
    "update_lane": (
        Role.ADMIN,
        lambda _: {"path_parameters": {"lane": "tender"}, "body": {"mode": "priority"}},
    ),
    "update_product_group": (
        Role.MARKETING,
        lambda shop: _at("group_id", _defined(shop, "product")) | _CHANGE,
    ),
    "update_promotion": (
        Role.MARKETING,
        lambda shop: (
            _at("promotion_id", _draft(shop)) | {"body": {"priority": 7}, "headers": {"If-Match": "*"}}
        ),
    ),
    "update_user": (
        Role.ADMIN,
        lambda shop: _at("user_id", _employed(shop)) | {"body": {"name": "B"}, "headers": {"If-Match": "*"}},
    ),
    "update_store_group": (
        Role.ADMIN,
        lambda shop: _at("group_id", _defined(shop, "store")) | _CHANGE,
    ),
    "verify_transaction": (
        Role.BACK_OFFICE,
        lambda shop: _at("transaction_id", _sold(shop)) | {"body": {"reason": "Seen"}},
    ),
    "void_transaction": (
        Role.STORE_USER,
        lambda shop: (
            _at("transaction_id", _sold(shop))
            | {"body": {"reason": "Wrong customer"}, "headers": {"Idempotency-Key": str(uuid4())}}
        ),
    ),
}


@pytest.mark.parametrize("name", names())
def test_every_operation_succeeds(shop: Shop, api: Api, name: str) -> None:
    role, request = GOOD[name]
    assert 200 <= api.answer(operations()[name].Case(**request(shop)), role) < 300


def _at(parameter: str, value: str, **others: object) -> Request:
    return {"path_parameters": {parameter: value, **others}}


def _revised(shop: Shop) -> str:
    promotion_id = _draft(shop)
    shop.admin.patch(
        f"promotions/{promotion_id}", json={"priority": 7}, headers={"If-Match": "*"}
    ).raise_for_status()
    return promotion_id


def _submitted(shop: Shop) -> str:
    promotion_id = _draft(shop)
    shop.admin.post(f"promotions/{promotion_id}/submit").raise_for_status()
    return promotion_id


def _approved(shop: Shop) -> str:
    promotion_id = _submitted(shop)
    shop.reviewer.post(f"promotions/{promotion_id}/approve").raise_for_status()
    return promotion_id


def _employed(shop: Shop) -> str:
    body = {"name": "A user", "role": "back_office", "email": f"{uuid4()}@example.com"}
    return shop.admin.post("users", json=body).raise_for_status().json()["id"]


def _till(shop: Shop) -> Request:
    ends = datetime.now(UTC) + timedelta(days=1)
    return {
        "name": "A till",
        "user_id": shop.admin.get("me").json()["id"],
        "permissions": ["catalogue.read"],
        "expires_at": ends.isoformat(),
    }


def _key(shop: Shop) -> str:
    return shop.admin.post("api-keys", json=_till(shop)).raise_for_status().json()["id"]


def _refresh_token(shop: Shop) -> str:
    """Of a session of its own, without the wait for another code."""
    token, now = token_of(uuid4().hex), datetime.now(UTC)
    with psycopg.connect(shop.database_url) as conn:
        sessions.insert(
            conn,
            session_id=uuid4(),
            user_id=UUID(shop.seller.get("me").json()["id"]),
            digest=digest(token),
            now=now,
            expires_at=now + timedelta(days=1),
            idle_at=now + timedelta(days=1),
        )
    return token


def _dead(shop: Shop) -> str:
    """A message that was given up and could be sent again, though what it says is nothing."""
    with psycopg.connect(shop.database_url) as conn:
        return str(
            conn.execute(
                """
                INSERT INTO outbox (kind, sealed, created_at, expires_at, failed_at, failure_code)
                VALUES ('otp_sms', '\\x00', now(), now() + interval '1 day', now(), 'provider_setup')
                RETURNING id
                """
            ).fetchall()[0][0]
        )


def _retailer(shop: Shop) -> str:
    with psycopg.connect(shop.database_url) as conn:
        return conn.execute("SELECT retailer_id FROM stores WHERE id = 'S0001'").fetchall()[0][0]


def _mapped(shop: Shop) -> str:
    retailer_id = _retailer(shop)
    shop.admin.put(
        f"retailers/{retailer_id}/receipt-mapping", json=_MAPPING, headers={"If-Match": "*"}
    ).raise_for_status()
    return retailer_id


def _reconciled(shop: Shop) -> str:
    return shop.admin.post("reconciliations", json=_NEW_YEAR).raise_for_status().json()["id"]


def _once() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid4())}


def _sold_in_june(shop: Shop) -> str:
    """A retailer of one store, with a verified sale of June."""
    with psycopg.connect(shop.database_url, autocommit=True) as conn:
        till = Till(conn)
        store_id = till.store(f"T{uuid4().hex[:8]}")
        till.sell(store_id, [Cut(till.promotion(), 100, {"brand": 100})])
    return store_id


def _closed(shop: Shop) -> tuple[str, str]:
    """A retailer, and the closing of its June, which has ended."""
    retailer_id = _sold_in_june(shop)

    def ask() -> httpx.Response | None:
        asked = shop.reviewer.post("settlements", json=_JUNE | {"retailer_id": retailer_id}, headers=_once())
        # All retailers may be closed at this moment.
        return None if asked.status_code == 409 else asked.raise_for_status()

    closing_id = eventually(ask).json()["id"]
    eventually(lambda: shop.reviewer.get(f"settlement-closings/{closing_id}").json()["status"] == "completed")
    return retailer_id, closing_id


def _stated(shop: Shop) -> str:
    retailer_id, _ = _closed(shop)
    (settlement,) = shop.reviewer.get("settlements", params={"retailer_id": retailer_id}).json()["items"]
    return settlement["id"]


def _reviewed(shop: Shop) -> str:
    """A settlement with a sale that is under review since."""
    settlement_id = _stated(shop)
    (line,) = shop.reviewer.get(f"settlements/{settlement_id}/lines").json()["items"]
    with psycopg.connect(shop.database_url, autocommit=True) as conn:
        Till(conn).set_status(line["transaction_id"], "Under Review")
    return settlement_id


def _difference(shop: Shop) -> str:
    """A receipt that is there twice, though neither is."""
    with psycopg.connect(shop.database_url) as conn:
        return str(
            conn.execute(
                """
                INSERT INTO differences (key, kind, retailer_id, store_id, day, currency, receipt_id,
                                         candidates, found_at, updated_at)
                VALUES (uuidv7()::text, 'duplicate', 'S0001', 'S0001', '2026-01-01', 'EUR', uuidv7(), '[]',
                        now(), now())
                RETURNING id
                """
            ).fetchall()[0][0]
        )


def _published(shop: Shop) -> str:
    promotion_id = _draft(shop)
    shop.publish(promotion_id)
    return promotion_id


def _paused(shop: Shop) -> str:
    promotion_id = _published(shop)
    shop.admin.post(f"promotions/{promotion_id}/pause").raise_for_status()
    return promotion_id


def _challenge(shop: Shop) -> Request:
    phone = PHONES[Role.PARTNER]
    before = len(shop.msg91.messages(phone))
    challenge = shop.stranger.post("auth/otp", json={"phone": phone}).json()["challenge_id"]
    while len(shop.msg91.messages(phone)) == before:
        pass
    return {"challenge_id": challenge, "code": shop.msg91.messages(phone)[-1].variables["OTP"]}
