"""Ingest: the event that a file was put into the uploads."""

from datetime import UTC, datetime

import azure.functions as func
from azurefunctions.extensions.bindings import blob

from shared.edge import blobs
from shared.jobs import ingest as jobs

bp = func.Blueprint()


@bp.blob_trigger(
    arg_name="client",
    path="uploads/{name}",
    connection="UPLOADS_STORAGE",
    source=func.BlobSource.EVENT_GRID,
)
def ingest_upload(client: blob.BlobClient) -> None:
    """Apply the file of an upload. Raises only what a later try may mend."""
    jobs.ingest(client.blob_name, blobs.source(client), datetime.now(UTC))
