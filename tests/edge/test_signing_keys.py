"""Signing keys: they rotate without a token being refused on the way, and out of order they do not."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from shared.domain.users import Caller, Role
from shared.edge import key_rotation, signing_keys, tokens
from shared.edge.key_rotation import RotationRefused
from shared.edge.problems import TokenInvalid
from shared.settings import SettingsError, settings
from tests.harness import forget_app

pytestmark = pytest.mark.usefixtures("unconnected_app")

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
CALLER = Caller(UUID(int=7), Role.ADMIN, None, UUID(int=8))
ROOT = Path(__file__).parents[2]


def pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def step(name: str, ring: str) -> str:
    return key_rotation.STEPS[name](signing_keys.read(ring))


def kids(ring: str) -> list[str]:
    return [key.kid for key in signing_keys.read(ring)]


type Use = Callable[[str], None]


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Use:
    """Run as an instance that has this ring."""

    def become(ring: str) -> None:
        monkeypatch.setenv("JWT_SIGNING_KEY", ring)
        forget_app()

    return become


def test_no_instance_refuses_a_token_of_another_on_the_way(use: Use) -> None:
    """Instances get the new setting one after the other, so neighbouring rings accept each other's tokens."""
    rings = [settings().jwt_signing_key]
    for name in ("publish", "sign", "retire", "publish", "sign", "retire"):
        rings.append(step(name, rings[-1]))
    for one, other in [*pairwise(rings), *pairwise(reversed(rings))]:
        use(one)
        token = tokens.issue(CALLER, NOW)
        use(other)
        assert tokens.read(token, NOW) == CALLER


def test_the_new_key_signs_only_when_it_was_published_and_the_old_is_void_when_retired(use: Use) -> None:
    first = settings().jwt_signing_key
    published = step("publish", first)
    signing = step("sign", published)
    retired = step("retire", signing)
    old, new = kids(published)
    assert kids(first) == [old]
    assert kids(signing) == [new, old]
    assert kids(retired) == [new]
    used = []
    for ring in (first, published, signing, retired):
        use(ring)
        used.append(jwt.get_unverified_header(tokens.issue(CALLER, NOW))["kid"])
    assert used == [old, old, new, new]
    use(first)
    token = tokens.issue(CALLER, NOW)
    use(retired)
    with pytest.raises(TokenInvalid):
        tokens.read(token, NOW)


def test_the_key_before_is_kept_without_what_it_signs_with() -> None:
    signing = step("sign", step("publish", settings().jwt_signing_key))
    assert [key.private is None for key in signing_keys.read(signing)] == [False, True]
    assert signing.count("PRIVATE KEY-----") == 2


@pytest.mark.parametrize(
    "steps",
    [["sign"], ["retire"], ["publish", "publish"], ["publish", "retire"], ["publish", "sign", "sign"]],
    ids=" ".join,
)
def test_a_step_that_is_not_the_next_is_refused(steps: list[str]) -> None:
    ring = settings().jwt_signing_key
    for name in steps[:-1]:
        ring = step(name, ring)
    with pytest.raises(RotationRefused):
        step(steps[-1], ring)


def test_the_command_reads_and_writes_rings() -> None:
    first = settings().jwt_signing_key
    result = run("publish", first.replace("\n", "\\n"))
    assert result.returncode == 0
    assert kids(result.stdout)[:1] == kids(first)
    assert len(kids(result.stdout)) == 2
    assert "PRIVATE" not in result.stderr
    refused = run("retire", first)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "no key to retire" in refused.stderr
    assert run("publish", "rubbish").returncode == 1


def run(name: str, ring: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "shared.edge.key_rotation", name],
        input=ring,
        env={},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_published_keys_verify_what_is_signed() -> None:
    [jwk] = [key.jwk for key in signing_keys.ring()]
    key = jwt.PyJWK({"kty": jwk.kty, "crv": jwk.crv, "x": jwk.x, "y": jwk.y, "alg": jwk.alg})
    claims = jwt.decode(
        tokens.issue(CALLER, datetime.now(UTC)), key.key, algorithms=["ES256"], audience="promopartner-api"
    )
    assert claims["sub"] == str(CALLER.user_id)


UNUSABLE = {
    "nothing": "",
    "rubbish": "secret",
    "another curve": pem(ec.generate_private_key(ec.SECP384R1())),
    "another algorithm": pem(ed25519.Ed25519PrivateKey.generate()),
    "broken": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    "something between": pem(ec.generate_private_key(ec.SECP256R1())) + "and more",
}


@pytest.mark.parametrize("text", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_what_is_no_ring_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(SettingsError, match="JWT_SIGNING_KEY") as refused:
        signing_keys.read(text)
    assert not text or text not in str(refused.value)


def test_a_ring_whose_first_key_cannot_sign_is_refused() -> None:
    signing = step("sign", step("publish", settings().jwt_signing_key))
    first, second = signing_keys.read(signing)
    assert first.private is not None
    assert second.private is None
    private, public = signing.split("-----BEGIN PUBLIC")
    with pytest.raises(SettingsError):
        signing_keys.read(f"-----BEGIN PUBLIC{public}{private}")
