"""The flows of what staff do alone: block, release, replay."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.simulation import patches
from tests.simulation.flows.flow import (
    APP,
    Flow,
    Run,
    fund_wallet,
    run_checking_reply,
    start_top_up,
)
from tests.simulation.flows.methods import start_saving_payment
from tests.simulation.flows.refunds import (
    STAFF,
    wallet_is,
)
from tests.simulation.invariants.check import METHODS, desk_rows
from tests.simulation.world import Customer, Reply, World

WHY = {"reason": "The shop said so"}


def call(world: World, group: str, path: str, body: Mapping[str, Any], who: str = "staff-1", key: str = "") -> Reply:
    """A request of a member of staff."""
    return world.call(world.staff(group, who=who), "POST", f"{STAFF}{path}", dict(body), key or None)


def wallet_of(customer: Customer) -> str:
    from shared.wallets.wallet import wallet_id

    return wallet_id(customer.id)


def is_code(reply: Reply, status: int, code: str) -> bool:
    return reply.status == status and reply.body["code"] == code


# --- block, release, replay


def set_block(world: World, customer: Customer, verb: str, who: str = "staff-1") -> Reply:
    """Staff block or unblock a wallet."""
    return call(world, "support", f"/wallets/{wallet_of(customer)}/{verb}/", WHY, who)


def block(verb: str) -> Callable[[World], Run]:
    """Staff block a wallet, or unblock it: one entry, however often they ask."""

    def prepare(world: World) -> Run:
        customer = world.customer()
        fund_wallet(world, customer)
        kinds = ["block", "unblock"][: 1 if verb == "block" else 2]
        if verb == "unblock":
            assert set_block(world, customer, "block").status == 200

        def done(reply: Reply) -> bool:
            return reply.status == 200 and [entry["kind"] for entry in world.entries(customer)[2:]] == kinds

        return run_checking_reply(lambda: set_block(world, customer, verb), done)

    return prepare


def claim(world: World) -> Customer:
    """A customer with a claim on a customer at Razorpay, and without a saved card."""
    customer = world.customer()
    start_saving_payment(world, customer)
    return customer


def release(world: World, customer: Customer, who: str = "staff-1") -> Reply:
    """Staff release the customer's claim."""
    return call(world, "support", f"/customers/{customer.id}/release/", WHY, who)


def is_claimed(world: World, customer: Customer) -> bool:
    """Whether the customer has a claim; both of its rows say the same."""
    rows = world.rows(METHODS)
    claims = [row for row in rows if row["customer"] == customer.id and row.get("gateway_customer")]
    owned = [row for row in rows if row["id"] == "owner" and row.get("owner") == customer.id]
    assert len(claims) == len(owned), "half a claim"
    return bool(claims)


def release_claim(world: World) -> Run:
    """Staff release a claim. Asked again, there is none."""
    customer = claim(world)

    def done(reply: Reply) -> bool:
        released = [row for row in desk_rows(world, "action") if row["what"] == "release"]
        return reply.status in (200, 404) and len(released) == 1 and not is_claimed(world, customer)

    return run_checking_reply(lambda: release(world, customer), done)


def unusable_capture(world: World, customer: Customer) -> tuple[str, str]:
    """A capture that was unusable when it came, and could be used now: the ids of its event and its record."""
    world.pay(start_top_up(world, customer)["gateway_order_id"])
    event_id = world.events_of("payment.captured")[-1]
    world.acknowledged |= set(world.event_ids)
    with patches.unreadable_payments():
        assert world.deliver(event_id).status == 200
    (stored,) = world.rows("UnusableWebhooksTable")
    return event_id, str(stored["id"])


def replay(world: World, webhook_id: str, who: str = "staff-1") -> Reply:
    """Staff replay a stored webhook."""
    return call(world, "support", f"/webhooks/{webhook_id}/replay/", WHY, who)


def replay_webhook(world: World) -> Run:
    """Staff replay a capture that was unusable: it is credited, and leaves the list."""
    customer = world.customer()
    _, webhook_id = unusable_capture(world, customer)

    def done(reply: Reply) -> bool:
        replayed = [row for row in desk_rows(world, "action") if row["what"] == "replay"]
        is_answered = reply.status == 200 or is_code(reply, 409, "already_replayed")
        return is_answered and len(replayed) == 1 and wallet_is(world, customer, 50_000)

    return run_checking_reply(lambda: replay(world, webhook_id), done)


DESK_FLOWS: Mapping[str, Flow] = {
    "desk, block": Flow(block("block"), (APP,)),
    "desk, unblock": Flow(block("unblock"), (APP,)),
    "desk, release of a claim": Flow(release_claim, (APP,)),
    "desk, replay of a webhook": Flow(replay_webhook, (APP,)),
}
