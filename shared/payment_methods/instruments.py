"""Razorpay's codes of banks, wallets and UPI apps, and the instrument on which checkout opens for a saved method."""

import json
import re
from collections.abc import Mapping
from typing import Any

from shared.payment_methods import models
from shared.payment_methods.models import PaymentMethod
from shared.payment_methods.upi_handles import provider_of

# Razorpay's codes of banks and wallets, with the names under which customers save them.
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
# The UPI apps that checkout can open, by the name of their provider in upi_handles.
UPI_APPS: Mapping[str, str] = {
    "BHIM": "bhim",
    "Google Pay": "google_pay",
    "Paytm": "paytm",
    "PhonePe": "phonepe",
}


def lookup_key(name: str) -> str:
    """The form in which names are compared: `HDFC Bank Ltd.` is `hdfc`."""
    words = re.findall(r"[a-z0-9&_]+", name.lower())
    return " ".join(word for word in words if word not in ("bank", "ltd", "limited"))


def _codes_by_key(names_of: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {lookup_key(name): code for code, names in names_of.items() for name in (code, *names)}


BANK_CODES, WALLET_CODES = _codes_by_key(BANKS), _codes_by_key(WALLETS)


def bank_code(name: str) -> str | None:
    return BANK_CODES.get(lookup_key(name))


def wallet_code(name: str) -> str | None:
    return WALLET_CODES.get(lookup_key(name))


def opening_on(method: PaymentMethod) -> str:
    """What a payment stores to open checkout on this method, JSON: its instrument, and the token of a saved card."""
    return json.dumps({"instrument": _instrument(method)} | ({"token": method.token} if method.token else {}))


def _instrument(method: PaymentMethod) -> dict[str, Any]:
    """Razorpay's instrument. Without a code for the bank, wallet or app, the customer chooses it in checkout."""
    match method.type:
        case models.UPI:
            app = UPI_APPS.get(provider_of(method.upi_id))
            return {"method": "upi", "flows": ["intent"], "apps": [app]} if app else {"method": "upi"}
        case models.NETBANKING:
            bank = bank_code(method.bank_name)
            return {"method": "netbanking", "banks": [bank]} if bank else {"method": "netbanking"}
        case models.WALLET:
            wallet = wallet_code(method.wallet_provider)
            return {"method": "wallet", "wallets": [wallet]} if wallet else {"method": "wallet"}
    return {"method": "card"}
