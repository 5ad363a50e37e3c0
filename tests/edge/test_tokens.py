"""Access tokens: only exactly what was issued is read, and only in its time."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from shared.domain.users import Caller, Role
from shared.edge import tokens
from shared.edge.problems import TokenExpired, TokenInvalid

pytestmark = pytest.mark.usefixtures("app")

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
CALLER = Caller(UUID(int=7), Role.STORE_USER, "S1")


def test_what_is_issued_is_read() -> None:
    assert tokens.read(tokens.issue(CALLER, NOW), NOW) == CALLER


@pytest.mark.parametrize(
    ("after", "error"),
    [
        (tokens.LIFETIME - timedelta(seconds=1), None),
        (tokens.LIFETIME, TokenExpired),
        (timedelta(seconds=-29), None),
        (timedelta(seconds=-31), TokenInvalid),
    ],
)
def test_a_token_is_good_for_ten_minutes(after: timedelta, error: type[Exception] | None) -> None:
    token = tokens.issue(CALLER, NOW)
    if error is None:
        assert tokens.read(token, NOW + after) == CALLER
    else:
        with pytest.raises(error):
            tokens.read(token, NOW + after)


def signed(
    key: Any = None, *, algorithm: str = "ES256", header: dict[str, Any] | None = None, **changes: Any
) -> str:
    """A token like ours with something changed; a claim changed to None is left out."""
    own, key_id = tokens._signing_key()
    good = jwt.decode(tokens.issue(CALLER, NOW), options={"verify_signature": False})
    claims = {name: value for name, value in (good | changes).items() if value is not None}
    head = {"kid": key_id, "typ": "at+jwt"} | (header or {})
    return jwt.encode(claims, own if key is None else key, algorithm=algorithm, headers=head)


def unsigned() -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    head = {"alg": "none", "kid": tokens._signing_key()[1], "typ": "at+jwt"}
    good = jwt.decode(tokens.issue(CALLER, NOW), options={"verify_signature": False})
    return f"{part(head)}.{part(good)}."


FORGERIES: dict[str, Any] = {
    "another key": lambda: signed(ec.generate_private_key(ec.SECP256R1())),
    "a shared secret": lambda: signed("0" * 64, algorithm="HS256"),
    "no signature": unsigned,
    "another issuer": lambda: signed(iss="somebody"),
    "another audience": lambda: signed(aud="something"),
    "another type": lambda: signed(header={"typ": "JWT"}),
    "another key id": lambda: signed(header={"kid": "../../etc/passwd"}),
    "no subject": lambda: signed(sub=None),
    "a subject that is no user": lambda: signed(sub="root"),
    "no role": lambda: signed(role=None),
    "a role there is not": lambda: signed(role="god"),
    "no expiry": lambda: signed(exp=None),
    "no id": lambda: signed(jti=None),
    "rubbish": lambda: "a.b.c",
    "nothing": lambda: "",
    "a changed claim": lambda: _tampered(signed()),
}


def _tampered(token: str) -> str:
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["role"] = "admin"
    changed = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{head}.{changed}.{signature}"


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forgery_is_refused(forgery: Any) -> None:
    with pytest.raises(TokenInvalid):
        tokens.read(forgery(), NOW)


def test_what_the_forgeries_start_from_is_good() -> None:
    assert tokens.read(signed(), NOW) == CALLER
