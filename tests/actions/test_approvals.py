"""Approval: nobody lets pass what they wrote, and what was changed is approved again."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from uuid import UUID

import psycopg
import pytest

from shared.actions import promotions
from shared.domain.approvals import ApprovalMissing, ApprovalOutOfTurn, ApprovalState, OwnVersion
from shared.domain.audit import By
from shared.domain.promotions import (
    NothingToPublish,
    Promotion,
    PromotionArchived,
    PromotionStatus,
)
from shared.domain.versions import VersionSummary
from shared.store import promotion_versions
from tests.harness import eventually
from tests.rows import NOW, Conn, a_user, terms

type Step = Callable[..., Promotion]


@pytest.fixture
def author(conn: Conn) -> By:
    return By(a_user(conn))


@pytest.fixture
def other(conn: Conn) -> By:
    return By(a_user(conn))


def drafted(conn: Conn, author: By) -> UUID:
    with conn.transaction():
        return promotions.create(conn, NOW, terms=terms(), by=author).id


def submitted(conn: Conn, author: By) -> UUID:
    promotion_id = drafted(conn, author)
    do(conn, promotions.submit, promotion_id, author)
    return promotion_id


def do(conn: Conn, step: Step, promotion_id: UUID, by: By) -> Promotion:
    with conn.transaction():
        return step(conn, NOW, promotion_id, by=by)


publish: Step = partial(promotions.publish, approval_required=True)
reject: Step = partial(promotions.reject, reason="Too generous")


def revise(conn: Conn, promotion_id: UUID, by: By, **changes: object) -> Promotion:
    with conn.transaction():
        return promotions.revise(
            conn, NOW, promotion_id=promotion_id, change=lambda _: terms(**changes), by=by
        )


@pytest.mark.parametrize(
    ("before", "state"),
    [((), "none"), ((promotions.submit,), "submitted"), ((promotions.submit, reject), "rejected")],
    ids=["drafted", "submitted", "rejected"],
)
def test_what_nobody_approved_is_not_published(
    conn: Conn, author: By, before: tuple[Step, ...], state: str
) -> None:
    promotion_id = drafted(conn, author)
    for step in before:
        do(conn, step, promotion_id, author)
    with pytest.raises(ApprovalMissing):
        do(conn, publish, promotion_id, author)
    assert conn.execute("SELECT status FROM promotions").fetchone() == ("Draft",)
    assert versions(conn, promotion_id)[0].approval.state == state


def versions(conn: Conn, promotion_id: UUID) -> list[VersionSummary]:
    return promotion_versions.find(conn, promotion_id, before=None, limit=10)


def test_who_wrote_it_cannot_approve_it(conn: Conn, author: By, other: By) -> None:
    promotion_id = submitted(conn, author)
    with pytest.raises(OwnVersion):
        do(conn, promotions.approve, promotion_id, author)
    approved = do(conn, promotions.approve, promotion_id, other).approval
    assert (approved.state, approved.user_id, approved.at) == (ApprovalState.APPROVED, other.user_id, NOW)
    assert do(conn, publish, promotion_id, author).status is PromotionStatus.ACTIVE


def test_who_wrote_a_part_of_it_cannot_approve_it(conn: Conn, author: By, other: By) -> None:
    """The first version was never approved, so the second is its author's work as well."""
    promotion_id = drafted(conn, author)
    revise(conn, promotion_id, other, description="In other words")
    do(conn, promotions.submit, promotion_id, other)
    for one in (author, other):
        with pytest.raises(OwnVersion):
            do(conn, promotions.approve, promotion_id, one)
    third = By(a_user(conn))
    do(conn, promotions.approve, promotion_id, third)

    revise(conn, promotion_id, other, description="In better words")
    do(conn, promotions.submit, promotion_id, other)
    with pytest.raises(OwnVersion):
        do(conn, promotions.approve, promotion_id, other)
    assert do(conn, promotions.approve, promotion_id, author).approval.state is ApprovalState.APPROVED


def test_what_was_published_without_approval_is_not_approved_again(conn: Conn, author: By, other: By) -> None:
    promotion_id = drafted(conn, author)
    do(conn, partial(promotions.publish, approval_required=False), promotion_id, author)
    revise(conn, promotion_id, other, priority=5)
    do(conn, promotions.submit, promotion_id, other)
    with pytest.raises(OwnVersion):
        do(conn, promotions.approve, promotion_id, other)
    do(conn, promotions.approve, promotion_id, author)


@pytest.mark.parametrize("step", [promotions.submit, promotions.approve], ids=["submitted", "approved"])
def test_an_edit_needs_approval_again(conn: Conn, author: By, other: By, step: Step) -> None:
    promotion_id = submitted(conn, author)
    if step is promotions.approve:
        do(conn, step, promotion_id, other)
    assert revise(conn, promotion_id, author).version == 1, "the same terms are no edit"
    edited = revise(conn, promotion_id, author, priority=5)
    assert (edited.version, edited.approval.state) == (2, ApprovalState.NONE)
    with pytest.raises(ApprovalMissing):
        do(conn, publish, promotion_id, author)
    with pytest.raises(ApprovalOutOfTurn):
        do(conn, promotions.approve, promotion_id, other)
    old = versions(conn, promotion_id)[1].approval.state
    assert old is (ApprovalState.APPROVED if step is promotions.approve else ApprovalState.SUBMITTED)


def test_what_was_sent_back_says_why_and_is_submitted_again(conn: Conn, author: By, other: By) -> None:
    promotion_id = submitted(conn, author)
    rejected = do(conn, reject, promotion_id, other).approval
    assert (rejected.state, rejected.user_id, rejected.reason) == (
        ApprovalState.REJECTED,
        other.user_id,
        "Too generous",
    )
    again = do(conn, promotions.submit, promotion_id, author).approval
    assert (again.state, again.user_id, again.reason) == (ApprovalState.SUBMITTED, author.user_id, None)
    do(conn, promotions.approve, promotion_id, other)


@pytest.mark.parametrize(
    ("before", "step"),
    [
        ((), promotions.approve),
        ((), reject),
        ((promotions.submit,), promotions.submit),
        ((promotions.submit, promotions.approve), promotions.submit),
        ((promotions.submit, promotions.approve), promotions.approve),
        ((promotions.submit, promotions.approve), reject),
        ((promotions.submit, reject), promotions.approve),
        ((promotions.submit, reject), reject),
    ],
)
def test_each_step_has_its_turn(
    conn: Conn, author: By, other: By, before: tuple[Step, ...], step: Step
) -> None:
    promotion_id = drafted(conn, author)
    for each in before:
        do(conn, each, promotion_id, other)
    with pytest.raises(ApprovalOutOfTurn):
        do(conn, step, promotion_id, other)


def test_what_is_published_or_archived_is_not_reviewed(conn: Conn, author: By, other: By) -> None:
    promotion_id = submitted(conn, author)
    do(conn, promotions.approve, promotion_id, other)
    do(conn, publish, promotion_id, author)
    for step in (promotions.submit, promotions.approve, reject):
        with pytest.raises(NothingToPublish):
            do(conn, step, promotion_id, other)
    do(conn, promotions.archive, promotion_id, author)
    for step in (promotions.submit, promotions.approve, reject):
        with pytest.raises(PromotionArchived):
            do(conn, step, promotion_id, other)


def test_each_review_counts_as_a_change_and_is_told(conn: Conn, author: By, other: By) -> None:
    promotion_id = drafted(conn, author)
    revisions = [
        do(conn, step, promotion_id, other).revision
        for step in (promotions.submit, reject, promotions.submit, promotions.approve)
    ]
    assert revisions == [2, 3, 4, 5]
    told = conn.execute(
        """
        SELECT action, actor, before ->> 'approval', after ->> 'approval', after ->> 'reason'
          FROM audit_entries
         ORDER BY id
        """
    ).fetchall()
    assert told[1:] == [
        ("promotion.submitted", other.user_id, "none", "submitted", None),
        ("promotion.rejected", other.user_id, "submitted", "rejected", "Too generous"),
        ("promotion.submitted", other.user_id, "rejected", "submitted", None),
        ("promotion.approved", other.user_id, "submitted", "approved", None),
    ]


def test_only_one_of_two_who_approve_at_once_does(conn: Conn, author: By, database_url: str) -> None:
    promotion_id = submitted(conn, author)
    approvers = [By(a_user(conn)) for _ in range(8)]

    def approve(by: By) -> bool:
        with psycopg.connect(database_url, autocommit=True) as own:
            try:
                do(own, promotions.approve, promotion_id, by)
            except ApprovalOutOfTurn:
                return False
            return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(approve, approvers)) == 1
    assert conn.execute(
        "SELECT count(*) FROM audit_entries WHERE action = 'promotion.approved'"
    ).fetchone() == (1,)


def holds_somebody_up(conn: Conn) -> bool:
    return conn.execute(
        """
        SELECT EXISTS (
                 SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))
               )
        """
    ).fetchall()[0][0]


def test_an_edit_at_the_same_time_is_never_approved_unseen(
    conn: Conn, author: By, other: By, database_url: str
) -> None:
    """The edit holds the promotion; who approves waits, and finds that there is something else by then."""
    promotion_id = submitted(conn, author)

    def approve() -> None:
        with psycopg.connect(database_url, autocommit=True) as own:
            do(own, promotions.approve, promotion_id, other)

    with ThreadPoolExecutor(1) as threads:
        with conn.transaction():
            promotions.revise(
                conn, NOW, promotion_id=promotion_id, change=lambda _: terms(priority=5), by=author
            )
            approval = threads.submit(approve)
            eventually(partial(holds_somebody_up, conn))
        with pytest.raises(ApprovalOutOfTurn):
            approval.result()


def test_two_who_publish_at_once_make_one_rule_set(
    conn: Conn, author: By, other: By, database_url: str
) -> None:
    promotion_id = submitted(conn, author)
    do(conn, promotions.approve, promotion_id, other)

    def publish_aside(_: int) -> bool:
        with psycopg.connect(database_url, autocommit=True) as own:
            try:
                do(own, publish, promotion_id, author)
            except NothingToPublish:
                return False
            return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(publish_aside, range(8))) == 1
    assert conn.execute("SELECT count(*) FROM rule_sets").fetchone() == (1,)


def test_where_no_approval_is_wanted_a_draft_is_published(conn: Conn, author: By) -> None:
    promotion_id = drafted(conn, author)
    with conn.transaction():
        promotion = promotions.publish(
            conn, NOW + timedelta(days=1), promotion_id, by=author, approval_required=False
        )
    assert (promotion.status, promotion.approval.state) == (PromotionStatus.ACTIVE, ApprovalState.NONE)
