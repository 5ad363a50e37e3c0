"""Pages of a list, by cursor: the key of the last item shown, so that additions shift nothing."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Page[T]:
    """Some items and, where there are more, the cursor that asks for the next."""

    items: tuple[T, ...]
    next_cursor: str | None


def page_of[T](items: Sequence[T], limit: int, key: Callable[[T], object]) -> Page[T]:
    """The page of `items`, which were asked for with one more than `limit` to see whether there are more."""
    shown = tuple(items[:limit])
    return Page(shown, str(key(shown[-1])) if len(items) > limit else None)
