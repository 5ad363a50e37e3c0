"""A client that uploads and delivers."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

import httpx
import psycopg
import pytest
from azure.storage.blob import BlobClient

from shared.actions import uploads as actions
from shared.domain.audit import By
from shared.domain.uploads import Mode, Upload, UploadKind, blob_name
from shared.edge import blobs, files, storage
from shared.jobs.ingest import ingest
from shared.store import uploads
from tests.rows import a_user

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_kinds: dict[UUID, UploadKind] = {}


@dataclass(frozen=True, slots=True)
class Client:
    """Somebody who uploads files and sees them delivered."""

    conn: psycopg.Connection
    user_id: UUID

    def ask(
        self,
        kind: str,
        *,
        mode: Mode = Mode.VALID_ROWS,
        validate_only: bool = False,
        retailer_id: str | None = None,
    ) -> files.Ticket:
        now = datetime.now(UTC)
        upload_id, expires_at = actions.request(
            self.conn,
            now,
            kind=UploadKind(kind),
            filename="file.csv",
            mode=mode,
            validate_only=validate_only,
            by=By(self.user_id),
            retailer_id=retailer_id,
        )
        _kinds[upload_id] = UploadKind(kind)
        return files.ticket(UploadKind(kind), upload_id, expires_at, now)

    def put(self, ticket: files.Ticket, content: bytes) -> httpx.Response:
        return httpx.put(ticket.put_url, headers=ticket.headers, content=content)

    def name(self, upload_id: UUID) -> str:
        """The name of its file."""
        return blob_name(_kinds[upload_id], upload_id)

    def blob(self, upload_id: UUID) -> BlobClient:
        return storage.service().get_blob_client(storage.UPLOADS, self.name(upload_id))

    def deliver(self, upload_id: UUID) -> Upload:
        self.deliver_aside(upload_id)
        return self.status(upload_id)

    def deliver_aside(self, upload_id: UUID) -> None:
        """As `deliver`, for a thread of its own: it leaves this client's connection alone."""
        ingest(self.name(upload_id), blobs.source(self.blob(upload_id)), NOW)

    def status(self, upload_id: UUID) -> Upload:
        upload = uploads.get(self.conn, upload_id)
        assert upload is not None
        return upload

    def send(
        self,
        kind: str,
        content: bytes | str,
        *,
        mode: Mode = Mode.VALID_ROWS,
        validate_only: bool = False,
        retailer_id: str | None = None,
    ) -> Upload:
        """Ask, put, deliver: the upload as it is then."""
        ticket = self.ask(kind, mode=mode, validate_only=validate_only, retailer_id=retailer_id)
        body = content.encode() if isinstance(content, str) else content
        assert self.put(ticket, body).status_code == 201
        return self.deliver(ticket.upload_id)

    def rejected(self, upload: Upload) -> str:
        """The file of rejected rows, without its byte-order mark."""
        return httpx.get(files.rejected_url(upload.id, datetime.now(UTC))).content.decode("utf-8-sig")


@pytest.fixture
def client(app: None, conn: psycopg.Connection) -> Client:  # noqa: ARG001
    return Client(conn, a_user(conn))
