"""Settings: everything wrong is named at once, and nothing is half read."""

import pytest

from shared.settings import SettingsError, read

GOOD = {
    "DATABASE_URL": "postgresql://localhost/x",
    "UPLOADS_STORAGE": "UseDevelopmentStorage=true",
    "MSG91_AUTH_KEY": "key",
    "MSG91_OTP_TEMPLATE_ID": "template",
    "MSG91_EMAIL_DOMAIN": "example.com",
    "MSG91_EMAIL_FROM": "a@example.com",
    "MSG91_EMAIL_TEMPLATE_ID": "template",
    "JWT_SIGNING_KEY": "-----BEGIN-----\\nabc\\n-----END-----",
    "OTP_PEPPER": "pepper",
    "CUSTOMER_PEPPER": "another pepper",
}


def test_defaults() -> None:
    settings = read(GOOD)
    assert settings.msg91_base_url == "https://control.msg91.com"
    assert settings.database_pool_max == 8
    assert settings.jwt_signing_key.splitlines() == ["-----BEGIN-----", "abc", "-----END-----"]


def test_all_that_is_missing_is_named() -> None:
    with pytest.raises(SettingsError) as refusal:
        read({"DATABASE_URL": ""})
    for name in GOOD:
        assert f"{name} is not set" in str(refusal.value)


def test_a_key_vault_reference_that_did_not_resolve_is_refused() -> None:
    with pytest.raises(SettingsError, match="OTP_PEPPER is a Key Vault reference"):
        read(GOOD | {"OTP_PEPPER": "@Microsoft.KeyVault(SecretUri=https://x)"})


@pytest.mark.parametrize("value", ["0", "-1", "many", "²"])
def test_a_pool_that_cannot_be_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match="DATABASE_POOL_MAX"):
        read(GOOD | {"DATABASE_POOL_MAX": value})


@pytest.mark.parametrize(("name", "value"), [("DATABASE_AUTH", "password"), ("DATABASE_PGBOUNCER", "yes")])
def test_what_is_no_choice_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read(GOOD | {name: value})


def test_an_account_by_identity_needs_no_connection_string() -> None:
    environment = {name: value for name, value in GOOD.items() if name != "UPLOADS_STORAGE"}
    settings = read(environment | {"UPLOADS_STORAGE__blobServiceUri": "https://a.blob.core.windows.net"})
    assert settings.uploads_account_url == "https://a.blob.core.windows.net"
    assert settings.uploads_connection_string is None
