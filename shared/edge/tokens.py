"""Tokens: signing and reading the access tokens of this API (JWT, ES256)."""

import base64
import hashlib
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from shared.domain.users import Caller, Role
from shared.edge.problems import TokenExpired, TokenInvalid
from shared.settings import SettingsError, settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

# jwt and cryptography take a seventh of the app's import; a process that starts has no token to read yet.

LIFETIME = timedelta(minutes=10)
_ALGORITHM = "ES256"
_TYPE = "at+jwt"  # RFC 9068: an access token and nothing else
_CLAIMS = ["iss", "aud", "sub", "jti", "iat", "nbf", "exp", "role"]


def issue(caller: Caller, now: datetime) -> str:
    """An access token that says who `caller` is, for ten minutes from `now`."""
    import jwt  # noqa: PLC0415 - heavy

    claims = {
        "iss": settings().jwt_issuer,
        "aud": settings().jwt_audience,
        "sub": str(caller.user_id),
        "jti": str(uuid4()),
        "iat": now,
        "nbf": now,
        "exp": now + LIFETIME,
        "role": caller.role.value,
        "store_id": caller.store_id,
    }
    key, key_id = _signing_key()
    return jwt.encode(claims, key, algorithm=_ALGORITHM, headers={"kid": key_id, "typ": _TYPE})


def read(token: str, now: datetime) -> Caller:
    """Who the token says is calling.

    Raises TokenExpired, or TokenInvalid for anything that is not exactly what `issue` makes: another
    algorithm, key, issuer, audience or type, or a claim missing.
    """
    import jwt  # noqa: PLC0415 - heavy

    key, key_id = _signing_key()
    try:
        header = jwt.get_unverified_header(token)
        if header.get("kid") != key_id or header.get("typ") != _TYPE:
            raise TokenInvalid
        claims: dict[str, Any] = jwt.decode(
            token,
            key.public_key(),
            algorithms=[_ALGORITHM],
            issuer=settings().jwt_issuer,
            audience=settings().jwt_audience,
            # The times are checked below against the caller's clock, not this module's.
            options={"require": _CLAIMS, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
        )
        caller = Caller(UUID(claims["sub"]), Role(claims["role"]), claims.get("store_id"))
        not_before, expires = float(claims["nbf"]), float(claims["exp"])
    except (jwt.InvalidTokenError, ValueError, TypeError) as error:
        raise TokenInvalid from error
    if now.timestamp() >= expires:
        raise TokenExpired
    if now.timestamp() < not_before - 30:  # clocks of two instances differ a little
        raise TokenInvalid
    return caller


@cache
def _signing_key() -> "tuple[EllipticCurvePrivateKey, str]":
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - heavy
    from cryptography.hazmat.primitives.asymmetric.ec import (  # noqa: PLC0415 - heavy
        SECP256R1,
        EllipticCurvePrivateKey,
    )

    try:
        key = serialization.load_pem_private_key(settings().jwt_signing_key.encode(), password=None)
    except ValueError as error:
        raise SettingsError("JWT_SIGNING_KEY is not a private key in PEM") from error
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise SettingsError("JWT_SIGNING_KEY is not a P-256 key")
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return key, base64.urlsafe_b64encode(hashlib.sha256(public).digest()[:12]).decode()
