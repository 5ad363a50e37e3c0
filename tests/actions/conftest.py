"""Each test of an action begins like a new process, with nothing compiled for another test's database."""

from collections.abc import Iterator

import pytest

from tests.harness import forget_app


@pytest.fixture(autouse=True)
def new_process() -> Iterator[None]:
    forget_app()
    yield
    forget_app()
