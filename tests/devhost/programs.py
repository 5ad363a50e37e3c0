"""The host and the local Event Grid as processes that the tests start, ask, kill and start again."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from azure.storage.blob import BlobServiceClient
from azure.storage.queue import QueueClient

from tests.harness import eventually

APP = Path(__file__).parent / "app"
ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60


class Api:
    """Any host that serves the fixture app, reached by HTTP alone."""

    def __init__(self, url: str) -> None:
        self.url = url

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return httpx.request(method, f"{self.url}{path}", timeout=PATIENCE_SECONDS, **options)

    def connect(self) -> socket.socket:
        """A bare connection, for requests a well-bred client does not send."""
        address = httpx.URL(self.url)
        return socket.create_connection((address.host, address.port or 80), PATIENCE_SECONDS)

    def recorded(self, kind: str, **values: Any) -> list[dict[str, Any]]:
        """What the fixture app recorded, of that kind and with these values."""
        records: list[dict[str, Any]] = self.request("GET", f"/api/records/{kind}").raise_for_status().json()
        return [record for record in records if values.items() <= record.items()]

    def release(self, name: str) -> None:
        """Let the function go on that waits for this name."""
        self.request("POST", f"/api/release/{name}").raise_for_status()


class Program:
    """A module of devhost in a process of its own, its output in files."""

    def __init__(self, folder: Path, environment: dict[str, str], *arguments: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._output, self._errors = folder / "stdout", folder / "stderr"
        self._command = [sys.executable, "-W", "error", "-m", *arguments]
        self.environment = {**os.environ, **environment}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._output.open("wb") as output, self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                self._command, cwd=ROOT, env=self.environment, stdout=output, stderr=errors
            )

    def stop(self, with_signal: int = signal.SIGTERM) -> int:
        """The exit code."""
        self.send(with_signal)
        return self.wait()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def send(self, a_signal: int) -> None:
        assert self._process is not None
        self._process.send_signal(a_signal)

    def wait(self) -> int:
        assert self._process is not None
        return self._process.wait(PATIENCE_SECONDS)

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def output(self) -> str:
        return self._output.read_text()

    @property
    def errors(self) -> str:
        return self._errors.read_text()

    @property
    def log(self) -> list[dict[str, Any]]:
        """The lines of the log among what it wrote on stderr."""
        return [json.loads(line) for line in self.errors.splitlines() if line.startswith("{")]


class Host(Program):
    """The host on the fixture app, with an empty storage account of its own."""

    def __init__(
        self,
        folder: Path,
        connection_string: str,
        *options: str,
        app: Path = APP,
        port: int = 0,
        state: Path | None = None,
    ) -> None:
        self.state = state or folder / "state"
        self.records = folder / "records"
        self.connection_string = connection_string
        self.records.mkdir(parents=True)
        self.fixed_url = f"http://127.0.0.1:{port}"
        environment = {
            "AzureWebJobsStorage": connection_string,
            "UPLOADS_STORAGE": connection_string,
            "UPLOADS_CONTAINER": "uploads",
            "RECORD_FOLDER": str(self.records),
            "TICK_SCHEDULE": "0 0 0 1 1 *",
        }
        where = ("--app", str(app), "--port", str(port), "--state", str(self.state))
        super().__init__(folder / "host", environment, "devhost.host", *where, *options)

    @cached_property
    def blobs(self) -> BlobServiceClient:
        return BlobServiceClient.from_connection_string(self.connection_string)

    @property
    def url(self) -> str:
        def look() -> re.Match[str] | None:
            assert self.running, self.errors
            return re.search(r"^ready (http://\S+)$", self.output, re.MULTILINE)

        return eventually(look)[1]

    @property
    def api(self) -> Api:
        return Api(self.url)

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.api.request(method, path, **options)

    def recorded(self, kind: str, **values: Any) -> list[dict[str, Any]]:
        """What the fixture app recorded, also of a host that is down; see Api.recorded."""
        path = self.records / f"{kind}.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        records: list[dict[str, Any]] = [json.loads(line) for line in lines]
        return [record for record in records if values.items() <= record.items()]

    def release(self, name: str) -> None:
        """Let the function go on that waits for this name."""
        (self.records / f"go-{name}").touch()

    def messages(self) -> int:
        """How many messages the host's queue holds, hidden ones included."""
        host_id = (self.state / "host-id").read_text()
        name = f"azure-webjobs-blobtrigger-{host_id}"
        with QueueClient.from_connection_string(self.connection_string, name) as queue:
            return queue.get_queue_properties().approximate_message_count or 0

    def upload(self, container: str, name: str, content: str, **options: Any) -> None:
        client = self.blobs.get_container_client(container)
        if not client.exists():
            client.create_container()
        client.upload_blob(name, content, overwrite=True, **options)

    def notify(self, function: str, container: str, name: str) -> httpx.Response:
        """Deliver a BlobCreated event as Event Grid does."""
        return self.deliver(function, [blob_created(container, name)])

    def deliver(self, function: str, events: Any) -> httpx.Response:
        path = f"/runtime/webhooks/blobs?functionName=Host.Functions.{function}"
        return self.request("POST", path, json=events)


def blob_created(container: str, name: str) -> dict[str, Any]:
    return {
        "id": str(uuid4()),
        "topic": "local",
        "subject": f"/blobServices/default/containers/{container}/blobs/{name}",
        "eventType": "Microsoft.Storage.BlobCreated",
        "eventTime": "2026-01-01T00:00:00Z",
        "data": {
            "api": "PutBlob",
            "blobType": "BlockBlob",
            "eTag": "0x1",
            "contentLength": 1,
            "url": "http://x",
        },
        "dataVersion": "",
        "metadataVersion": "1",
    }
