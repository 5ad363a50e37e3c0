"""Rate limits: who has asked too often is told so before anything else is done for them.

Network addresses are counted in Azure Table Storage, so that a flood of strangers does not reach the
database; signed-in callers in the database, which is faster and which their requests need anyway.
"""

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Iterable
from datetime import UTC, datetime
from threading import Lock
from time import monotonic
from uuid import UUID

from shared import pool
from shared.domain.rates import DEFAULTS, Policy, Rate, RateLimited, Standing, standing
from shared.edge import rate_tables
from shared.edge.rate_tables import ContendedError, Counter, TablesAwayError
from shared.settings import settings
from shared.store import rate_counts

_log = logging.getLogger(__name__)

# Counters a process remembers; who is forgotten is looked up again.
_REMEMBERED = 10_000
# How long the tables are left alone after they did not answer.
_AWAY_S = 10.0
# How long a request waits for others of the same address that are being counted.
_PATIENCE_S = 3.0
_CONTENDED_RETRY_S = 1

type _Key = tuple[Rate, str, int]


def policy_of(rate: Rate) -> Policy:
    said = settings().rate_limits.get(rate)
    return DEFAULTS[rate] if said is None else Policy(*said)


def admit_address(rate: Rate, address: str | None, now: datetime) -> Standing:
    """Count a request of a stranger. Raises RateLimited.

    This process denies by itself once the count it has seen reaches the limit. Without the tables it counts
    alone.
    """
    policy = policy_of(rate)
    slot = _slots.of(rate, _pseudonym(address), policy.window(now))
    if not slot.lock.acquire(timeout=_PATIENCE_S):
        raise RateLimited(retry_after_s=_CONTENDED_RETRY_S)
    try:
        admitted = _count(slot.counter, policy)
        counted = slot.counter.count
    except ContendedError as error:
        raise RateLimited(retry_after_s=_CONTENDED_RETRY_S) from error
    finally:
        slot.lock.release()
    return _judged(standing(rate, policy, counted, now), admitted=admitted)


def admit_caller(rate: Rate, caller: UUID, now: datetime) -> Standing:
    """Count a request of somebody signed in. Raises RateLimited; Unavailable when the database is away."""
    policy = policy_of(rate)
    slot = _slots.of(rate, str(caller), policy.window(now))
    if slot.counter.count < policy.most:
        began_at = datetime.fromtimestamp(policy.window(now), UTC)
        with pool.connection() as conn:
            counted = rate_counts.update(conn, caller=caller, rate=rate, began_at=began_at, most=policy.most)
        if counted is not None:
            return standing(rate, policy, counted, now)
        slot.counter.count = policy.most
    return _judged(standing(rate, policy, policy.most, now), admitted=False)


def check_refused(address: str | None, now: datetime) -> None:
    """Raises RateLimited for an address that this process has seen present too many tokens that were none."""
    policy = policy_of(Rate.REFUSED)
    counted = _slots.of(Rate.REFUSED, _pseudonym(address), policy.window(now)).counter.count
    _judged(standing(Rate.REFUSED, policy, counted, now), admitted=counted < policy.most)


def headers(standings: Iterable[Standing]) -> dict[str, str]:
    """The fields of draft-ietf-httpapi-ratelimit-headers: as it stands (10), and the three of its draft 06,
    which is what most clients read.
    """
    told = list(standings)
    if not told:
        return {}
    nearest = min(told, key=lambda each: each.remaining)
    return {
        "RateLimit-Policy": ", ".join(
            f'"{each.rate}";q={each.policy.most};w={each.policy.seconds}' for each in told
        ),
        "RateLimit": ", ".join(f'"{each.rate}";r={each.remaining};t={each.reset_s}' for each in told),
        "RateLimit-Limit": str(nearest.policy.most),
        "RateLimit-Remaining": str(nearest.remaining),
        "RateLimit-Reset": str(nearest.reset_s),
    }


def purge(now: datetime) -> None:
    """Forget the windows that are over."""
    longest = max(policy_of(rate).seconds for rate in Rate)
    with pool.connection() as conn:
        rate_counts.delete(conn, before=datetime.fromtimestamp(now.timestamp() - longest, UTC))
    try:
        rate_tables.purge(now)
    except TablesAwayError as error:
        _log.warning("old rate tables are still there: %r", error.__cause__)


def forget() -> None:
    """Begin as a new process does."""
    global _away_until  # noqa: PLW0603 - of this process
    _slots.clear()
    _away_until = 0.0


class _Slot:
    """A counter, and the lock of whoever is at it."""

    def __init__(self, key: _Key) -> None:
        rate, who, began_at = key
        self.lock = Lock()
        self.counter = Counter(began_at, f"{rate}-{who}")


class _Slots:
    """The counters that this process met lately."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._found: OrderedDict[_Key, _Slot] = OrderedDict()

    def of(self, rate: Rate, who: str, window: int) -> _Slot:
        key = (rate, who, window)
        with self._lock:
            slot = self._found.get(key)
            if slot is None:
                slot = self._found[key] = _Slot(key)
                if len(self._found) > _REMEMBERED:
                    self._found.popitem(last=False)
            else:
                self._found.move_to_end(key)
            return slot

    def clear(self) -> None:
        with self._lock:
            self._found.clear()


_slots = _Slots()
_away_until = 0.0


def _count(counter: Counter, policy: Policy) -> bool:
    global _away_until  # noqa: PLW0603 - of this process
    if counter.count >= policy.most:
        return False
    if monotonic() >= _away_until:
        try:
            return counter.add(policy.most)
        except TablesAwayError as error:
            _away_until = monotonic() + _AWAY_S
            _log.warning("rate limits are counted by this process alone: %r", error.__cause__)
    counter.count += 1
    return True


def _judged(found: Standing, *, admitted: bool) -> Standing:
    if not admitted:
        raise RateLimited(retry_after_s=found.reset_s, standing=found)
    return found


def _pseudonym(address: str | None) -> str:
    """What stands for a network address in a table: without the key nobody learns whose it is."""
    key = hashlib.sha256(settings().otp_pepper.encode()).digest()
    return hashlib.blake2b((address or "").encode(), key=key, digest_size=16).hexdigest()
