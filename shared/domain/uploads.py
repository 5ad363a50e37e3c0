"""Uploads: a file of master data on its way from a ticket to applied rows."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from shared.domain.errors import Conflict, NotFound
from shared.domain.row_errors import RowError

TICKET_LIFETIME = timedelta(minutes=15)
SIZE_LIMIT = 512 * 1024 * 1024
"""Bytes. A ticket cannot limit what is put with it, so the size is checked before anything is read."""
ERRORS_SHOWN = 100

_BLOB = re.compile(r"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\.csv")


class UploadKind(StrEnum):
    PRODUCTS_LENS = "products_lens"
    PRODUCTS_FRAME = "products_frame"
    STORES = "stores"


class Mode(StrEnum):
    """Whether the good rows of a file with bad ones are applied."""

    VALID_ROWS = "valid_rows"
    ALL_OR_NOTHING = "all_or_nothing"


class UploadStatus(StrEnum):
    AWAITING = "awaiting"
    RECEIVED = "received"
    VALIDATING = "validating"
    APPLYING = "applying"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """How many rows came to what; of a finished upload, `read` is the sum of the others."""

    read: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What became of the staged rows; the rest of them was as stored already."""

    staged: int
    inserted: int
    updated: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An upload; `progress` is in percent.

    With `validate_only` the rows are what would have been done, and nothing was. `errors` are the first 100,
    and none in a list of uploads; `rejected_url` leads to all rejected rows for a while. `reason` and
    `reason_code` say why the upload failed as a whole.
    """

    id: UUID
    kind: UploadKind
    filename: str
    mode: Mode
    validate_only: bool
    status: UploadStatus
    progress: int
    rows: Rows
    errors: tuple[RowError, ...] = ()
    rejected_url: str | None = None
    reason: str | None
    reason_code: str | None
    created_at: datetime
    expires_at: datetime
    received_at: datetime | None
    finished_at: datetime | None


class UploadUnknown(NotFound):
    """There is no upload {upload_id}."""

    code = "upload_unknown"


class UploadNotAwaiting(Conflict):
    """The upload {upload_id} is {status}; only one still awaiting its file can be cancelled."""

    code = "upload_not_awaiting"


def blob_name(upload_id: UUID) -> str:
    """The one name its file may have."""
    return f"{upload_id}.csv"


def upload_id_of(name: str) -> UUID | None:
    """The upload whose file has this name; None for a name we never gave out."""
    match = _BLOB.fullmatch(name)
    return UUID(match[1]) if match else None
