"""Settings: the one place that reads the environment, checked when first used."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache


class SettingsError(Exception):
    """A setting is missing or cannot be meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an operator sets; docs/settings.md explains each."""

    database_url: str
    database_pool_max: int
    uploads_connection_string: str | None
    uploads_account_url: str | None
    uploads_identity_client_id: str | None
    msg91_base_url: str
    msg91_auth_key: str
    msg91_otp_template_id: str
    msg91_email_domain: str
    msg91_email_from: str
    msg91_email_template_id: str
    jwt_signing_key: str
    jwt_issuer: str
    jwt_audience: str
    otp_pepper: str


def read(environment: Mapping[str, str]) -> Settings:
    """The settings in `environment`.

    Raises SettingsError naming every setting that is missing, is an unresolved Key Vault reference, or is
    not of its form: half a configuration must stop the app at once, not at the first sale.
    """
    wrong: list[str] = []

    def text(name: str, default: str | None = None) -> str:
        value = environment.get(name, "") or (default or "")
        if not value:
            wrong.append(f"{name} is not set")
        elif value.startswith("@Microsoft.KeyVault("):
            wrong.append(f"{name} is a Key Vault reference that did not resolve")
        return value

    def whole(name: str, default: int) -> int:
        value = environment.get(name, "")
        if value and not (value.isascii() and value.isdecimal() and int(value) > 0):
            wrong.append(f"{name} is not a whole number above zero")
            return default
        return int(value) if value else default

    account_url = environment.get("UPLOADS_STORAGE__blobServiceUri") or None
    settings = Settings(
        database_url=text("DATABASE_URL"),
        database_pool_max=whole("DATABASE_POOL_MAX", 8),
        uploads_connection_string=None if account_url else text("UPLOADS_STORAGE"),
        uploads_account_url=account_url,
        uploads_identity_client_id=environment.get("UPLOADS_STORAGE__clientId") or None,
        msg91_base_url=text("MSG91_BASE_URL", "https://control.msg91.com"),
        msg91_auth_key=text("MSG91_AUTH_KEY"),
        msg91_otp_template_id=text("MSG91_OTP_TEMPLATE_ID"),
        msg91_email_domain=text("MSG91_EMAIL_DOMAIN"),
        msg91_email_from=text("MSG91_EMAIL_FROM"),
        msg91_email_template_id=text("MSG91_EMAIL_TEMPLATE_ID"),
        jwt_signing_key=text("JWT_SIGNING_KEY").replace("\\n", "\n"),
        jwt_issuer=text("JWT_ISSUER", "promopartner"),
        jwt_audience=text("JWT_AUDIENCE", "promopartner-api"),
        otp_pepper=text("OTP_PEPPER"),
    )
    if wrong:
        raise SettingsError("; ".join(wrong))
    return settings


@cache
def settings() -> Settings:
    """The settings of this process."""
    return read(os.environ)
