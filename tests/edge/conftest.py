"""What tests of the edge share."""

from collections.abc import Iterator

import pytest

from devhost.environment import app_settings
from tests.harness import Services, forget_app


@pytest.fixture
def unconnected_app(services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process as the app's own, for what needs its settings and nothing behind them."""
    settings = app_settings(
        database_url="postgresql://nowhere.invalid/none",
        storage="UseDevelopmentStorage=true",
        msg91_url="http://nowhere.invalid",
        secrets_folder=services.folder / "secrets",
    )
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    forget_app()
    yield
    forget_app()
