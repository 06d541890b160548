"""The fake Razorpay over HTTP, so that the SDK itself is under test."""

import time
from collections.abc import Iterator

import pytest

from local.razorpay.fake import FakeRazorpay
from local.razorpay.server import serve
from shared.razorpay import client, credentials
from shared.settings import settings
from tests.unit.conftest import ENVIRONMENT

KEY_PAIR = ("rzp_test_1", "key_secret_1")


@pytest.fixture
def fake_razorpay(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeRazorpay]:
    fake = FakeRazorpay(*KEY_PAIR, "whsec_test_1", lambda: int(time.time()))
    fake.holding = True  # webhooks are not sent
    server = serve(fake)
    monkeypatch.setattr(credentials, "key_pair", lambda: KEY_PAIR)
    monkeypatch.setattr(credentials, "retired_key_secrets", list)
    for name, value in (ENVIRONMENT | {"RAZORPAY_BASE_URL": server.url}).items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    yield fake
    fake.close()
    server.shutdown()
    server.server_close()
    settings.cache_clear()
    client._client.cache_clear()
