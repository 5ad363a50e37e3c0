"""Rates: how often something may be asked for, counted in windows of fixed length."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import ClassVar

from shared.domain.errors import Refused


class Rate(StrEnum):
    """A class of operations that are counted together."""

    OTP = "otp"
    CODE = "code"
    REFUSED = "refused"
    PUBLIC = "public"
    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Policy:
    """At most so many in each window of so many seconds."""

    most: int
    seconds: int

    def window(self, now: datetime) -> int:
        """When the window of `now` began, in seconds since 1970: the same for every process."""
        return int(now.timestamp()) // self.seconds * self.seconds


# By network address: otp, code, refused (calls with a token that is none) and public. By caller: read, write.
DEFAULTS: dict[Rate, Policy] = {
    Rate.OTP: Policy(20, 3600),
    Rate.CODE: Policy(60, 600),
    Rate.REFUSED: Policy(100, 600),
    Rate.PUBLIC: Policy(300, 60),
    Rate.READ: Policy(600, 60),
    Rate.WRITE: Policy(300, 60),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands after this request: what is left of the window, and when the next begins."""

    rate: Rate
    policy: Policy
    remaining: int
    reset_s: int


def standing(rate: Rate, policy: Policy, counted: int, now: datetime) -> Standing:
    """The standing of somebody of whom `counted` requests were counted in the window of `now`."""
    ends = datetime.fromtimestamp(policy.window(now), UTC) + timedelta(seconds=policy.seconds)
    # Up, not down: whoever comes back at the second named must find the new window.
    left = max(1, -((now - ends) // timedelta(seconds=1)))
    return Standing(rate, policy, max(0, policy.most - counted), left)


class RateLimited(Refused):
    """Too many requests; try again in {retry_after_s} seconds."""

    code: ClassVar[str] = "rate_limited"

    def __init__(self, *, retry_after_s: int, standing: Standing | None = None) -> None:
        super().__init__(retry_after_s=retry_after_s)
        self.retry_after_s = retry_after_s
        self.standing = standing
