"""A fake Razorpay account for the tests of the local stack's stand-in."""

import itertools
from collections.abc import Iterator

import pytest

from local.razorpay.fake import FakeRazorpay
from local.razorpay.server import Server, serve
from tests.support.fake_account import KEY_ID, KEY_SECRET, NOW_S, WEBHOOK_SECRET


@pytest.fixture
def razorpay() -> FakeRazorpay:
    numbers = itertools.count(1)
    fake = FakeRazorpay(
        KEY_ID, KEY_SECRET, WEBHOOK_SECRET, lambda: NOW_S, lambda prefix: f"{prefix}_{next(numbers):014d}"
    )
    fake.holding = True
    return fake


@pytest.fixture
def server(razorpay: FakeRazorpay) -> Iterator[Server]:
    server = serve(razorpay)
    yield server
    razorpay.close()
    server.shutdown()
    server.server_close()
