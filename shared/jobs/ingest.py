"""Ingest: the file of an upload becomes rows, all of them in one transaction with the outcome it tells."""

import logging
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from time import sleep
from uuid import UUID

from shared import pool
from shared.actions import retailer_terms
from shared.domain.errors import PromoPartnerError
from shared.domain.files import EncodingWrong, FileGone, FileRefused, FileTooLarge
from shared.domain.jobs import Wake
from shared.domain.kinds import KINDS
from shared.domain.kinds.kind import Kind
from shared.domain.receipt_mappings import kind_of
from shared.domain.row_errors import RowError, explain
from shared.domain.uploads import (
    ERRORS_SHOWN,
    SIZE_LIMIT,
    Mode,
    Rows,
    Upload,
    UploadCancelled,
    UploadKind,
    UploadStatus,
    Warned,
    upload_id_of,
)
from shared.edge import blobs, csv_files
from shared.edge.blobs import Source
from shared.jobs.ahead import ahead
from shared.jobs.applying import apply, reject
from shared.jobs.following import follow
from shared.jobs.progress import Progress
from shared.jobs.reading import READ_PCT, Origin, Reading, report, results
from shared.jobs.targets import STATEMENTS
from shared.jobs.waking import wake
from shared.store import Conn, rejected_cells, uploads

_log = logging.getLogger(__name__)
# Of the progress, where the checks that need the database end.
_CHECKED_PCT = 60
# Rows are read while the database takes those before them.
_BLOCKS_AHEAD = 3
# So often somebody who waits for another file looks whether it is their turn.
_LOOK_S = 0.2
_NO_ROWS = Rows()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """What is told of an upload at its end."""

    status: UploadStatus
    rows: Rows = _NO_ROWS
    warnings: Sequence[Warned] = ()
    errors: Sequence[RowError] = ()
    reason: str | None = None
    reason_code: str | None = None


def ingest(name: str, source: Source | None, now: datetime) -> None:
    """Apply the file, or record why not; `source` is None when it was deleted.

    Safe to call again for the same file, also at the same time: rows and outcome are committed together, and
    who comes while another is at work leaves it to them, since a delivery is only done with when its call
    returns. Raises what the database and the storage raise, and nothing for a bad file.
    """
    upload_id = upload_id_of(name)
    if upload_id is None:
        _log.warning("no upload has a file named %r", name)
        return
    try:
        _ingest(upload_id, source, now)
    except Exception as error:
        # By name only: the text of an error may quote what was being read.
        failure = error.code if isinstance(error, PromoPartnerError) else type(error).__name__
        with pool.connection() as conn:
            uploads.update_failure(conn, upload_id, failure)
        raise


def _ingest(upload_id: UUID, source: Source | None, now: datetime) -> None:
    workers: list[Wake] = []
    with pool.transaction() as conn:
        if not uploads.lock(conn, upload_id):
            _log.info("upload %s is being worked on already", upload_id)
            return
        uploads.update_limits(conn)
        with pool.connection() as aside:
            upload = uploads.update_received(
                aside,
                upload_id,
                etag=source.etag if source else None,
                size=source.size if source else None,
                now=now,
            )
        if upload is None:
            _log.info("upload %s is finished or was never asked for", upload_id)
            return
        outcome = _outcome(conn, now, upload, source)
        if outcome.status is UploadStatus.COMPLETED and not upload.validate_only:
            workers = follow(conn, now, upload, outcome.rows)
        uploads.update_finished(
            conn,
            upload_id,
            status=outcome.status,
            rows=outcome.rows,
            warnings=outcome.warnings,
            errors=outcome.errors,
            reason=outcome.reason,
            reason_code=outcome.reason_code,
        )
    wake(workers)


def _outcome(conn: Conn, now: datetime, upload: Upload, source: Source | None) -> _Outcome:
    """Apply the file; what is refused or cancelled leaves nothing in the transaction."""
    progress = Progress(upload.id)
    try:
        if upload.cancelling:
            raise UploadCancelled
        if source is None:
            raise FileGone
        if source.size > SIZE_LIMIT:
            raise FileTooLarge(size=source.size, limit=SIZE_LIMIT)
        kind = _kind(conn, upload)
        try:
            with conn.transaction():
                return _apply(conn, now, upload, Origin(source, kind, "utf-8"), progress)
        except EncodingWrong as refusal:
            if not refusal.other_may_fit:
                raise
        with conn.transaction():
            return _apply(conn, now, upload, Origin(source, kind, "cp1252"), progress)
    except FileRefused as refusal:
        _log.info("upload %s is refused: %s", upload.id, refusal.code)
        return _Outcome(status=UploadStatus.FAILED, reason=str(refusal), reason_code=refusal.code)
    except UploadCancelled:
        _log.info("upload %s is cancelled", upload.id)
        return _Outcome(status=UploadStatus.CANCELLED)


def _kind(conn: Conn, upload: Upload) -> Kind:
    """The kind of its file; a retailer's receipts are read by the mapping that counts now."""
    if upload.kind is UploadKind.RECEIPTS:
        return kind_of(retailer_terms.find_mapping(conn, upload.retailer_id), upload.retailer_id)
    return KINDS[upload.kind]


def _apply(conn: Conn, now: datetime, upload: Upload, origin: Origin, progress: Progress) -> _Outcome:
    kind = origin.kind
    statements = STATEMENTS[kind.target]
    progress.tell(UploadStatus.VALIDATING, 0, Rows())
    reading = Reading(origin, progress)
    rejected_cells.create(conn)
    with reading.spool() as spool, closing(ahead(reading.blocks(spool), _BLOCKS_AHEAD)) as blocks:
        statements.stage(conn, blocks)
        rejected_cells.insert(conn, reading.rejections(spool))
    _lock_target(conn, upload.id, kind, reading.read, progress)
    for percent in reject(conn, reading.table):
        done = READ_PCT + percent * (_CHECKED_PCT - READ_PCT) // 100
        progress.tell(UploadStatus.APPLYING, done, Rows(read=reading.read))
    rejected = rejected_cells.count_rows(conn)
    errors = _tell_rejected(conn, upload.id, origin, reading) if rejected else []
    if rejected and upload.mode is Mode.ALL_OR_NOTHING:
        return _Outcome(
            status=UploadStatus.FAILED,
            rows=Rows(read=reading.read, rejected=rejected),
            warnings=origin.warnings,
            errors=errors,
            reason=f"{rejected} of {reading.read} rows are bad and all or nothing was asked for.",
            reason_code="rows_rejected",
        )
    if statements.results is not None:
        _tell_results(conn, upload.id, origin, statements.results)
    rows = Rows(read=reading.read, rejected=rejected)
    with conn.transaction(force_rollback=upload.validate_only):
        for percent, applied in apply(conn, kind, now, upload_id=upload.id, table=reading.table):
            rows = Rows(
                read=reading.read, inserted=applied.inserted, updated=applied.updated, rejected=rejected
            )
            done = _CHECKED_PCT + percent * (99 - _CHECKED_PCT) // 100
            progress.tell(UploadStatus.APPLYING, done, rows)
    unchanged = rows.read - rows.inserted - rows.updated - rows.rejected
    return _Outcome(
        status=UploadStatus.COMPLETED,
        rows=Rows(
            read=rows.read,
            inserted=rows.inserted,
            updated=rows.updated,
            unchanged=unchanged,
            rejected=rejected,
        ),
        warnings=origin.warnings,
        errors=errors,
    )


def _lock_target(conn: Conn, upload_id: UUID, kind: Kind, read: int, progress: Progress) -> None:
    """Wait until no other transaction applies rows to the target, and tell whose turn it is meanwhile."""
    rows = Rows(read=read)
    progress.tell(UploadStatus.APPLYING, READ_PCT, rows)
    kinds = [str(name) for name, each in KINDS.items() if each.target is kind.target]
    while not uploads.lock_target(conn, kind.target):
        with pool.connection() as aside:
            holder = uploads.find_applying_id(aside, kinds=kinds, besides=upload_id)
        progress.tell(UploadStatus.APPLYING, READ_PCT, rows, waiting_for=holder)
        sleep(_LOOK_S)


def _tell_rejected(conn: Conn, upload_id: UUID, origin: Origin, reading: Reading) -> list[RowError]:
    """Write the file of rejected rows; the first of its errors."""
    with closing(rejected_cells.find(conn)) as found:
        errors = [explain(each, reading.table.headers) for each in islice(found, ERRORS_SHOWN)]
    with closing(rejected_cells.find(conn)) as found:
        blobs.write_rejected(upload_id, csv_files.write(report(origin, found)))
    return errors


def _tell_results(
    conn: Conn, upload_id: UUID, origin: Origin, find: Callable[[Conn], Generator[tuple[int, str]]]
) -> None:
    """Write the file of what becomes of each row."""
    with closing(find(conn)) as kept, closing(rejected_cells.find(conn)) as rejected:
        blobs.write_results(upload_id, csv_files.write(results(origin, kept, rejected)))
