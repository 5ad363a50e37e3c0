"""Two workers of one host, as two instances in the cloud: one port, one queue, one database."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from devhost.environment import ROOT, child_environment
from devhost.host_process import begin_events, begin_host, wait_until_ready
from devhost.processes import Child
from tests.harness import free_ports


class Workers:
    """Running inside a `with`. A worker is known by its number, 0 or 1."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = child_environment(dict(settings))
        self._port = free_ports(1)[0]
        self._children: dict[int, Child] = {}
        self._events: Child | None = None
        self.url = f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        for number in range(2):
            self.start(number)
        self._events = begin_events(self._folder, functions_url=self.url, environment=self._environment)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in (self._events, *self._children.values()):
            if child is not None:
                child.stop()

    def start(self, number: int) -> None:
        child = begin_host(
            self._folder,
            name=f"host-{number}",
            app=ROOT,
            port=self._port,
            environment=self._environment,
            share_port=True,
        )
        self._children[number] = child
        wait_until_ready(child)

    def kill(self, number: int) -> None:
        """SIGKILL, as an accident would."""
        self._children[number].kill()

    def run(self, function: str) -> None:
        """Run a timer's function now, on whichever worker the connection comes to."""
        httpx.post(f"{self.url}/admin/functions/{function}", json={"input": ""}).raise_for_status()
