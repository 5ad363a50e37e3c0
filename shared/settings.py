"""Settings: the one place that reads the environment, checked when first used."""

import os
import re
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from shared.domain.rates import Rate

_SECRET_LEAST = 24
_RATE = rf"(?:{'|'.join(Rate)})=[1-9][0-9]*/[1-9][0-9]*"
_RATES = re.compile(rf"{_RATE}(?:,{_RATE})*")


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
    tables_account_url: str | None
    msg91_base_url: str
    msg91_auth_key: str
    msg91_otp_template_id: str
    msg91_redemption_template_id: str
    msg91_step_up_template_id: str
    msg91_email_domain: str
    msg91_email_from: str
    msg91_email_template_id: str
    msg91_email_redemption_template_id: str
    msg91_email_step_up_template_id: str
    msg91_webhook_secret: str | None
    jwt_signing_key: str
    jwt_issuer: str
    jwt_audience: str
    otp_pepper: str
    otp_stopped: bool
    otp_countries: frozenset[str]
    otp_cooldown_s: int
    otp_per_recipient_hour: int
    otp_per_recipient_day: int
    otp_per_address_hour: int
    otp_per_caller_hour: int
    otp_guesses_per_recipient_day: int
    otp_messages_per_day: int
    outbox_keys: tuple[bytes, ...]
    rate_limits: Mapping[str, tuple[int, int]]
    trusted_proxies: int
    approval_required: bool
    customer_pepper: str


def read(environment: Mapping[str, str]) -> Settings:
    """The settings in `environment`.

    Raises SettingsError naming every setting that is missing, is an unresolved Key Vault reference, or is
    not of its form: half a configuration must stop the app at once, not at the first sale.
    """
    of = _Reader(environment)
    account_url = of.optional("UPLOADS_STORAGE__blobServiceUri")
    # An account's tables are beside its blobs, unless somebody says otherwise.
    beside = account_url and account_url.replace(".blob.", ".table.")
    sms, email = of.text("MSG91_OTP_TEMPLATE_ID"), of.text("MSG91_EMAIL_TEMPLATE_ID")
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
        tables_account_url=of.optional("UPLOADS_STORAGE__tableServiceUri") or beside,
        msg91_base_url=of.text("MSG91_BASE_URL", "https://control.msg91.com"),
        msg91_auth_key=of.text("MSG91_AUTH_KEY"),
        msg91_otp_template_id=sms,
        msg91_redemption_template_id=of.optional("MSG91_REDEMPTION_TEMPLATE_ID") or sms,
        msg91_step_up_template_id=of.optional("MSG91_STEP_UP_TEMPLATE_ID") or sms,
        msg91_email_domain=of.text("MSG91_EMAIL_DOMAIN"),
        msg91_email_from=of.text("MSG91_EMAIL_FROM"),
        msg91_email_template_id=email,
        msg91_email_redemption_template_id=of.optional("MSG91_EMAIL_REDEMPTION_TEMPLATE_ID") or email,
        msg91_email_step_up_template_id=of.optional("MSG91_EMAIL_STEP_UP_TEMPLATE_ID") or email,
        msg91_webhook_secret=of.secret("MSG91_WEBHOOK_SECRET"),
        jwt_signing_key=of.text("JWT_SIGNING_KEY").replace("\\n", "\n"),
        jwt_issuer=of.text("JWT_ISSUER", "promopartner"),
        jwt_audience=of.text("JWT_AUDIENCE", "promopartner-api"),
        otp_pepper=of.text("OTP_PEPPER"),
        approval_required=of.flag("APPROVAL_REQUIRED", default="1"),
        otp_stopped=of.flag("OTP_STOPPED"),
        otp_countries=of.countries("OTP_COUNTRIES"),
        otp_cooldown_s=of.whole("OTP_COOLDOWN_S", 30, least=0),
        otp_per_recipient_hour=of.whole("OTP_PER_RECIPIENT_HOUR", 5),
        otp_per_recipient_day=of.whole("OTP_PER_RECIPIENT_DAY", 10),
        otp_per_address_hour=of.whole("OTP_PER_ADDRESS_HOUR", 20),
        otp_per_caller_hour=of.whole("OTP_PER_CALLER_HOUR", 60),
        otp_guesses_per_recipient_day=of.whole("OTP_GUESSES_PER_RECIPIENT_DAY", 30),
        otp_messages_per_day=of.whole("OTP_MESSAGES_PER_DAY", 20_000),
        outbox_keys=of.keys("OUTBOX_KEYS"),
        customer_pepper=of.text("CUSTOMER_PEPPER"),
        rate_limits=of.rates("RATE_LIMITS"),
        trusted_proxies=of.whole("TRUSTED_PROXIES", 1),
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

    def secret(self, name: str) -> str | None:
        """Optional; too short is as bad as none."""
        value = self._environment.get(name)
        if value and (len(value) < _SECRET_LEAST or value.startswith("@Microsoft.KeyVault(")):
            self.wrong.append(f"{name} is not a secret of {_SECRET_LEAST} characters or more")
        return value or None

    def whole(self, name: str, default: int, *, least: int = 1) -> int:
        value = self._environment.get(name, "")
        if value and not (value.isascii() and value.isdecimal() and int(value) >= least):
            self.wrong.append(f"{name} is not a whole number {'above zero' if least else 'of zero or more'}")
            return default
        return int(value) if value else default

    def countries(self, name: str) -> frozenset[str]:
        found = frozenset(part.strip() for part in self.text(name).split(","))
        if not all(len(each) == 2 and each.isascii() and each.isupper() for each in found):
            self.wrong.append(f"{name} is not a list of ISO 3166-1 codes like IN,IT")
        return found

    def keys(self, name: str) -> tuple[bytes, ...]:
        """Keys of 256 bits in base64, separated by commas, the one in use first."""
        try:
            found = tuple(b64decode(part, validate=True) for part in self.text(name).split(","))
        except ValueError:
            found = (b"",)
        if any(len(key) != 32 for key in found):
            self.wrong.append(f"{name} is not a list of keys of 32 bytes in base64")
        return found

    def rates(self, name: str) -> dict[str, tuple[int, int]]:
        """`name=most/seconds`, separated by commas."""
        value = self._environment.get(name, "").replace(" ", "")
        if value and not _RATES.fullmatch(value):
            self.wrong.append(f"{name} is not a list like {', '.join(f'{rate}=100/60' for rate in Rate)}")
            return {}
        found = (re.split("[=/]", part) for part in value.split(",") if part)
        return {rate: (int(most), int(seconds)) for rate, most, seconds in found}

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
