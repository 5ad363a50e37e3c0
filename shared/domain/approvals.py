"""Approvals: a version passes from its authors to somebody else, who lets it be published or not."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from shared.domain.errors import Conflict, Forbidden


class ApprovalState(StrEnum):
    NONE = "none"
    SUBMITTED = "submitted"
    APPROVED = "approved"
    REJECTED = "rejected"


class ApprovalOutOfTurn(Conflict):
    """A version that is {state} cannot be {verb}."""

    code = "approval_out_of_turn"


class ApprovalMissing(Conflict):
    """Version {version} has not been approved."""

    code = "approval_missing"


class OwnVersion(Forbidden):
    """Whoever wrote a part of what is to be approved cannot approve it."""

    code = "own_version"


@dataclass(frozen=True, slots=True)
class Approval:
    """Where a version stands, since whose deed and when; `reason` is why it was rejected."""

    state: ApprovalState
    user_id: UUID | None
    at: datetime | None
    reason: str | None


def submit(approval: Approval) -> ApprovalState:
    """Hand a version in, also once more after it was rejected. Raises ApprovalOutOfTurn."""
    if approval.state not in {ApprovalState.NONE, ApprovalState.REJECTED}:
        raise _out_of_turn(approval, "submitted")
    return ApprovalState.SUBMITTED


def approve(approval: Approval, authors: Collection[UUID], user_id: UUID) -> ApprovalState:
    """Let a version pass. `authors` wrote what was not approved before: this version and those it stands on.

    Raises ApprovalOutOfTurn, OwnVersion.
    """
    if approval.state is not ApprovalState.SUBMITTED:
        raise _out_of_turn(approval, "approved")
    if user_id in authors:
        raise OwnVersion
    return ApprovalState.APPROVED


def reject(approval: Approval) -> ApprovalState:
    """Send a version back; its author may do so as well. Raises ApprovalOutOfTurn."""
    if approval.state is not ApprovalState.SUBMITTED:
        raise _out_of_turn(approval, "rejected")
    return ApprovalState.REJECTED


def require_approved(approval: Approval, version: int) -> None:
    """Raises ApprovalMissing."""
    if approval.state is not ApprovalState.APPROVED:
        raise ApprovalMissing(version=version)


def _out_of_turn(approval: Approval, verb: str) -> ApprovalOutOfTurn:
    told = "not submitted" if approval.state is ApprovalState.NONE else approval.state.value
    return ApprovalOutOfTurn(state=told, verb=verb)
