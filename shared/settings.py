"""Settings from environment variables, read once at first use. `payments_table` is `PAYMENTS_TABLE`."""

import os
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple


class Settings(NamedTuple):
    payment_methods_table: str
    wallet_entries_table: str
    payments_table: str
    refunds_table: str
    unusable_webhooks_table: str
    desk_table: str
    images_table: str
    uploads_bucket: str
    images_bucket: str
    failed_uploads_queue: str
    upload_size_bytes_max: int
    image_formats: tuple[str, ...]
    razorpay_base_url: str
    razorpay_key_id: str
    razorpay_account_id: str
    wallet_balance_paise_max: int
    top_up_refund_days: int
    four_eyes_paise: int
    recover_owed: str
    open_payments_max: int
    starts_per_hour_max: int
    failures_per_day_max: int
    accept_offers: bool
    accept_fees: bool
    unique_receipt: bool
    store_card_expiry: bool
    merchant_name: str


PARSERS: dict[Any, Callable[[str], Any]] = {
    str: str,
    int: int,
    bool: lambda text: text == "true",
    tuple[str, ...]: lambda text: tuple(text.split(",")),
}


@cache
def settings() -> Settings:
    kinds = Settings.__annotations__
    return Settings(**{name: PARSERS[kind](os.environ[name.upper()]) for name, kind in kinds.items()})
