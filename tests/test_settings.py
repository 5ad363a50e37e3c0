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
    "OTP_COUNTRIES": "IN,IT",
    "OUTBOX_KEYS": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_AUTH", "password"),
        ("DATABASE_PGBOUNCER", "yes"),
        ("OTP_COUNTRIES", "IN,it"),
        ("OTP_COUNTRIES", "IN,"),
        ("OTP_COOLDOWN_S", "-1"),
        ("OUTBOX_KEYS", "short"),
        ("OUTBOX_KEYS", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=,"),
        ("MSG91_WEBHOOK_SECRET", "guessable"),
        ("RATE_LIMITS", "read=0/60"),
        ("RATE_LIMITS", "sleep=1/60"),
        ("RATE_LIMITS", "read=1/60;write=1/60"),
    ],
)
def test_what_is_no_choice_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read(GOOD | {name: value})


def test_an_account_by_identity_needs_no_connection_string() -> None:
    environment = {name: value for name, value in GOOD.items() if name != "UPLOADS_STORAGE"}
    settings = read(environment | {"UPLOADS_STORAGE__blobServiceUri": "https://a.blob.core.windows.net"})
    assert settings.uploads_account_url == "https://a.blob.core.windows.net"
    assert settings.uploads_connection_string is None


def test_what_is_said_of_rates_and_codes_is_read() -> None:
    settings = read(
        GOOD | {"RATE_LIMITS": "read=10/60, otp=3/3600", "OTP_COOLDOWN_S": "0", "OTP_STOPPED": "1"}
    )
    assert settings.rate_limits == {"read": (10, 60), "otp": (3, 3600)}
    assert (settings.otp_cooldown_s, settings.otp_stopped) == (0, True)
    assert settings.otp_countries == {"IN", "IT"}
    assert settings.outbox_keys == (b"01234567890123456789012345678901",)


def test_each_purpose_may_have_a_template_of_its_own() -> None:
    settings = read(GOOD | {"MSG91_REDEMPTION_TEMPLATE_ID": "dlt-2"})
    assert (settings.msg91_redemption_template_id, settings.msg91_step_up_template_id) == (
        "dlt-2",
        "template",
    )


def test_tables_are_beside_the_blobs_unless_said_otherwise() -> None:
    environment = GOOD | {"UPLOADS_STORAGE__blobServiceUri": "https://a.blob.core.windows.net"}
    assert read(environment).tables_account_url == "https://a.table.core.windows.net"
    other = environment | {"UPLOADS_STORAGE__tableServiceUri": "https://b.table.core.windows.net"}
    assert read(other).tables_account_url == "https://b.table.core.windows.net"
    assert read(GOOD).tables_account_url is None
