"""What customers and banks may do with payment methods and saved cards."""

from typing import Any

from tests.simulation.flows.flow import API
from tests.simulation.history import Act, History
from tests.simulation.world import Request

TOKEN_STATUSES = ("activated", "activated", "suspended", "deactivated")


def change_method(history: History) -> Act | None:
    """Save, update or delete a method, or make it the default."""
    chance = history.world.random
    customer = chance.choice(history.customers)
    methods = history.methods_of(customer)
    if not methods or chance.random() < 0.4:
        body: dict[str, Any] = {"type": "upi", "upi_id": customer.vpa, "nickname": customer.name}
        body["is_default"] = chance.random() < 0.5
        return lambda: history.send(Request(customer, "POST", f"{API}/payment-methods/", body))
    path = f"{API}/payment-methods/{chance.choice(methods)}/"
    request = chance.choice(
        [
            Request(customer, "POST", f"{path}set_default/"),
            Request(customer, "PATCH", path, {"is_default": chance.random() < 0.5}),
            Request(customer, "DELETE", path),
        ]
    )
    return lambda: history.send(request)


def change_token(history: History) -> Act | None:
    """The bank or the network changes the status of a saved card; deactivation is final."""
    chance, tokens = history.world.random, history.world.razorpay.tokens.values()
    token_ids = [token["id"] for token in tokens if token["status"] != "deactivated"]
    if not token_ids:
        return None
    change = {"token_id": chance.choice(token_ids), "status": chance.choice(TOKEN_STATUSES)}
    history.world.razorpay.control("token", change)
    history.log(f"Razorpay: {change['token_id']} {change['status']}")
    return lambda: None
