"""Versions of promotions, which never change: what became of each, and how one differs from another."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.domain.approvals import Approval
from shared.domain.diffs import Change, diff
from shared.domain.engine import Lane
from shared.domain.engine.ruleset import OnReturn
from shared.domain.promotions import Documents, Terms
from shared.domain.schedules import LocalDateTime


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionSummary:
    """A version as a list shows it."""

    version: int
    name: str
    hash: str
    author: UUID
    created_at: datetime
    approval: Approval
    published: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionVersion:
    """A version, whatever became of it; `published` is the one that counts now."""

    promotion_id: UUID
    version: int
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
    created_at: datetime
    approval: Approval
    published: bool

    @property
    def terms(self) -> Terms:
        return Terms(**{each.name: getattr(self, each.name) for each in fields(Terms)})


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """What a version says otherwise than another; pointers are into the terms."""

    promotion_id: UUID
    version: int
    against: int
    changes: tuple[Change, ...]


def compare(version: PromotionVersion, against: PromotionVersion) -> VersionDiff:
    """What `version` says otherwise than `against`."""
    return VersionDiff(
        version.promotion_id,
        version.version,
        against.version,
        diff(against.terms.document, version.terms.document),
    )
