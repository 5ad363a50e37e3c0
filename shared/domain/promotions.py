"""Promotions: identity, status and immutable versions, and which change of status is allowed."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from shared.domain import approvals, schedules
from shared.domain.approvals import Approval, ApprovalState
from shared.domain.documents import exact
from shared.domain.engine import Lane, PromotionTerms, canonical_json, parse_rule
from shared.domain.engine.groups_named import groups_of
from shared.domain.engine.ruleset import OnReturn
from shared.domain.errors import Conflict, NotFound, Refused
from shared.domain.filters import Filter, GroupUse, groups_in, parse_filter
from shared.domain.funding import parse_funding
from shared.domain.limits import Limit, LimitsInvalid, parse_limits
from shared.domain.schedules import LocalDateTime

type Documents = tuple[Mapping[str, Any], ...]

# What versions say since there were versions, as it is where nothing is said.
_LATER: Mapping[str, Any] = {
    "limits": [],
    "funding": [],
    "windows": [],
    "on_return": "reprice",
    "requires_otp": False,
}
# Where there is no store yet, a schedule in store time is labelled by this zone.
_NO_STORES = ("UTC",)


class PromotionStatus(StrEnum):
    DRAFT = "Draft"
    SCHEDULED = "Scheduled"
    ACTIVE = "Active"
    PAUSED = "Paused"
    ARCHIVED = "Archived"


# Published, not paused, not ended: what a rule set holds.
LIVE = frozenset({PromotionStatus.SCHEDULED, PromotionStatus.ACTIVE})


class PromotionNotFound(NotFound):
    """There is no promotion {promotion_id}."""

    code = "promotion_not_found"


class VersionNotFound(NotFound):
    """Promotion {promotion_id} has no version {version}."""

    code = "version_not_found"


class TransitionRefused(Conflict):
    """A promotion that is {status} cannot be {verb}."""

    code = "transition_refused"


class NothingToPublish(Conflict):
    """Version {version} is published already; change the promotion first."""

    code = "nothing_to_publish"


class PromotionArchived(Conflict):
    """An archived promotion is never changed."""

    code = "promotion_archived"


class PromotionEnded(Refused):
    """The promotion ended at {ends_at} (local time); move its end first."""

    code = "promotion_ended"


class ExclusiveCannotStack(Refused):
    """A promotion is exclusive or stackable, not both."""

    code = "exclusive_cannot_stack"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a version of a promotion says. `starts_at` and `ends_at` are local, the end exclusive."""

    name: str
    type: str
    description: str
    lane: Lane
    priority: int
    exclusive: bool
    stackable: bool
    starts_at: LocalDateTime
    ends_at: LocalDateTime | None
    zone_policy: str
    stores: Mapping[str, Any] | None
    rule: Mapping[str, Any]
    limits: Documents = ()
    funding: Documents = ()
    windows: Documents = ()
    on_return: OnReturn = OnReturn.REPRICE
    requires_otp: bool = False

    @property
    def document(self) -> dict[str, Any]:
        """The terms as JSON says them, numbers as they were written."""
        return {
            "name": self.name,
            "type": self.type,
            "description": self.description,
            "lane": self.lane.value,
            "priority": self.priority,
            "exclusive": self.exclusive,
            "stackable": self.stackable,
            "starts_at": self.starts_at.isoformat(),
            "ends_at": self.ends_at.isoformat() if self.ends_at else None,
            "zone_policy": self.zone_policy,
            "stores": exact(self.stores),
            "rule": exact(self.rule),
            "limits": exact(list(self.limits)),
            "funding": exact(list(self.funding)),
            "windows": exact(list(self.windows)),
            "on_return": self.on_return.value,
            "requires_otp": self.requires_otp,
        }

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical form: equal terms have equal hashes, whatever the order of their keys.

        What came after the first versions were made is in it only where it says something.
        """
        document = self.document
        for name, nothing in _LATER.items():
            if document[name] == nothing:
                del document[name]
        return hashlib.sha256(canonical_json(document).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A promotion with the terms of its newest version, who wrote that and how far its approval is.

    `revision` counts every change, for If-Match.
    """

    id: UUID
    status: PromotionStatus
    version: int
    published_version: int | None
    revision: int
    name: str
    type: str
    description: str
    lane: Lane
    priority: int
    exclusive: bool
    stackable: bool
    starts_at: LocalDateTime
    ends_at: LocalDateTime | None
    zone_policy: str
    stores: Mapping[str, Any] | None
    rule: Mapping[str, Any]
    limits: Documents
    funding: Documents
    windows: Documents
    on_return: OnReturn
    requires_otp: bool
    hash: str
    author: UUID
    approval: Approval
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionSummary:
    """A promotion as a list shows it; `approval` is that of its newest version."""

    id: UUID
    status: PromotionStatus
    approval: ApprovalState
    version: int
    published_version: int | None
    name: str
    type: str
    lane: Lane
    priority: int
    starts_at: LocalDateTime
    ends_at: LocalDateTime | None
    zone_policy: str
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedVersion:
    """A version as a rule set holds it."""

    promotion_id: UUID
    version: int
    name: str
    lane: Lane
    priority: int
    exclusive: bool
    stackable: bool
    starts_at: LocalDateTime
    ends_at: LocalDateTime | None
    zone_policy: str
    stores: Mapping[str, Any] | None
    rule: Mapping[str, Any]
    limits: Documents
    funding: Documents
    windows: Documents
    on_return: OnReturn
    requires_otp: bool

    def read_limits(self) -> tuple[Limit, ...]:
        return parse_limits(exact(list(self.limits)))

    def terms(self) -> PromotionTerms:
        """The version as the engine takes it."""
        return PromotionTerms(
            promotion_id=str(self.promotion_id),
            version=self.version,
            name=self.name,
            lane=self.lane,
            priority=self.priority,
            exclusive=self.exclusive,
            stackable=self.stackable,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            zone_policy=self.zone_policy,
            stores=None if self.stores is None else _stores(self.stores),
            rule=parse_rule(exact(self.rule)),
            windows=schedules.parse_windows(exact(list(self.windows))),
            funding=parse_funding(exact(list(self.funding))),
            on_return=self.on_return,
        )


class Verb(StrEnum):
    PUBLISH = "publish"
    PAUSE = "pause"
    RESUME = "resume"
    ARCHIVE = "archive"


_PAST: Mapping[Verb, str] = {
    Verb.PUBLISH: "published",
    Verb.PAUSE: "paused",
    Verb.RESUME: "resumed",
    Verb.ARCHIVE: "archived",
}

_ALLOWED: Mapping[Verb, frozenset[PromotionStatus]] = {
    Verb.PUBLISH: frozenset(
        {PromotionStatus.DRAFT, PromotionStatus.SCHEDULED, PromotionStatus.ACTIVE, PromotionStatus.PAUSED}
    ),
    Verb.PAUSE: frozenset({PromotionStatus.SCHEDULED, PromotionStatus.ACTIVE}),
    Verb.RESUME: frozenset({PromotionStatus.PAUSED}),
    Verb.ARCHIVE: frozenset(
        {PromotionStatus.DRAFT, PromotionStatus.SCHEDULED, PromotionStatus.ACTIVE, PromotionStatus.PAUSED}
    ),
}


def check(terms: Terms) -> None:
    """Refuse terms that mean nothing.

    Raises the refusals of the languages of rules, filters, limits, funding and windows, with a pointer into
    the terms; ExclusiveCannotStack.
    """
    if terms.exclusive and terms.stackable:
        raise ExclusiveCannotStack(pointer="/stackable")
    if terms.stores is not None:
        _stores(terms.stores)
    rule = parse_rule(exact(terms.rule), at="/rule")
    _check_limits(parse_limits(exact(list(terms.limits))), rule.currency)
    parse_funding(exact(list(terms.funding)))
    schedules.parse_windows(exact(list(terms.windows)))


def groups_named(stores: Mapping[str, Any] | None, rule: Mapping[str, Any]) -> tuple[GroupUse, ...]:
    """Every mention of a group in documents that `check` let pass, with a pointer into the terms."""
    in_stores = () if stores is None else groups_in(_stores(stores), "/stores")
    return (*in_stores, *groups_of(parse_rule(exact(rule)), "/rule"))


def require_editable(promotion: Promotion) -> None:
    """Raises PromotionArchived."""
    if promotion.status is PromotionStatus.ARCHIVED:
        raise PromotionArchived


def require_reviewable(promotion: Promotion) -> None:
    """There is something to approve or to send back. Raises PromotionArchived, NothingToPublish."""
    require_editable(promotion)
    _require_unpublished(promotion)


def publish(
    promotion: Promotion, zones: Iterable[str], now: datetime, *, approval_required: bool
) -> PromotionStatus:
    """The status after the newest version is published; a paused promotion stays paused.

    Raises TransitionRefused, NothingToPublish, PromotionEnded, ApprovalMissing.
    """
    _require(promotion, Verb.PUBLISH)
    _require_unpublished(promotion)
    status = _label_of_running(promotion, zones, now)
    if approval_required:
        approvals.require_approved(promotion.approval, promotion.version)
    return PromotionStatus.PAUSED if promotion.status is PromotionStatus.PAUSED else status


def pause(promotion: Promotion) -> PromotionStatus:
    """Raises TransitionRefused."""
    _require(promotion, Verb.PAUSE)
    return PromotionStatus.PAUSED


def resume(
    promotion: Promotion, published: Promotion, zones: Iterable[str], now: datetime
) -> PromotionStatus:
    """The status after the `published` version runs again. Raises TransitionRefused, PromotionEnded."""
    _require(promotion, Verb.RESUME)
    return _label_of_running(published, zones, now)


def archive(promotion: Promotion) -> PromotionStatus:
    """Raises TransitionRefused."""
    _require(promotion, Verb.ARCHIVE)
    return PromotionStatus.ARCHIVED


def label(published: Promotion, zones: Iterable[str], now: datetime) -> PromotionStatus:
    """Scheduled until the first store begins, Active until the last has ended, Archived from then on.

    A label only: whether a promotion applies is asked of the schedule and the store's own clock.
    """
    zones = tuple(zones) or _NO_STORES
    end = schedules.latest_end(published.ends_at, published.zone_policy, zones)
    if end is not None and end <= now:
        return PromotionStatus.ARCHIVED
    start = schedules.earliest_start(published.starts_at, published.zone_policy, zones)
    return PromotionStatus.SCHEDULED if start is not None and now < start else PromotionStatus.ACTIVE


def _stores(document: Mapping[str, Any]) -> Filter:
    return parse_filter(exact(document), namespaces=("store",), at="/stores", group_subject="store")


def _check_limits(limits: Iterable[Limit], currency: str | None) -> None:
    """All amounts of a promotion share one currency, that of its rule where that names one."""
    for place, limit in enumerate(limits):
        currency = currency or limit.currency
        if limit.currency not in {None, currency}:
            raise LimitsInvalid(
                pointer=f"/limits/{place}/currency",
                detail=f"all amounts of a promotion share one currency, here {currency}",
            )


def _require(promotion: Promotion, verb: Verb) -> None:
    if promotion.status not in _ALLOWED[verb]:
        raise TransitionRefused(status=promotion.status.value, verb=_PAST[verb])


def _require_unpublished(promotion: Promotion) -> None:
    if promotion.published_version == promotion.version:
        raise NothingToPublish(version=promotion.version)


def _label_of_running(published: Promotion, zones: Iterable[str], now: datetime) -> PromotionStatus:
    status = label(published, zones, now)
    if status is PromotionStatus.ARCHIVED:
        raise PromotionEnded(ends_at=published.ends_at)
    return status
