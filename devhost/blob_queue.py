"""The durable queue between the webhook and the blob functions: tries, poison, survival of a kill."""

import asyncio
import contextlib
import json
import logging
from base64 import b64decode, b64encode
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.queue import QueueClient, QueueMessage

from devhost.driver import InvocationFailedError
from devhost.host_json import HostJson

logger = logging.getLogger(__name__)

QUEUE_PREFIX = "azure-webjobs-blobtrigger-"
POISON_QUEUE = "webjobs-blobtrigger-poison"
# A running message is hidden this long and renewed before it shows again, so that the message of a killed
# host comes back within these seconds. Azure hides for ten minutes; a developer will not wait that long.
HIDDEN_SECONDS = 6
RENEW_SECONDS = 2
# New messages wake the processor; looking without being woken only finds those that became visible again.
IDLE_SECONDS = 1

type Run = Callable[[Mapping[str, str]], Awaitable[None]]
type AccountOf = Callable[[Mapping[str, str]], str | None]


class BlobQueue:
    """Messages of this host, on the queue service of AzureWebJobsStorage."""

    def __init__(self, connection_string: str, host_id: str, settings: HostJson) -> None:
        self._account = connection_string
        self._queue = _client(connection_string, f"{QUEUE_PREFIX}{host_id}")
        self._settings = settings
        self._wake = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    async def put(self, message: Mapping[str, str]) -> None:
        """Returns once the queue service has stored the message."""
        await asyncio.to_thread(_send, self._queue, _encoded(message))
        self._wake.set()

    async def process(self, run: Run, data_account: AccountOf) -> None:
        """Take messages until cancelled, at most maxDegreeOfParallelism at a time."""
        while True:
            self._wake.clear()
            try:
                taken = await asyncio.to_thread(
                    self._take, self._settings.blob_parallelism - len(self._running)
                )
            except AzureError as error:
                logger.warning("the blob queue does not answer: %s", error)
                taken = []
            for message in taken:
                task = asyncio.create_task(self._handle(message, run, data_account))
                self._running.add(task)
                task.add_done_callback(self._finished)
            if not taken:
                await _within(IDLE_SECONDS, self._wake)

    async def drain(self, seconds: float) -> int:
        """Wait for the messages in hand; the number of those that were not settled in time."""
        if not self._running:
            return 0
        _, pending = await asyncio.wait(self._running, timeout=seconds)
        return len(pending)

    def _take(self, free: int) -> list[QueueMessage]:
        if free < 1:
            return []
        batch = min(free, 32)
        try:
            return list(self._queue.receive_messages(max_messages=batch, visibility_timeout=HIDDEN_SECONDS))
        except ResourceNotFoundError:
            return []

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._wake.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a message of the blob queue could not be settled", exc_info=error)

    async def _handle(self, queued: QueueMessage, run: Run, data_account: AccountOf) -> None:
        tries = queued.dequeue_count or 1
        try:
            message = _read(queued)
        except ValueError as error:
            await self._settle_unreadable(queued, tries, error)
            return
        if tries > self._settings.blob_tries:
            # The host was killed during the last try.
            await self._poison(queued, data_account(message))
            return
        failure: Exception | None = None
        async with self._kept_hidden(queued):
            try:
                await run(message)
            except (InvocationFailedError, AzureError) as error:
                failure = error
        if failure is None:
            await asyncio.to_thread(self._queue.delete_message, queued)
            return
        blob = f"{message['ContainerName']}/{message['BlobName']}"
        logger.error("try %d of %d failed for %s: %s", tries, self._settings.blob_tries, blob, failure)
        if tries >= self._settings.blob_tries:
            await self._poison(queued, data_account(message))
        else:
            await asyncio.to_thread(self._queue.update_message, queued, visibility_timeout=0)

    async def _settle_unreadable(self, queued: QueueMessage, tries: int, error: ValueError) -> None:
        logger.error(
            "try %d of %d failed for an unreadable message: %s", tries, self._settings.blob_tries, error
        )
        if tries >= self._settings.blob_tries:
            await self._poison(queued, self._account)
        else:
            await asyncio.to_thread(self._queue.update_message, queued, visibility_timeout=0)

    @contextlib.asynccontextmanager
    async def _kept_hidden(self, queued: QueueMessage) -> AsyncGenerator[None]:
        over = asyncio.Event()
        renewal = asyncio.create_task(self._renew(queued, over))
        try:
            yield
        finally:
            # Never cancelled midway: the message can only be settled with the receipt of the last renewal.
            over.set()
            await renewal

    async def _renew(self, queued: QueueMessage, over: asyncio.Event) -> None:
        while not await _within(RENEW_SECONDS, over):
            try:
                renewed = await asyncio.to_thread(
                    self._queue.update_message, queued, visibility_timeout=HIDDEN_SECONDS
                )
                queued.pop_receipt = renewed.pop_receipt
            except AzureError as error:
                logger.warning("a running message could not be renewed: %s", error)

    async def _poison(self, queued: QueueMessage, connection_string: str | None) -> None:
        """Park the message in the account its blob lives in, then forget it here."""
        logger.error("giving up, message moved to %s: %s", POISON_QUEUE, queued.content)
        if connection_string is not None:
            with _client(connection_string, POISON_QUEUE) as poison:
                await asyncio.to_thread(_send, poison, queued.content)
        await asyncio.to_thread(self._queue.delete_message, queued)


async def _within(seconds: float, event: asyncio.Event) -> bool:
    """Whether the event came within these seconds."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False


def _encoded(message: Mapping[str, str]) -> str:
    return b64encode(json.dumps(message).encode()).decode()


def _read(queued: QueueMessage) -> dict[str, str]:
    """ValueError for what is no message of the webhook's; anybody may write to a queue."""
    message = json.loads(b64decode(queued.content, validate=True))
    if not isinstance(message, dict) or not {"FunctionId", "ContainerName", "BlobName"} <= message.keys():
        raise ValueError("it names no function and blob")
    return message


def _client(connection_string: str, name: str) -> QueueClient:
    return QueueClient.from_connection_string(
        connection_string,
        name,
        retry_total=1,
    )


def _send(queue: QueueClient, content: str) -> None:
    """Put the message without expiry, creating the queue when it is the first."""
    try:
        queue.send_message(content, time_to_live=-1)
    except ResourceNotFoundError:
        queue.create_queue()
        queue.send_message(content, time_to_live=-1)
