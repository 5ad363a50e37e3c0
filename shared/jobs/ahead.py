"""Ahead: what comes next is made ready in a thread while the last is still being used."""

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from queue import Full, Queue
from threading import Event, Thread

_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class _Ready[T]:
    item: T


def ahead[T](items: Iterable[T], most: int) -> Generator[T]:
    """The same items; up to `most` of them wait to be taken. What `items` raises is raised here.

    Whoever stops taking leaves no thread behind.
    """
    maker = _Maker(items, most)
    maker.start()
    try:
        while (one := maker.ready.get()) is not None:
            if isinstance(one, BaseException):
                raise one
            yield one.item
    finally:
        maker.over.set()
        maker.join()


class _Maker[T](Thread):
    """Makes the items ready until there are no more or it is `over`."""

    def __init__(self, items: Iterable[T], most: int) -> None:
        super().__init__(name="ahead", daemon=True)
        self.ready: Queue[_Ready[T] | BaseException | None] = Queue(most)
        self.over = Event()
        self._items = items

    def run(self) -> None:
        try:
            for item in self._items:
                self._put(_Ready(item))
                if self.over.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - whoever takes the items gets it
            self._put(error)
        else:
            self._put(None)

    def _put(self, one: _Ready[T] | BaseException | None) -> None:
        while not self.over.is_set():
            try:
                self.ready.put(one, timeout=_LOOK_S)
            except Full:
                continue
            return
