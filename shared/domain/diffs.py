"""Diffs: what one JSON document has otherwise than another, place by place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from shared.domain.documents import at_key


class Kind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference. `pointer` is the place (RFC 6901) after the change; of what was removed, before it."""

    pointer: str
    kind: Kind
    before: Any
    after: Any


def diff(before: object, after: object, at: str = "") -> tuple[Change, ...]:
    """What made `after` of `before`, in the order of the keys; nothing where they are equal.

    Items of arrays that are alike at the beginning or at the end are not told of; between those they are
    compared place by place.
    """
    return tuple(_changes(before, after, at))


def _changes(before: object, after: object, at: str) -> Iterator[Change]:
    if _same(before, after):
        return
    old, new, old_items, new_items = _members(before), _members(after), _items(before), _items(after)
    if old is not None and new is not None:
        yield from _of_objects(old, new, at)
    elif old_items is not None and new_items is not None:
        yield from _of_arrays(old_items, new_items, at)
    else:
        yield Change(at, Kind.CHANGED, before, after)


def _of_objects(before: Mapping[str, object], after: Mapping[str, object], at: str) -> Iterator[Change]:
    for key in sorted({*before, *after}):
        where = at_key(at, key)
        if key not in after:
            yield Change(where, Kind.REMOVED, before[key], None)
        elif key not in before:
            yield Change(where, Kind.ADDED, None, after[key])
        else:
            yield from _changes(before[key], after[key], where)


def _of_arrays(before: Sequence[object], after: Sequence[object], at: str) -> Iterator[Change]:
    shorter = min(len(before), len(after))
    start = next((place for place in range(shorter) if not _same(before[place], after[place])), shorter)
    rest = shorter - start
    alike = next((back for back in range(rest) if not _same(before[-1 - back], after[-1 - back])), rest)
    both = shorter - alike
    for place in range(start, both):
        yield from _changes(before[place], after[place], at_key(at, place))
    for place in range(both, len(before) - alike):
        yield Change(at_key(at, place), Kind.REMOVED, before[place], None)
    for place in range(both, len(after) - alike):
        yield Change(at_key(at, place), Kind.ADDED, None, after[place])


def _same(before: object, after: object) -> bool:
    """Equal as JSON: 1 and 1.0 are, 1 and true are not."""
    if isinstance(before, bool) or isinstance(after, bool):
        return before is after
    old, new, old_items, new_items = _members(before), _members(after), _items(before), _items(after)
    if old is not None and new is not None:
        return old.keys() == new.keys() and all(_same(old[key], new[key]) for key in old)
    if old_items is not None and new_items is not None:
        return len(old_items) == len(new_items) and all(map(_same, old_items, new_items))
    return before == after


def _items(document: object) -> Sequence[object] | None:
    """The items of an array, None of anything else."""
    if isinstance(document, Sequence) and not isinstance(document, str):
        return cast("Sequence[object]", document)
    return None


def _members(document: object) -> Mapping[str, object] | None:
    """The members of an object, None of anything else."""
    return cast("Mapping[str, object]", document) if isinstance(document, Mapping) else None
