"""Between tests the stand-in delivers at once and nothing is held or broken."""

from collections.abc import Iterator

import pytest

from tests.app import App
from tests.conftest import Bundle


@pytest.fixture
def app(bundle: Bundle) -> App:
    return App(bundle)


@pytest.fixture
def held(bundle: Bundle) -> Iterator[None]:
    """No webhook arrives until the test delivers it."""
    bundle.control("hold", {"hold": True})
    yield
    bundle.control("deliver", {"drop": True})
    bundle.control("hold", {"hold": False})


@pytest.fixture(autouse=True)
def no_faults(bundle: Bundle) -> Iterator[None]:
    yield
    bundle.control("faults", [])
