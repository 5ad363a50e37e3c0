"""Blobs: reading the file of an upload, pinned to what was put, and writing what was rejected of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from shared.domain.uploads import UploadKind, blob_name, result_name, results_name
from shared.edge import storage
from shared.edge.storage import StorageUnavailable

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient

__all__ = [
    "Source",
    "StorageUnavailable",
    "check",
    "has_file",
    "put_again",
    "source",
    "write_file",
    "write_rejected",
    "write_results",
]

CHUNK = 4 * 1024 * 1024
_PATIENCE_S = 3


@dataclass(frozen=True, slots=True)
class Source:
    """The file of an upload as it was when `source` looked at it."""

    client: "BlobClient"
    name: str
    etag: str
    size: int

    def chunks(self) -> Iterator[bytes]:
        """Its bytes, a chunk at a time. Raises azure's ResourceModifiedError once it is another file."""
        from azure.core import MatchConditions  # noqa: PLC0415 - at first use, not at a cold start

        for offset in range(0, self.size, CHUNK):
            yield self.client.download_blob(
                offset=offset,
                length=min(CHUNK, self.size - offset),
                etag=self.etag,
                match_condition=MatchConditions.IfNotModified,
            ).readall()


def source(client: "BlobClient") -> Source | None:
    """The file behind `client`; None when it was deleted."""
    from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415

    try:
        properties: Any = client.get_blob_properties()
    except ResourceNotFoundError:
        return None
    return Source(client, client.blob_name, properties.etag, properties.size)


def put_again(kind: UploadKind, upload_id: UUID) -> bool:
    """Put the file of an upload in its own place, unread: the storage tells of it as of a new one.

    False when there is none. Raises StorageUnavailable.
    """
    from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415

    client = storage.service().get_blob_client(storage.UPLOADS, blob_name(kind, upload_id))
    with storage.answering():
        try:
            client.start_copy_from_url(client.url)
        except ResourceNotFoundError:
            return False
    return True


def write_rejected(upload_id: UUID, content: Iterable[bytes]) -> None:
    """Write the file of rejected rows; one of an earlier try is replaced."""
    write_file(result_name(upload_id), content, "text/csv", f"rejected-{upload_id}.csv")


def write_results(upload_id: UUID, content: Iterable[bytes]) -> None:
    """Write the file of what became of each row; one of an earlier try is replaced."""
    write_file(results_name(upload_id), content, "text/csv", f"results-{upload_id}.csv")


def write_file(name: str, content: Iterable[bytes], media_type: str, shown: str) -> None:
    """Write a file in UTF-8 that is fetched under the name `shown`; one of an earlier try is replaced."""
    from azure.storage.blob import ContentSettings  # noqa: PLC0415

    storage.create_containers()
    storage.service().get_blob_client(storage.RESULTS, name).upload_blob(
        iter(content),
        overwrite=True,
        content_settings=ContentSettings(
            content_type=f"{media_type}; charset=utf-8",
            content_disposition=f'attachment; filename="{shown}"',
        ),
    )


def has_file(name: str) -> bool:
    """Whether the file was written. Raises StorageUnavailable."""
    with storage.answering():
        storage.create_containers()
        return storage.service().get_blob_client(storage.RESULTS, name).exists()


def check() -> None:
    """Raise StorageUnavailable unless the storage answers within seconds."""
    with storage.answering():
        storage.service().get_container_client(storage.UPLOADS).exists(
            retry_total=0, connection_timeout=_PATIENCE_S, read_timeout=_PATIENCE_S
        )
