"""Evaluators: processes that rerun sales on all processors, for as long as a block lasts.

They are started as programs, not by multiprocessing, which would import the main module of whatever process
this is, such as the worker of the Functions host, into each. Their only tie is a pair of pipes: when this
process ends, by a kill too, the pipes close, and each ends with the batch it has in hand.
"""

import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import IO, cast

from shared.domain.reruns import Members, Sale, Trial
from shared.jobs.evaluator import Answer, Batch, Failure

_log = logging.getLogger(__name__)

# Rule sets that a process keeps at a time; sales in the order of time seldom need more than two.
_MOST_RULE_SETS = 8
_ROOT = Path(__file__).parents[2]
_PROGRAM = "import sys; sys.path[:] = {path!r}; from shared.jobs.evaluator import main; main()"


class EvaluatorDied(Exception):
    """A process ended before it had answered, as when somebody killed it."""


class EvaluatorFailed(Exception):
    """An evaluation raised; the log says what and where."""


@contextmanager
def evaluators(
    trial: Trial, load: Callable[[int], Members], count: int | None = None
) -> Iterator["Evaluators"]:
    """So many processes, one a processor unless told otherwise; none is left when the block ends.

    `load` finds the members of a rule set.
    """
    with ExitStack() as stops:
        processes: list[_Process] = []
        for _ in range(count or os.process_cpu_count() or 1):
            processes.append(_Process())
            stops.callback(processes[-1].close)
        threads = stops.enter_context(ThreadPoolExecutor(len(processes), thread_name_prefix="evaluator"))
        for process in processes:
            # Before the threads are waited for: they wait for the processes.
            stops.callback(process.kill)
            process.send(trial)
        yield Evaluators(processes, threads, load)


class Evaluators:
    """Running processes, each at work on at most one batch."""

    def __init__(
        self, processes: Sequence["_Process"], threads: ThreadPoolExecutor, load: Callable[[int], Members]
    ) -> None:
        self.pids = tuple(process.pid for process in processes)
        self._threads = threads
        self._load = load
        self._members: dict[int, Members] = {}
        self._idle: SimpleQueue[_Process] = SimpleQueue()
        for process in processes:
            self._idle.put(process)

    def submit(self, sales: Sequence[Sale], versions: Collection[int]) -> Future[Answer]:
        """Rerun the sales, in their order, some time; `versions` are those of their rule sets.

        Rule sets are loaded here and now, by the thread that submits. The future raises EvaluatorDied or
        EvaluatorFailed.
        """
        needed = {version: self._get(version) for version in sorted(versions)}
        return self._threads.submit(self._rerun, tuple(sales), needed)

    def _get(self, version: int) -> Members:
        if version not in self._members:
            if len(self._members) >= _MOST_RULE_SETS:
                self._members.clear()
            self._members[version] = self._load(version)
        return self._members[version]

    def _rerun(self, sales: tuple[Sale, ...], needed: Mapping[int, Members]) -> Answer:
        process = self._idle.get()
        try:
            return process.ask(sales, needed)
        finally:
            self._idle.put(process)


class _Process:
    """One process and the rule sets it knows."""

    def __init__(self) -> None:
        program = _PROGRAM.format(path=[str(_ROOT), *sys.path])
        self._child = subprocess.Popen(  # noqa: S603 - this interpreter, with a program of ours
            [sys.executable, "-I", "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # The environment holds secrets, and an evaluation needs none.
            env={},
        )
        self._requests = cast("IO[bytes]", self._child.stdin)
        self._answers = cast("IO[bytes]", self._child.stdout)
        self._known: set[int] = set()

    @property
    def pid(self) -> int:
        return self._child.pid

    def ask(self, sales: tuple[Sale, ...], needed: Mapping[int, Members]) -> Answer:
        learn = {version: each for version, each in needed.items() if version not in self._known}
        forget: tuple[int, ...] = ()
        if learn and len(self._known) + len(learn) > _MOST_RULE_SETS:
            forget = tuple(self._known - needed.keys())
        self._known = self._known.difference(forget).union(learn)
        self.send(Batch(sales, learn, forget))
        answer = self._receive()
        if isinstance(answer, Failure):
            _log.error("an evaluation met %s\n%s", answer.name, answer.where)
            raise EvaluatorFailed
        return answer

    def send(self, request: Trial | Batch) -> None:
        """Raises EvaluatorDied."""
        try:
            pickle.dump(request, self._requests, pickle.HIGHEST_PROTOCOL)
            self._requests.flush()
        except BrokenPipeError as error:
            raise EvaluatorDied from error

    def kill(self) -> None:
        self._child.kill()
        self._child.wait()

    def close(self) -> None:
        """Close the pipes of one that was killed, when no thread uses them any more."""
        self.kill()
        self._answers.close()
        try:
            self._requests.close()
        except BrokenPipeError:
            _log.debug("process %d ended before it had read everything", self.pid)

    def _receive(self) -> Answer | Failure:
        try:
            return cast("Answer | Failure", pickle.load(self._answers))  # noqa: S301
        except (EOFError, pickle.UnpicklingError) as error:
            raise EvaluatorDied from error
