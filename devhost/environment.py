"""The environment the app runs in locally: the one place that knows its settings and makes its secrets."""

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.domain.rates import Rate

ROOT = Path(__file__).parents[1]
# The stand-in asks for the same key; it opens nothing else.
MSG91_AUTH_KEY = "local-stand-in"
GENEROUS = "1000000"


def local_folder() -> Path:
    """Where everything local lives: LOCAL_DIR, or .local in the checkout."""
    return Path(os.environ.get("LOCAL_DIR") or ROOT / ".local").resolve()


def app_settings(*, database_url: str, storage: str, msg91_url: str, secrets_folder: Path) -> dict[str, str]:
    """The app's settings, secrets made once per `secrets_folder`. `storage` is a connection string."""
    return {
        "DATABASE_URL": database_url,
        "UPLOADS_STORAGE": storage,
        "AzureWebJobsStorage": storage,
        "MSG91_BASE_URL": msg91_url,
        "MSG91_AUTH_KEY": MSG91_AUTH_KEY,
        "MSG91_OTP_TEMPLATE_ID": "local-otp",
        "MSG91_EMAIL_DOMAIN": "sample.example",
        "MSG91_EMAIL_FROM": "sign-in@sample.example",
        "MSG91_EMAIL_TEMPLATE_ID": "local-otp-email",
        "JWT_SIGNING_KEY": _kept(secrets_folder / "jwt_signing_key.pem", _signing_key),
        "OTP_PEPPER": _kept(secrets_folder / "otp_pepper", lambda: secrets.token_urlsafe(32)),
        # Whoever plays with it, or tests it, asks more often than anybody else.
        "OTP_COUNTRIES": "DE,ES,FR,GB,IN,IT,US",
        "OTP_COOLDOWN_S": "0",
        "OTP_PER_RECIPIENT_HOUR": GENEROUS,
        "OTP_PER_RECIPIENT_DAY": GENEROUS,
        "OTP_PER_ADDRESS_HOUR": GENEROUS,
        "OTP_PER_CALLER_HOUR": GENEROUS,
        "OTP_GUESSES_PER_RECIPIENT_DAY": GENEROUS,
        "RATE_LIMITS": ",".join(f"{rate}={GENEROUS}/60" for rate in Rate),
        "OUTBOX_KEYS": _kept(secrets_folder / "outbox_keys", _key),
        "MSG91_WEBHOOK_SECRET": _kept(
            secrets_folder / "msg91_webhook_secret", lambda: secrets.token_urlsafe(32)
        ),
        "CUSTOMER_PEPPER": _kept(secrets_folder / "customer_pepper", lambda: secrets.token_urlsafe(32)),
    }


def child_environment(settings: dict[str, str]) -> dict[str, str]:
    """What a child of ours gets: this process's environment, with the app's settings on top."""
    return os.environ | settings | {"PYTHONUNBUFFERED": "1"}


def _signing_key() -> str:
    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


def _key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _kept(path: Path, make: Callable[[], str]) -> str:
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}")
        partial.touch(mode=0o600)
        partial.write_text(make())
        partial.rename(path)
    return path.read_text()
