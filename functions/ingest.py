"""Ingest: the event that a file was put into the uploads."""

from datetime import UTC, datetime

import azure.functions as func

from shared.edge import blobs
from shared.edge.blob_events import BlobEvent
from shared.jobs import ingest as jobs

bp = func.Blueprint()


@bp.blob_trigger(
    arg_name="event",
    path="uploads/{name}",
    connection="UPLOADS_STORAGE",
    source=func.BlobSource.EVENT_GRID,
)
def ingest_upload(event: BlobEvent) -> None:
    """Apply the file of an upload. Raises only what a later try may mend."""
    jobs.ingest(event.name, blobs.source(event.client), datetime.now(UTC))
