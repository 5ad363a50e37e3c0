"""Audit: who changed what, from which state to which. Entries are only ever added."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

type State = Mapping[str, Any] | None
"""What is worth telling of a subject before or after a change; None where there was, or is, nothing."""


@dataclass(frozen=True, slots=True)
class By:
    """The user who causes a change, and the request in which."""

    user_id: UUID
    request_id: str | None = None


class Subject(StrEnum):
    """What kind of thing was changed."""

    PROMOTION = "promotion"
    GROUP = "group"
    LANE = "lane"
    UPLOAD = "upload"
    SESSION = "session"
    API_KEY = "api_key"
    USER = "user"
    NOTIFICATION = "notification"
    RETAILER = "retailer"
    JOB = "job"
    BACKTEST = "backtest"
    DIFFERENCE = "difference"
    RECONCILIATION = "reconciliation"
    TRANSACTION = "transaction"
    CLOSING = "closing"
    SETTLEMENT = "settlement"


class Action(StrEnum):
    """What was done; stable, for whoever searches the entries."""

    PROMOTION_CREATED = "promotion.created"
    PROMOTION_REVISED = "promotion.revised"
    PROMOTION_SUBMITTED = "promotion.submitted"
    PROMOTION_APPROVED = "promotion.approved"
    PROMOTION_REJECTED = "promotion.rejected"
    PROMOTION_PUBLISHED = "promotion.published"
    PROMOTION_PAUSED = "promotion.paused"
    PROMOTION_RESUMED = "promotion.resumed"
    PROMOTION_ARCHIVED = "promotion.archived"
    PROMOTION_RELABELLED = "promotion.relabelled"
    GROUP_CREATED = "group.created"
    GROUP_CHANGED = "group.changed"
    GROUP_DELETED = "group.deleted"
    LANE_CHANGED = "lane.changed"
    UPLOAD_REQUESTED = "upload.requested"
    UPLOAD_CANCELLED = "upload.cancelled"
    UPLOAD_APPLIED = "upload.applied"
    JOB_QUEUED = "job.queued"
    JOB_CANCELLED = "job.cancelled"
    BACKTEST_BEGUN = "backtest.begun"
    SESSION_BEGUN = "session.begun"
    SESSION_SWITCHED = "session.switched"
    SESSION_ENDED = "session.ended"
    API_KEY_CREATED = "api_key.created"
    API_KEY_REVOKED = "api_key.revoked"
    USER_CREATED = "user.created"
    USER_CHANGED = "user.changed"
    USER_DISABLED = "user.disabled"
    USER_ENABLED = "user.enabled"
    NOTIFICATION_RETRIED = "notification.retried"
    TRANSACTION_RECORDED = "transaction.recorded"
    RECEIPT_MAPPING_CHANGED = "retailer.receipt_mapping_changed"
    RECONCILIATION_RULES_CHANGED = "retailer.reconciliation_rules_changed"
    RECONCILIATION_BEGUN = "reconciliation.begun"
    DIFFERENCE_FOUND = "difference.found"
    DIFFERENCE_REVISED = "difference.revised"
    DIFFERENCE_WITHDRAWN = "difference.withdrawn"
    DIFFERENCE_RESOLVED = "difference.resolved"
    TRANSACTION_STATUS_CHANGED = "transaction.status_changed"
    CLOSING_BEGUN = "closing.begun"
    SETTLEMENT_ISSUED = "settlement.issued"
    SETTLEMENT_PAID = "settlement.paid"
    SETTLEMENT_REOPENED = "settlement.reopened"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """An entry as auditors read it; null as `actor` is the app's own doing.

    Its place in the chain is null until it is sealed. Kinds and actions of long ago are what they were.
    """

    id: UUID
    at: datetime
    actor: UUID | None
    action: str
    subject_kind: str
    subject_id: str
    before: State
    after: State
    request_id: str | None
    sealed_on: date | None
    position: int | None
