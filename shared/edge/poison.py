"""Poison: the queue where the host leaves blob events that failed too often."""

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.edge import storage
from shared.settings import settings

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient

QUEUE = "webjobs-blobtrigger-poison"
_MOST = 32
# As long as whoever takes them needs to be done with them.
_HIDDEN_S = 60


@dataclass(frozen=True, slots=True)
class Poisoned:
    """An event that was given up; `done` forgets it."""

    container: str
    name: str
    _message: Any
    _queue: "QueueClient"

    def done(self) -> None:
        """Raises StorageUnavailable."""
        with storage.answering():
            self._queue.delete_message(self._message)


def take() -> Iterator[Poisoned]:
    """The events given up since, a few at most; each comes again until it is `done`.

    Raises StorageUnavailable.
    """
    from azure.core.exceptions import ResourceNotFoundError  # noqa: PLC0415 - at first use, not at a cold start

    with storage.answering(), _client() as queue:
        try:
            messages = list(queue.receive_messages(max_messages=_MOST, visibility_timeout=_HIDDEN_S))
        except ResourceNotFoundError:
            return  # the host makes the queue with its first message
        for message in messages:
            container, name = _told(message.content)
            yield Poisoned(container, name, message, queue)


def _client() -> "QueueClient":
    from azure.storage.queue import QueueClient  # noqa: PLC0415

    here = settings()
    if here.uploads_account_url is None:
        return QueueClient.from_connection_string(here.uploads_connection_string or "", QUEUE, retry_total=1)
    from azure.identity import ManagedIdentityCredential  # noqa: PLC0415

    return QueueClient(
        here.uploads_account_url.replace(".blob.", ".queue.", 1),
        QUEUE,
        credential=ManagedIdentityCredential(client_id=here.uploads_identity_client_id),
        retry_total=1,
    )


def _told(content: str) -> tuple[str, str]:
    """The container and the blob; empty for what is no message of the host's: anybody may write there."""
    try:
        message = json.loads(base64.b64decode(content, validate=True))
        return str(message["ContainerName"]), str(message["BlobName"])
    except (binascii.Error, ValueError, KeyError, TypeError):
        return "", ""
