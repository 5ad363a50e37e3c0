"""Jobs: an empty blob, whose event wakes a worker somewhere."""

from typing import TYPE_CHECKING

from shared.edge import storage

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient


def drop(name: str) -> None:
    """Put the blob; in the place of one of the same name it is an event of its own.

    Raises StorageUnavailable.
    """
    with storage.answering():
        storage.create_containers()
        storage.service().get_blob_client(storage.JOBS, name).upload_blob(b"", overwrite=True)


def remove(client: "BlobClient") -> None:
    """Take away a blob that has done its work. Raises StorageUnavailable."""
    from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415 - at first use, not at a cold start

    with storage.answering():
        try:
            client.delete_blob()
        except ResourceNotFoundError:
            return
