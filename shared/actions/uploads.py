"""Uploads: asking for one and taking it back."""

from datetime import datetime
from uuid import UUID

from shared.domain.audit import Action, By, State, Subject
from shared.domain.stores import RetailerUnknown
from shared.domain.uploads import (
    TICKET_LIFETIME,
    Mode,
    RetailerNotWanted,
    Upload,
    UploadFinished,
    UploadKind,
    UploadUnknown,
)
from shared.store import Conn, audit, stores, uploads


def request(
    conn: Conn,
    now: datetime,
    *,
    kind: UploadKind,
    filename: str,
    mode: Mode,
    validate_only: bool,
    by: By,
    retailer_id: str | None = None,
) -> tuple[UUID, datetime]:
    """Record an upload that awaits its file; its id and when the ticket for it must expire.

    `retailer_id` is whose till a file of receipts comes from. `conn` is in a transaction. Raises
    RetailerNotWanted, RetailerUnknown.
    """
    if retailer_id is not None:
        if kind is not UploadKind.RECEIPTS:
            raise RetailerNotWanted(pointer="/retailer_id", kind=kind.value)
        if not stores.is_retailer(conn, retailer_id):
            raise RetailerUnknown(pointer="/retailer_id", retailer_id=retailer_id)
    expires_at = now + TICKET_LIFETIME
    upload_id = uploads.insert(
        conn,
        kind=kind,
        filename=filename,
        mode=mode,
        validate_only=validate_only,
        retailer_id=retailer_id,
        created_by=by.user_id,
        now=now,
        expires_at=expires_at,
    )
    asked = {
        "kind": kind,
        "filename": filename,
        "mode": mode,
        "validate_only": validate_only,
        "retailer_id": retailer_id,
    }
    _tell(conn, now, by, Action.UPLOAD_REQUESTED, upload_id, after=asked)
    return upload_id, expires_at


def cancel(conn: Conn, now: datetime, upload_id: UUID, *, by: By) -> Upload:
    """Cancel an upload: at once while it awaits its file, and soon after while the file is ingested.

    `conn` is in a transaction. Raises UploadUnknown, UploadFinished.
    """
    cancelled = uploads.update_cancelled(conn, upload_id, now)
    upload = uploads.get(conn, upload_id)
    if upload is None:
        raise UploadUnknown(upload_id=upload_id)
    if not cancelled:
        raise UploadFinished(upload_id=upload_id, status=upload.status)
    _tell(conn, now, by, Action.UPLOAD_CANCELLED, upload_id, after={"status": upload.status})
    return upload


def _tell(conn: Conn, now: datetime, by: By, action: Action, upload_id: UUID, *, after: State) -> None:
    audit.insert(
        conn,
        now=now,
        by=by,
        action=action,
        subject=Subject.UPLOAD,
        subject_id=upload_id,
        before=None,
        after=after,
    )
