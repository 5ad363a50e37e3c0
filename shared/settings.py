"""Settings: the one place that reads the environment, checked when first used."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache


class SettingsError(Exception):
    """A setting is missing or cannot be meant."""


class DatabaseAuth(StrEnum):
    """How the app says to the database who it is: by what the URL says, or by its managed identity."""

    URL = "url"
    ENTRA = "entra"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What an operator sets; docs/settings.md explains each."""

    database_url: str
    database_pool_max: int
    database_auth: DatabaseAuth
    database_identity_client_id: str | None
    database_pgbouncer: bool
    database_statement_timeout_s: int
    database_idle_transaction_timeout_s: int
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
    approval_required: bool
    customer_pepper: str


def read(environment: Mapping[str, str]) -> Settings:
    """The settings in `environment`.

    Raises SettingsError naming every setting that is missing, is an unresolved Key Vault reference, or is
    not of its form: half a configuration must stop the app at once, not at the first sale.
    """
    of = _Reader(environment)
    account_url = of.optional("UPLOADS_STORAGE__blobServiceUri")
    settings = Settings(
        database_url=of.text("DATABASE_URL"),
        database_pool_max=of.whole("DATABASE_POOL_MAX", 8),
        database_auth=of.one_of("DATABASE_AUTH", DatabaseAuth.URL),
        database_identity_client_id=of.optional("DATABASE_IDENTITY_CLIENT_ID"),
        database_pgbouncer=of.flag("DATABASE_PGBOUNCER"),
        database_statement_timeout_s=of.whole("DATABASE_STATEMENT_TIMEOUT_S", 30),
        database_idle_transaction_timeout_s=of.whole("DATABASE_IDLE_TRANSACTION_TIMEOUT_S", 60),
        uploads_connection_string=None if account_url else of.text("UPLOADS_STORAGE"),
        uploads_account_url=account_url,
        uploads_identity_client_id=of.optional("UPLOADS_STORAGE__clientId"),
        msg91_base_url=of.text("MSG91_BASE_URL", "https://control.msg91.com"),
        msg91_auth_key=of.text("MSG91_AUTH_KEY"),
        msg91_otp_template_id=of.text("MSG91_OTP_TEMPLATE_ID"),
        msg91_email_domain=of.text("MSG91_EMAIL_DOMAIN"),
        msg91_email_from=of.text("MSG91_EMAIL_FROM"),
        msg91_email_template_id=of.text("MSG91_EMAIL_TEMPLATE_ID"),
        jwt_signing_key=of.text("JWT_SIGNING_KEY").replace("\\n", "\n"),
        jwt_issuer=of.text("JWT_ISSUER", "promopartner"),
        jwt_audience=of.text("JWT_AUDIENCE", "promopartner-api"),
        otp_pepper=of.text("OTP_PEPPER"),
        approval_required=of.flag("APPROVAL_REQUIRED", default="1"),
        customer_pepper=of.text("CUSTOMER_PEPPER"),
    )
    if of.wrong:
        raise SettingsError("; ".join(of.wrong))
    return settings


class _Reader:
    """Reads settings one by one and remembers what is wrong with them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self.wrong: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        value = self._environment.get(name, "") or default
        if not value:
            self.wrong.append(f"{name} is not set")
        elif value.startswith("@Microsoft.KeyVault("):
            self.wrong.append(f"{name} is a Key Vault reference that did not resolve")
        return value

    def optional(self, name: str) -> str | None:
        return self._environment.get(name) or None

    def whole(self, name: str, default: int) -> int:
        value = self._environment.get(name, "")
        if value and not (value.isascii() and value.isdecimal() and int(value) > 0):
            self.wrong.append(f"{name} is not a whole number above zero")
            return default
        return int(value) if value else default

    def flag(self, name: str, *, default: str = "0") -> bool:
        value = self._environment.get(name, "") or default
        if value not in {"0", "1"}:
            self.wrong.append(f"{name} is neither 0 nor 1")
        return value == "1"

    def one_of[E: StrEnum](self, name: str, default: E) -> E:
        value = self._environment.get(name, "") or default
        try:
            return type(default)(value)
        except ValueError:
            self.wrong.append(f"{name} is none of {', '.join(type(default))}")
            return default


@cache
def settings() -> Settings:
    """The settings of this process."""
    return read(os.environ)
