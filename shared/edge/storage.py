"""Storage: the account of the uploads, reached by identity in the cloud and by key locally."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from shared import identity
from shared.domain.errors import Unavailable
from shared.settings import settings

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient

UPLOADS = "uploads"
RESULTS = "upload-results"
JOBS = "jobs"
AUDIT = "audit"
_OPTIONS: dict[str, Any] = {
    # Bytes sent in one request, and so held in memory.
    "max_single_put_size": 4 * 1024 * 1024,
    "max_block_size": 4 * 1024 * 1024,
    # Somebody waits for the answer: give up after seconds, where the library's own way takes minutes.
    "retry_total": 2,
    "initial_backoff": 1,
    "increment_base": 1,
    "random_jitter_range": 1,
    "connection_timeout": 5,
}


class StorageUnavailable(Unavailable):
    """The file storage does not answer; try again in a moment."""

    code = "storage_unavailable"


def service(*, patient: bool = False) -> "BlobServiceClient":
    """The client of the account, made once for its settings; a patient one tries again for minutes."""
    here = settings()
    account = here.uploads_connection_string, here.uploads_account_url, here.uploads_identity_client_id
    return _service(*account, patient=patient)


@contextmanager
def answering() -> Iterator[None]:
    """Turn a failure of the storage, or of the identity it is reached by, into StorageUnavailable."""
    from azure.core.exceptions import AzureError  # noqa: PLC0415

    try:
        yield
    except AzureError as error:
        raise StorageUnavailable from error


def account_key() -> str | None:
    """The account's key, which only a local account shows us."""
    client = service()
    return client.credential.account_key if settings().uploads_connection_string else None


def create_containers() -> None:
    """Make the containers a local account lacks; in the cloud they are part of the infrastructure."""
    connection_string = settings().uploads_connection_string
    if connection_string:
        _create_containers(connection_string)


@lru_cache(maxsize=2)
def _service(
    connection_string: str | None, account_url: str | None, client_id: str | None, *, patient: bool
) -> "BlobServiceClient":
    # Imported at first use: a cold start must not wait for it.
    from azure.storage.blob import BlobServiceClient  # noqa: PLC0415

    options = {} if patient else _OPTIONS
    if account_url is None:
        return BlobServiceClient.from_connection_string(connection_string or "", **options)
    return BlobServiceClient(account_url, credential=identity.credential(client_id), **options)


@lru_cache(maxsize=1)
def _create_containers(_connection_string: str) -> None:
    from azure.core.exceptions import ResourceExistsError  # noqa: PLC0415

    for name in (UPLOADS, RESULTS, JOBS, AUDIT):
        try:
            service().create_container(name)
        except ResourceExistsError:
            continue
