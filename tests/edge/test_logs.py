"""Logs: what a record says of its request, and what none may say."""

import logging
from collections.abc import Iterator

import pytest

from shared.edge import logs

_log = logging.getLogger("tests.somebody")


@pytest.fixture(autouse=True)
def _installed() -> Iterator[None]:
    before = logging.getLogRecordFactory()
    logs.install()
    yield
    logging.setLogRecordFactory(before)


SECRETS = [
    ("Authorization: Bearer abc.def-123", "abc.def-123"),
    ("{'authkey': 'k3y', 'x': 1}", "k3y"),
    ('{"password": "hunter2"}', "hunter2"),
    ("AccountName=a;AccountKey=Zm9vYmFy/+==;EndpointSuffix=x", "Zm9vYmFy"),
    ("GET https://a.blob.core.windows.net/uploads/x?sv=1&sig=ab%2Fcd%3D&se=2 failed", "ab%2Fcd"),
    ("token eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "eyJzdWIiOiIxIn0"),
    ("ppr_Zm9vYmFy-Zm9vYmFyZm9vYmFyZm9vYmFyZm9vYmFyZm9 came again", "Zm9vYmFy"),
    ("X-Api-Key: ppk_bm90YS1rZXktbm90YS1rZXk", "bm90YS1rZXk"),
    ('{"refresh_token": "b3BhcXVl"}', "b3BhcXVl"),
    ("Key (phone)=(+390611112222) already exists.", "390611112222"),
    ('{"mobiles": "390611112222"}', "390611112222"),
    ("no user ada.l+x@mail.example.com here", "ada.l"),
    ("GET /messages?to=ada%40example.com", "ada%40"),
    ("code=482915", "482915"),
    ('{"OTP": "482915"}', "482915"),
    ("postgresql://app:hunter2@db.example.com:5432/x", "hunter2"),
    ("-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----", "MIGH"),
]


@pytest.mark.parametrize(("text", "secret"), SECRETS, ids=[secret for _, secret in SECRETS])
def test_no_record_holds_a_secret(caplog: pytest.LogCaptureFixture, text: str, secret: str) -> None:
    caplog.set_level(logging.DEBUG)
    _log.info(text)
    _log.info("said: %s", text)
    _log.info("said: %(what)s", {"what": text})
    logging.getLogger("a.library").warning("said: %s", [text])
    try:
        raise ValueError(text)
    except ValueError:
        _log.exception("it failed")
    assert len(caplog.records) == 5
    assert secret not in caplog.text
    assert "ValueError" in caplog.text
    assert "[hidden]" in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        "create_transaction request till-7.42 answered 201 after 12.3 ms",
        "promotion 01a1fc71-8124-705c-9b66-1329b53d0fed is Active now",
        "2026-11-21T04:39:56.123456+00:00 run_due_work delivered 100000 messages",
        'connection to server at "127.0.0.1", port 5432 failed: Connection refused',
        "status 200, type error",
        "get_ready request x: database_unavailable",
    ],
)
def test_what_is_no_secret_is_kept(text: str) -> None:
    assert logs.hide(text) == text


def test_arguments_that_do_not_fit_break_nothing_and_tell_nothing(caplog: pytest.LogCaptureFixture) -> None:
    _log.warning("two of %s and %s", "hunter2")
    assert "two of %s and %s" in caplog.text
    assert "hunter2" not in caplog.text


def test_a_record_says_which_request_it_belongs_to(caplog: pytest.LogCaptureFixture) -> None:
    with logs.request(function="get_me", request_id="till-7.42"):
        _log.warning("within")
    _log.warning("without")
    within, without = caplog.records
    assert (vars(within)["function"], vars(within)["request_id"]) == ("get_me", "till-7.42")
    assert "request_id" not in vars(without)


def test_libraries_that_tell_every_call_are_quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore.connection", "azure.core.pipeline.policies.http_logging_policy", "msal"):
        logging.getLogger(name).info("a call")
    assert caplog.text == ""


def test_a_long_line_costs_no_more_than_its_length() -> None:
    """A pattern that backtracks would not end before the tests' own end."""
    assert logs.hide("a" * 300_000) == "a" * 300_000
