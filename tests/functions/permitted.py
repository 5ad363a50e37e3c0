"""A request for each operation that succeeds for whoever may send it, in a world of three stores.

`OWN` is the store that those who work in stores are signed in to, `BELOW` one under it, `FOREIGN` one apart.
"""

import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any
from uuid import uuid4

import azure.functions as func

from shared.actions import sessions
from shared.domain.sessions import Session, token_of
from shared.domain.users import WORK_IN_STORES, Role
from shared.edge import tokens
from shared.edge.operations import REGISTRY
from shared.jobs.runner import run
from shared.settings import settings
from shared.store import jobs
from tests.rows import Conn, a_product, a_store, a_user, percent_off
from tests.settling import JUNE, Cut, Till

STORES = {"own": "OWN", "below": "BELOW", "foreign": "FOREIGN"}

type Asked = dict[str, Any]
type Json = dict[str, Any]


class World:
    """Users of every role, two administrators more who prepare what is asked for, and a seller a store."""

    def __init__(self, conn: Conn) -> None:
        self.conn = conn
        for store_id, parent_id in (("OWN", None), ("BELOW", "OWN"), ("FOREIGN", None)):
            a_store(conn, store_id)
            conn.execute("UPDATE stores SET parent_id = %s WHERE id = %s", [parent_id, store_id])
        a_product(conn, "LENS", "100.00")
        self.users = {
            role: a_user(conn, role, store_id="OWN" if role in WORK_IN_STORES else None) for role in Role
        }
        self._author, self._reviewer = a_user(conn, Role.ADMIN), a_user(conn, Role.ADMIN)
        self._till, self._settlements = Till(conn), dict[str, Asked]()
        self._sellers = {
            store_id: a_user(conn, Role.STORE_USER, store_id=store_id) for store_id in STORES.values()
        }

    def sign_in(self, user_id: Any) -> tuple[str, str]:
        """An access token and a refresh token of a session of its own."""
        now, token = datetime.now(UTC), token_of(secrets.token_urlsafe(32))
        session = sessions.begin(
            self.conn, now, user_id=user_id, session_id=uuid4(), token=token, request_id="test"
        )
        assert isinstance(session, Session)
        return tokens.issue(session.caller, now), token

    def send(self, name: str, asked: Asked, token: str | None) -> func.HttpResponse:
        """What the operation of that name answers; every request is the only one of its session."""
        door = getattr(import_module(f"functions.{REGISTRY[name].tag}"), name)
        body = asked.get("body")
        request = func.HttpRequest(
            method=REGISTRY[name].method,
            url="http://localhost",
            headers={
                "content-type": "application/json",
                **({"authorization": f"Bearer {token}"} if token else {}),
                **asked.get("headers", {}),
            },
            params=asked.get("query", {}),
            route_params={key: str(value) for key, value in asked.get("path", {}).items()},
            body=b"" if body is None else json.dumps(body).encode(),
        )
        return door.build().get_user_function()(request)

    def prepared(self, name: str, by: Any = None, **asked: Any) -> Json:
        response = self.send(name, asked, self.sign_in(by or self._author)[0])
        assert response.status_code < 300, (name, response.get_body())
        return json.loads(response.get_body())

    def draft(self) -> Asked:
        return _path("promotion_id", self.prepared("create_promotion", body=_TEN))

    def submitted(self) -> Asked:
        asked = self.draft()
        self.prepared("submit_promotion", **asked)
        return asked

    def approved(self) -> Asked:
        asked = self.submitted()
        self.prepared("approve_promotion", self._reviewer, **asked)
        return asked

    def published(self) -> Asked:
        asked = self.approved()
        self.prepared("publish_promotion", **asked)
        return asked

    def paused(self) -> Asked:
        asked = self.published()
        self.prepared("pause_promotion", **asked)
        return asked

    def revised(self) -> Asked:
        asked = self.draft()
        self.prepared("update_promotion", **asked, headers=_ANY, body={"priority": 5})
        return {"path": asked["path"] | {"version": 1}}

    def group(self, subject: str) -> Asked:
        return _path("group_id", self.prepared(f"create_{subject}_group", body=_group(subject)))

    def backtest(self) -> Asked:
        queued = self.prepared("create_backtest", **self.draft(), body=_JANUARY)
        return _path("backtest_id", queued)

    def user(self) -> Asked:
        return _path("user_id", self.prepared("create_user", body=_somebody()))

    def key(self) -> Asked:
        return _path("api_key_id", self.prepared("create_api_key", body=self.till()))

    def till(self) -> Json:
        return {
            "name": "A till",
            "user_id": str(self._author),
            "permissions": ["catalogue.read"],
            "expires_at": (datetime.now(UTC) + timedelta(days=1)).isoformat(),
        }

    def upload(self) -> Asked:
        ticket = self.prepared("create_upload", body=_FILE)
        return {"path": {"upload_id": ticket["upload_id"]}}

    def job(self) -> Asked:
        """Queued, and nobody is woken for it."""
        now = datetime.now(UTC)
        job_id = jobs.insert(self.conn, kind="purge", arguments={}, slice_count=0, created_by=None, now=now)
        return {"path": {"job_id": job_id}}

    def dead_message(self) -> Asked:
        row = self.conn.execute(
            """
            INSERT INTO outbox (kind, sealed, created_at, expires_at, failed_at, failure_code)
            VALUES ('otp_sms', '\\x00', now(), now() + interval '1 day', now(), 'provider_setup')
            RETURNING id
            """
        ).fetchall()[0]
        return {"path": {"notification_id": row[0]}}

    def sale(self, store_id: str) -> Asked:
        quote = self.prepared(
            "create_transaction", self._sellers[store_id], body=_basket(store_id), headers=_once()
        )
        return _path("transaction_id", quote["transaction"])

    def reconciliation(self) -> Asked:
        return _path("reconciliation_id", self.prepared("create_reconciliation", body=_NEW_YEAR))

    def difference(self) -> Asked:
        row = self.conn.execute(
            """
            INSERT INTO differences (key, kind, retailer_id, store_id, day, currency, receipt_id, candidates,
                                     found_at, updated_at)
            VALUES (uuidv7()::text, 'duplicate', 'OWN', 'OWN', '2026-01-01', 'EUR', uuidv7(), '[]', now(),
                    now())
            RETURNING id
            """
        ).fetchall()[0]
        return {"path": {"difference_id": row[0]}}

    def mapping(self) -> Asked:
        asked: Asked = {"path": {"retailer_id": "OWN"}}
        self.prepared("put_receipt_mapping", **asked, headers=_ANY, body=_MAPPING)
        return asked

    def idle(self) -> Asked:
        """Closings that were asked for have ended, as they would by and by."""
        for (job_id,) in self.conn.execute(
            "SELECT id FROM jobs WHERE kind = 'settlement' AND finished_at IS NULL"
        ):
            run(job_id, datetime.now(UTC))
        return {}

    def closing(self) -> Asked:
        self.idle()
        return _path("closing_id", self.prepared("close_period", body=_JANUARY, headers=_once()))

    def settlement(self, store_id: str) -> Asked:
        """What was stated of the store, for whoever only reads it."""
        if store_id not in self._settlements:
            self._settlements[store_id] = self.unpaid(store_id)
        return self._settlements[store_id]

    def unpaid(self, store_id: str = "OWN") -> Asked:
        self.idle()
        self._sell(store_id)
        (settlement,) = self._till.close(JUNE, now=datetime.now(UTC))
        return {"path": {"settlement_id": str(settlement.id)}}

    def reviewed(self) -> Asked:
        """Stated, and under review since."""
        self.idle()
        sale_id = self._sell("OWN")
        (settlement,) = self._till.close(JUNE, now=datetime.now(UTC))
        self._till.set_status(sale_id, "Under Review")
        return {"path": {"settlement_id": str(settlement.id)}}

    def _sell(self, store_id: str) -> Any:
        return self._till.sell(store_id, [Cut(self._till.promotion(), 100, {"brand": 100})])

    def refresh_token(self) -> str:
        return self.sign_in(self._author)[1]


_ANY = {"if-match": "*"}
_TEN = {"name": "Ten", "type": "seasonal", "starts_at": "2026-01-01", "rule": percent_off("10")}
_JANUARY = {"from": "2026-01-01", "until": "2026-01-31"}
_NEW_YEAR = {"store_id": "OWN", "from_on": "2026-01-01", "until_on": "2026-01-01"}
_DISMISSED = {"resolution": "dismiss", "reason": "Too old"}
_MAPPING = {
    "columns": {"store_id": "Shop", "sold_at": "When", "sku": "Code", "quantity": "Count", "amount": "Paid"},
    "constants": {"currency": "EUR"},
}
_PAID = {"reference": "Bank 7", "paid_on": "2026-07-01"}
_FILE = {"kind": "stores", "filename": "stores.csv"}


def _path(parameter: str, made: Json) -> Asked:
    return {"path": {parameter: made["id"]}}


def _group(subject: str) -> Json:
    where = {"fact": f"{subject}.name", "op": "contains", "value": "o"}
    return {"name": f"A group {uuid4()}", "filter": where}


def _somebody() -> Json:
    return {"name": "A user", "role": "marketing", "email": f"{uuid4()}@example.com"}


def _basket(store_id: str) -> Json:
    lines = [{"sku": "LENS", "quantity": 1}]
    return {"store_id": store_id, "currency": "EUR", "channel": "store", "lines": lines}


def _once() -> dict[str, str]:
    return {"idempotency-key": str(uuid4())}


REQUESTS: dict[str, Callable[[World, str], Asked]] = {
    "approve_promotion": lambda world, _: world.submitted(),
    "archive_promotion": lambda world, _: world.draft(),
    "cancel_job": lambda world, _: world.job(),
    "cancel_upload": lambda world, _: world.upload(),
    "close_period": lambda world, _: world.idle() | {"headers": _once(), "body": _JANUARY},
    "create_api_key": lambda world, _: {"body": world.till()},
    "create_backtest": lambda world, _: world.draft() | {"body": _JANUARY},
    "create_job": lambda _world, _: {"body": {"kind": "purge"}},
    "create_product_group": lambda _world, _: {"body": _group("product")},
    "create_promotion": lambda _world, _: {"body": _TEN},
    "create_reconciliation": lambda _world, _: {"body": _NEW_YEAR},
    "create_return": lambda world, store_id: (
        world.sale(store_id) | {"headers": _once(), "body": {"confirm": True, "reason": "Too small"}}
    ),
    "create_store_group": lambda _world, _: {"body": _group("store")},
    "create_transaction": lambda _world, store_id: {"body": _basket(store_id), "headers": _once()},
    "create_upload": lambda _world, _: {"body": _FILE},
    "create_user": lambda _world, _: {"body": _somebody()},
    "delete_product_group": lambda world, _: world.group("product"),
    "delete_store_group": lambda world, _: world.group("store"),
    "disable_user": lambda world, _: world.user(),
    "enable_user": lambda world, _: world.user(),
    "evaluate_basket": lambda _world, store_id: {"body": _basket(store_id)},
    "get_api_key": lambda world, _: world.key(),
    "get_audit_chain": lambda _world, _: {"query": {"day": "2026-01-01"}},
    "get_backtest": lambda world, _: world.backtest(),
    "get_backtest_breakdown": lambda world, _: {"path": world.backtest()["path"] | {"part": "by-day"}},
    "get_difference": lambda world, _: world.difference(),
    "get_docs": lambda _world, _: {},
    "get_docs_asset": lambda _world, _: {"path": {"asset": "start.js"}},
    "get_health": lambda _world, _: {},
    "get_job": lambda world, _: world.job(),
    "get_jwks": lambda _world, _: {},
    "get_me": lambda _world, _: {},
    "get_openapi": lambda _world, _: {},
    "get_product": lambda _world, _: {"path": {"sku": "LENS"}},
    "get_product_group": lambda world, _: world.group("product"),
    "get_promotion": lambda world, _: world.draft(),
    "get_promotion_conflicts": lambda world, _: world.draft(),
    "get_promotion_version": lambda world, _: world.revised(),
    "get_promotion_version_diff": lambda world, _: world.revised() | {"query": {"against": "2"}},
    "get_promotions_report": lambda _world, _: {"query": _JANUARY},
    "get_ready": lambda _world, _: {},
    "get_receipt_mapping": lambda world, _: world.mapping(),
    "get_reconciliation": lambda world, _: world.reconciliation(),
    "get_reconciliation_rules": lambda _world, _: {"path": {"retailer_id": "OWN"}},
    "get_rule_schema": lambda _world, _: {},
    "get_settlement_report": lambda _world, _: {"query": _JANUARY},
    "get_settlement": lambda world, store_id: world.settlement(store_id),
    "get_settlement_closing": lambda world, _: world.closing(),
    "get_statement_csv": lambda world, store_id: world.settlement(store_id),
    "get_statement_json": lambda world, store_id: world.settlement(store_id),
    "get_statement_pdf": lambda world, store_id: world.settlement(store_id),
    "get_store": lambda _world, store_id: {"path": {"store_id": store_id}},
    "get_store_group": lambda world, _: world.group("store"),
    "get_transaction": lambda world, store_id: world.sale(store_id),
    "get_upload": lambda world, _: world.upload(),
    "get_user": lambda world, _: world.user(),
    "issue_token": lambda _world, _: {"body": {"challenge_id": str(uuid4()), "code": "000000"}},
    "list_api_keys": lambda _world, _: {},
    "list_applicable_promotions": lambda _world, store_id: {"query": {"store_id": store_id}},
    "list_audit_entries": lambda _world, _: {},
    "list_backtests": lambda world, _: world.draft(),
    "list_differences": lambda _world, _: {},
    "list_jobs": lambda _world, _: {},
    "list_lanes": lambda _world, _: {},
    "list_notifications": lambda _world, _: {},
    "list_product_group_changes": lambda world, _: world.group("product"),
    "list_product_groups": lambda _world, _: {},
    "list_products": lambda _world, _: {},
    "list_promotion_versions": lambda world, _: world.draft(),
    "list_promotions": lambda _world, _: {},
    "list_reconciliations": lambda _world, _: {},
    "list_returns": lambda world, store_id: world.sale(store_id),
    "list_settlement_lines": lambda world, store_id: world.settlement(store_id),
    "list_settlements": lambda _world, _: {},
    "list_store_group_changes": lambda world, _: world.group("store"),
    "list_store_groups": lambda _world, _: {},
    "list_stores": lambda _world, _: {},
    "list_transaction_settlements": lambda world, store_id: world.sale(store_id),
    "list_transactions": lambda _world, store_id: {"query": {"store_id": store_id}},
    "list_upload_kinds": lambda _world, _: {},
    "list_uploads": lambda _world, _: {},
    "list_users": lambda _world, _: {},
    "pause_promotion": lambda world, _: world.published(),
    "pay_settlement": lambda world, _: world.unpaid() | {"body": _PAID},
    "pay_settlements": lambda world, _: {"body": {"ids": [world.unpaid()["path"]["settlement_id"]], **_PAID}},
    "preview_product_group": lambda _world, _: {"body": {"filter": _group("product")["filter"]}},
    "preview_store_group": lambda _world, _: {"body": {"filter": _group("store")["filter"]}},
    "publish_promotion": lambda world, _: world.approved(),
    "put_receipt_mapping": lambda _world, _: {
        "path": {"retailer_id": "OWN"},
        "headers": _ANY,
        "body": _MAPPING,
    },
    "put_reconciliation_rules": lambda _world, _: {
        "path": {"retailer_id": "OWN"},
        "headers": _ANY,
        "body": {},
    },
    "receive_report": lambda _world, _: {
        "path": {"secret": settings().msg91_webhook_secret},
        "body": {"requestId": "1", "status": "Delivered"},
    },
    "refresh_token": lambda world, _: {"body": {"refresh_token": world.refresh_token()}},
    "reject_promotion": lambda world, _: world.submitted() | {"body": {"reason": "No"}},
    "reopen_settlement": lambda world, _: (
        world.reviewed() | {"headers": _once(), "body": {"reason": "Wrong customer"}}
    ),
    "replay_transaction": lambda world, store_id: world.sale(store_id),
    "request_otp": lambda _world, _: {"body": {"phone": "+390619999999"}},
    "resolve_difference": lambda world, _: world.difference() | {"body": _DISMISSED},
    "resolve_differences": lambda _world, _: {"body": _DISMISSED | {"filter": {}}},
    "resume_promotion": lambda world, _: world.paused(),
    "retry_notification": lambda world, _: world.dead_message(),
    "review_transaction": lambda world, store_id: world.sale(store_id) | {"body": {"reason": "Odd"}},
    "revoke_api_key": lambda world, _: world.key(),
    "sign_out": lambda _world, _: {},
    "submit_promotion": lambda world, _: world.draft(),
    "switch_store": lambda _world, store_id: {"body": {"store_id": store_id}},
    "update_lane": lambda _world, _: {"path": {"lane": "tender"}, "body": {"mode": "priority"}},
    "update_product_group": lambda world, _: (
        world.group("product") | {"headers": _ANY, "body": {"description": "Others"}}
    ),
    "update_promotion": lambda world, _: world.draft() | {"headers": _ANY, "body": {"priority": 7}},
    "update_store_group": lambda world, _: (
        world.group("store") | {"headers": _ANY, "body": {"description": "Others"}}
    ),
    "update_user": lambda world, _: world.user() | {"headers": _ANY, "body": {"name": "B"}},
    "verify_transaction": lambda world, store_id: world.sale(store_id) | {"body": {"reason": "Seen"}},
    "void_transaction": lambda world, store_id: (
        world.sale(store_id) | {"headers": _once(), "body": {"reason": "Wrong customer"}}
    ),
}
