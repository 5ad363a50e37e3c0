"""Every change of state leaves an entry: each operation that writes is sent, and the audit asked for it.

An operation that is not named here fails; say what it leaves, or why nothing.
"""

import pytest

from shared.domain.users import Role
from shared.edge.operations import REGISTRY
from tests.functions.permitted import REQUESTS, Asked, World
from tests.rows import Conn

pytestmark = pytest.mark.usefixtures("app", "whole_app")

LEAVES = {
    "approve_promotion": "promotion.approved",
    "archive_promotion": "promotion.archived",
    "cancel_job": "job.cancelled",
    "cancel_upload": "upload.cancelled",
    "close_period": "closing.begun",
    "create_api_key": "api_key.created",
    "create_backtest": "backtest.begun",
    "create_job": "job.queued",
    "create_product_group": "group.created",
    "create_promotion": "promotion.created",
    "create_reconciliation": "reconciliation.begun",
    "create_return": "transaction.recorded",
    "create_store_group": "group.created",
    "create_transaction": "transaction.recorded",
    "create_upload": "upload.requested",
    "create_user": "user.created",
    "delete_product_group": "group.deleted",
    "delete_store_group": "group.deleted",
    "disable_user": "user.disabled",
    "enable_user": "user.enabled",
    "pause_promotion": "promotion.paused",
    "pay_settlement": "settlement.paid",
    "pay_settlements": "settlement.paid",
    "publish_promotion": "promotion.published",
    "put_receipt_mapping": "retailer.receipt_mapping_changed",
    "put_reconciliation_rules": "retailer.reconciliation_rules_changed",
    "reject_promotion": "promotion.rejected",
    "reopen_settlement": "settlement.reopened",
    "resolve_difference": "difference.resolved",
    "resolve_differences": "difference.resolved",
    "resume_promotion": "promotion.resumed",
    "retry_notification": "notification.retried",
    "review_transaction": "transaction.status_changed",
    "revoke_api_key": "api_key.revoked",
    "sign_out": "session.ended",
    "submit_promotion": "promotion.submitted",
    "switch_store": "session.switched",
    "update_lane": "lane.changed",
    "update_product_group": "group.changed",
    "update_promotion": "promotion.revised",
    "update_store_group": "group.changed",
    "update_user": "user.changed",
    "verify_transaction": "transaction.status_changed",
    "void_transaction": "transaction.recorded",
}
# What is sent to these changes nothing, or nothing that outlives the day.
LEAVE_NOTHING = {
    "evaluate_basket": "answers",
    "preview_product_group": "answers",
    "preview_store_group": "answers",
    "request_otp": "a code that is good for minutes",
    "refresh_token": "the session is the one that it was",
    "receive_report": "how far a message is, which its row tells for as long as there is one",
    "issue_token": "with a code that is wrong; a right one begins a session, test_sessions has its entry",
}


def test_every_operation_that_writes_is_named() -> None:
    writing = {name for name, each in REGISTRY.items() if each.method != "GET"}
    assert LEAVES.keys() | LEAVE_NOTHING.keys() == writing
    assert not LEAVES.keys() & LEAVE_NOTHING.keys()


def test_each_leaves_its_entry_by_who_sent_it_and_under_the_request(conn: Conn) -> None:
    world = World(conn)
    assert {name: _left(world, name) for name in LEAVES} == {
        name: {action} for name, action in LEAVES.items()
    }


def test_the_others_leave_nothing(conn: Conn) -> None:
    world = World(conn)
    assert {name: _left(world, name) for name in LEAVE_NOTHING} == {name: set() for name in LEAVE_NOTHING}


def _left(world: World, name: str) -> set[str]:
    """The actions that the request left in the audit, besides the statuses that follow a payment."""
    role = Role.STORE_USER if name in {"create_transaction", "switch_store"} else Role.ADMIN
    user_id = world.users[role]
    asked = _asked(world, name)
    response = world.send(name, asked, world.sign_in(user_id)[0])
    assert response.status_code < 300 or name == "issue_token", (name, response.get_body())
    left = world.conn.execute(
        "SELECT action, actor FROM audit_entries WHERE request_id = %s", [response.headers["X-Request-Id"]]
    ).fetchall()
    assert {actor for _, actor in left} <= {user_id}
    return {action for action, _ in left} - (
        {"transaction.status_changed"} if name.startswith("pay_") else set()
    )


def _asked(world: World, name: str) -> Asked:
    if name == "enable_user":
        asked = world.user()
        world.prepared("disable_user", **asked)
        return asked
    if name == "resolve_differences":
        world.difference()
    return REQUESTS[name](world, "OWN")
