"""The chain of the audit: any change of any link or entry is found, at its place."""

from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.audit_chain import (
    GENESIS,
    Break,
    Damage,
    Link,
    Sealed,
    Waiting,
    block_of,
    compare,
    follow,
    lines_in,
    link_of,
    seal,
    sealed_line,
)

DAY = date(2026, 11, 27)


def waiting(count: int) -> list[Waiting]:
    return [
        Waiting(UUID(int=n), n, f'{{"entry": {{"id": "{UUID(int=n)}"}}, "position": {n}}}')
        for n in range(1, count + 1)
    ]


def chain(count: int, previous: bytes = GENESIS) -> list[Sealed]:
    return [
        Sealed(
            day=DAY, position=each.position, entry_id=each.entry_id, link=link, line=each.line, missing=False
        )
        for each, link in seal(previous, waiting(count))
    ]


def lines(found: list[Sealed]) -> list[bytes]:
    return [sealed_line(each.line, each.link).encode() for each in found]


START = Link(DAY, 0, GENESIS)


@given(st.integers(0, 20), st.integers(0, 20))
def test_what_was_sealed_holds_in_pieces_of_any_size(count: int, cut: int) -> None:
    found = chain(count)
    end, broken = follow(START, found[:cut])
    assert broken is None
    end, broken = follow(end, found[cut:])
    assert broken is None
    assert end == (Link(DAY, count, found[-1].link) if found else START)


def test_a_link_is_the_hash_of_its_line_and_the_link_before() -> None:
    first = link_of(GENESIS, '{"a": 1}')
    # (printf '{"a": 1}'; head -c 32 /dev/zero) | sha256sum
    assert first.hex() == "3af3ac88df08f5766d4ef184280ea804e8b1c7aee38ad82ed13b7e61c4954e5f"
    assert link_of(first, '{"a": 1}') != first
    assert sealed_line('{"a": 1}', first) == f'{{"a": 1, "link": "{first.hex()}"}}'


TAMPERED = st.sampled_from(["line", "link", "gone", "missing", "swapped", "forged"])


@given(st.integers(2, 15), st.data(), TAMPERED)
def test_whatever_is_done_to_one_place_is_found_there(count: int, data: st.DataObject, how: str) -> None:
    found = chain(count)
    # The last one may be cut off unseen: only what was exported tells of it.
    at = data.draw(st.integers(0, count - (2 if how in {"gone", "swapped"} else 1)))
    here = found[at]
    expected = Break(Damage.CHANGED, DAY, at + 1, here.entry_id)
    match how:
        case "line":
            found[at] = replace(here, line=here.line.replace("entry", "Entry"))
        case "link":
            found[at] = replace(here, link=bytes(reversed(here.link)))
        case "gone":
            del found[at]
            expected = Break(Damage.LINK_MISSING, DAY, at + 1, None)
        case "missing":
            found[at] = replace(here, missing=True)
            expected = Break(Damage.ENTRY_MISSING, DAY, at + 1, here.entry_id)
        case "swapped":
            other = found[at + 1]
            found[at : at + 2] = [replace(other, position=at + 1), replace(here, position=at + 2)]
            expected = replace(expected, entry_id=other.entry_id)
        case _:
            forged = replace(here, entry_id=UUID(int=99), line='{"entry": "forged"}')
            found = [
                *found[:at],
                forged,
                *(replace(each, position=each.position + 1) for each in found[at:]),
            ]
            expected = replace(expected, entry_id=UUID(int=99))
    end, broken = follow(START, found)
    assert broken == expected
    assert end.position == at


def test_a_day_follows_the_day_before() -> None:
    yesterday = chain(3)
    today = chain(2, yesterday[-1].link)
    assert follow(Link(DAY, 0, yesterday[-1].link), today)[1] is None
    assert follow(Link(DAY, 0, yesterday[1].link), today)[1] == Break(
        Damage.CHANGED, DAY, 1, today[0].entry_id
    )


def test_the_export_says_what_is_found() -> None:
    found = chain(5)
    assert compare(DAY, 0, found, lines(found)) is None
    assert compare(DAY, 3, found[3:], lines(found)[3:4]) is None, "there may be more than was exported"
    assert compare(DAY, 0, found, [*lines(found)[:2], b"else"]) == Break(
        Damage.EXPORT_DIFFERS, DAY, 3, found[2].entry_id
    )


@pytest.mark.parametrize(
    ("last", "entry_id"), [(None, UUID(int=5)), (b"{}", None), (b"\xff", None), (b'{"entry": null}', None)]
)
def test_an_end_that_was_cut_off_is_named_by_the_export(last: bytes | None, entry_id: UUID | None) -> None:
    found = chain(5)
    exported = [*lines(found)[:4], last or lines(found)[4]]
    assert compare(DAY, 10, found[:4], exported) == Break(Damage.CUT_SHORT, DAY, 15, entry_id)


@given(st.integers(1, 10), st.integers(1, 1500))
def test_a_block_holds_whole_lines_and_at_least_one(count: int, most: int) -> None:
    found = chain(count)
    block, taken = block_of(found, most_bytes=most)
    assert block == b"".join(line + b"\n" for line in lines(found)[:taken])
    assert taken == 1 or len(block) <= most
    assert taken == count or len(block) + len(lines(found)[taken]) + 1 > most
    assert lines_in(found, block) == taken


def test_what_is_no_run_of_whole_lines_is_none() -> None:
    found = chain(3)
    block, _ = block_of(found, most_bytes=10_000)
    assert lines_in(found, b"") == 0
    for other in (block[:-1], block + b"x", block[1:], b"garbage\n"):
        assert lines_in(found, other) is None
