"""Signing keys: the ring of keys of access tokens, of which the first signs and all are accepted."""

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from shared.settings import SettingsError, settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

# cryptography takes a tenth of the app's import; a process that starts has no token to read yet.

_BLOCK = re.compile(r"-----BEGIN ((?:EC )?PRIVATE|PUBLIC) KEY-----.+?-----END \1 KEY-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Jwk:
    """A public key as JSON (RFC 7517); `kid` is of the key itself, so that no two places can disagree."""

    kid: str
    x: str
    y: str
    kty: Literal["EC"] = "EC"
    crv: Literal["P-256"] = "P-256"
    alg: Literal["ES256"] = "ES256"
    use: Literal["sig"] = "sig"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key of the ring; `private` is None for one that is only accepted."""

    kid: str
    public: "EllipticCurvePublicKey"
    private: "EllipticCurvePrivateKey | None"

    @property
    def jwk(self) -> Jwk:
        numbers = self.public.public_numbers()
        return Jwk(self.kid, _text(numbers.x.to_bytes(32)), _text(numbers.y.to_bytes(32)))


type Ring = tuple[SigningKey, ...]


@cache
def ring() -> Ring:
    """The keys of the setting JWT_SIGNING_KEY. Raises SettingsError."""
    return read(settings().jwt_signing_key)


@cache
def accepted() -> dict[str, "EllipticCurvePublicKey"]:
    """The public keys by their ids."""
    return {key.kid: key.public for key in ring()}


def signer() -> tuple[str, "EllipticCurvePrivateKey"]:
    """The key that signs, and its id."""
    first = ring()[0]
    assert first.private is not None  # noqa: S101 - `read` refuses such a ring
    return first.kid, first.private


def read(text: str) -> Ring:
    """The keys in `text`, PEM blocks one after the other: private, or public for those only accepted.

    Raises SettingsError when there is none, the first cannot sign, or one is not of the curve P-256.
    """
    keys = tuple(_key(found[0], private=found[1] != "PUBLIC") for found in _BLOCK.finditer(text))
    if not keys or keys[0].private is None or _BLOCK.sub("", text).strip():
        raise SettingsError("JWT_SIGNING_KEY is not private keys in PEM, the first of which signs")
    return keys


def _key(pem: str, *, private: bool) -> SigningKey:
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - heavy
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - heavy

    try:
        if private:
            key = serialization.load_pem_private_key(pem.encode(), password=None)
        else:
            key = serialization.load_pem_public_key(pem.encode())
    except ValueError as error:
        raise SettingsError("JWT_SIGNING_KEY has a key that is not PEM") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey) or not isinstance(
        key.curve, ec.SECP256R1
    ):
        raise SettingsError("JWT_SIGNING_KEY has a key that is not of the curve P-256")
    public = key.public_key() if isinstance(key, ec.EllipticCurvePrivateKey) else key
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    kid = _text(hashlib.sha256(der).digest()[:12])
    return SigningKey(kid, public, key if isinstance(key, ec.EllipticCurvePrivateKey) else None)


def _text(number: bytes) -> str:
    return base64.urlsafe_b64encode(number).rstrip(b"=").decode()
