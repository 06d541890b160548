"""Customers and their card tokens: Razorpay's endpoints, and what cards do outside of them."""

from typing import Any

from local.razorpay import lists, webhooks
from local.razorpay.entities import account_reference, collection, new_customer, new_token
from local.razorpay.responses import NO_SUCH_ID, Rejected, unknown_url
from local.razorpay.state import Entity, State

CUSTOMER_EXISTS = "Customer already exists for the merchant"
BAD_CONTACT = "Contact number should be at least 8 digits, including country code"


def handle(state: State, method: str, path: list[str], query: dict[str, str], sent: dict[str, Any]) -> dict[str, Any]:
    """One request below /v1/customers."""
    match [method, *path]:
        case ["POST"]:
            return _create_customer(state, sent)
        case ["GET"]:
            return lists.page(state.customers.values(), query)
        case ["GET", customer_id]:
            return state.find(state.customers, customer_id)
        case ["PUT", customer_id]:
            customer = state.find(state.customers, customer_id)
            customer |= {name: sent[name] for name in ("name", "email", "contact") if name in sent}
            return customer
        case ["GET", customer_id, "tokens"]:
            return _list_tokens(state, customer_id)
        case ["GET", customer_id, "tokens", token_id]:
            return find_token(state, customer_id, token_id)
        case ["DELETE", customer_id, "tokens", token_id]:
            del state.tokens[find_token(state, customer_id, token_id)["id"]]
            return {"deleted": True}
    raise unknown_url()


def _create_customer(state: State, sent: dict[str, Any]) -> Entity:
    contact, email = str(sent.get("contact") or ""), sent.get("email")
    if len([character for character in contact if character.isdigit()]) < 8 or len(contact) > 15:
        raise Rejected(BAD_CONTACT, reason="invalid_contact_number", field="contact")
    for customer in state.customers.values():
        if (customer["contact"], customer["email"]) == (contact, email):
            if sent.get("fail_existing") == "0":  # only the text: Razorpay misreads the number 0
                return customer
            raise Rejected(CUSTOMER_EXISTS)
    return new_customer(state, sent.get("name"), email, contact, sent.get("notes") or [])


def _list_tokens(state: State, customer_id: str) -> dict[str, Any]:
    state.find(state.customers, customer_id)
    tokens = [token for token in state.tokens.values() if token["customer_id"] == customer_id]
    return collection([token for token in tokens if token["status"] != "failed"])


def find_token(state: State, customer_id: str, token_id: str) -> Entity:
    token = state.find(state.tokens, token_id)
    if token["customer_id"] != customer_id:
        raise Rejected(NO_SUCH_ID)
    return token


def save(state: State, customer_id: str, card: dict[str, Any], status: str, duplicate: bool = False) -> Entity:
    """The customer's token of this card, created if there is none; `duplicate` always creates another."""
    account = account_reference(card)
    for token in state.tokens.values():
        provider_data = token["service_provider_tokens"][0]["provider_data"]
        is_same = token["customer_id"] == customer_id and provider_data["payment_account_reference"] == account
        if is_same and not duplicate:
            return token
    token = new_token(state, customer_id, card, status)
    webhooks.emit_token(state, "initiated", token)
    if status != "initiated":
        webhooks.emit_token(state, status, token)
    return token


def change_status(state: State, token_id: str, status: str, family: str = "service_provider") -> Entity:
    """The bank or the network decides about a saved card."""
    token = state.find(state.tokens, token_id)
    token["status"] = token["service_provider_tokens"][0]["status"] = status
    webhooks.emit_token(state, status, token, family)
    return token
