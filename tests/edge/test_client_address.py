"""Whose address a request is counted under: the last one that a proxy of ours wrote down."""

import pytest

from shared.edge import client_address
from tests.harness import forget_app

pytestmark = pytest.mark.usefixtures("app")


@pytest.mark.parametrize(
    ("said", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("203.0.113.7:51234", "203.0.113.7"),
        ("1.2.3.4, 203.0.113.7:51234", "203.0.113.7"),
        ("nonsense, 203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]:51234", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("203.0.113.7, nonsense", None),
        ("203.0.113.7,", None),
        ("", None),
    ],
)
def test_the_last_hop_counts(said: str, counted: str | None) -> None:
    assert client_address.of({"x-forwarded-for": said}) == counted


def test_without_a_proxy_nobody_is_known() -> None:
    assert client_address.of({}) is None


def test_behind_two_proxies_the_last_but_one_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", "2")
    forget_app()
    assert client_address.of({"x-forwarded-for": "1.2.3.4, 203.0.113.7, 198.51.100.2"}) == "203.0.113.7"
    assert client_address.of({"x-forwarded-for": "198.51.100.2"}) is None
