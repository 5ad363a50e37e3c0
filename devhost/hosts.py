"""The host's workers in a local run: begun together, begun again when they end or the app changes."""

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devhost import timeout
from devhost.changes import Changes
from devhost.host_process import begin_host, is_ready, wait_until_ready
from devhost.options import Options
from devhost.processes import Child, ChildError, how_it_ended
from devhost.terminal import Follower

MOST_ENDS = 5
WITHIN_S = 60.0
# The exit code of a host that has said why the app cannot be served.
REFUSED = 1


@dataclass(slots=True)
class _Worker:
    """`child` is None while it waits for the app to be changed into one that starts."""

    name: str
    child: Child | None
    follower: Follower


class Hosts:
    """Processes that serve the app on one port, with one state, as instances in the cloud do."""

    def __init__(
        self, local: Path, *, app: Path, port: int, environment: Mapping[str, str], options: Options
    ) -> None:
        self._local = local
        self._app = app
        self._port = port
        self._environment = environment
        self._options = options
        self._workers: list[_Worker] = []
        self._changes: Changes | None = None
        self._ends: deque[float] = deque(maxlen=MOST_ENDS)

    def start(self) -> None:
        """Return when every worker is ready; raises ChildError when one is not."""
        if self._options.reload:
            self._changes = Changes(self._app)
        self._begin_all()
        for worker in self._workers:
            if worker.child is not None:
                wait_until_ready(worker.child)

    def stop(self) -> None:
        """Return when every worker has ended what it was doing, and itself."""
        for worker in reversed(self._workers):
            if worker.child is not None:
                worker.child.stop()

    def children(self) -> list[Child]:
        return [worker.child for worker in self._workers if worker.child is not None]

    def watch(self) -> None:
        """Look once: print what was logged, begin again what ended or has to be reloaded.

        Raises ChildError when they end again and again, or do not start and nobody is to change the app.
        """
        for worker in self._workers:
            worker.follower.print_new()
        changed = self._changes.found() if self._changes else []
        if changed:
            self._reload(changed)
            return
        for worker in self._workers:
            if worker.child is not None and (code := worker.child.process.poll()) is not None:
                self._ended(worker, worker.child, code)

    def skip_log(self) -> None:
        """Leave unprinted what the hosts have said so far; the files keep it."""
        for worker in self._workers:
            worker.follower.skip()

    def _begin_all(self) -> None:
        names = ["host", *(f"host-{number}" for number in range(2, self._options.workers + 1))]
        self._workers = []
        for name in names:
            child = self._begin(name)
            self._workers.append(_Worker(name, child, Follower(child.log)))

    def _begin(self, name: str) -> Child:
        _set_aside(self._local / "logs" / f"{name}.log")
        return begin_host(
            self._local,
            name=name,
            app=self._app,
            port=self._port,
            environment=self._environment,
            share_port=self._options.workers > 1,
            enable_auth=self._options.enable_auth,
        )

    def _reload(self, changed: list[str]) -> None:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        _say(f"{changed[0]}{more} changed: starting the host again")
        self.stop()
        for worker in self._workers:
            worker.follower.print_new()
        self._begin_all()

    def _ended(self, worker: _Worker, child: Child, code: int) -> None:
        worker.follower.print_new()
        if code == REFUSED and not is_ready(child):
            if not self._options.reload:
                raise ChildError(f"{worker.name} did not start:\n{child.log_tail()}")
            _say(f"{worker.name} did not start, for the reason above; waiting for a change of the app")
            worker.child = None
            return
        how = how_it_ended(code)
        if code == timeout.EXIT_CODE:
            how = "a function ran longer than functionTimeout"
        self._ends.append(time.monotonic())
        if len(self._ends) == MOST_ENDS and self._ends[-1] - self._ends[0] < WITHIN_S:
            raise ChildError(
                f"{worker.name} ended by itself ({how}), {MOST_ENDS} ends within {WITHIN_S:.0f} s;"
                f" the end of its log:\n{child.log_tail()}"
            )
        _say(f"{worker.name} ended by itself ({how}): starting it again")
        worker.child = self._begin(worker.name)
        worker.follower = Follower(worker.child.log)


def _set_aside(log: Path) -> None:
    """Keep what the process before wrote: it may say why it ended."""
    if log.exists():
        log.replace(log.with_suffix(".previous.log"))


def _say(text: str) -> None:
    print(f"  {text}", flush=True)
