"""The evaluator: a process of its own that reruns sales; it imports the domain alone.

It reads pickled requests from its standard input and writes pickled answers to its standard output: first the
`Trial` and then `Batch` after `Batch`, each answered by an `Answer` or by a `Failure`. The end of the input,
which comes with the end of the parent however that came about, is its own.
"""

import os
import pickle
import sys
import traceback
from collections.abc import Mapping
from typing import BinaryIO, NamedTuple

from shared.domain.reruns import Members, Sale, Trial, Verdict
from shared.domain.tallies import Tally, TallyRow

_NICENESS = 10


class Batch(NamedTuple):
    """Sales to rerun, the rule sets of theirs that are new here, and those that are needed no more."""

    sales: tuple[Sale, ...]
    learn: Mapping[int, Members]
    forget: tuple[int, ...]


class Answer(NamedTuple):
    """What limits look at of each sale, in order, and the sums of all."""

    verdicts: list[Verdict]
    sums: list[TallyRow]


class Failure(NamedTuple):
    """What an evaluation met: the error's name and where, without its text, which may quote data."""

    name: str
    where: str


def main() -> None:
    # Whoever asks for a price meanwhile goes first.
    os.nice(_NICENESS)
    serve(sys.stdin.buffer, sys.stdout.buffer)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    trial = None
    while True:
        try:
            request: Trial | Batch = pickle.load(requests)  # noqa: S301
        except EOFError:
            return
        if isinstance(request, Batch):
            pickle.dump(_answer(trial, request), answers, pickle.HIGHEST_PROTOCOL)
            answers.flush()
        else:
            trial = request


def _answer(trial: Trial | None, batch: Batch) -> Answer | Failure:
    try:
        if trial is None:
            raise ValueError("the trial comes first")
        trial.forget(batch.forget)
        for version, members in batch.learn.items():
            trial.learn(version, members)
        tally, verdicts = Tally(), list[Verdict]()
        for sale in batch.sales:
            rerun = trial.rerun(sale)
            tally.add(sale, rerun)
            verdicts.append(rerun.verdict)
        return Answer(verdicts, list(tally.rows()))
    except Exception as error:  # noqa: BLE001 - told to the parent, whose step it fails
        return Failure(type(error).__name__, "".join(traceback.format_tb(error.__traceback__)))
