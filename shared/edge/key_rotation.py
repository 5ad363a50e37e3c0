"""Key rotation: `python -m shared.edge.key_rotation publish|sign|retire`, from a ring of keys to the next.

Reads the value of JWT_SIGNING_KEY from the standard input and writes the next one to the standard output;
keys are on no command line and in no file of its own. docs/operations.md says when to do which step.
"""

import argparse
import sys
from collections.abc import Callable

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.edge import signing_keys
from shared.edge.signing_keys import Ring, SigningKey
from shared.settings import SettingsError


class RotationRefused(Exception):
    """This step is not the next one."""


def publish(ring: Ring) -> str:
    """A new key after the others: everybody accepts it, nobody signs with it yet."""
    if any(key.private is not None for key in ring[1:]):
        raise RotationRefused("a key is published already; the next step is sign")
    new = ec.generate_private_key(ec.SECP256R1())
    return "".join((*map(_pem, ring), _private_pem(new)))


def sign(ring: Ring) -> str:
    """The published key signs from now on; of the one before, what accepts its tokens is left."""
    published = [key for key in ring[1:] if key.private is not None]
    if len(published) != 1:
        raise RotationRefused("no key is published; the first step is publish")
    rest = [key for key in ring if key is not published[0]]
    return "".join((_pem(published[0]), *map(_public_pem, rest)))


def retire(ring: Ring) -> str:
    """The key that signs, alone: tokens of the others are void."""
    if len(ring) == 1:
        raise RotationRefused("there is no key to retire")
    if any(key.private is not None for key in ring[1:]):
        raise RotationRefused("a published key does not sign yet; the next step is sign")
    return _pem(ring[0])


STEPS: dict[str, Callable[[Ring], str]] = {"publish": publish, "sign": sign, "retire": retire}


def _pem(key: SigningKey) -> str:
    return _public_pem(key) if key.private is None else _private_pem(key.private)


def _private_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def _public_pem(key: SigningKey) -> str:
    return key.public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def main() -> int:
    """Exit status 1 and nothing on the standard output when the step is refused."""
    parser = argparse.ArgumentParser(prog="python -m shared.edge.key_rotation", description=__doc__)
    parser.add_argument("step", choices=STEPS)
    try:
        # As in the settings, line ends may be written as \n.
        ring = signing_keys.read(sys.stdin.read().replace("\\n", "\n"))
        step = STEPS[parser.parse_args().step]
        following = step(ring)
    except (RotationRefused, SettingsError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(following)
    for place, key in enumerate(signing_keys.read(following)):
        sys.stderr.write(f"{key.kid} {'signs' if place == 0 else 'is accepted'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
