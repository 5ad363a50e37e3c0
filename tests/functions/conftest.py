"""The whole app, for tests that ask about every operation there is."""

import pytest


@pytest.fixture
def whole_app() -> None:
    import function_app

    assert function_app.app is not None
