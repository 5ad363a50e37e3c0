"""Files: the URLs with which a client puts or reads one blob for a short while."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any
from uuid import UUID

from shared.domain.uploads import UploadKind, blob_name, result_name, results_name
from shared.edge import storage

if TYPE_CHECKING:
    from azure.storage.blob import UserDelegationKey

RESULT_LIFETIME = timedelta(minutes=15)
# Clocks differ: a key or signature that starts now is refused by a server that is a little behind.
_SKEW = timedelta(minutes=15)
_KEY_LIFETIME = timedelta(hours=6)
_CREATE = "c"
_READ = "r"


@dataclass(frozen=True, slots=True)
class Ticket:
    """How to send one file: PUT to `put_url` with exactly these headers, in one request, once."""

    upload_id: UUID
    put_url: str
    headers: dict[str, str]
    expires_at: datetime


class DelegationKeys[Key]:
    """A user-delegation key, fetched once for many signatures: storage throttles whoever asks for each."""

    def __init__(self, fetch: Callable[[datetime, datetime], Key]) -> None:
        self._fetch = fetch
        self._lock = Lock()
        self._key: Key | None = None
        self._expires_at: datetime | None = None

    def get(self, now: datetime, until: datetime) -> Key:
        """A key good until then. Several callers at once wait for one fetch."""
        with self._lock:
            if self._key is None or self._expires_at is None or self._expires_at < until:
                expires_at = max(until, now + _KEY_LIFETIME)
                self._key = self._fetch(now - _SKEW, expires_at)
                self._expires_at = expires_at
            return self._key


def ticket(kind: UploadKind, upload_id: UUID, expires_at: datetime, now: datetime) -> Ticket:
    """The ticket with which the upload's file can be created, and nothing else done.

    Raises StorageUnavailable.
    """
    with storage.answering():
        storage.create_containers()
    return Ticket(
        upload_id=upload_id,
        put_url=_signed(storage.UPLOADS, blob_name(kind, upload_id), _CREATE, expires_at, now),
        headers={"x-ms-blob-type": "BlockBlob", "Content-Type": "text/csv"},
        expires_at=expires_at,
    )


def rejected_url(upload_id: UUID, now: datetime) -> str:
    """The URL from which the upload's rejected rows can be read for a quarter of an hour.

    Raises StorageUnavailable.
    """
    return file_url(result_name(upload_id), now)


def results_url(upload_id: UUID, now: datetime) -> str:
    """The URL from which the results of all rows can be read for as long. Raises StorageUnavailable."""
    return file_url(results_name(upload_id), now)


def file_url(name: str, now: datetime) -> str:
    """The URL from which a file that was written for somebody can be read for as long.

    Raises StorageUnavailable.
    """
    return _signed(storage.RESULTS, name, _READ, now + RESULT_LIFETIME, now)


def _signed(container: str, name: str, permission: str, expires_at: datetime, now: datetime) -> str:
    """The URL of this one blob, signed by delegation in the cloud and by account key locally."""
    from azure.storage.blob import generate_blob_sas  # noqa: PLC0415 - at first use, not at a cold start

    client = storage.service().get_blob_client(container, name)
    is_local = storage.account_key() is not None
    signature = generate_blob_sas(
        account_name=str(client.account_name),
        container_name=container,
        blob_name=name,
        account_key=storage.account_key(),
        user_delegation_key=None if is_local else _delegation_keys.get(now, expires_at),
        permission=permission,
        expiry=expires_at,
        protocol="https" if client.url.startswith("https:") else "https,http",
    )
    return f"{client.url}?{signature}"


def _fetch_key(start: datetime, end: datetime) -> "UserDelegationKey":
    with storage.answering():
        key: Any = storage.service().get_user_delegation_key(start, end)
    return key


_delegation_keys = DelegationKeys(_fetch_key)
