"""What the environment says, read once at first use; secrets by name, read again every five minutes."""

import os
from dataclasses import dataclass
from functools import cache
from typing import Any

from shared.errors import Unavailable

SECRET_AGE_S_MAX = 300


@dataclass(frozen=True, slots=True)
class Settings:
    payment_methods_table: str
    wallet_entries_table: str
    payments_table: str
    refunds_table: str
    images_table: str
    uploads_bucket: str
    images_bucket: str
    upload_size_bytes_max: int
    image_formats: tuple[str, ...]
    razorpay_base_url: str
    wallet_balance_paise_max: int
    store_card_expiry: bool
    merchant_name: str


@cache
def settings() -> Settings:
    return Settings(
        payment_methods_table=os.environ["PAYMENT_METHODS_TABLE"],
        wallet_entries_table=os.environ["WALLET_ENTRIES_TABLE"],
        payments_table=os.environ["PAYMENTS_TABLE"],
        refunds_table=os.environ["REFUNDS_TABLE"],
        images_table=os.environ["IMAGES_TABLE"],
        uploads_bucket=os.environ["UPLOADS_BUCKET"],
        images_bucket=os.environ["IMAGES_BUCKET"],
        upload_size_bytes_max=int(os.environ["UPLOAD_SIZE_BYTES_MAX"]),
        image_formats=tuple(os.environ["IMAGE_FORMATS"].split(",")),
        razorpay_base_url=os.environ["RAZORPAY_BASE_URL"].rstrip("/"),
        wallet_balance_paise_max=int(os.environ["WALLET_BALANCE_PAISE_MAX"]),
        store_card_expiry=os.environ["STORE_CARD_EXPIRY"] == "true",
        merchant_name=os.environ["MERCHANT_NAME"],
    )


def gateway_key() -> tuple[str, str]:
    """The gateway's key id and key secret."""
    secret = _secret(os.environ["RAZORPAY_KEY_SECRET_NAME"])
    return _text(secret, "key_id"), _text(secret, "key_secret")


def retired_key_secrets() -> list[str]:
    """Secrets of keys that are no longer used: a checkout that was opened before the change is signed with one."""
    retired = _secret(os.environ["RAZORPAY_KEY_SECRET_NAME"]).get("retired", [])
    if not isinstance(retired, list) or not all(isinstance(one, str) and one for one in retired):
        raise RuntimeError("the secret's retired is not a list of secrets")
    return retired


def webhook_secrets() -> list[str]:
    """Every secret a webhook may be signed with: the gateway redelivers for 15 days with the secret of that time."""
    active = _secret(os.environ["WEBHOOK_SECRETS_NAME"]).get("active")
    if not isinstance(active, list) or not active or not all(isinstance(one, str) and one for one in active):
        raise RuntimeError("the webhook secrets are not set")
    return active


def _secret(name: str) -> dict[str, Any]:
    from aws_lambda_powertools.utilities.parameters import get_secret
    from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

    try:
        value = get_secret(name, transform="json", max_age=SECRET_AGE_S_MAX)
    except GetParameterError as error:
        if _is_our_mistake(error.__context__):
            raise
        raise Unavailable from error
    if not isinstance(value, dict):
        raise RuntimeError(f"the secret {name} is not a JSON object")
    return value


def _is_our_mistake(refusal: BaseException | None) -> bool:
    """Whether trying again is of no use: a secret that is not there, or not ours to read."""
    response = getattr(refusal, "response", None) or {}
    return response.get("Error", {}).get("Code") in ("AccessDeniedException", "ResourceNotFoundException")


def _text(secret: dict[str, Any], key: str) -> str:
    value = secret.get(key)
    if not isinstance(value, str) or not value:  # an empty secret would verify a forged signature
        raise RuntimeError(f"the secret holds no {key}")
    return value
