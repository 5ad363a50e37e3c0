"""Sessions: what becomes of a refresh token that was replaced already, and what is kept of one."""

import hashlib
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from shared.domain.sessions import GRACE, Presented, Verdict, assess, digest, seal, token_of, unseal

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("ended", "rotated", "verdict"),
    [
        (False, NOW, Verdict.REPEAT),
        (False, NOW - GRACE, Verdict.REPEAT),
        (False, NOW - GRACE - SECOND, Verdict.END),
        (False, NOW + SECOND, Verdict.REPEAT),
        (False, None, Verdict.REFUSE),
        (True, NOW, Verdict.REFUSE),
        (True, NOW - GRACE - SECOND, Verdict.REFUSE),
        (True, None, Verdict.REFUSE),
    ],
    ids=["now", "grace", "later", "ahead", "too-old", "ended-now", "ended-later", "ended"],
)
def test_what_is_done_with_a_token_that_could_not_be_replaced(
    *, ended: bool, rotated: datetime | None, verdict: Verdict
) -> None:
    """Clocks of instances differ: one may see a token replaced a moment from now."""
    sealed = None if rotated is None else b"sealed"
    assert assess(Presented(UUID(int=1), ended, rotated, sealed), NOW) is verdict


def test_the_next_token_is_for_the_holder_of_the_one_before() -> None:
    token, successor, other = (token_of(letter * 43) for letter in "abc")
    sealed = seal(successor, token)
    assert unseal(sealed, token) == successor
    assert sealed != seal(successor, other)
    assert successor.encode() not in sealed
    with pytest.raises(UnicodeDecodeError):
        unseal(sealed, other)


def test_the_digest_does_not_unseal() -> None:
    """Whoever reads the table has digests and sealed tokens, and from neither a token."""
    token, successor = token_of("a" * 43), token_of("b" * 43)
    sealed = seal(successor, token)
    for known in (digest(token), digest(token).hex().encode()):
        pad = hashlib.shake_256(b"successor:" + known).digest(len(sealed))
        assert bytes(one ^ two for one, two in zip(sealed, pad, strict=True)) != successor.encode()
