"""The chain of the audit: each link is a hash over an entry, its place, and the link before.

Whoever changes, removes, adds or moves an entry or a link makes a link that no longer follows from the one
before, or a place that is empty. A day goes on where the day before ended, so that no day can go missing.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

GENESIS = bytes(32)
"""What the first link of all follows."""

_LINK = ', "link": "'


@dataclass(frozen=True, slots=True)
class Link:
    """The end of a chain: the last link, and its place."""

    day: date
    position: int
    link: bytes


@dataclass(frozen=True, slots=True)
class Waiting:
    """An entry on its way into the chain; `line` is the text that is hashed."""

    entry_id: UUID
    position: int
    line: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """A link as it is found, and the line of its entry as that is now; `missing` when the entry is gone."""

    day: date
    position: int
    entry_id: UUID
    link: bytes
    line: str
    missing: bool


class Damage(StrEnum):
    """What is wrong at a place of the chain."""

    CHANGED = "changed"
    """The entry, its place or its link is not what was sealed."""

    ENTRY_MISSING = "entry_missing"
    LINK_MISSING = "link_missing"
    NOT_SEALED = "not_sealed"
    """An entry is there that neither has a link nor waits for one: it was put there past the app."""

    CUT_SHORT = "cut_short"
    """The export tells of entries beyond the end of the chain."""

    EXPORT_DIFFERS = "export_differs"
    EXPORT_CUT_SHORT = "export_cut_short"
    TRANSACTION_CHANGED = "transaction_changed"
    TRANSACTION_MISSING = "transaction_missing"
    TRANSACTION_NOT_RECORDED = "transaction_not_recorded"
    """A transaction is there that no entry tells of."""


@dataclass(frozen=True, slots=True)
class Break:
    """The first place at which the chain does not hold.

    `position` is null for what has no place in the chain, as is `day` where days were not looked at one by
    one; `entry_id` is for what nobody can name any more. Of a transaction it is the id of both.
    """

    damage: Damage
    day: date | None
    position: int | None
    entry_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainReport:
    """What verifying a day came to.

    `links` counts those that hold, `last_link` is the last of them, in hexadecimal; `exported` counts the
    entries that are in the export.
    """

    day: date
    links: int
    previous_link: str
    last_link: str
    exported: int
    broken: Break | None


def link_of(previous: bytes, line: str) -> bytes:
    """SHA-256 over the line and the link before."""
    return hashlib.sha256(line.encode() + previous).digest()


def sealed_line(line: str, link: bytes) -> str:
    """A line of the export: the line that was hashed, with its link at the end of the object."""
    return f'{line[:-1]}{_LINK}{link.hex()}"}}'


def seal(previous: bytes, waiting: Iterable[Waiting]) -> list[tuple[Waiting, bytes]]:
    """Each entry with its link, in their order."""
    sealed: list[tuple[Waiting, bytes]] = []
    for each in waiting:
        previous = link_of(previous, each.line)
        sealed.append((each, previous))
    return sealed


def follow(end: Link, found: Iterable[Sealed]) -> tuple[Link, Break | None]:
    """Go on from `end`, the last link verified of a day or position 0 of it: the new end, and what is broken
    right after it, if anything is.
    """
    for each in found:
        expected = end.position + 1
        if each.position != expected:
            return end, Break(Damage.LINK_MISSING, each.day, expected, None)
        if each.missing:
            return end, Break(Damage.ENTRY_MISSING, each.day, expected, each.entry_id)
        if link_of(end.link, each.line) != each.link:
            return end, Break(Damage.CHANGED, each.day, expected, each.entry_id)
        end = Link(each.day, each.position, each.link)
    return end, None


def compare(day: date, after: int, found: Sequence[Sealed], lines: Iterable[bytes]) -> Break | None:
    """The first line of the export, of those after a position, that is not what is found there."""
    for place, line in enumerate(lines):
        if place >= len(found):
            return Break(Damage.CUT_SHORT, day, after + place + 1, _entry_id(line))
        if _exported(found[place]) != line:
            return Break(Damage.EXPORT_DIFFERS, day, after + place + 1, found[place].entry_id)
    return None


@dataclass(frozen=True, slots=True)
class Export:
    """How far a blob is recorded to be; `position` is that of the last entry in it, or before it."""

    day: date
    part: int
    position: int
    length: int = 0
    blocks: int = 0


def block_of(found: Iterable[Sealed], *, most_bytes: int) -> tuple[bytes, int]:
    """The lines that go into one block, the first in any case, and how many they are."""
    lines: list[bytes] = []
    size = 0
    for each in found:
        line = _exported(each) + b"\n"
        if lines and size + len(line) > most_bytes:
            break
        lines.append(line)
        size += len(line)
    return b"".join(lines), len(lines)


def lines_in(found: Iterable[Sealed], content: bytes) -> int | None:
    """How many of what is found make up `content`; None when they do not."""
    count = 0
    for each in found:
        line = _exported(each) + b"\n"
        if not content.startswith(line):
            break
        content = content[len(line) :]
        count += 1
    return None if content else count


def _exported(sealed: Sealed) -> bytes:
    return sealed_line(sealed.line, sealed.link).encode()


def _entry_id(line: bytes) -> UUID | None:
    """Whose line it says it is; it may be anybody's."""
    try:
        return UUID(json.loads(line)["entry"]["id"])
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
