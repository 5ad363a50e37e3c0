"""Sealing: secrets that wait in the database are kept encrypted, by AES-256-GCM."""

import os
from collections.abc import Mapping
from uuid import UUID

from pydantic_core import from_json, to_json

from shared.settings import settings

_NONCE = 12


class SealBrokenError(Exception):
    """What was sealed is not what is there, or none of the keys is its."""


def seal(message_id: UUID, content: Mapping[str, str]) -> bytes:
    """`content` under the first of the keys, legible only as that message's."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - heavy

    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(settings().outbox_keys[0]).encrypt(nonce, to_json(content), message_id.bytes)


def unseal(message_id: UUID, sealed: bytes) -> dict[str, str]:
    """What was sealed, under whichever key of ours it was. Raises SealBrokenError."""
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - heavy
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - heavy

    for key in settings().outbox_keys:
        try:
            return from_json(AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], message_id.bytes))
        except InvalidTag:
            continue
    raise SealBrokenError
