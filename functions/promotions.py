"""Promotions: drafting, editing, publishing, pausing, resuming, archiving."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import azure.functions as func
from pydantic import Field, StringConstraints

from shared import pool
from shared.actions import promotions as actions
from shared.domain.approvals import ApprovalMissing, ApprovalOutOfTurn, ApprovalState, OwnVersion
from shared.domain.audit import By
from shared.domain.engine import Lane, RuleInvalid
from shared.domain.engine.ruleset import OnReturn
from shared.domain.filters import FilterInvalid
from shared.domain.funding import MOST_FUNDERS, FundingInvalid
from shared.domain.groups import GroupUnknown
from shared.domain.limits import MOST_LIMITS, LimitsInvalid
from shared.domain.pages import Page, page_of
from shared.domain.promotions import (
    ExclusiveCannotStack,
    NothingToPublish,
    Promotion,
    PromotionArchived,
    PromotionEnded,
    PromotionNotFound,
    PromotionStatus,
    PromotionSummary,
    Terms,
    TransitionRefused,
)
from shared.domain.schedules import MOST_WINDOWS, STORE, ScheduleInvalid, parse_schedule
from shared.domain.users import Permission
from shared.edge.http import endpoint
from shared.edge.operations import Headers, Reply, Request
from shared.edge.problems import PreconditionFailed, PreconditionRequired
from shared.settings import settings
from shared.store import promotions

bp = func.Blueprint()

type Json = dict[str, Any]

_MEANING = (
    FilterInvalid,
    RuleInvalid,
    ScheduleInvalid,
    LimitsInvalid,
    FundingInvalid,
    ExclusiveCannotStack,
    GroupUnknown,
)
_REVIEWING = (
    PromotionNotFound,
    PromotionArchived,
    NothingToPublish,
    ApprovalOutOfTurn,
    PreconditionFailed,
)


class PromotionBody(Request):
    name: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    type: Annotated[str, StringConstraints(min_length=1, max_length=50)] = Field(
        description="A label for reports, such as `seasonal`."
    )
    description: Annotated[str, StringConstraints(max_length=2000)] = ""
    lane: Lane = Lane.LINE
    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 0
    exclusive: bool = False
    stackable: bool = False
    starts_at: str = Field(description="Local date or date-time without offset.", examples=["2026-01-01"])
    ends_at: str | None = Field(
        default=None,
        description="Local date (through that day) or exclusive date-time, without offset.",
        examples=["2026-12-31"],
    )
    zone_policy: str = Field(default=STORE, description="`store`, or the IANA zone that counts everywhere.")
    stores: Json | None = Field(
        default=None, description="A filter over `store.*` facts; null is every store."
    )
    rule: Json = Field(description="The rule document, schema 1.")
    limits: Annotated[list[Json], Field(max_length=MOST_LIMITS)] = Field(
        default_factory=list,
        description="How often, or how much in all, it may be given: `redemptions`, or `budget` with "
        "`currency`; `per` promotion, customer or store; `period` ever, day, week or month; of a budget, "
        "`partial` refuse or grant_rest.",
        examples=[
            [
                {"redemptions": 1, "per": "customer"},
                {"budget": "5000.00", "currency": "EUR", "partial": "grant_rest"},
            ]
        ],
    )
    funding: Annotated[list[Json], Field(max_length=MOST_FUNDERS)] = Field(
        default_factory=list,
        description="Who bears which part of the discounts; the shares sum to 1.",
        examples=[[{"party": "brand", "share": "0.70"}, {"party": "retailer", "share": "0.30"}]],
    )
    windows: Annotated[list[Json], Field(max_length=MOST_WINDOWS)] = Field(
        default_factory=list,
        description="The times of the week in which it runs, on the store's clock; none is always. `to` is "
        "exclusive; 24:00 is the end of the day, and a time before `from` is one of the next day.",
        examples=[[{"weekdays": ["mon", "tue"], "from": "09:00", "to": "13:00"}]],
    )
    on_return: OnReturn = Field(
        default=OnReturn.REPRICE,
        description="When goods come back: take the discount anew on what is kept, or keep it as it is.",
    )
    requires_otp: bool = Field(
        default=False,
        description="A sale with it is recorded only with a code that was sent to the customer.",
    )


class PromotionPatch(Request):
    """What is left out stays as it is."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=200)] = ""
    type: Annotated[str, StringConstraints(min_length=1, max_length=50)] = ""
    description: Annotated[str, StringConstraints(max_length=2000)] = ""
    lane: Lane = Lane.LINE
    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 0
    exclusive: bool = False
    stackable: bool = False
    starts_at: str = ""
    ends_at: str | None = None
    zone_policy: str = STORE
    stores: Json | None = None
    rule: Json = Field(default_factory=dict)
    limits: Annotated[list[Json], Field(max_length=MOST_LIMITS)] = Field(default_factory=list)
    funding: Annotated[list[Json], Field(max_length=MOST_FUNDERS)] = Field(default_factory=list)
    windows: Annotated[list[Json], Field(max_length=MOST_WINDOWS)] = Field(default_factory=list)
    on_return: OnReturn = OnReturn.REPRICE
    requires_otp: bool = False


class PromotionPath(Request):
    promotion_id: UUID


class RejectionBody(Request):
    reason: Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class PromotionsQuery(Request):
    status: PromotionStatus | None = None
    approval: ApprovalState | None = Field(
        default=None, description="How far the newest version is: `submitted` waits for somebody."
    )
    q: str | None = Field(default=None, description="Text to look for in name and description.")
    cursor: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class EditHeaders(Headers):
    if_match: str | None = Field(default=None, description="The ETag of what was read.")


class ReviewHeaders(Headers):
    if_match: str | None = Field(
        default=None, description="The ETag of what was read: nothing is done if it is another by now."
    )

    def check(self, promotion: Promotion) -> None:
        if self.if_match not in {None, "*", _etag(promotion)}:
            raise PreconditionFailed


@endpoint(bp, "POST", "promotions", access=Permission.PROMOTIONS_WRITE, status=201, raises=_MEANING)
def create_promotion(by: By, now: datetime, body: PromotionBody) -> Reply[Promotion]:
    """Draft a promotion."""
    with pool.transaction() as conn:
        return _reply(actions.create(conn, now, terms=_terms(body.model_dump()), by=by))


@endpoint(bp, "GET", "promotions", access=Permission.PROMOTIONS_READ)
def list_promotions(query: PromotionsQuery) -> Page[PromotionSummary]:
    """The promotions, newest first."""
    with pool.connection() as conn:
        found = promotions.find(
            conn,
            status=query.status,
            approval=query.approval,
            text=query.q,
            before=query.cursor,
            limit=query.limit + 1,
        )
    return page_of(found, query.limit, lambda promotion: promotion.id)


@endpoint(
    bp,
    "GET",
    "promotions/{promotion_id:guid}",
    access=Permission.PROMOTIONS_READ,
    raises=(PromotionNotFound,),
)
def get_promotion(path: PromotionPath) -> Reply[Promotion]:
    """A promotion with the terms of its newest version."""
    with pool.connection() as conn:
        promotion = promotions.get(conn, path.promotion_id)
    if promotion is None:
        raise PromotionNotFound(promotion_id=path.promotion_id)
    return _reply(promotion)


@endpoint(
    bp,
    "PATCH",
    "promotions/{promotion_id:guid}",
    access=Permission.PROMOTIONS_WRITE,
    raises=(*_MEANING, PromotionNotFound, PromotionArchived, PreconditionRequired, PreconditionFailed),
)
def update_promotion(
    by: By,
    now: datetime,
    path: PromotionPath,
    headers: EditHeaders,
    body: PromotionPatch,
) -> Reply[Promotion]:
    """Change a promotion: a new version, which counts once it is published and needs its own approval."""
    if headers.if_match is None:
        raise PreconditionRequired
    changed = body.model_dump(exclude_unset=True)

    def change(promotion: Promotion) -> Terms:
        if headers.if_match not in {"*", _etag(promotion)}:
            raise PreconditionFailed
        return _terms({**_values(promotion), **changed})

    with pool.transaction() as conn:
        return _reply(actions.revise(conn, now, promotion_id=path.promotion_id, change=change, by=by))


@endpoint(
    bp,
    "POST",
    "promotions/{promotion_id:guid}/submit",
    access=Permission.PROMOTIONS_WRITE,
    raises=_REVIEWING,
)
def submit_promotion(by: By, now: datetime, path: PromotionPath, headers: ReviewHeaders) -> Reply[Promotion]:
    """Hand the newest version in for approval."""
    with pool.transaction() as conn:
        return _reply(actions.submit(conn, now, path.promotion_id, by=by, check=headers.check))


@endpoint(
    bp,
    "POST",
    "promotions/{promotion_id:guid}/approve",
    access=Permission.PROMOTIONS_APPROVE,
    raises=(*_REVIEWING, OwnVersion),
)
def approve_promotion(by: By, now: datetime, path: PromotionPath, headers: ReviewHeaders) -> Reply[Promotion]:
    """Let the newest version pass, which none of its authors can.

    Send If-Match, so that what passes is what you read.
    """
    with pool.transaction() as conn:
        return _reply(actions.approve(conn, now, path.promotion_id, by=by, check=headers.check))


@endpoint(
    bp,
    "POST",
    "promotions/{promotion_id:guid}/reject",
    access=Permission.PROMOTIONS_APPROVE,
    raises=_REVIEWING,
)
def reject_promotion(
    by: By,
    now: datetime,
    path: PromotionPath,
    headers: ReviewHeaders,
    body: RejectionBody,
) -> Reply[Promotion]:
    """Send the newest version back and say why."""
    with pool.transaction() as conn:
        return _reply(
            actions.reject(conn, now, path.promotion_id, reason=body.reason, by=by, check=headers.check)
        )


@endpoint(
    bp,
    "POST",
    "promotions/{promotion_id:guid}/publish",
    access=Permission.PROMOTIONS_PUBLISH,
    raises=(
        PromotionNotFound,
        TransitionRefused,
        NothingToPublish,
        ApprovalMissing,
        PromotionEnded,
        GroupUnknown,
        PreconditionFailed,
    ),
)
def publish_promotion(by: By, now: datetime, path: PromotionPath, headers: ReviewHeaders) -> Reply[Promotion]:
    """Make the newest version the one that counts, once it is approved.

    Who belongs to its groups is found out now, and again after each upload of products or stores.
    """
    with pool.transaction() as conn:
        return _reply(
            actions.publish(
                conn,
                now,
                path.promotion_id,
                by=by,
                approval_required=settings().approval_required,
                check=headers.check,
            )
        )


@endpoint(
    bp,
    "POST",
    "promotions/{promotion_id:guid}/pause",
    access=Permission.PROMOTIONS_PUBLISH,
    raises=(PromotionNotFound, TransitionRefused),
)
def pause_promotion(by: By, now: datetime, path: PromotionPath) -> Reply[Promotion]:
    """Stop a promotion from applying until it is resumed."""
    with pool.transaction() as conn:
        return _reply(actions.pause(conn, now, path.promotion_id, by=by))


@endpoint(
    bp,
    "POST",
    "promotions/{promotion_id:guid}/resume",
    access=Permission.PROMOTIONS_PUBLISH,
    raises=(PromotionNotFound, TransitionRefused, PromotionEnded),
)
def resume_promotion(by: By, now: datetime, path: PromotionPath) -> Reply[Promotion]:
    """Let a paused promotion apply again."""
    with pool.transaction() as conn:
        return _reply(actions.resume(conn, now, path.promotion_id, by=by))


@endpoint(
    bp,
    "POST",
    "promotions/{promotion_id:guid}/archive",
    access=Permission.PROMOTIONS_PUBLISH,
    raises=(PromotionNotFound, TransitionRefused),
)
def archive_promotion(by: By, now: datetime, path: PromotionPath) -> Reply[Promotion]:
    """End a promotion for good."""
    with pool.transaction() as conn:
        return _reply(actions.archive(conn, now, path.promotion_id, by=by))


def _terms(values: Json) -> Terms:
    schedule = parse_schedule(values["starts_at"], values["ends_at"], values["zone_policy"])
    parsed = {"starts_at": schedule.starts_at, "ends_at": schedule.ends_at}
    lists = {name: tuple(values[name]) for name in ("limits", "funding", "windows")}
    return Terms(**{**values, **parsed, **lists})


def _values(promotion: Promotion) -> Json:
    """The terms as a body would give them."""
    values = {name: getattr(promotion, name) for name in PromotionPatch.model_fields}
    values["starts_at"] = promotion.starts_at.isoformat()
    values["ends_at"] = promotion.ends_at.isoformat() if promotion.ends_at else None
    return values


def _etag(promotion: Promotion) -> str:
    return f'"{promotion.revision}"'


def _reply(promotion: Promotion) -> Reply[Promotion]:
    return Reply(promotion, headers=(("ETag", _etag(promotion)),))
