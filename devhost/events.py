"""The local Event Grid: python -m devhost.events --functions-url http://127.0.0.1:7071 --state DIR.

It lives outside the host, as Event Grid does: it asks the host which containers its blob triggers watch,
lists them, and delivers every new (name, etag) to the host's webhook until the host has taken it.
"""

import argparse
import logging
import os
import signal
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import httpx
from azure.core.exceptions import AzureError, ResourceNotFoundError
from azure.storage.blob import BlobProperties, ContainerClient

from devhost import keys, logs
from devhost.events_log import DeliveredLog, Version

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.3
REFRESH_SECONDS = 5.0
FIRST_RETRY_SECONDS = 0.5
LAST_RETRY_SECONDS = 3.0


@dataclass
class Retry:
    """When a refused delivery is due again; the pause doubles."""

    pause: float = FIRST_RETRY_SECONDS
    due_at: float = 0.0

    def postpone(self) -> None:
        self.due_at = time.monotonic() + self.pause
        self.pause = min(self.pause * 2, LAST_RETRY_SECONDS)


@dataclass
class Subscription:
    """One blob trigger's container, and what has been delivered of it."""

    key: str
    function: str
    container: ContainerClient
    prefix: str
    delivered: set[Version]
    retries: dict[Version, Retry] = field(default_factory=dict)


class EventGrid:
    """Subscriptions of one host and their deliveries."""

    def __init__(self, functions_url: str, log: DeliveredLog, keys_folder: Path | None) -> None:
        self._host = httpx.Client(base_url=functions_url, timeout=30)
        self._keys_folder = keys_folder
        self._log = log
        self._subscriptions: dict[str, Subscription] = {}
        self._refresh_at = 0.0
        self._waiting = False

    def poll(self) -> None:
        """One round: learn the subscriptions when it is time, then deliver what is new."""
        try:
            if time.monotonic() >= self._refresh_at:
                self._subscribe()
                self._refresh_at = time.monotonic() + REFRESH_SECONDS
            for subscription in self._subscriptions.values():
                self._deliver_new(subscription)
        except (httpx.HTTPError, AzureError) as error:
            if not self._waiting:
                logger.warning("waiting for the host and the storage: %s", error)
            self._waiting = True
        else:
            self._waiting = False

    def close(self) -> None:
        self._keep({})
        self._host.close()

    def _subscribe(self) -> None:
        """Keep the subscriptions equal to the host's blob triggers, with the handshake for a new one."""
        functions = self._host.get("/admin/functions", headers=self._key("master")).raise_for_status().json()
        wanted: dict[str, Subscription] = {}
        for function in functions:
            for binding in function["config"]["bindings"]:
                if binding["type"].casefold() == "blobtrigger":
                    subscription = self._subscription(function["name"], binding)
                    wanted[subscription.key] = subscription
        self._keep(wanted)

    def _keep(self, wanted: dict[str, Subscription]) -> None:
        for key, subscription in self._subscriptions.items():
            if wanted.get(key) is not subscription:
                subscription.container.close()
        self._subscriptions = wanted

    def _subscription(self, function: str, binding: dict[str, Any]) -> Subscription:
        container, _, pattern = binding["path"].partition("/")
        prefix = pattern.partition("{")[0]
        key = f"{function}:{container}/{prefix}"
        if key in self._subscriptions:
            return self._subscriptions[key]
        connection = binding.get("connection") or "AzureWebJobsStorage"
        connection_string = os.environ.get(connection)
        if not connection_string:
            raise SystemExit(f"the setting {connection}, which {function} names, is not set")
        client = ContainerClient.from_connection_string(connection_string, container, retry_total=0)
        subscription = Subscription(key, function, client, prefix, self._log.read(key))
        self._shake_hands(subscription)
        return subscription

    def _shake_hands(self, subscription: Subscription) -> None:
        code = str(uuid.uuid4()).upper()
        event = _event("Microsoft.EventGrid.SubscriptionValidationEvent", "", {"validationCode": code})
        reply = self._post(subscription, "SubscriptionValidation", event).raise_for_status()
        if reply.json() != {"validationResponse": code}:
            raise SystemExit(f"the webhook of {subscription.function} did not confirm its subscription")
        print(f"subscribed {subscription.key}", flush=True)

    def _deliver_new(self, subscription: Subscription) -> None:
        try:
            blobs = list(subscription.container.list_blobs(name_starts_with=subscription.prefix or None))
        except ResourceNotFoundError:
            blobs = []
        present: set[Version] = set()
        for blob in blobs:
            version = (blob.name, blob.etag)
            present.add(version)
            if version not in subscription.delivered:
                self._deliver(subscription, version, blob)
        gone = subscription.delivered - present
        if gone:
            self._log.remove(subscription.key, gone)
            subscription.delivered -= gone
        subscription.retries = {key: value for key, value in subscription.retries.items() if key in present}

    def _deliver(self, subscription: Subscription, version: Version, blob: BlobProperties) -> None:
        retry = subscription.retries.setdefault(version, Retry())
        if time.monotonic() < retry.due_at:
            return
        try:
            self._post(
                subscription, "Notification", _created(subscription.container, blob)
            ).raise_for_status()
        except httpx.HTTPStatusError as error:
            # Only this blob waits; a host that is not there at all ends the round.
            retry.postpone()
            logger.warning("%s not delivered yet: %s", blob.name, error)
            return
        self._log.add(subscription.key, version)
        subscription.delivered.add(version)
        del subscription.retries[version]

    def _post(self, subscription: Subscription, event_type: str, event: dict[str, Any]) -> httpx.Response:
        return self._host.post(
            "/runtime/webhooks/blobs",
            params={"functionName": f"Host.Functions.{subscription.function}"},
            headers={"aeg-event-type": event_type} | self._key("blobs_extension"),
            json=[event],
        )

    def _key(self, name: Literal["master", "blobs_extension"]) -> dict[str, str]:
        """A header where the host has made keys; it may do so at any of its starts."""
        made = keys.read(self._keys_folder) if self._keys_folder else None
        return {keys.HEADER: getattr(made, name)} if made else {}


def _created(container: ContainerClient, blob: BlobProperties) -> dict[str, Any]:
    data = {
        "api": "PutBlob",
        "contentType": blob.content_settings.content_type,
        "contentLength": blob.size,
        "blobType": blob.blob_type.value,
        "eTag": blob.etag,
        "url": container.get_blob_client(blob.name).url.partition("?")[0],
    }
    subject = f"/blobServices/default/containers/{container.container_name}/blobs/{blob.name}"
    return _event("Microsoft.Storage.BlobCreated", subject, data)


def _event(event_type: str, subject: str, data: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid4()),
        "topic": "local",
        "subject": subject,
        "eventType": event_type,
        "eventTime": datetime.now(UTC).isoformat(),
        "data": data,
        "dataVersion": "",
        "metadataVersion": "1",
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m devhost.events", description="The local Event Grid.")
    parser.add_argument("--functions-url", default="http://127.0.0.1:7071", help="where the host listens")
    parser.add_argument("--state", type=Path, required=True, help="folder for what has been delivered")
    parser.add_argument("--keys", type=Path, help="the host's state folder, for a host that asks for keys")
    arguments = parser.parse_args()
    logs.to_stderr(logging.INFO)
    stopped = threading.Event()
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, lambda *_: stopped.set())
    log = DeliveredLog(arguments.state / "events.sqlite3")
    grid = EventGrid(arguments.functions_url, log, arguments.keys)
    pause = 0.0
    while not stopped.wait(pause):
        began = time.monotonic()
        grid.poll()
        # A large container takes long to list; most of the time should still be left to others.
        pause = max(POLL_SECONDS, 4 * (time.monotonic() - began))
    grid.close()
    log.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
