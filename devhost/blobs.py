"""Blob triggers with source=EventGrid: the webhook, and a blob as the function's argument."""

import asyncio
import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import BlobClient, BlobProperties
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from devhost.blob_queue import BlobQueue
from devhost.driver import AppError, Function, Worker
from devhost.keys import Gate
from devhost.messages import Message, TypedData

logger = logging.getLogger(__name__)

ID_PREFIX = "Host.Functions."
CREATED = "Microsoft.Storage.BlobCreated"
VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"
_SUBJECT = re.compile(r"/blobServices/default/containers/([^/]+)/blobs/(.+)", re.DOTALL)


@dataclass(frozen=True)
class BlobFunction:
    """A blob trigger and where its blobs live."""

    function: Function
    connection: str
    connection_string: str

    async def run(self, worker: Worker, container: str, name: str) -> None:
        """Invoke for one blob; a blob that is gone is dropped with a log line, as Azure does."""
        client = BlobClient.from_connection_string(self.connection_string, container, name, retry_total=1)
        with client:
            try:
                properties = await asyncio.to_thread(client.get_blob_properties)
                if self._by_reference:
                    data = self._reference(container, name)
                else:
                    data = TypedData(bytes=await asyncio.to_thread(_download, client))
            except ResourceNotFoundError:
                logger.info("%s: blob %s/%s is gone, event dropped", self.function.name, container, name)
                return
            metadata = _metadata(client, properties, self._names(f"{container}/{name}"))
        await worker.begin(self.function, data, metadata)

    @property
    def _by_reference(self) -> bool:
        """True when the argument is a client of the storage SDK, which fetches the content itself."""
        return bool(self.function.trigger.get("properties", {}).get("SupportsDeferredBinding"))

    def _reference(self, container: str, name: str) -> TypedData:
        content = {"Connection": self.connection, "ContainerName": container, "BlobName": name}
        return TypedData(
            model_binding_data=Message(
                version="1.0",
                source="AzureStorageBlobs",
                content_type="application/json",
                content=json.dumps(content).encode(),
            )
        )

    def _names(self, path: str) -> dict[str, str]:
        """What the pattern's {names} stand for; nothing when it does not fit: Azure does not filter here."""
        parts = re.split(r"\{([^{}]+)\}", str(self.function.trigger["path"]))
        pattern = "".join("(.*)" if odd % 2 else re.escape(part) for odd, part in enumerate(parts))
        found = re.fullmatch(pattern, path, re.DOTALL)
        return dict(zip(parts[1::2], found.groups(), strict=True)) if found else {}


class Webhook:
    """`POST /runtime/webhooks/blobs?functionName=Host.Functions.<name>`, where Event Grid delivers."""

    def __init__(self, functions: Mapping[str, BlobFunction], queue: BlobQueue, gate: Gate) -> None:
        self._functions = functions
        self._queue = queue
        self._gate = gate

    async def receive(self, request: Request) -> Response:
        """202 once every BlobCreated event is on the durable queue; a handshake gets its code back."""
        if not self._gate.lets_deliver_blobs(request):
            return Response(status_code=401)
        function_id = request.query_params.get("functionName", "")
        if function_id.removeprefix(ID_PREFIX) not in self._functions or not function_id.startswith(
            ID_PREFIX
        ):
            return PlainTextResponse(f"no blob trigger is called {function_id!r}", status_code=404)
        try:
            messages: list[dict[str, str]] = []
            for event in _events(await request.body()):
                if event["eventType"] == VALIDATION:
                    return JSONResponse({"validationResponse": event["data"]["validationCode"]})
                if event["eventType"] == CREATED:
                    messages.append(_message(function_id, event))
        except (ValueError, KeyError, TypeError) as error:
            return PlainTextResponse(f"not Event Grid events: {error!r}", status_code=400)
        try:
            for message in messages:
                await self._queue.put(message)
        except AzureError as error:
            logger.warning("events refused, the queue does not answer: %s", error)
            return PlainTextResponse("the queue does not answer", status_code=503)
        return Response(status_code=202)


class BlobTriggers:
    """The app's blob triggers by name, and what happens to a message of the queue."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self.functions = {
            function.name: _blob_function(function) for function in worker.triggered_by("blobTrigger")
        }

    async def run(self, message: Mapping[str, str]) -> None:
        """Run the function a message is for; raises what the function raised."""
        name = message["FunctionId"].removeprefix(ID_PREFIX)
        triggered = self.functions.get(name)
        if triggered is None:
            logger.warning("message for %s dropped: the app has no such blob trigger", name)
            return
        await triggered.run(self._worker, message["ContainerName"], message["BlobName"])

    def data_account(self, message: Mapping[str, str]) -> str | None:
        """Connection string of the account the blob lives in, which also holds the poison queue."""
        triggered = self.functions.get(message["FunctionId"].removeprefix(ID_PREFIX))
        return triggered.connection_string if triggered else None


def _blob_function(function: Function) -> BlobFunction:
    if str(function.trigger.get("source")) != "EventGrid":
        raise AppError(f"{function.name}: on Flex Consumption a blob trigger needs source=EventGrid")
    connection = str(function.trigger.get("connection") or "AzureWebJobsStorage")
    connection_string = os.environ.get(connection)
    if not connection_string:
        raise AppError(f"{function.name}: its connection {connection} is not set to a connection string")
    return BlobFunction(function, connection, connection_string)


def _events(body: bytes) -> list[Any]:
    events = json.loads(body)
    if not isinstance(events, list):
        raise TypeError("an array of events is expected")
    return events


def _message(function_id: str, event: Mapping[str, Any]) -> dict[str, str]:
    subject = _SUBJECT.fullmatch(event["subject"])
    if subject is None:
        raise ValueError(event["subject"])
    return {
        "Type": "BlobTrigger",
        "FunctionId": function_id,
        "BlobType": event["data"]["blobType"],
        "ContainerName": subject[1],
        "BlobName": subject[2],
        "ETag": event["data"]["eTag"],
    }


def _download(client: BlobClient) -> bytes:
    return client.download_blob().readall()


def _metadata(
    client: BlobClient, properties: BlobProperties, names: Mapping[str, str]
) -> dict[str, TypedData]:
    described = {
        "ETag": properties.etag,
        "LastModified": properties.last_modified.isoformat(),
        "ContentLength": properties.size,
        "ContentType": properties.content_settings.content_type,
        "BlobType": properties.blob_type.value,
    }
    return {
        "BlobTrigger": TypedData(string=f"{client.container_name}/{client.blob_name}"),
        "Uri": TypedData(json=json.dumps(client.url)),
        "Properties": TypedData(json=json.dumps(described)),
        "Metadata": TypedData(json=json.dumps(properties.metadata)),
        **{name: TypedData(string=value) for name, value in names.items()},
    }
