"""Promotions: drafting, editing, publishing, pausing, resuming, archiving."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from shared.domain import promotions
from shared.domain.promotions import LIVE, Promotion, PromotionNotFound, PromotionStatus, Terms
from shared.store import Conn, rule_sets, zones
from shared.store import promotions as rows


def create(conn: Conn, now: datetime, *, terms: Terms, user_id: UUID) -> Promotion:
    """A new draft. Raises what `domain.promotions.check` does."""
    promotions.check(terms)
    promotion_id = rows.insert(conn, terms=terms, user_id=user_id, now=now)
    return _get(conn, promotion_id)


def revise(
    conn: Conn,
    now: datetime,
    *,
    promotion_id: UUID,
    change: Callable[[Promotion], Terms],
    user_id: UUID,
) -> Promotion:
    """A new version with the terms that `change` makes of the newest; what is published stays published.

    The same terms make no version. Raises PromotionNotFound, PromotionArchived, what `change` raises, and
    what `domain.promotions.check` does.
    """
    promotion = _lock(conn, promotion_id)
    promotions.require_editable(promotion)
    terms = change(promotion)
    promotions.check(terms)
    if terms.hash == promotion.hash:
        return promotion
    rows.insert_version(
        conn,
        promotion_id=promotion_id,
        version=promotion.version + 1,
        terms=terms,
        user_id=user_id,
        now=now,
    )
    return _get(conn, promotion_id)


def publish(conn: Conn, now: datetime, promotion_id: UUID) -> Promotion:
    """Make the newest version the one that counts. Raises what `domain.promotions.publish` does."""
    rule_sets.lock(conn)
    promotion = _lock(conn, promotion_id)
    status = promotions.publish(promotion, zones.find(conn), now)
    return _move(conn, now, promotion, status, published_version=promotion.version)


def pause(conn: Conn, now: datetime, promotion_id: UUID) -> Promotion:
    rule_sets.lock(conn)
    promotion = _lock(conn, promotion_id)
    return _move(conn, now, promotion, promotions.pause(promotion))


def resume(conn: Conn, now: datetime, promotion_id: UUID) -> Promotion:
    rule_sets.lock(conn)
    promotion = _lock(conn, promotion_id)
    published = rows.get_published(conn, promotion_id) or promotion
    return _move(conn, now, promotion, promotions.resume(promotion, published, zones.find(conn), now))


def archive(conn: Conn, now: datetime, promotion_id: UUID) -> Promotion:
    rule_sets.lock(conn)
    promotion = _lock(conn, promotion_id)
    return _move(conn, now, promotion, promotions.archive(promotion))


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
    _move(conn, now, promotion, status)
    return status


def _move(
    conn: Conn,
    now: datetime,
    promotion: Promotion,
    status: PromotionStatus,
    *,
    published_version: int | None = None,
) -> Promotion:
    version = published_version or promotion.published_version
    rows.update_status(conn, promotion_id=promotion.id, status=status, published_version=version, now=now)
    was, will_be = promotion.status in LIVE, status in LIVE
    if was != will_be or (will_be and version != promotion.published_version):
        rule_sets.insert(conn, now=now)
    return _get(conn, promotion.id)


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
