"""The gateway's checkout: the options that the app hands over as they are, and how it opens on a saved method.

Names and units are Razorpay's own. A saved method is put first as a block of its own; the others stay below it.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from shared import gateway
from shared.settings import settings
from shared.store import Payment, PaymentMethod
from shared.upi_handles import provider_of

TIMEOUT_S = 900
UPI_COLLECT = {"method": "upi", "flows": ["collect"]}  # withdrawn by NPCI; only intent and QR are left

# The gateway's codes of banks, with the names under which a customer may have saved one.
BANKS: Mapping[str, tuple[str, ...]] = {
    "AIRP": ("Airtel Payments Bank",),
    "AUBL": ("AU Small Finance Bank",),
    "BACB": ("Bassein Catholic Co-operative Bank",),
    "BARB_R": ("Bank of Baroda", "BoB"),
    "BBKM": ("Bank of Bahrain and Kuwait",),
    "BDBL": ("Bandhan Bank",),
    "BKID": ("Bank of India", "BoI"),
    "CBIN": ("Central Bank of India",),
    "CIUB": ("City Union Bank",),
    "CNRB": ("Canara Bank",),
    "COSB": ("Cosmos Co-operative Bank", "Cosmos Bank"),
    "CSBK": ("CSB Bank", "Catholic Syrian Bank"),
    "DBSS": ("DBS Bank",),
    "DCBL": ("DCB Bank",),
    "DEUT": ("Deutsche Bank",),
    "DLXB": ("Dhanlaxmi Bank",),
    "ESAF": ("ESAF Small Finance Bank",),
    "ESFB": ("Equitas Small Finance Bank",),
    "FDRL": ("Federal Bank",),
    "HDFC": ("HDFC Bank",),
    "HSBC": ("HSBC",),
    "IBKL": ("IDBI Bank",),
    "ICIC": ("ICICI Bank",),
    "IDFB": ("IDFC FIRST Bank", "IDFC Bank"),
    "IDIB": ("Indian Bank",),
    "INDB": ("IndusInd Bank",),
    "IOBA": ("Indian Overseas Bank", "IOB"),
    "JAKA": ("Jammu & Kashmir Bank", "J&K Bank"),
    "JSFB": ("Jana Small Finance Bank",),
    "KARB": ("Karnataka Bank",),
    "KKBK": ("Kotak Mahindra Bank", "Kotak"),
    "KVBL": ("Karur Vysya Bank",),
    "MAHB": ("Bank of Maharashtra",),
    "NESF": ("North East Small Finance Bank",),
    "NKGS": ("NKGSB Co-operative Bank",),
    "NSPB": ("NSDL Payments Bank",),
    "PSIB": ("Punjab & Sind Bank",),
    "PUNB_R": ("Punjab National Bank", "PNB"),
    "RATN": ("RBL Bank",),
    "SBIN": ("State Bank of India", "SBI"),
    "SCBL": ("Standard Chartered Bank",),
    "SIBL": ("South Indian Bank",),
    "SRCB": ("Saraswat Co-operative Bank", "Saraswat Bank"),
    "SURY": ("Suryoday Small Finance Bank",),
    "SVCB": ("SVC Co-operative Bank", "Shamrao Vithal Bank"),
    "TJSB": ("TJSB Sahakari Bank",),
    "TMBL": ("Tamilnad Mercantile Bank",),
    "UBIN": ("Union Bank of India",),
    "UCBA": ("UCO Bank",),
    "UTIB": ("Axis Bank",),
    "YESB": ("Yes Bank",),
}
WALLETS: Mapping[str, tuple[str, ...]] = {
    "airtelmoney": ("Airtel Money",),
    "amazonpay": ("Amazon Pay",),
    "bajajpay": ("Bajaj Pay",),
    "jiomoney": ("JioMoney",),
    "mobikwik": ("MobiKwik",),
    "olamoney": ("Ola Money",),
    "paytm": ("Paytm",),
    "payzapp": ("PayZapp",),
    "phonepe": ("PhonePe",),
}
# The UPI apps that checkout can be told to open, by their provider's name here.
UPI_APPS: Mapping[str, str] = {
    "BHIM": "bhim",
    "Google Pay": "google_pay",
    "Paytm": "paytm",
    "PhonePe": "phonepe",
}


def _key(name: str) -> str:
    """A name as it is looked up: `HDFC Bank Ltd.` is `hdfc`."""
    words = re.findall(r"[a-z0-9&_]+", name.lower())
    return " ".join(word for word in words if word not in ("bank", "ltd", "limited"))


def _codes(names_of: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {_key(name): code for code, names in names_of.items() for name in (code, *names)}


BANK_CODES, WALLET_CODES = _codes(BANKS), _codes(WALLETS)


def options(payment: Payment) -> dict[str, Any]:
    """What opens checkout for a payment, on the saved method that it names."""
    opens_on: Mapping[str, Any] = json.loads(payment.opens_on) if payment.opens_on else {}
    prefill = {"contact": payment.contact} if payment.contact else {}
    display: dict[str, Any] = {"hide": [UPI_COLLECT]}
    if instrument := opens_on.get("instrument"):
        prefill["method"] = instrument["method"]
        display |= {
            "blocks": {"saved": {"name": "Saved", "instruments": [instrument]}},
            "sequence": ["block.saved"],
            "preferences": {"show_default_blocks": True},
        }
    remembered = {"customer_id": payment.gateway_customer, "remember_customer": True}
    return {
        "key": gateway.key_id(),
        "order_id": payment.gateway_order,
        "amount": payment.amount_paise,
        "currency": "INR",
        "name": settings().merchant_name,
        "description": payment.description,
        "prefill": prefill,
        "notes": {"payment_id": payment.id},
        "timeout": TIMEOUT_S,
        "retry": {"enabled": True, "max_count": 4},
        "send_sms_hash": True,
        "config": {"display": display},
        **(remembered if payment.gateway_customer else {}),
        **({"token": opens_on["token"]} if "token" in opens_on else {}),
    }


def opening_on(method: PaymentMethod) -> str:
    """The saved method as a payment keeps it, JSON: the instrument in checkout, and the token of a saved card."""
    return json.dumps({"instrument": _instrument(method)} | ({"token": method.token} if method.token else {}))


def _instrument(method: PaymentMethod) -> dict[str, Any]:
    """Razorpay's words for it; a bank, wallet or app that it has no code for is left to be chosen there."""
    match method.type:
        case "upi":
            app = UPI_APPS.get(provider_of(method.upi_id))
            return {"method": "upi", "flows": ["intent"], "apps": [app]} if app else {"method": "upi"}
        case "netbanking":
            bank = BANK_CODES.get(_key(method.bank_name))
            return {"method": "netbanking", "banks": [bank]} if bank else {"method": "netbanking"}
        case "wallet":
            code = WALLET_CODES.get(_key(method.wallet_provider))
            return {"method": "wallet", "wallets": [code]} if code else {"method": "wallet"}
    return {"method": "card"}
