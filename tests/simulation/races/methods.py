"""Races over a customer's payment methods."""

from collections.abc import Callable, Mapping

from tests.simulation.flows.flow import API
from tests.simulation.races.race import Race, statuses_are
from tests.simulation.world import Customer, Reply, World


def _saved_methods(world: World, customer: Customer, count: int) -> list[str]:
    """The ids of new methods; the first is the default."""
    body = {"type": "upi", "upi_id": customer.vpa}
    return [
        world.call(customer, "POST", f"{API}/payment-methods/", body | {"is_default": not place}).body["id"]
        for place in range(count)
    ]


def _set_default(world: World, customer: Customer, method_id: str) -> Callable[[], Reply]:
    return lambda: world.call(customer, "POST", f"{API}/payment-methods/{method_id}/set_default/")


def _delete(world: World, customer: Customer, method_id: str) -> Callable[[], Reply]:
    return lambda: world.call(customer, "DELETE", f"{API}/payment-methods/{method_id}/")


def _patch(world: World, customer: Customer, method_id: str, body: dict[str, object]) -> Callable[[], Reply]:
    return lambda: world.call(customer, "PATCH", f"{API}/payment-methods/{method_id}/", body)


def two_defaults(world: World) -> Race:
    customer = world.customer()
    acts = [_set_default(world, customer, method_id) for method_id in _saved_methods(world, customer, 3)[1:]]
    return Race(acts, lambda replies: statuses_are(replies, 200, 200))


def default_and_delete(world: World) -> Race:
    customer = world.customer()
    method_id = _saved_methods(world, customer, 2)[1]
    acts = [_set_default(world, customer, method_id), _delete(world, customer, method_id)]
    return Race(acts, lambda replies: replies[1].status == 204 and replies[0].status in (200, 404))


def delete_and_patch(world: World) -> Race:
    customer = world.customer()
    (method_id,) = _saved_methods(world, customer, 1)
    acts = [_delete(world, customer, method_id), _patch(world, customer, method_id, {"nickname": "x"})]
    return Race(acts, lambda replies: replies[0].status == 204 and replies[1].status in (200, 404))


def default_and_patch(world: World) -> Race:
    customer = world.customer()
    first, second = _saved_methods(world, customer, 2)
    acts = [_set_default(world, customer, second), _patch(world, customer, first, {"is_default": False})]
    return Race(acts, lambda replies: statuses_are(replies, 200, 200))


METHOD_RACES: Mapping[str, Callable[[World], Race]] = {
    "two defaults": two_defaults,
    "default, delete": default_and_delete,
    "delete, change": delete_and_patch,
    "default, no default": default_and_patch,
}
