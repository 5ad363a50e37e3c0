"""Identity: what it costs to know who calls. `python -m bench.identity` measures and prints.

Each measurement is beside what limits it: the signature alone, the statement alone. They run in this process
against a durable database, one after the other; a request's HTTP is not part of them.
"""

import argparse
import json
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID, uuid4

import psycopg
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from jwt.utils import base64url_decode

from bench.codes import counting, known_or_not, sign_ins
from bench.document import put
from bench.machine import load_average, machine, measured
from bench.report import table
from bench.site import Site, site
from bench.timing import Point, side_by_side, timed
from devhost.environment import ROOT
from shared import pool
from shared.actions import sessions
from shared.domain.sessions import token_of
from shared.domain.users import Caller, Role
from shared.edge import callers, signing_keys, tokens
from shared.store import users

RESULT = ROOT / "bench" / "results" / "identity.json"
DEVICES = (1, 8)
_BURST = 64

type Measurement = Callable[[Site, float], Mapping[str, Point]]


def verifications(_here: Site, seconds: float) -> Mapping[str, Point]:
    """Who calls, of an access token, beside the check of its signature alone."""
    caller = Caller(uuid4(), Role.STORE_USER, "S1", uuid4())
    token = tokens.issue(caller, datetime.now(UTC))
    headers = {"authorization": f"Bearer {token}"}
    key = signing_keys.ring()[0].public
    signed, _, signature = token.rpartition(".")
    raw = base64url_decode(signature)
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))

    def first() -> None:
        tokens.read(token, datetime.now(UTC))
        tokens._verified.cache_clear()  # noqa: SLF001 - as if it had not been seen before

    return {
        "of a token that comes again, with its session": timed(
            lambda: callers.authenticate(headers, datetime.now(UTC)), seconds
        ),
        "of a token that comes for the first time": timed(first, seconds),
        "its signature alone": timed(
            lambda: key.verify(der, signed.encode(), ec.ECDSA(hashes.SHA256())), seconds
        ),
        "a token is signed": timed(lambda: tokens.issue(caller, datetime.now(UTC)), seconds),
    }


def refreshes(here: Site, seconds: float) -> Mapping[str, Point]:
    """Refresh tokens replaced by the next, recorded to disk, by so many devices that never pause."""
    with psycopg.connect(here.url, autocommit=True) as conn:
        user_id = users.insert(
            conn, name="Device", role=Role.ADMIN, phone="+390600000009", now=datetime.now(UTC)
        )
    return {
        f"{number} at a time" if number > 1 else "one after the other": side_by_side(
            [_device(user_id) for _ in range(number)], seconds
        )
        for number in DEVICES
    }


# Each is a table of its own; what a measurement needs of the site it makes itself.
MEASUREMENTS: dict[str, Measurement] = {
    "verifications": verifications,
    "refreshes": refreshes,
    "sign_ins": sign_ins,
    "counting": counting,
    "known_or_not": known_or_not,
}


def _device(user_id: UUID) -> Callable[[], object]:
    """Each call refreshes with the token that the call before was given."""
    token = token_of(secrets.token_urlsafe(32))
    with pool.transaction() as conn:
        begun = sessions.begin(
            conn, datetime.now(UTC), user_id=user_id, session_id=uuid4(), token=token, request_id="bench"
        )
    if begun is None:
        raise ValueError("the user is not active")

    def refresh() -> None:
        nonlocal token
        with pool.transaction() as conn:
            successor = token_of(secrets.token_urlsafe(32))
            renewed = sessions.renew(conn, datetime.now(UTC), token=token, successor=successor)
        if not isinstance(renewed, sessions.Renewed):
            raise TypeError("the chain broke")
        tokens.issue(renewed.session.caller, datetime.now(UTC))
        token = renewed.refresh_token

    return refresh


@contextmanager
def _app() -> Iterator[Site]:
    with site() as here:
        try:
            yield here
        finally:
            pool.close()


def measure(names: Sequence[str], seconds: float) -> dict[str, Mapping[str, Point]]:
    with _app() as here:
        return {name: MEASUREMENTS[name](here, seconds) for name in names}


def tables(result: Mapping[str, Mapping[str, Point]]) -> str:
    return "\n\n".join(
        table(
            (name, "a second", "p50 ms", "p95 ms", "p99 ms"),
            (
                (
                    what,
                    f"{point['per_s']:,.0f}",
                    *(f"{point[each]:.3f}" for each in ("p50_ms", "p95_ms", "p99_ms")),
                )
                for what, point in points.items()
            ),
        )
        for name, points in result.items()
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.identity", description=__doc__)
    parser.add_argument("measurements", nargs="*", choices=[[], *MEASUREMENTS], help="all unless said")
    parser.add_argument("--seconds", type=float, default=3, help="of each line")
    parser.add_argument("--write", action="store_true", help="keep the result in bench/results")
    given = parser.parse_args()
    before = load_average()
    result = measure(given.measurements or list(MEASUREMENTS), given.seconds)
    where, after = machine(), load_average()
    text = f"{measured(where, before, after)}\n\n{tables(result)}"
    sys.stdout.write(text + "\n")
    if given.write:
        kept = {"machine": where, "load_average": {"before": before, "after": after}, **result}
        RESULT.write_text(json.dumps(kept, indent=1) + "\n")
        put("identity", text)


if __name__ == "__main__":
    main()
