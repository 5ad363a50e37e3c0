"""Uploads: a file of master data on its way from a ticket to applied rows."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from shared.domain.errors import Conflict, NotFound, Refused
from shared.domain.row_errors import RowError

TICKET_LIFETIME = timedelta(minutes=15)
SIZE_LIMIT = 512 * 1024 * 1024
"""Bytes. A ticket cannot limit what is put with it, so the size is checked before anything is read."""
ERRORS_SHOWN = 100


class UploadKind(StrEnum):
    PRODUCTS_LENS = "products_lens"
    PRODUCTS_FRAME = "products_frame"
    STORES = "stores"
    USERS = "users"
    TRANSACTION_STATUS = "transaction_status"
    RECEIPTS = "receipts"


_BLOB = re.compile(
    rf"(?:{'|'.join(UploadKind)})/([0-9a-f]{{8}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{4}}-[0-9a-f]{{12}})\.csv"
)


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

    @property
    def ended(self) -> bool:
        return self in {UploadStatus.COMPLETED, UploadStatus.FAILED, UploadStatus.CANCELLED}


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
    """What became of the good rows so far; the rest of them was as stored already."""

    inserted: int
    updated: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Some of the rows of a staged file: those on its pages from `first` to before `end`.

    Columns that are not `given`, and attributes not in `attributes`, keep what they have.
    """

    constants: Mapping[str, str]
    given: list[str]
    attributes: list[str]
    upload_id: UUID
    now: datetime
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Warned:
    """Something about a file that was taken all the same."""

    code: str
    detail: str


NOT_UTF_8 = Warned(
    "encoding",
    "The file is not UTF-8 and was read as Windows-1252. Check accented letters, or export it as CSV UTF-8.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An upload; `progress` is in percent. While its rows are applied, `rows` tells those done so far.

    `waiting_for` is another upload that is being applied to the same rows, and after which this one comes.
    `retailer_id` is whose till a file of receipts comes from, where that was said.
    `cancelling` says that it will be cancelled unless it is finished first.

    With `validate_only` the rows are what would have been done, and nothing was. `errors` are the first 100,
    and none in a list of uploads; `rejected_url` leads to all rejected rows for a while,
    `results_url` to every row with what became of it, where the kind tells that. `reason` and
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
    waiting_for: UUID | None = None
    cancelling: bool = False
    warnings: tuple[Warned, ...] = ()
    errors: tuple[RowError, ...] = ()
    rejected_url: str | None = None
    results_url: str | None = None
    reason: str | None
    reason_code: str | None
    retailer_id: str | None = None
    created_at: datetime
    expires_at: datetime
    received_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingUpload:
    """An upload nothing was heard of for a while; `last_failure` names what its last try met, if it could."""

    id: UUID
    kind: UploadKind
    status: UploadStatus
    attempts: int
    last_failure: str
    expires_at: datetime


class UploadUnknown(NotFound):
    """There is no upload {upload_id}."""

    code = "upload_unknown"


class RetailerNotWanted(Refused):
    """A file of {kind} is of no one retailer; leave retailer_id out."""

    code = "retailer_not_wanted"


class UploadFinished(Conflict):
    """The upload {upload_id} is {status} and can not be cancelled any more."""

    code = "upload_finished"


class UploadCancelled(Exception):
    """Somebody cancelled the upload while its file was being ingested."""


def blob_name(kind: UploadKind, upload_id: UUID) -> str:
    """The one name its file may have: how long the storage keeps it goes by the kind."""
    return f"{kind}/{upload_id}.csv"


def result_name(upload_id: UUID) -> str:
    """The name of the file of its rejected rows."""
    return f"{upload_id}.csv"


def results_name(upload_id: UUID) -> str:
    """The name of the file of what became of each of its rows."""
    return f"{upload_id}-rows.csv"


def upload_id_of(name: str) -> UUID | None:
    """The upload whose file has this name; None for a name we never gave out."""
    match = _BLOB.fullmatch(name)
    return UUID(match[1]) if match else None
