"""Codes: what signing in and counting requests cost, and whether time tells who is known."""

import json
import os
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from math import erfc, sqrt
from typing import Any
from uuid import uuid4

import azure.functions as func
import psycopg

from bench.figures import latencies
from bench.site import Site
from bench.timing import Point, side_by_side, timed
from devhost.environment import MSG91_AUTH_KEY
from devhost.services.msg91 import StandIn
from functions import auth
from shared.domain.rates import Rate
from shared.domain.users import Role
from shared.edge import msg91, rate_limits
from shared.edge.rate_tables import Counter
from shared.jobs import outbox
from shared.settings import settings
from shared.store import users

_SIGNERS = 300
_AT_ONCE = 8
_numbers = count(390_650_000_000)


def sign_ins(here: Site, seconds: float) -> Mapping[str, Point]:
    """From the wish for a code to the tokens, its message taken by a stand-in of MSG91 on this machine."""
    phones = _people(here, _SIGNERS)
    turns = count()
    with _messages() as stand_in:

        def sign_in() -> None:
            phone = phones[next(turns) % len(phones)]
            challenge = _asked({"phone": phone})["challenge_id"]
            _sent()
            code = stand_in.mailbox.messages(phone)[-1].variables["OTP"]
            _call(auth.issue_token, {"challenge_id": challenge, "code": code})

        return {
            "a whole sign-in, one after the other": timed(sign_in, seconds),
            "a code is asked for": timed(lambda: _asked({"phone": f"+{next(_numbers)}"}), seconds),
            "a code is asked for, 8 at a time": side_by_side(
                [lambda: _asked({"phone": f"+{next(_numbers)}"})] * _AT_ONCE, seconds
            ),
            "a wrong code is refused": timed(
                lambda: _call(auth.issue_token, {"challenge_id": str(uuid4()), "code": "000000"}), seconds
            ),
        }


def counting(here: Site, seconds: float) -> Mapping[str, Point]:
    """What the limiter adds to a request: counted in Azure Table Storage (Azurite), or in the database."""
    assert here.url  # noqa: S101 - the settings of this process are the site's
    now = datetime.now(UTC)
    window = int(now.timestamp())
    most = 10**9

    def in_tables(name: str) -> Any:
        counter = Counter(window, name)
        return lambda: counter.add(most)

    def in_database() -> Any:
        caller = uuid4()
        return lambda: rate_limits.admit_caller(Rate.READ, caller, now)

    def first_in_tables() -> None:
        Counter(window, str(uuid4())).add(most)

    return {
        "tables, one caller": timed(in_tables("one"), seconds),
        "tables, 8 callers at once": side_by_side(
            [in_tables(f"of-{number}") for number in range(_AT_ONCE)], seconds
        ),
        "tables, a caller's first request": timed(first_in_tables, seconds),
        "database, one caller": timed(in_database(), seconds),
        "database, 8 callers at once": side_by_side([in_database() for _ in range(_AT_ONCE)], seconds),
        "database, a caller's first request": timed(
            lambda: rate_limits.admit_caller(Rate.READ, uuid4(), now), seconds
        ),
        "denied by this process alone": timed(lambda: rate_limits.check_refused("203.0.113.7", now), seconds),
    }


def known_or_not(here: Site, seconds: float) -> Mapping[str, Point]:
    """The time of asking for a code, of addresses that users have and that nobody has, in random order."""
    took: dict[bool, list[float]] = {True: [], False: []}
    known = iter(_people(here, round(400 * seconds)))
    ends = time.perf_counter() + 4 * seconds
    with _messages():
        _asked({"phone": f"+{next(_numbers)}"})
        while time.perf_counter() < ends:
            is_known = random.random() < 0.5  # noqa: S311 - nobody gains by guessing
            phone = next(known, None) if is_known else f"+{next(_numbers)}"
            if phone is None:
                break
            began = time.perf_counter()
            _asked({"phone": phone})
            took[is_known].append(time.perf_counter() - began)
            # A stranger sees the next request wait for the message of this one no more than for any other.
            _sent()
    chance = rank_test(took[True], took[False])
    return {
        f"known, {len(took[True])} requests": _point(took[True]),
        f"unknown, {len(took[False])} requests (rank test: p = {chance:.2f})": _point(took[False]),
    }


def rank_test(one: Sequence[float], other: Sequence[float]) -> float:
    """How likely two samples differ so much by chance alone (Mann-Whitney, two-sided, by its normal form)."""
    ordered = sorted([(value, True) for value in one] + [(value, False) for value in other])
    ranks = sum(rank for rank, (_, is_one) in enumerate(ordered, start=1) if is_one)
    few, many = len(one), len(other)
    mean = few * (few + many + 1) / 2
    deviation = sqrt(few * many * (few + many + 1) / 12)
    return erfc(abs(ranks - mean) / deviation / sqrt(2))


def _point(took: Sequence[float]) -> Point:
    return {"per_s": round(len(took) / sum(took)), **latencies(took)}


def _people(here: Site, number: int) -> list[str]:
    """So many users more, with a phone number and an e-mail address each."""
    phones = [f"+{next(_numbers)}" for _ in range(number)]
    with psycopg.connect(here.url) as conn:
        for phone in phones:
            users.insert(
                conn,
                name="Signer",
                role=Role.ADMIN,
                phone=phone,
                email=f"{phone[1:]}@example.com",
                now=datetime.now(UTC),
            )
    return phones


@contextmanager
def _messages() -> Iterator[StandIn]:
    """A stand-in of MSG91 for this process."""
    before = os.environ["MSG91_BASE_URL"]
    with StandIn(port=0, auth_key=MSG91_AUTH_KEY) as stand_in:
        thread = threading.Thread(target=stand_in.serve_forever)
        thread.start()
        _send_to(stand_in.url)
        try:
            yield stand_in
        finally:
            _sent()
            stand_in.shutdown()
            thread.join()
            _send_to(before)


def _send_to(url: str) -> None:
    os.environ["MSG91_BASE_URL"] = url
    settings.cache_clear()
    msg91._one_client().close()  # noqa: SLF001 - it holds on to where it was made for
    msg91._one_client.cache_clear()  # noqa: SLF001


def _sent() -> None:
    outbox._executor.submit(int).result()  # noqa: SLF001 - it works at one thing at a time


def _asked(body: Mapping[str, str]) -> dict[str, Any]:
    return _call(auth.request_otp, body)


def _call(door: Any, body: Mapping[str, str]) -> dict[str, Any]:
    request = func.HttpRequest(
        method="POST",
        url="http://localhost",
        headers={"content-type": "application/json", "x-forwarded-for": "203.0.113.7"},
        body=json.dumps(body).encode(),
    )
    return json.loads(door.build().get_user_function()(request).get_body())
