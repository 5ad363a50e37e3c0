"""Versions of promotions: what each said, what became of it, and what it says otherwise than another."""

from typing import Annotated
from uuid import UUID

import azure.functions as func
from pydantic import Field

from shared import pool
from shared.domain.pages import Page, page_of
from shared.domain.promotions import PromotionNotFound, VersionNotFound
from shared.domain.users import Permission
from shared.domain.versions import PromotionVersion, VersionDiff, VersionSummary, compare
from shared.edge.http import endpoint
from shared.edge.operations import Request
from shared.store import Conn, promotion_versions, promotions

bp = func.Blueprint()

# As many as the column can count.
_MOST_VERSIONS = 2**31 - 1


class VersionsPath(Request):
    promotion_id: UUID


class VersionPath(VersionsPath):
    version: Annotated[int, Field(ge=1, le=_MOST_VERSIONS)]


class VersionsQuery(Request):
    cursor: Annotated[int, Field(ge=1, le=_MOST_VERSIONS)] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class DiffQuery(Request):
    against: Annotated[int, Field(ge=1, le=_MOST_VERSIONS)] | None = Field(
        default=None, description="The other version; the one before unless said."
    )


@endpoint(
    bp,
    "GET",
    "promotions/{promotion_id:guid}/versions",
    access=Permission.PROMOTIONS_READ,
    raises=(PromotionNotFound,),
)
def list_promotion_versions(path: VersionsPath, query: VersionsQuery) -> Page[VersionSummary]:
    """The versions of a promotion, newest first."""
    with pool.connection() as conn:
        found = promotion_versions.find(conn, path.promotion_id, before=query.cursor, limit=query.limit + 1)
        if not found and promotions.get(conn, path.promotion_id) is None:
            raise PromotionNotFound(promotion_id=path.promotion_id)
    return page_of(found, query.limit, lambda version: version.version)


@endpoint(
    bp,
    "GET",
    "promotions/{promotion_id:guid}/versions/{version:int}",
    access=Permission.PROMOTIONS_READ,
    raises=(VersionNotFound,),
)
def get_promotion_version(path: VersionPath) -> PromotionVersion:
    """A version, which never changes, and what became of it."""
    with pool.connection() as conn:
        return _version(conn, path.promotion_id, path.version)


@endpoint(
    bp,
    "GET",
    "promotions/{promotion_id:guid}/versions/{version:int}/diff",
    access=Permission.PROMOTIONS_READ,
    raises=(VersionNotFound,),
)
def get_promotion_version_diff(path: VersionPath, query: DiffQuery) -> VersionDiff:
    """What a version says otherwise than another one, with JSON pointers; the first has none before it."""
    with pool.connection() as conn:
        version = _version(conn, path.promotion_id, path.version)
        return compare(version, _version(conn, path.promotion_id, query.against or path.version - 1))


def _version(conn: Conn, promotion_id: UUID, number: int) -> PromotionVersion:
    version = promotion_versions.get(conn, promotion_id, number)
    if version is None:
        raise VersionNotFound(promotion_id=promotion_id, version=number)
    return version
