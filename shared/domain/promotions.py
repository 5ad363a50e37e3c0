"""Promotions: identity, status and immutable versions, and which change of status is allowed."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from shared.domain import schedules
from shared.domain.documents import exact
from shared.domain.engine import Lane, PromotionTerms, canonical_json, parse_rule
from shared.domain.engine.ruleset import OnReturn
from shared.domain.errors import Conflict, NotFound, Refused
from shared.domain.filters import parse_filter
from shared.domain.funding import parse_funding
from shared.domain.limits import Limit, LimitsInvalid, parse_limits
from shared.domain.schedules import LocalDateTime

type Documents = tuple[Mapping[str, Any], ...]

# Which stores a promotion runs in is asked of the store alone.
_STORE_FACTS = ("store",)
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

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical form: equal terms have equal hashes, whatever the order of their keys.

        What came after the first versions were made is in it where it says something.
        """
        document: dict[str, Any] = {
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
        }
        for name in ("limits", "funding", "windows"):
            if getattr(self, name):
                document[name] = exact(list(getattr(self, name)))
        if self.on_return is not OnReturn.REPRICE:
            document["on_return"] = self.on_return.value
        return hashlib.sha256(canonical_json(document).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """A promotion with the terms of its newest version. `revision` counts every change, for If-Match."""

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
    hash: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionSummary:
    """A promotion as a list shows it."""

    id: UUID
    status: PromotionStatus
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
            stores=None if self.stores is None else parse_filter(exact(self.stores), namespaces=_STORE_FACTS),
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
        parse_filter(exact(terms.stores), namespaces=_STORE_FACTS, at="/stores")
    rule = parse_rule(exact(terms.rule), at="/rule")
    _check_limits(parse_limits(exact(list(terms.limits))), rule.currency)
    parse_funding(exact(list(terms.funding)))
    schedules.parse_windows(exact(list(terms.windows)))


def require_editable(promotion: Promotion) -> None:
    """Raises PromotionArchived."""
    if promotion.status is PromotionStatus.ARCHIVED:
        raise PromotionArchived


def publish(promotion: Promotion, zones: Iterable[str], now: datetime) -> PromotionStatus:
    """The status after the newest version is published; a paused promotion stays paused.

    Raises TransitionRefused, NothingToPublish, PromotionEnded.
    """
    _require(promotion, Verb.PUBLISH)
    if promotion.published_version == promotion.version:
        raise NothingToPublish(version=promotion.version)
    status = _label_of_running(promotion, zones, now)
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


def _label_of_running(published: Promotion, zones: Iterable[str], now: datetime) -> PromotionStatus:
    status = label(published, zones, now)
    if status is PromotionStatus.ARCHIVED:
        raise PromotionEnded(ends_at=published.ends_at)
    return status
