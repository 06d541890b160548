"""The stateful model of payment methods: each customer's methods and the default one."""

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from tests.simulation.cases import METHODS
from tests.simulation.invariants.registry import violations
from tests.simulation.stateful import INDEXES, PLANS, Model
from tests.simulation.world import Customer

NICKNAMES = st.sampled_from(["mine", "the shop's", ""])


class Methods(Model):
    """`nicknames` are each customer's methods by id, oldest first; `default` is an id or None."""

    @initialize()
    def start(self) -> None:
        self.nicknames: dict[str, dict[str, str]] = {customer.id: {} for customer in self.customers}
        self.default: dict[str, str | None] = dict.fromkeys(self.nicknames)
        self.saved: list[tuple[Customer, str]] = []  # deleted methods too

    @rule(index=INDEXES, nickname=NICKNAMES, is_default=st.booleans())
    def save(self, index: int, nickname: str, is_default: bool) -> None:
        """Without faults: it has no key, so a retry may save a second method, which the crash points cover."""
        customer = self.pick(self.customers, index)
        self.world.advance(1)  # two methods saved at the same time have no defined order
        body = {"type": "upi", "upi_id": customer.vpa, "nickname": nickname, "is_default": is_default}
        reply = self.world.call(customer, "POST", METHODS, body)
        assert reply.status == 201 and reply.body["is_default"] == is_default, reply
        self.saved.append((customer, reply.body["id"]))
        self.nicknames[customer.id][reply.body["id"]] = nickname
        if is_default:
            self.default[customer.id] = reply.body["id"]

    @precondition(lambda self: self.saved)
    @rule(index=INDEXES, nickname=NICKNAMES, is_default=st.sampled_from([None, True, False]), plan=PLANS)
    def change(self, index: int, nickname: str, is_default: bool | None, plan: dict[int, str]) -> None:
        customer, method_id = self.pick(self.saved, index)
        body = {"nickname": nickname} | ({} if is_default is None else {"is_default": is_default})
        self._request(customer, "PATCH", method_id, body, plan)
        if method_id in self.nicknames[customer.id]:
            self.nicknames[customer.id][method_id] = nickname
            self._update_default(customer, method_id, is_default)

    @precondition(lambda self: self.saved)
    @rule(index=INDEXES, plan=PLANS)
    def set_default(self, index: int, plan: dict[int, str]) -> None:
        customer, method_id = self.pick(self.saved, index)
        self._request(customer, "POST", f"{method_id}/set_default", None, plan)
        if method_id in self.nicknames[customer.id]:
            self._update_default(customer, method_id, True)

    @precondition(lambda self: self.saved)
    @rule(index=INDEXES, plan=PLANS)
    def delete(self, index: int, plan: dict[int, str]) -> None:
        """A retry gets 404."""
        customer, method_id = self.pick(self.saved, index)
        path = f"{METHODS}{method_id}/"
        reply = self.until_definite(lambda: self.world.call(customer, "DELETE", path), plan)
        assert reply.status == 404 or (reply.status == 204 and method_id in self.nicknames[customer.id]), reply
        self.nicknames[customer.id].pop(method_id, None)
        self._update_default(customer, method_id, False)

    @precondition(lambda self: self.saved)
    @rule(index=INDEXES)
    def try_another_customers(self, index: int) -> None:
        customer, method_id = self.pick(self.saved, index)
        for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "set_default/")):
            body = {"nickname": "not mine"} if method == "PATCH" else None
            reply = self.world.call(self.other(customer), method, f"{METHODS}{method_id}/{path}", body)
            assert reply.status == 404, reply

    def _request(self, customer: Customer, method: str, path: str, body: Any, plan: dict[int, str]) -> None:
        reply = self.until_definite(lambda: self.world.call(customer, method, f"{METHODS}{path}/", body), plan)
        assert reply.status == (200 if path.partition("/")[0] in self.nicknames[customer.id] else 404), reply

    def _update_default(self, customer: Customer, method_id: str, is_default: bool | None) -> None:
        if is_default:
            self.default[customer.id] = method_id
        elif is_default is False and self.default[customer.id] == method_id:
            self.default[customer.id] = None

    @invariant()
    def customers_list_exactly_their_methods(self) -> None:
        """The default first, then the newest."""
        for customer in self.customers:
            nicknames, default = self.nicknames[customer.id], self.default[customer.id]
            newest = list(reversed(nicknames))
            wanted = [name for name in newest if name == default] + [name for name in newest if name != default]
            methods = self.read(customer, METHODS)["results"]
            listed = [(method["id"], method["nickname"], method["is_default"]) for method in methods]
            assert listed == [(method_id, nicknames[method_id], method_id == default) for method_id in wanted]

    @invariant()
    def nothing_is_violated(self) -> None:
        assert violations(self.world) == []


MethodsTest = Methods.TestCase
pytestmark = pytest.mark.usefixtures("harness")
