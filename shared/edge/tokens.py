"""Tokens: signing and reading the access tokens of this API (JWT, ES256)."""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID, uuid4

from shared.domain.users import SCOPES, Caller, Role, Scope
from shared.edge import signing_keys
from shared.edge.problems import TokenExpired, TokenInvalid
from shared.settings import settings

# jwt takes a seventh of the app's import; a process that starts has no token to read yet.

LIFETIME = timedelta(minutes=10)
LEEWAY = timedelta(seconds=30)
"""How far the clocks of two instances may be apart."""
_ALGORITHM = "ES256"
_TYPE = "at+jwt"  # RFC 9068: an access token and nothing else
_HEADER = {"alg", "typ", "kid"}
_CLAIMS = {"iss", "aud", "sub", "jti", "iat", "exp", "role", "store_id", "scope", "sid"}


def issue(caller: Caller, now: datetime) -> str:
    """An access token that says who `caller` is, in which session, for ten minutes from `now`."""
    import jwt  # noqa: PLC0415 - heavy

    if caller.session_id is None:
        raise ValueError("there is no session that would end this token")
    claims = {
        "iss": settings().jwt_issuer,
        "aud": settings().jwt_audience,
        "sub": str(caller.user_id),
        "jti": str(uuid4()),
        "iat": now,
        "exp": now + LIFETIME,
        "role": caller.role.value,
        "store_id": caller.store_id,
        "scope": caller.scope.value,
        "sid": str(caller.session_id),
    }
    key_id, key = signing_keys.signer()
    return jwt.encode(claims, key, algorithm=_ALGORITHM, headers={"kid": key_id, "typ": _TYPE})


def read(token: str, now: datetime) -> Caller:
    """Who the token says is calling.

    Raises TokenExpired, or TokenInvalid for anything that is not exactly what `issue` makes: another
    algorithm, key, issuer, audience or type, a header or a scope of its own, or a claim missing.
    """
    caller, issued, expires = _verified(token)
    if now.timestamp() >= expires:
        raise TokenExpired
    if now.timestamp() < issued - LEEWAY.total_seconds():
        raise TokenInvalid
    return caller


# A token comes with each request of ten minutes: what a signature proved once, it proves again.
@lru_cache(maxsize=4096)
def _verified(token: str) -> tuple[Caller, float, float]:
    """What a token says, with its beginning and its end, neither of which is held against a clock here."""
    import jwt  # noqa: PLC0415 - heavy

    try:
        header = jwt.get_unverified_header(token)
        key = signing_keys.accepted().get(header.get("kid", ""))
        # Headers that say where to find a key, or what else to understand, are refused, not looked at.
        if key is None or header.get("typ") != _TYPE or header.keys() != _HEADER:
            raise TokenInvalid
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            issuer=settings().jwt_issuer,
            audience=settings().jwt_audience,
            options={"verify_exp": False, "verify_nbf": False, "verify_iat": False, "strict_aud": True},
        )
        if not claims.keys() >= _CLAIMS:
            raise TokenInvalid
        caller = Caller(
            UUID(claims["sub"]), Role(claims["role"]), _store(claims["store_id"]), UUID(claims["sid"])
        )
        if Scope(claims["scope"]) is not SCOPES[caller.role] or not UUID(claims["jti"]):
            raise TokenInvalid
        return caller, float(claims["iat"]), float(claims["exp"])
    except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError) as error:
        raise TokenInvalid from error


def _store(claim: object) -> str | None:
    if claim is not None and not isinstance(claim, str):
        raise TypeError("a store id is text")
    return claim
