"""Progress: how far an ingest is, told aside of its transaction, and whether it is to stop."""

from time import monotonic
from uuid import UUID

from shared import pool
from shared.domain.uploads import Rows, UploadCancelled, UploadStatus
from shared.store import uploads

# Often enough for whoever watches, seldom enough not to cost anything.
_PAUSE_S = 0.3


class Progress:
    """Tells of one upload. Raises UploadCancelled once somebody wants it cancelled."""

    def __init__(self, upload_id: UUID) -> None:
        self._upload_id = upload_id
        self._told_at = 0.0
        self._told: UploadStatus | None = None

    def tell(
        self, status: UploadStatus, percent: int, rows: Rows, *, waiting_for: UUID | None = None
    ) -> None:
        """Let others see it, unless they saw something of this status a moment ago."""
        if status is self._told and monotonic() - self._told_at < _PAUSE_S:
            return
        with pool.connection() as aside:
            cancelled = uploads.update_progress(
                aside, self._upload_id, status=status, progress=percent, rows=rows, waiting_for=waiting_for
            )
        self._told, self._told_at = status, monotonic()
        if cancelled:
            raise UploadCancelled
