"""What one customer sends or sees never touches another's data."""

import pytest

from tests.simulation.cases import METHODS, PAYMENTS
from tests.simulation.flows.flow import API, fund_wallet, start_top_up
from tests.simulation.invariants.registry import violations
from tests.simulation.world import World

pytestmark = pytest.mark.usefixtures("harness")


def test_checkout_fields_of_another_customer_are_404(world: World) -> None:
    owner, thief = world.customers[0], world.customer()
    payment = start_top_up(world, owner)
    paid = world.pay(payment["gateway_order_id"])
    assert world.call(thief, "POST", f"{PAYMENTS}{payment['id']}/verify/", paid).status == 404
    assert world.entries(thief) == [] and world.balance_paise(owner) == 0


def test_read_only_fields_are_ignored(world: World) -> None:
    customer, other = world.customers[0], world.customer()
    read_only = {"id": "0" * 32, "customer": other.id, "is_active": False, "created_at": "1970-01-01T00:00:00Z"}
    method = world.call(customer, "POST", METHODS, {"type": "upi", "upi_id": customer.vpa, **read_only}).body
    assert method["is_active"] is True and method["created_at"] > "2026" and method["id"].replace("-", "") != "0" * 32
    assert world.call(other, "GET", METHODS).body["count"] == 0


def test_spoofed_headers_are_ignored(world: World) -> None:
    customer, other = world.customers[0], world.customer()
    fund_wallet(world, other)
    headers = {"Host": "evil.test", "X-Forwarded-For": "1.1.1.1", "X-User-Id": other.id, "Sub": other.id}
    reply = world.request("GET", f"{API}/wallets/", None, headers, customer)
    assert reply.status == 200 and reply.body["results"][0]["balance"] == "0.00"


def test_alternating_customers_see_only_their_own_data(world: World) -> None:
    """A thousand requests of three customers in one process."""
    customers = [world.customers[0], world.customer(), world.customer()]
    for customer in customers:
        body = {"type": "upi", "upi_id": customer.vpa, "nickname": customer.name}
        assert world.call(customer, "POST", METHODS, body).status == 201
    for number in range(999):
        customer = customers[number % 3]
        methods = world.call(customer, "GET", METHODS).body["results"]
        assert [method["nickname"] for method in methods] == [customer.name]
    assert violations(world) == []


def test_ten_reads_open_no_wallet(world: World) -> None:
    """The eleventh still shows one, empty and of this moment."""
    customer = world.customers[0]
    replies = [world.call(customer, "GET", f"{API}/wallets/").body["results"] for _ in range(11)]
    assert len({reply[0]["id"] for reply in replies}) == 1 and world.entries(customer) == []
    (wallet,) = replies[-1]
    assert wallet["created_at"] == wallet["updated_at"] > replies[0][0]["created_at"]
    assert (wallet["balance"], wallet["cashback"], wallet["currency"]) == ("0.00", 0.0, "INR")


def test_new_payment_is_listed_at_once(world: World) -> None:
    """Even if every inconsistent query is stale."""
    world.wire.choose_fault = lambda call: "stale read" if call.operation == "Query" else None
    payment = start_top_up(world, world.customers[0])
    listed = world.call(world.customers[0], "GET", PAYMENTS).body["results"]
    assert [item["id"] for item in listed] == [payment["id"]]
