"""Audit: who changed what, and whether all of it is as it was."""

from datetime import date
from typing import Annotated, Self
from uuid import UUID

import azure.functions as func
from pydantic import AwareDatetime, Field, model_validator
from pydantic_core import PydanticCustomError

from shared import pool
from shared.domain.audit import Action, AuditEntry, Subject
from shared.domain.audit_chain import ChainReport
from shared.domain.pages import Page, page_of
from shared.domain.users import Permission
from shared.edge.http import endpoint
from shared.edge.operations import Request
from shared.edge.storage import StorageUnavailable
from shared.jobs import audit_verify
from shared.store import audit

bp = func.Blueprint()


class AuditQuery(Request):
    subject_kind: Subject | None = None
    subject_id: Annotated[str, Field(max_length=200)] | None = Field(
        default=None, description="Of the kind that `subject_kind` says."
    )
    actor: UUID | None = Field(default=None, description="The user who did it.")
    action: Action | None = None
    from_at: AwareDatetime | None = Field(default=None, alias="from", description="An instant with offset.")
    until_at: AwareDatetime | None = Field(default=None, alias="until", description="Exclusive.")
    cursor: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50

    @model_validator(mode="after")
    def _names_the_kind(self) -> Self:
        if self.subject_id is not None and self.subject_kind is None:
            raise PydanticCustomError("invalid", "Say of which kind the subject is: subject_kind.")
        return self


class ChainQuery(Request):
    day: date = Field(description="The day (UTC) on which entries were sealed.", examples=["2026-11-27"])


@endpoint(bp, "GET", "audit", access=Permission.AUDIT_READ)
def list_audit_entries(query: AuditQuery) -> Page[AuditEntry]:
    """What was changed, newest first: by whom, from which state to which, in which request."""
    with pool.connection() as conn:
        found = audit.find(
            conn,
            subject=query.subject_kind,
            subject_id=query.subject_id,
            actor=query.actor,
            action=query.action,
            from_at=query.from_at,
            until_at=query.until_at,
            before=query.cursor,
            limit=query.limit + 1,
        )
    return page_of(found, query.limit, lambda entry: entry.id)


@endpoint(bp, "GET", "audit/chain", access=Permission.AUDIT_READ, raises=(StorageUnavailable,))
def get_audit_chain(query: ChainQuery) -> ChainReport:
    """Recompute the chain of a day, and hold the export and the transactions against it.

    `broken` is null when everything holds, else it says what does not, at which position and in which entry.
    """
    return audit_verify.verify(query.day)
