"""Ingest: the file of an upload becomes rows, all of them in one transaction with the outcome it tells."""

import logging
from contextlib import closing
from datetime import datetime
from itertools import islice

from shared import pool
from shared.domain.files import FileGone, FileRefused, FileTooLarge
from shared.domain.kinds import KINDS
from shared.domain.row_errors import explain
from shared.domain.uploads import (
    ERRORS_SHOWN,
    SIZE_LIMIT,
    Mode,
    Rows,
    Upload,
    UploadStatus,
    upload_id_of,
)
from shared.edge import blobs, csv_files
from shared.edge.blobs import Source
from shared.jobs.reading import Reading, report
from shared.jobs.targets import STATEMENTS
from shared.store import Conn, rejected_cells, uploads

_log = logging.getLogger(__name__)
# Of the progress, what is left after reading for applying the rows and writing what was rejected.
_APPLYING_PCT = 75


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
        try:
            with conn.transaction():
                _apply(conn, now, upload, source)
        except FileRefused as refusal:
            _log.info("upload %s is refused: %s", upload_id, refusal.code)
            uploads.update_finished(
                conn,
                upload_id,
                status=UploadStatus.FAILED,
                rows=Rows(),
                reason=str(refusal),
                reason_code=refusal.code,
            )


def _apply(conn: Conn, now: datetime, upload: Upload, source: Source | None) -> None:
    if source is None:
        raise FileGone
    if source.size > SIZE_LIMIT:
        raise FileTooLarge(size=source.size, limit=SIZE_LIMIT)
    kind = KINDS[upload.kind]
    statements = STATEMENTS[kind.target]
    reading = Reading(upload, kind, source)
    rejected_cells.create(conn)
    with reading.spool() as spool:
        statements.stage(conn, reading.rows(spool))
        rejected_cells.insert(conn, reading.rejections(spool))
    reading.tell(UploadStatus.APPLYING, _APPLYING_PCT)
    uploads.lock_target(conn, kind.target)
    # Without a rejected row others may lose their parent, so until nothing goes.
    while sum(reject(conn, kind) for reject in statements.reject):
        continue
    rejected = rejected_cells.count_rows(conn)
    with closing(rejected_cells.find(conn)) as found:
        errors = [explain(each, reading.table.headers) for each in islice(found, ERRORS_SHOWN)]
    if rejected:
        with closing(rejected_cells.find(conn)) as found:
            blobs.write_rejected(upload.id, csv_files.write(report(kind, source, found)))
    if rejected and upload.mode is Mode.ALL_OR_NOTHING:
        uploads.update_finished(
            conn,
            upload.id,
            status=UploadStatus.FAILED,
            rows=Rows(read=reading.read, rejected=rejected),
            errors=errors,
            reason=f"{rejected} of {reading.read} rows are bad and all or nothing was asked for.",
            reason_code="rows_rejected",
        )
        return
    with conn.transaction(force_rollback=upload.validate_only):
        applied = statements.upsert(
            conn,
            kind,
            now,
            upload_id=upload.id,
            given=reading.table.given,
            attributes=reading.table.attributes,
        )
    uploads.update_finished(
        conn,
        upload.id,
        status=UploadStatus.COMPLETED,
        rows=Rows(
            read=reading.read,
            inserted=applied.inserted,
            updated=applied.updated,
            unchanged=applied.staged - applied.inserted - applied.updated,
            rejected=rejected,
        ),
        errors=errors,
    )
