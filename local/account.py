"""The Razorpay account of the local service: the stand-in's, or a real one in test mode."""

import os
from dataclasses import dataclass

from local.addresses import CannotStart

KEY_ID, KEY_SECRET = "rzp_test_GarmentPayLocal", "local_key_secret"
RAZORPAY = "https://api.razorpay.com"
TEST_MODE = "rzp_test_"


@dataclass(frozen=True)
class Account:
    """A pair of keys. `base_url` is where Razorpay answers, or empty for the stand-in."""

    key_id: str
    key_secret: str
    base_url: str = ""


def account() -> Account:
    """The account of RAZORPAY_KEY_ID and RAZORPAY_KEY_SECRET, else the stand-in's; CannotStart for live keys."""
    key_id, key_secret = os.environ.get("RAZORPAY_KEY_ID", ""), os.environ.get("RAZORPAY_KEY_SECRET", "")
    if not key_id and not key_secret:
        return Account(KEY_ID, KEY_SECRET)
    if not key_id or not key_secret:
        raise CannotStart("Set both RAZORPAY_KEY_ID and RAZORPAY_KEY_SECRET, or neither for the Razorpay stand-in.")
    if not key_id.startswith(TEST_MODE):
        raise CannotStart(f"RAZORPAY_KEY_ID must be of Razorpay's test mode and begin with {TEST_MODE}.")
    return Account(key_id, key_secret, os.environ.get("RAZORPAY_BASE_URL", RAZORPAY).rstrip("/"))
