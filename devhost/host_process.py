"""The Functions host and the local Event Grid as child processes: how they are begun, when ready."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path

from devhost.environment import ROOT
from devhost.processes import Child, ChildError, begin

READY_WITHIN_S = 60


def begin_host(
    state: Path,
    *,
    app: Path,
    port: int,
    environment: Mapping[str, str],
    name: str = "host",
    share_port: bool = False,
    enable_auth: bool = False,
) -> Child:
    """Start a worker of the host of `app`; its log and pid file are `state`'s, named for it."""
    return begin(
        name,
        [
            sys.executable,
            *("-m", "devhost.host", "--app", str(app), "--port", str(port)),
            *("--state", str(state / "host")),
            *(["--share-port"] if share_port else []),
            *(["--enable-auth"] if enable_auth else []),
        ],
        state=state,
        environment=environment,
        working_folder=ROOT,
    )


def begin_events(state: Path, *, functions_url: str, environment: Mapping[str, str]) -> Child:
    """Start the local Event Grid of the host at `functions_url`."""
    return begin(
        "events",
        [
            sys.executable,
            *("-m", "devhost.events", "--functions-url", functions_url, "--state", str(state / "events")),
            *("--keys", str(state / "host")),
        ],
        state=state,
        environment=environment,
        working_folder=ROOT,
    )


def wait_until_ready(child: Child) -> None:
    """Return when it has printed its ready line; raises ChildError with its last log lines otherwise."""
    deadline = time.monotonic() + READY_WITHIN_S
    while not is_ready(child):
        if not child.running() or time.monotonic() > deadline:
            raise ChildError(f"{child.name} did not start:\n{child.log_tail()}")
        time.sleep(0.02)


def is_ready(child: Child) -> bool:
    """Whether it has printed its ready line, even if it ended since."""
    return any(line.startswith("ready ") for line in child.log.read_text(errors="replace").splitlines())
