"""Promotions: drafting, editing, approving, publishing, pausing, resuming, archiving.

Each change of state leaves an audit entry in its transaction.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.domain import approvals, groups, promotions
from shared.domain.approvals import ApprovalState
from shared.domain.audit import Action, By, Subject
from shared.domain.filters import GroupUse
from shared.domain.groups import CHANGES_SHOWN, GroupUnknown
from shared.domain.promotions import LIVE, Promotion, PromotionNotFound, PromotionStatus, Terms
from shared.store import Conn, audit, filters, group_members, promotion_versions, rule_sets, zones
from shared.store import groups as group_rows
from shared.store import promotions as rows

type Check = Callable[[Promotion], None]
"""Raises what a caller wants raised of a promotion that is not as they saw it."""


def _as_it_is(_promotion: Promotion) -> None:
    """Whatever it is like."""


def create(conn: Conn, now: datetime, *, terms: Terms, by: By) -> Promotion:
    """A new draft. Raises what `domain.promotions.check` does; GroupUnknown."""
    named = _check(conn, terms)
    promotion_id = rows.insert(conn, terms=terms, user_id=by.user_id, now=now)
    _name_groups(conn, promotion_id, 1, named)
    promotion = _get(conn, promotion_id)
    _tell(conn, now, by, Action.PROMOTION_CREATED, before=None, after=promotion)
    return promotion


def revise(
    conn: Conn, now: datetime, *, promotion_id: UUID, change: Callable[[Promotion], Terms], by: By
) -> Promotion:
    """A new version with the terms that `change` makes of the newest; what is published stays published.

    The same terms make no version. Raises PromotionNotFound, PromotionArchived, what `change` raises, what
    `domain.promotions.check` does, and GroupUnknown.
    """
    promotion = _lock(conn, promotion_id)
    promotions.require_editable(promotion)
    terms = change(promotion)
    named = _check(conn, terms)
    if terms.hash == promotion.hash:
        return promotion
    version = promotion.version + 1
    rows.insert_version(
        conn, promotion_id=promotion_id, version=version, terms=terms, user_id=by.user_id, now=now
    )
    _name_groups(conn, promotion_id, version, named)
    revised = _get(conn, promotion_id)
    _tell(conn, now, by, Action.PROMOTION_REVISED, before=promotion, after=revised)
    return revised


def submit(conn: Conn, now: datetime, promotion_id: UUID, *, by: By, check: Check = _as_it_is) -> Promotion:
    """Hand the newest version in for approval.

    Raises what `domain.promotions.require_reviewable` does, ApprovalOutOfTurn, and what `check` raises.
    """
    promotion = _lock_to_review(conn, promotion_id, check)
    state = approvals.submit(promotion.approval)
    return _review(conn, now, promotion, state, Action.PROMOTION_SUBMITTED, by=by)


def approve(conn: Conn, now: datetime, promotion_id: UUID, *, by: By, check: Check = _as_it_is) -> Promotion:
    """Let the newest version pass. Raises besides what `submit` does: OwnVersion."""
    promotion = _lock_to_review(conn, promotion_id, check)
    authors = promotion_versions.find_authors(conn, promotion_id, promotion.version)
    state = approvals.approve(promotion.approval, authors, by.user_id)
    return _review(conn, now, promotion, state, Action.PROMOTION_APPROVED, by=by)


def reject(
    conn: Conn, now: datetime, promotion_id: UUID, *, reason: str, by: By, check: Check = _as_it_is
) -> Promotion:
    """Send the newest version back. Raises what `submit` does."""
    promotion = _lock_to_review(conn, promotion_id, check)
    state = approvals.reject(promotion.approval)
    return _review(conn, now, promotion, state, Action.PROMOTION_REJECTED, by=by, reason=reason)


def publish(
    conn: Conn,
    now: datetime,
    promotion_id: UUID,
    *,
    by: By,
    approval_required: bool,
    check: Check = _as_it_is,
) -> Promotion:
    """Make the newest version the one that counts, and the members of its groups those of this moment.

    Raises what `domain.promotions.publish` does, what `check` raises, and GroupUnknown when one of its groups
    is gone.
    """
    rule_sets.lock(conn)
    promotion = _lock(conn, promotion_id)
    check(promotion)
    status = promotions.publish(promotion, zones.find(conn), now, approval_required=approval_required)
    _pin(conn, now, promotion)
    return _move(
        conn, now, promotion, status, Action.PROMOTION_PUBLISHED, by=by, published_version=promotion.version
    )


def pause(conn: Conn, now: datetime, promotion_id: UUID, *, by: By) -> Promotion:
    rule_sets.lock(conn)
    promotion = _lock(conn, promotion_id)
    return _move(conn, now, promotion, promotions.pause(promotion), Action.PROMOTION_PAUSED, by=by)


def resume(conn: Conn, now: datetime, promotion_id: UUID, *, by: By) -> Promotion:
    rule_sets.lock(conn)
    promotion = _lock(conn, promotion_id)
    published = rows.get_published(conn, promotion_id) or promotion
    status = promotions.resume(promotion, published, zones.find(conn), now)
    return _move(conn, now, promotion, status, Action.PROMOTION_RESUMED, by=by)


def archive(conn: Conn, now: datetime, promotion_id: UUID, *, by: By) -> Promotion:
    rule_sets.lock(conn)
    promotion = _lock(conn, promotion_id)
    return _move(conn, now, promotion, promotions.archive(promotion), Action.PROMOTION_ARCHIVED, by=by)


def relabel(conn: Conn, now: datetime, promotion_id: UUID) -> PromotionStatus | None:
    """Bring the label of a published promotion up to `now`; None when it was right already.

    A paused one stays paused until it has ended. Run twice, the second run changes nothing.
    """
    rule_sets.lock(conn)
    promotion = _lock(conn, promotion_id)
    published = rows.get_published(conn, promotion_id)
    if published is None or promotion.status is PromotionStatus.ARCHIVED:
        return None
    status = promotions.label(published, zones.find(conn), now)
    if promotion.status is PromotionStatus.PAUSED and status is not PromotionStatus.ARCHIVED:
        status = PromotionStatus.PAUSED
    if status is promotion.status:
        return None
    _move(conn, now, promotion, status, Action.PROMOTION_RELABELLED, by=None)
    return status


def _check(conn: Conn, terms: Terms) -> tuple[GroupUse, ...]:
    """The groups that sound terms name, all of which there are."""
    promotions.check(terms)
    named = promotions.groups_named(terms.stores, terms.rule)
    _find_groups(conn, named)
    return named


def _find_groups(conn: Conn, named: tuple[GroupUse, ...]) -> list[tuple[groups.Subject, groups.Group]]:
    found = [
        (subject, group)
        for subject in groups.Subject
        if (ids := {UUID(each.group_id) for each in named if each.subject == subject})
        for group in group_rows.find_these(conn, subject, ids)
    ]
    there = {(subject.value, str(group.id)) for subject, group in found}
    for each in named:
        if (each.subject, each.group_id) not in there:
            raise GroupUnknown(pointer=each.pointer, subject=each.subject, group_id=each.group_id)
    return found


def _name_groups(conn: Conn, promotion_id: UUID, version: int, named: tuple[GroupUse, ...]) -> None:
    if named:
        promotion_versions.insert_groups(
            conn,
            promotion_id=promotion_id,
            version=version,
            group_ids={UUID(each.group_id) for each in named},
        )


def _pin(conn: Conn, now: datetime, promotion: Promotion) -> None:
    for subject, group in _find_groups(conn, promotions.groups_named(promotion.stores, promotion.rule)):
        filters.pin(
            conn,
            subject,
            groups.read_filter(group.filter, subject),
            group_id=group.id,
            upload_id=None,
            sample=CHANGES_SHOWN,
            now=now,
        )


def _lock_to_review(conn: Conn, promotion_id: UUID, check: Check) -> Promotion:
    promotion = _lock(conn, promotion_id)
    check(promotion)
    promotions.require_reviewable(promotion)
    return promotion


def _review(
    conn: Conn,
    now: datetime,
    promotion: Promotion,
    state: ApprovalState,
    action: Action,
    *,
    by: By,
    reason: str | None = None,
) -> Promotion:
    promotion_versions.update_approval(
        conn,
        promotion_id=promotion.id,
        version=promotion.version,
        state=state,
        user_id=by.user_id,
        reason=reason,
        now=now,
    )
    rows.update_revision(conn, promotion.id, now=now)
    reviewed = _get(conn, promotion.id)
    _tell(conn, now, by, action, before=promotion, after=reviewed)
    return reviewed


def _move(
    conn: Conn,
    now: datetime,
    promotion: Promotion,
    status: PromotionStatus,
    action: Action,
    *,
    by: By | None,
    published_version: int | None = None,
) -> Promotion:
    version = published_version or promotion.published_version
    rows.update_status(conn, promotion_id=promotion.id, status=status, published_version=version, now=now)
    was, will_be = promotion.status in LIVE, status in LIVE
    if was != will_be or (will_be and version != promotion.published_version):
        rule_sets.insert(conn, now=now)
    if status is PromotionStatus.ARCHIVED or version != promotion.published_version:
        group_members.delete_unused(conn, promotion.id)
    moved = _get(conn, promotion.id)
    _tell(conn, now, by, action, before=promotion, after=moved)
    return moved


def _state(promotion: Promotion) -> dict[str, Any]:
    """What an audit entry says of a promotion; its terms are in the version, which never changes."""
    return {
        "status": promotion.status,
        "version": promotion.version,
        "published_version": promotion.published_version,
        "hash": promotion.hash,
        "approval": promotion.approval.state,
        "reason": promotion.approval.reason,
    }


def _tell(
    conn: Conn, now: datetime, by: By | None, action: Action, *, before: Promotion | None, after: Promotion
) -> None:
    audit.insert(
        conn,
        now=now,
        by=by,
        action=action,
        subject=Subject.PROMOTION,
        subject_id=after.id,
        before=None if before is None else _state(before),
        after=_state(after),
    )


def _lock(conn: Conn, promotion_id: UUID) -> Promotion:
    promotion = rows.lock(conn, promotion_id)
    if promotion is None:
        raise PromotionNotFound(promotion_id=promotion_id)
    return promotion


def _get(conn: Conn, promotion_id: UUID) -> Promotion:
    promotion = rows.get(conn, promotion_id)
    if promotion is None:
        raise PromotionNotFound(promotion_id=promotion_id)
    return promotion
