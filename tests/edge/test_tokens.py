"""Access tokens: only exactly what was issued is read, and only in its time."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.domain import sessions
from shared.domain.users import Caller, Role
from shared.edge import signing_keys, tokens
from shared.edge.problems import TokenExpired, TokenInvalid

pytestmark = pytest.mark.usefixtures("unconnected_app")

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
CALLER = Caller(UUID(int=7), Role.STORE_USER, "S1", UUID(int=8))
MISSING = object()
CLAIMS = ["iss", "aud", "sub", "jti", "iat", "exp", "role", "store_id", "scope", "sid"]


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("store_id", ["S1", None], ids=["a_store", "no_store"])
def test_what_is_issued_is_read(role: Role, store_id: str | None) -> None:
    caller = Caller(UUID(int=7), role, store_id, UUID(int=8))
    assert tokens.read(tokens.issue(caller, NOW), NOW) == caller


def test_a_token_without_a_session_is_not_issued() -> None:
    with pytest.raises(ValueError, match="session"):
        tokens.issue(Caller(UUID(int=7), Role.ADMIN, None), NOW)


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


def good() -> dict[str, Any]:
    return jwt.decode(tokens.issue(CALLER, NOW), options={"verify_signature": False})


def signed(
    key: Any = None, *, algorithm: str = "ES256", header: dict[str, Any] | None = None, **changes: Any
) -> str:
    """A token like ours with something changed; a claim changed to MISSING is left out."""
    kid, own = signing_keys.signer()
    claims = {name: value for name, value in (good() | changes).items() if value is not MISSING}
    head = {"kid": kid, "typ": "at+jwt"} | (header or {})
    return jwt.encode(claims, own if key is None else key, algorithm=algorithm, headers=head)


def put_together(head: dict[str, Any], claims: dict[str, Any], signature: str = "") -> str:
    parts = (json.dumps(part).encode() for part in (head, claims))
    return ".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), signature])


def unsigned(algorithm: str) -> str:
    return put_together({"alg": algorithm, "kid": signing_keys.signer()[0], "typ": "at+jwt"}, good())


def hmac_with_the_public_key() -> str:
    """What a library that believes the header would verify with the key that everybody can have."""
    kid, own = signing_keys.signer()
    public = own.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    head = {"alg": "HS256", "kid": kid, "typ": "at+jwt"}
    unsigned_part = put_together(head, good()).removesuffix(".")
    # PyJWT refuses to sign so itself.
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
        unsigned_part.encode(), public
    )
    return f"{unsigned_part}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def of_a_foreign_key(**header: Any) -> str:
    """Signed by somebody else, who says in the header where to find the key."""
    return signed(ec.generate_private_key(ec.SECP256R1()), header=header)


def their_jwk() -> dict[str, str]:
    return jwt.algorithms.ECAlgorithm.to_jwk(
        ec.generate_private_key(ec.SECP256R1()).public_key(), as_dict=True
    )


def tampered(token: str) -> str:
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    changed = put_together({}, claims | {"role": "admin", "scope": "all"}).split(".")[1]
    return f"{head}.{changed}.{signature}"


FORGERIES: dict[str, Callable[[], str]] = {
    "another key": lambda: signed(ec.generate_private_key(ec.SECP256R1())),
    "another curve": lambda: signed(ec.generate_private_key(ec.SECP384R1()), algorithm="ES384"),
    "a shared secret": lambda: signed("0" * 64, algorithm="HS256"),
    "the public key as shared secret": hmac_with_the_public_key,
    "no signature": lambda: unsigned("none"),
    "no signature, spelt otherwise": lambda: unsigned("nOnE"),
    "no signature, said to be one": lambda: unsigned("ES256"),
    "a key from elsewhere": lambda: of_a_foreign_key(jku="https://evil.example/jwks.json"),
    "a key in the header": lambda: of_a_foreign_key(jwk=their_jwk()),
    "a certificate from elsewhere": lambda: of_a_foreign_key(x5u="https://evil.example/x.pem"),
    "our key and a key from elsewhere": lambda: signed(header={"jku": "https://evil.example/jwks.json"}),
    "our key and a key in the header": lambda: signed(header={"jwk": their_jwk()}),
    "something critical": lambda: signed(header={"crit": ["exp"]}),
    "another issuer": lambda: signed(iss="somebody"),
    "a part of the issuer": lambda: signed(iss="promo"),
    "another audience": lambda: signed(aud="something"),
    "two audiences": lambda: signed(aud=["promopartner-api", "something"]),
    "another type": lambda: signed(header={"typ": "JWT"}),
    "the type of a refresh token": lambda: signed(header={"typ": "rt+jwt"}),
    "another key id": lambda: signed(header={"kid": "../../etc/passwd"}),
    "a key id that is SQL": lambda: signed(header={"kid": "' OR 1=1 --"}),
    "a subject that is no user": lambda: signed(sub="root"),
    "a role there is not": lambda: signed(role="god"),
    "another role's scope": lambda: signed(scope="all"),
    "another role without its scope": lambda: signed(role="admin"),
    "a store that is no text": lambda: signed(store_id=["S1", "S2"]),
    "a session that is none": lambda: signed(sid="None"),
    "an id that is none": lambda: signed(jti="1"),
    "from the future": lambda: signed(iat=NOW + timedelta(minutes=1), exp=NOW + timedelta(minutes=11)),
    "an expiry that is no number": lambda: signed(exp="never"),
    "a refresh token": lambda: sessions.token_of("x" * 43),
    "a changed claim": lambda: tampered(signed()),
    "rubbish": lambda: "a.b.c",
    "five parts": lambda: f"{signed()}.a.b",
    "nothing": lambda: "",
} | {f"no {claim}": lambda claim=claim: signed(**{claim: MISSING}) for claim in CLAIMS}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forgery_is_refused(forgery: Callable[[], str]) -> None:
    with pytest.raises(TokenInvalid):
        tokens.read(forgery(), NOW)


def test_what_the_forgeries_start_from_is_good() -> None:
    assert tokens.read(signed(), NOW) == CALLER
    assert sorted(good()) == sorted(CLAIMS)


def test_no_claim_but_the_store_may_be_empty() -> None:
    for claim in CLAIMS:
        if claim not in {"iss", "store_id"}:  # PyJWT would not write an issuer that is none
            with pytest.raises(TokenInvalid):
                tokens.read(signed(**{claim: None}), NOW)
