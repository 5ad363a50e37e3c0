"""Uploads: asking to send a file, and following what becomes of it."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated
from uuid import UUID

import azure.functions as func
from pydantic import Field, StringConstraints

from shared import pool
from shared.actions import uploads as actions
from shared.domain.audit import By
from shared.domain.kinds import KINDS
from shared.domain.kinds.described import KindDescribed, describe
from shared.domain.pages import Page, page_of
from shared.domain.stores import RetailerUnknown
from shared.domain.uploads import (
    Mode,
    RetailerNotWanted,
    Upload,
    UploadFinished,
    UploadKind,
    UploadStatus,
    UploadUnknown,
)
from shared.domain.users import Caller, Permission
from shared.edge import files
from shared.edge.files import Ticket
from shared.edge.http import endpoint
from shared.edge.operations import Request
from shared.edge.problems import PermissionMissing
from shared.edge.storage import StorageUnavailable
from shared.store import uploads

bp = func.Blueprint()


class UploadBody(Request):
    kind: UploadKind
    filename: Annotated[str, StringConstraints(min_length=1, max_length=255)] = Field(
        description="What you call the file; it is only shown.", examples=["products.csv"]
    )
    mode: Mode = Field(default=Mode.VALID_ROWS, description="Whether good rows count when others are bad.")
    validate_only: bool = Field(default=False, description="Say what would be done and do nothing.")
    retailer_id: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = Field(
        default=None,
        description="Of receipts, whose till they come from: the retailer's mapping reads them, if any. "
        "Without it the file has the usual headers.",
    )


class UploadPath(Request):
    upload_id: UUID


class UploadsQuery(Request):
    cursor: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


@endpoint(
    bp,
    "POST",
    "uploads",
    access=Permission.UPLOADS_READ,
    status=201,
    raises=(StorageUnavailable, RetailerNotWanted, RetailerUnknown),
)
def create_upload(caller: Caller, by: By, now: datetime, body: UploadBody) -> Ticket:
    """Ask to upload a CSV file.

    `GET /uploads/kinds` tells which permission each kind needs. Send the file within 15 minutes by PUT to
    `put_url` with exactly the `headers` given, in one request; it is read as soon as it is there.
    `GET /uploads/{upload_id}` tells how far it is.
    """
    _require_permitted(caller, body.kind)
    with pool.transaction() as conn:
        upload_id, expires_at = actions.request(
            conn,
            now,
            kind=body.kind,
            filename=body.filename,
            mode=body.mode,
            validate_only=body.validate_only,
            by=by,
            retailer_id=body.retailer_id,
        )
    return files.ticket(body.kind, upload_id, expires_at, now)


@endpoint(bp, "GET", "uploads", access=Permission.UPLOADS_READ)
def list_uploads(query: UploadsQuery) -> Page[Upload]:
    """The uploads, newest first, without the errors of their rows."""
    with pool.connection() as conn:
        found = uploads.find(conn, before=query.cursor, limit=query.limit + 1)
    return page_of(found, query.limit, lambda upload: upload.id)


@endpoint(bp, "GET", "uploads/kinds", access=Permission.UPLOADS_READ)
def list_upload_kinds() -> tuple[KindDescribed, ...]:
    """The kinds of file, and the columns of each: headers, what a cell takes, what is mandatory."""
    return describe(KINDS.values())


@endpoint(
    bp,
    "GET",
    "uploads/{upload_id:guid}",
    access=Permission.UPLOADS_READ,
    raises=(UploadUnknown, StorageUnavailable),
)
def get_upload(path: UploadPath, now: datetime) -> Upload:
    """An upload: how far it is, how many rows came to what, and the first 100 errors."""
    with pool.connection() as conn:
        upload = uploads.get(conn, path.upload_id)
    if upload is None:
        raise UploadUnknown(upload_id=path.upload_id)
    told = KINDS[upload.kind].tells_each_row and upload.status is UploadStatus.COMPLETED
    return replace(
        upload,
        rejected_url=files.rejected_url(upload.id, now) if upload.rows.rejected else None,
        results_url=files.results_url(upload.id, now) if told else None,
    )


@endpoint(
    bp,
    "POST",
    "uploads/{upload_id:guid}/cancel",
    access=Permission.UPLOADS_READ,
    raises=(UploadUnknown, UploadFinished),
)
def cancel_upload(caller: Caller, by: By, path: UploadPath, now: datetime) -> Upload:
    """Cancel an upload, with the permission that it took to ask for it.

    One whose file has not come is cancelled at once. One whose file is being ingested is `cancelling`, and
    cancelled with nothing applied within seconds, unless its last rows are being written already.
    """
    with pool.transaction() as conn:
        upload = uploads.get(conn, path.upload_id)
        if upload is None:
            raise UploadUnknown(upload_id=path.upload_id)
        _require_permitted(caller, upload.kind)
        return actions.cancel(conn, now, path.upload_id, by=by)


def _require_permitted(caller: Caller, kind: UploadKind) -> None:
    needed = KINDS[kind].needs
    if not caller.may(needed):
        raise PermissionMissing(permission=needed.value)
